"""What was read of an inbox: its files, their tables, the units. Made in inbox.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from jixiao.domain.books import Kind, Unit
from jixiao.domain.findings import Finding, Outcome
from jixiao.domain.money import MoneyUnit

if TYPE_CHECKING:
    import pandas as pd

    from jixiao.intake.corrections import AppliedCorrection


@dataclass(frozen=True)
class TableReading:
    """One recognised table. ``mapping``: canonical column → column letter, ``heads``: → its head as printed.

    ``unit_stated``: the table itself says its money unit. ``project`` is the subject of a form, ``fund`` the 资金性质 that
    all rows state, ``maturity`` 快报, 决算 or 批复 where the title says it. ``ledger`` (payments alone) has the columns unit_code, voucher_no, line_name, amount_fen (int64),
    paid_on (datetime64[s], NaT allowed), sheet, row (int64); then ``rows`` is empty.
    """

    kind: Kind
    sheet: str
    header_row: int
    mapping: dict[str, str]
    heads: dict[str, str]
    money_unit: MoneyUnit | None
    rows: tuple[object, ...]
    ledger: pd.DataFrame | None = field(compare=False, repr=False)
    rows_accepted: int
    rows_rejected: int
    rows_excluded: int
    total_fen: int | None
    scope_units: tuple[str, ...]
    unit_stated: bool = True
    project: str = ""
    fund: str = ""
    maturity: str = ""


@dataclass(frozen=True)
class FileReading:
    """One file of the inbox. A rejected one has no tables; ``left_out_units`` should have been fed by it."""

    file: str
    path: Path
    sha256: str
    size: int
    tables: tuple[TableReading, ...] = ()
    findings: tuple[Finding, ...] = ()
    outcome: Outcome = Outcome.ACCEPT
    left_out_units: tuple[str, ...] = ()
    rejected_count: int = 0
    kinds: tuple[Kind, ...] = ()
    corrections: tuple[AppliedCorrection, ...] = ()

    @property
    def rows_accepted(self) -> int:
        return sum(table.rows_accepted for table in self.tables)

    @property
    def rows_rejected(self) -> int:
        return self.rejected_count

    @property
    def control_total(self) -> int | None:
        """Fen of the ledger, or of the total line's executed amount; None where the file has neither."""
        totals = [table.total_fen for table in self.tables if table.total_fen is not None]
        return sum(totals) if totals else None


@dataclass(frozen=True)
class InboxReading:
    """All files in order of their paths, and all units known now."""

    files: tuple[FileReading, ...]
    units: tuple[Unit, ...]
