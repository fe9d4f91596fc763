"""Whether figures can be in the money unit they were read in: 万元 and 元 taken for each other are 10⁴ apart.

The ledger of a unit and its 预算执行情况表 say the same money; typed tables come from inbox.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from jixiao.domain.books import BudgetLine, Kind
from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.domain.money import MoneyUnit, yuan_text
from jixiao.domain.names import bare_name

if TYPE_CHECKING:
    from jixiao.intake.inbox import TableReading

# 元 and 万元 differ by 10,000; what was paid differs from what the table shows by far less than a factor of two.
_JUMP_LEAST, _JUMP_MOST = 5_000, 20_000
_TOTAL_LEVEL = 0


def is_jump(smaller: int, larger: int) -> bool:
    """Whether two amounts of one thing are about 10⁴ apart."""
    return smaller > 0 and _JUMP_LEAST * smaller <= larger <= _JUMP_MOST * smaller


def implausible_sizes(tables: Sequence[tuple[str, TableReading]]) -> Iterator[Finding]:
    """One question a file whose unit the other kind of table contradicts. ``tables`` are (file, table)."""
    executions = [(file, table) for file, table in tables if table.kind is Kind.BUDGET_EXECUTION]
    if not executions:
        return
    ledgers = [(file, table) for file, table in tables if table.ledger is not None]
    paid = _paid(ledgers)
    asked: set[str] = set()
    for file, table in executions:
        for unit_code in table.scope_units:
            lines = [row for row in table.rows if isinstance(row, BudgetLine) and row.unit_code == unit_code]
            found = _contradiction(lines, paid.get(unit_code, {}))
            if found is None:
                continue
            line, paid_fen = found
            ledger = next((pair for pair in ledgers if unit_code in pair[1].scope_units), None)
            blamed, finding = _blame((file, table), ledger, line, paid_fen)
            if blamed not in asked:
                asked.add(blamed)
                yield finding


def _paid(ledgers: Sequence[tuple[str, TableReading]]) -> dict[str, dict[str, int]]:
    """Unit → bare name of the line → paid, in fen."""
    paid: dict[str, dict[str, int]] = {}
    for _, table in ledgers:
        assert table.ledger is not None
        sums = table.ledger.groupby(["unit_code", "line_name"], sort=False)["amount_fen"].sum()
        for unit_code, name, fen in sums.reset_index().itertuples(index=False):
            of_unit, line = paid.setdefault(str(unit_code), {}), bare_name(str(name))
            of_unit[line] = of_unit.get(line, 0) + int(fen)
    return paid


def _contradiction(lines: Sequence[BudgetLine], paid: dict[str, int]) -> tuple[BudgetLine, int] | None:
    """A line and what was paid for it, where most lines, or the total, are 10⁴ away from the ledger."""
    pairs = [
        (line, paid[bare_name(line.name)])
        for line in lines
        if line.executed is not None and line.executed.fen and paid.get(bare_name(line.name))
    ]
    jumps = [pair for pair in pairs if _is_jump_either_way(*pair)]
    if 2 * len(jumps) > len(pairs):
        return jumps[0]
    total = next((line for line in lines if line.level == _TOTAL_LEVEL and line.executed is not None), None)
    if total and paid and _is_jump_either_way(total, sum(paid.values())):
        return total, sum(paid.values())
    return None


def _is_jump_either_way(line: BudgetLine, paid_fen: int) -> bool:
    assert line.executed is not None
    return is_jump(line.executed.fen, paid_fen) or is_jump(paid_fen, line.executed.fen)


def _blame(
    execution: tuple[str, TableReading], ledger: tuple[str, TableReading] | None, line: BudgetLine, paid_fen: int
) -> tuple[str, Finding]:
    """Who is asked: the table that is too small, for 元 is the smallest unit; unless it says 万元 and the other is wrong."""
    assert line.executed is not None
    file, table = execution
    printed = (Decimal(line.executed.fen) / line.executed.unit.fen).normalize()
    says = "表上写明" if table.unit_stated else "没有写明单位，按"
    read_as = f"{printed:f}（{says}{line.executed.unit.value}{'' if table.unit_stated else '读取'}）"
    execution_place = replace(line.place, column=table.mapping.get("executed", ""))
    in_execution = f"「{line.name}」的「{table.heads.get('executed', '实际支出数')}」是 {read_as}，支付明细合计 {yuan_text(paid_fen)} 元"
    ledger_is_small = paid_fen < line.executed.fen
    wan_in_execution = table.unit_stated and line.executed.unit is MoneyUnit.WAN
    if ledger and ledger_is_small and wan_in_execution and not ledger[1].unit_stated:
        ledger_file, reading = ledger
        place = Place(ledger_file, reading.sheet, reading.header_row, reading.mapping.get("amount", ""))
        message = (
            f"「{line.name}」的「{reading.heads.get('amount', '支付金额')}」合计 {yuan_text(paid_fen)}（没有写明单位，按元读取），"
            f"《{file}》的实际支出数是 {read_as}"
        )
        return ledger_file, size_question(place, message, line.unit_code, yuan_text(paid_fen))
    return file, size_question(execution_place, in_execution, line.unit_code, f"{printed:f}")


def size_question(place: Place, what: str, unit_code: str, value: str) -> Finding:
    """The question which money unit a table is in."""
    return Finding(
        code="UNIT_IMPLAUSIBLE",
        severity=Severity.QUESTION,
        place=place,
        message=f"{what}，两者相差约一万倍，金额单位可能写错或没有写，未导入",
        fix="请在表头写明「单位：元」或「单位：万元」（写错的改正），或在核对时用 --money-unit 指定",
        unit_code=unit_code,
        value=value,
        outcome=Outcome.ASK_USER,
    )
