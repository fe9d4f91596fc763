"""A recognised table and what its title says. Found in heads.py, its rows sorted out in bodies.py."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from jixiao.domain.books import Kind
from jixiao.domain.findings import Finding, Place
from jixiao.domain.money import MoneyUnit
from jixiao.intake.grids.cells import cell_text
from jixiao.intake.grids.grid import Grid, column_letter, is_blank
from jixiao.intake.tables.column_maps import ColumnMap, column_maps, normalised_label
from jixiao.intake.tables.derived import Derived

if TYPE_CHECKING:
    from jixiao.intake.rows.ledger_columns import LedgerColumns
    from jixiao.intake.tables.forms import FormTable


# A title's label that may as well mean the department above, or an office within the unit.
# Payees, accounts, papers and telephones of persons. What a bank or a treasury is called is none.
_PERSONAL = re.compile(r"收款人|收款方|收款账|户名|账号|帐号|卡号|证件|身份证|手机|电话|姓名|住址")
_BROAD_NAME_LABELS = ("部门", "申报单位")


@dataclass(frozen=True)
class Title:
    """What the lines above the head (and the sheet's name) state."""

    unit_code: str = ""
    unit_name: str = ""
    year: int | None = None
    year_row: int | None = None
    money_unit: str = ""
    name_label: str = ""
    texts: tuple[str, ...] = ()

    @property
    def names_the_unit(self) -> bool:
        """Whether the label before the name can mean nothing but the unit itself."""
        return bool(self.name_label) and not any(word in self.name_label for word in _BROAD_NAME_LABELS)


@dataclass(frozen=True)
class Table:
    """A recognised table. ``columns`` maps canonical names to 0-based columns; ``head_row`` is the last row of the head.

    ``head_rows`` is how many rows the head has. ``ambiguous``: column → the canonical names that its head may mean, where
    nothing beside it tells. ``derived`` are columns that stand right of the sheet's own ``width``, made of its cells:
    a code and a name that share a cell. ``fact_columns`` is set for 基础数据表 in the wide form: column → (key, label).
    """

    kind: Kind
    grid: Grid
    head_row: int
    columns: dict[str, int]
    labels: dict[int, str]
    title: Title
    column_units: dict[str, str] = field(default_factory=dict)
    fact_columns: dict[int, tuple[str, str]] = field(default_factory=dict)
    head_rows: int = 1
    ambiguous: dict[int, tuple[str, ...]] = field(default_factory=dict)
    derived: tuple[Derived, ...] = ()
    width: int = 0

    @property
    def map(self) -> ColumnMap:
        return column_maps()[self.kind]

    @cached_property
    def sources(self) -> dict[int, int]:
        """Derived column → the column of the sheet that it is made of."""
        return {self.width + at: one.sources[0] for at, one in enumerate(self.derived)}

    def column_at(self, column: str) -> int:
        """The column of the sheet that a canonical column stands in, or is made of; -1 where there is none."""
        index = self.columns.get(column, -1)
        return self.sources.get(index, index)

    @cached_property
    def head_texts(self) -> tuple[dict[int, str], ...]:
        """The texts of the head's rows by column, as heads are compared: what a repeated head is known by."""
        rows = self.grid.rows[max(0, self.head_row - self.head_rows + 1) : self.head_row + 1]
        return tuple({at: text for at, cell in enumerate(row) if (text := normalised_label(cell))} for row in rows)

    def letter(self, column: str) -> str:
        return column_letter(self.column_at(column)) if column in self.columns else ""

    def label(self, column: str) -> str:
        """The head of a column as printed, for messages."""
        printed = self.labels.get(self.column_at(column), "")
        return re.sub(r"\s+", "", printed) or self.map.column(column).chinese

    def cell(self, row: Sequence[object], column: str) -> object:
        index = self.columns.get(column, -1)
        return row[index] if 0 <= index < len(row) else None

    def place(self, file: str, row: int | None = None, column: str = "") -> Place:
        return Place(file=file, sheet=self.grid.sheet, row=row, column=self.letter(column) if column else "")

    @property
    def personal_labels(self) -> dict[int, str]:
        """Columns that the map does not know and whose heads speak of persons, by what they hold: 收款人名称（全称）."""
        known = {self.column_at(column) for column in self.columns}
        return {at: label for at, label in self.labels.items() if at not in known and _PERSONAL.search(flat(label))}

    def unmapped(self, row: Sequence[object]) -> dict[str, str]:
        """The cells of columns that the map does not know, by head; personal columns are never shown."""
        known = {self.column_at(column) for column in self.columns} | self.personal_labels.keys()
        return {
            label: cell_text(row[index])
            for index, label in self.labels.items()
            if index not in known and index < len(row) and not is_blank(row[index])
        }


@dataclass(frozen=True)
class SheetReading:
    """One sheet: its table, or the finding that says why there is none. ``weak``: too little matched to insist.

    ``likely`` is the kind that a sheet without a needed column seems to be. ``form`` is set instead of ``table`` where
    the sheet holds a form; ``columns`` are the cells of a ledger that is read by column.
    """

    grid: Grid
    table: Table | None = None
    finding: Finding | None = None
    findings: tuple[Finding, ...] = ()
    weak: bool = False
    title: Title = Title()
    likely: Kind | None = None
    form: FormTable | None = None
    columns: LedgerColumns | None = None


def flat(cell: object) -> str:
    """A cell's text for recognition: NFKC, single blanks."""
    return " ".join(unicodedata.normalize("NFKC", cell_text(cell)).split()) if isinstance(cell, str) else ""


UNSUPPORTED_MONEY_UNITS = frozenset({"亿元", "千元", "百万元"})
PRINTED_MONEY_UNITS = frozenset(unit.value for unit in MoneyUnit) | UNSUPPORTED_MONEY_UNITS
"""What a table may say its money is in, read or refused."""


def money_unit_of(table: Table, column: str, given: MoneyUnit | None) -> MoneyUnit:
    """The unit of a column: its own head, the unit line above, what the user said, else 元.

    Raises:
        ValueError: the table states 千元, 百万元 or 亿元.
    """
    stated = table.column_units.get(column) or table.title.money_unit
    if stated in UNSUPPORTED_MONEY_UNITS:
        raise ValueError(stated)
    return MoneyUnit(stated) if stated else given or MoneyUnit.YUAN
