"""The printed rows of a 预算执行情况表 before they are typed: names, codes, amounts with the precision of their column.

Used by execution.py and its neighbours line_tree.py (what stands below what), line_sums.py (what must add up) and
budget_columns.py (what an ambiguous head means).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import reduce

from jixiao.domain.books import Amount
from jixiao.domain.interval import Interval
from jixiao.domain.money import MoneyUnit, PrintStyle
from jixiao.domain.names import bare_name, comparable
from jixiao.intake.rows.values import Money
from jixiao.intake.tables.bodies import DataRow
from jixiao.intake.tables.column_maps import line_levels
from jixiao.scoring.execution import amount_interval

PHASES = ("original", "carry_and_adjust", "adjusted", "executed")
PARTS = ("carry_in", "adjustments")
MONEY_COLUMNS = (*PHASES, *PARTS)
TOTAL_LEVEL, GROUP_LEVEL, LINE_LEVEL = 0, 1, 2
PROJECTS = "项目支出"


@dataclass(frozen=True)
class PrintedLine:
    """One row with its amounts as read. ``code`` is that of its 科目, empty where the row has none.

    ``indent`` is how far the name is moved to the right, in half-width blanks; ``amounts`` by phase, with the decimals
    of their column, 结转 and 追加追减 of two columns added up. ``is_detail``: a project that names its 科目 in another
    column, and so stands below it.
    """

    row: DataRow
    unit_code: str
    name: str
    money: Mapping[str, Money]
    code: str = ""
    indent: int = 0
    amounts: Mapping[str, Amount] = field(default_factory=dict)
    is_detail: bool = False

    @property
    def level(self) -> int:
        return line_level(self.name)

    @property
    def budget(self) -> Amount | None:
        """The adjusted budget: as printed, else the original with the adjustments; None where it is not known."""
        adjusted = self.amounts.get("adjusted")
        original, change = self.amounts.get("original"), self.amounts.get("carry_and_adjust")
        if adjusted is not None or original is None or change is None:
            return adjusted
        return Amount(original.fen + change.fen, original.unit, min(original.places, change.places))

    @property
    def is_of_which(self) -> bool:
        return comparable(self.name).startswith("其中")


def line_level(name: str) -> int:
    """0 total, 1 basic or project expenditure, 2 anything else; numbering and 其中： do not matter."""
    for reading in (comparable(name), bare_name(name), re.sub(r"[(:：].*$", "", bare_name(name))):
        if reading in line_levels():
            return line_levels()[reading]
    return LINE_LEVEL


def is_projects(name: str) -> bool:
    """Whether a line is 项目支出 as a whole."""
    return bare_name(name).startswith(PROJECTS)


# 元 with two decimals show every fen.
_FEN_PLACES = 2


def column_places(lines: Sequence[PrintedLine], units: Mapping[str, MoneyUnit]) -> dict[str, int]:
    """The most decimals seen in each column. A column of nothing but zeros shows none: it is printed as the others. A table
    in 元 that shows fen anywhere shows them everywhere: a sheet drops the zeros behind the point.
    """
    places = dict.fromkeys(units, 0)
    silent = set(places)
    for line in lines:
        for column, money in line.money.items():
            places[column] = max(places[column], money.places)
            if money.fen:
                silent.discard(column)
    if any(units[column] is MoneyUnit.YUAN and shown for column, shown in places.items()):
        places = {c: max(shown, _FEN_PLACES) if units[c] is MoneyUnit.YUAN else shown for c, shown in places.items()}
    widest = max(places.values(), default=0)
    return {column: max(shown, widest) if column in silent else shown for column, shown in places.items()}


def amounts_of(
    money: Mapping[str, Money], units: Mapping[str, MoneyUnit], places: Mapping[str, int]
) -> dict[str, Amount]:
    """The amounts of a line by phase."""
    found = {phase: Amount(money[phase].fen, units[phase], places[phase]) for phase in PHASES if phase in money}
    parts = [column for column in PARTS if column in money]
    if "carry_and_adjust" not in found and parts:
        fen = sum(money[column].fen for column in parts)
        # The sum of two printed figures is as exact as the less exact of them.
        found["carry_and_adjust"] = Amount(fen, units[parts[0]], min(places[column] for column in parts))
    return found


def added(amounts: Iterable[Amount], style: PrintStyle | None = None) -> Interval:
    """What the sum of printed amounts may really be, in fen."""
    return reduce(Interval.plus, (amount_interval(amount, style) for amount in amounts), Interval.point(0))


def amount_text(amount: Amount) -> str:
    """An amount as the table prints it, with its unit."""
    return money_text(amount.fen, amount.unit)


def money_text(fen: int, unit: MoneyUnit) -> str:
    """``4.5 万元``: as few decimals as say it exactly."""
    return f"{(Decimal(fen) / unit.fen).normalize():f} {unit.value}"
