"""What an ambiguous head of a 预算执行情况表 means: 调整预算数 is the adjustment in one system, the adjusted budget in another.

The column maps list such a head under both columns. Where the table has a column for the other one too, the head is
clear; alone beside 年初 the printed rates decide, then the amounts; where neither does, the file asks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from jixiao.domain.books import Amount
from jixiao.domain.findings import Finding, Outcome, Severity
from jixiao.domain.interval import Interval, printed_interval
from jixiao.domain.money import MoneyUnit
from jixiao.intake.grids.grid import logged
from jixiao.intake.rows.printed_lines import PARTS, PrintedLine, money_text
from jixiao.intake.rows.rates import rate_readings
from jixiao.intake.rows.values import Money
from jixiao.intake.tables.column_maps import normalised_label
from jixiao.intake.tables.table import Table
from jixiao.scoring.execution import amount_interval

ADJUSTED, CHANGE = "adjusted", "carry_and_adjust"
# The answers that the question takes, and the canonical column that each means.
CHOICES = {"调整后": ADJUSTED, "调整数": CHANGE}
_MEANINGS = {ADJUSTED: "调整后的预算数", CHANGE: "结转及追加追减（调整额）"}
# So many times as many lines must speak for one meaning as for the other: a rate may be misprinted here and there.
_MAJORITY = 3


@dataclass(frozen=True)
class Settled:
    """The table with its column under the name that it means, and its lines accordingly; ``finding`` says so or asks."""

    table: Table
    lines: tuple[PrintedLine, ...]
    finding: Finding | None = None


def settle(
    table: Table,
    file: str,
    lines: Sequence[PrintedLine],
    *,
    units: Mapping[str, MoneyUnit],
    places: Mapping[str, int],
    answers: Mapping[str, str],
) -> Settled:
    """Decide what the one ambiguous column of a table means; nothing to decide in most tables.

    ``answers``: what a person said of a head, by ``normalised_label`` → the canonical column; it is not argued with.
    """
    column = ambiguous_column(table)
    if column is None:
        return Settled(table, tuple(lines))
    votes = _votes(lines, column, units[column], places)
    meaning = answers.get(_head(table, column)) or _decided(votes.rates)
    meaning = meaning or (None if votes.rates else _unanimous(votes.amounts))
    if meaning is None and not votes.is_same_either_way:
        return Settled(table, tuple(lines), _question(table, file, column, lines, units[column]))
    if meaning is None or meaning == column:
        return Settled(table, tuple(lines))
    columns = {meaning if name == column else name: at for name, at in table.columns.items()}
    stated = {meaning if name == column else name: unit for name, unit in table.column_units.items()}
    moved = tuple(replace(line, money=_renamed(line.money, column, meaning)) for line in lines)
    settled = replace(table, columns=columns, column_units=stated)
    place = table.place(file, table.head_row + 1, column)
    message = f"「{table.label(column)}」按各行金额判断是{_MEANINGS[meaning]}，不是{_MEANINGS[column]}"
    return Settled(settled, moved, logged("AMBIGUOUS_COLUMN", place, message, "如不对，请把表头写明白", value=meaning))


def _renamed(money: Mapping[str, Money], old: str, new: str) -> dict[str, Money]:
    return {new if column == old else column: amount for column, amount in money.items()}


def ambiguous_column(table: Table) -> str | None:
    """The column whose head may mean either, where the table has no other column for one of the meanings."""
    if "original" not in table.columns:
        return None
    present = [column for column in (ADJUSTED, CHANGE, *PARTS) if column in table.columns]
    if len(present) != 1 or present[0] not in _MEANINGS:
        return None
    either = _MEANINGS.keys() <= set(table.ambiguous.get(table.columns[present[0]], ()))
    return present[0] if either else None


def _head(table: Table, column: str) -> str:
    return normalised_label(table.labels.get(table.columns[column], "").rpartition("\n\n")[2])


@dataclass
class _Votes:
    rates: Counter[str]
    amounts: Counter[str]
    is_same_either_way: bool


def _votes(lines: Sequence[PrintedLine], column: str, unit: MoneyUnit, places: Mapping[str, int]) -> _Votes:
    votes = _Votes(Counter(), Counter(), is_same_either_way=True)
    for line in lines:
        original, stated = line.money.get("original"), line.money.get(column)
        if original is None or stated is None:
            continue
        # Without an original budget the adjustment is the adjusted budget.
        votes.is_same_either_way &= original.fen == 0
        executed = line.money.get("executed")
        intervals = {
            name: amount_interval(Amount(money.fen, unit, places[name]))
            for name, money in (("original", original), (column, stated), ("executed", executed))
            if money is not None
        }
        if by_rate := _vote_of_rate(line, intervals, column):
            votes.rates[by_rate] += 1
        if by_amount := _vote_of_amounts(original, stated, executed, intervals, column):
            votes.amounts[by_amount] += 1
    return votes


def _vote_of_rate(line: PrintedLine, intervals: Mapping[str, Interval], column: str) -> str | None:
    """The meaning with which executed ÷ budget gives the printed rate, if it is one alone."""
    if "executed" not in intervals or intervals["executed"].low < 0:
        return None
    budgets = {ADJUSTED: intervals[column], CHANGE: intervals["original"].plus(intervals[column])}
    printed = [
        printed_interval(pct, decimals).scaled(Fraction(1, 100))
        for pct, decimals in rate_readings(line.row.cells.get("reported_rate"))
    ]
    fitting = [
        meaning
        for meaning, budget in budgets.items()
        if (quotient := intervals["executed"].over(budget)) and any(quotient.meets(rate) for rate in printed)
    ]
    return fitting[0] if len(fitting) == 1 else None


def _vote_of_amounts(
    original: Money, stated: Money, executed: Money | None, intervals: Mapping[str, Interval], column: str
) -> str | None:
    """What one line says by its amounts alone; None where it may be either."""
    if original.fen <= 0:
        return None
    spent = executed is not None and executed.fen > 0
    if stated.fen <= 0:
        return CHANGE if stated.fen < 0 or spent else None
    if stated.fen == original.fen:
        return ADJUSTED
    if executed is None or not spent:
        return None
    if intervals["executed"].low > intervals[column].high:
        most = intervals["original"].plus(intervals[column]).high
        return CHANGE if intervals["executed"].low <= most else None
    return ADJUSTED if stated.fen > original.fen else None


def _decided(votes: Counter[str]) -> str | None:
    ranked = votes.most_common(2)
    if not ranked or (len(ranked) > 1 and ranked[0][1] < _MAJORITY * ranked[1][1]):
        return None
    return ranked[0][0]


def _unanimous(votes: Counter[str]) -> str | None:
    return next(iter(votes)) if len(votes) == 1 else None


def _question(table: Table, file: str, column: str, lines: Sequence[PrintedLine], unit: MoneyUnit) -> Finding:
    shown = next((line for line in lines if "original" in line.money and column in line.money), None)
    example = ""
    if shown is not None:
        original, stated = shown.money["original"], shown.money[column]
        example = (
            f"；例如第 {shown.row.number} 行「{shown.name}」调整后预算可能是 {money_text(stated.fen, unit)}，"
            f"也可能是 {money_text(original.fen + stated.fen, unit)}"
        )
    label = table.label(column)
    return Finding(
        code="AMBIGUOUS_COLUMN",
        severity=Severity.QUESTION,
        place=table.place(file, table.head_row + 1, column),
        message=f"「{label}」可能是{_MEANINGS[ADJUSTED]}，也可能是{_MEANINGS[CHANGE]}，各行金额和执行率判断不出{example}，未导入",
        fix="请把表头改为「调整后预算数」或「追加追减数」，重新放入",
        value=label,
        expected="、".join(CHOICES),
        outcome=Outcome.ASK_USER,
    )
