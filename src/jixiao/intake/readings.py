"""What was read of an inbox: its files, their tables, the units. Made in inbox.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from jixiao.domain.books import Kind, Unit
from jixiao.domain.findings import Finding, Outcome, Question
from jixiao.domain.money import MoneyUnit

if TYPE_CHECKING:
    import pandas as pd

    from jixiao.intake.answers import Answer, SourceProfile
    from jixiao.intake.corrections import AppliedCorrection


@dataclass(frozen=True)
class Tally:
    """What became of what a file holds, in rows or in fen: ``in_file`` = accepted + rejected + excluded, always.

    Excluded are rows left out by rule (other units, parents of a hierarchy, a second copy); rejected what is wrong, and
    all of a file that is refused or waits for an answer. Titles, heads, totals, blank and filler rows are no rows of data.
    """

    in_file: int = 0
    accepted: int = 0
    rejected: int = 0
    excluded: int = 0

    @property
    def unaccounted(self) -> int:
        """What the file holds and nobody can say what became of: a fault of this program, never of the file."""
        return self.in_file - self.accepted - self.rejected - self.excluded

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.in_file + other.in_file,
            self.accepted + other.accepted,
            self.rejected + other.rejected,
            self.excluded + other.excluded,
        )

    @property
    def all_rejected(self) -> Tally:
        return Tally(self.in_file, rejected=self.in_file)

    @property
    def all_excluded(self) -> Tally:
        return Tally(self.in_file, excluded=self.in_file)


@dataclass(frozen=True)
class Counts:
    """Tallies of the rows and of their main amount; ``fen`` is None where rows of that kind have none.

    ``not_data`` are the rows under the heads that are no data. In 预算执行情况表 the amounts are those executed, of all
    rows as they stand, totals among them.
    """

    rows: Tally = Tally()
    fen: Tally | None = None
    not_data: int = 0

    def __add__(self, other: Counts) -> Counts:
        fens = [fen for fen in (self.fen, other.fen) if fen is not None]
        return Counts(self.rows + other.rows, sum(fens, Tally()) if fens else None, self.not_data + other.not_data)

    @property
    def all_rejected(self) -> Counts:
        return Counts(self.rows.all_rejected, self.fen.all_rejected if self.fen else None, self.not_data)

    @property
    def all_excluded(self) -> Counts:
        return Counts(self.rows.all_excluded, self.fen.all_excluded if self.fen else None, self.not_data)


NO_ROWS = Counts()
Scope = tuple[Kind, str, str]
"""What a file is the one source of: kind, unit, and the project of a form."""


@dataclass(frozen=True)
class TableReading:
    """One recognised table. ``mapping``: canonical column → column letter, ``heads``: → its head as printed.

    ``unit_stated``: the table itself says its money unit. ``project`` is the subject of a form, ``fund`` the 资金性质 that
    all rows state, ``maturity`` 快报, 决算 or 批复 where the title says it, ``profile`` the id of
    its source. ``ledger`` (payments alone) has the columns unit_code, voucher_no, line_name, amount_fen (int64),
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
    counts: Counts = Counts()
    profile: str = ""
    corrections: tuple[AppliedCorrection, ...] = ()

    @property
    def scopes(self) -> frozenset[Scope]:
        """What the table is the one source of."""
        return frozenset((self.kind, code, self.project) for code in self.scope_units)

    @property
    def last_row(self) -> int:
        """The last row, 1-based, that was typed; the head's where none was."""
        if self.ledger is not None:
            return int(self.ledger["row"].max()) if len(self.ledger) else self.header_row
        rows = [place.row for row in self.rows if (place := getattr(row, "place", None)) and place.row]
        return max((self.header_row, *map(int, rows)))


@dataclass(frozen=True)
class FileReading:
    """One file of the inbox. A rejected one has no tables; ``left_out_units`` should have been fed by it.

    ``unkept`` are the tables of a file that is refused for its sums alone: in the right money unit they may add up.
    ``profiles`` are the sources of its tables, ``applied`` the questions that an answer settled, each with it.
    """

    file: str
    path: Path
    sha256: str
    size: int
    tables: tuple[TableReading, ...] = ()
    findings: tuple[Finding, ...] = ()
    outcome: Outcome = Outcome.ACCEPT
    left_out_units: tuple[str, ...] = ()
    counts: Counts = Counts()
    kinds: tuple[Kind, ...] = ()
    unkept: tuple[TableReading, ...] = ()
    profiles: tuple[SourceProfile, ...] = ()
    applied: tuple[tuple[Question, Answer], ...] = ()
    corrections: tuple[AppliedCorrection, ...] = ()

    @property
    def rows_accepted(self) -> int:
        return sum(table.rows_accepted for table in self.tables)

    @property
    def rows_rejected(self) -> int:
        return self.counts.rows.rejected

    @property
    def questions(self) -> tuple[Question, ...]:
        """What the file asks and nobody has answered."""
        return tuple(dict.fromkeys(f.question for f in self.findings if f.question))

    @property
    def control_total(self) -> int | None:
        """Fen of the ledger, or of the total line's executed amount; None where the file has neither."""
        totals = [table.total_fen for table in self.tables if table.total_fen is not None]
        return sum(totals) if totals else None


@dataclass(frozen=True)
class InboxReading:
    """All files in order of their paths, and all units known now; ``findings`` are about the files together."""

    files: tuple[FileReading, ...]
    units: tuple[Unit, ...]
    findings: tuple[Finding, ...] = ()
