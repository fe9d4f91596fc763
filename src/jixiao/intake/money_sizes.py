"""Whether figures can be in the money unit they were read in: 万元 and 元 taken for each other are 10⁴ apart.

The ledger of a unit and its 预算执行情况表 say the same money; typed tables come from inbox.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from jixiao.domain.books import Amount, BudgetLine, Kind
from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.domain.money import MoneyUnit, yuan_text
from jixiao.domain.names import bare_name

if TYPE_CHECKING:
    from jixiao.intake.readings import TableReading

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


def implausible_against(
    file: str,
    table: TableReading,
    *,
    lines: Sequence[BudgetLine] = (),
    paid: Mapping[tuple[str, str], int] | None = None,
) -> Iterator[Finding]:
    """The question, one a unit, whether a re-exported table is in the money unit of its previous snapshot.

    ``lines`` are the previous lines of a 预算执行情况表, ``paid`` the previous ledger by unit and line name, in fen. Most
    figures that both snapshots hold must be 10⁴ apart. Ask before the new one is stored.
    """
    if table.kind is Kind.BUDGET_EXECUTION:
        for unit_code in table.scope_units:
            before = {bare_name(line.name): line for line in lines if line.unit_code == unit_code}
            now = [row for row in table.rows if isinstance(row, BudgetLine) and row.unit_code == unit_code]
            yield from _lines_apart(file, table, now, before)
    elif table.ledger is not None and paid:
        yield from _ledgers_apart(file, table, paid)


# Budgets change less between two exports than what was spent: they are compared first.
_COMPARED = ("adjusted", "original", "executed")


def _lines_apart(
    file: str, table: TableReading, now: Sequence[BudgetLine], before: Mapping[str, BudgetLine]
) -> Iterator[Finding]:
    for column in _COMPARED:
        pairs: list[tuple[BudgetLine, Amount, Amount]] = [
            (line, new, old)
            for line in now
            if (was := before.get(bare_name(line.name)))
            and (new := getattr(line, column)) is not None
            and (old := getattr(was, column)) is not None
            and new.fen
            and old.fen
        ]
        if not pairs:
            continue
        jumps = [pair for pair in pairs if is_jump(pair[1].fen, pair[2].fen) or is_jump(pair[2].fen, pair[1].fen)]
        if 2 * len(jumps) > len(pairs):
            line, new, old = jumps[0]
            place = replace(line.place, file=file, column=table.mapping.get(column, ""))
            shown = (Decimal(new.fen) / new.unit.fen).normalize()
            what = (
                f"「{line.name}」的「{table.heads.get(column, '')}」是 {shown:f} {new.unit.value}，"
                f"上次导入的是 {yuan_text(old.fen)} 元"
            )
            yield size_question(place, what, line.unit_code, f"{shown:f}")
        return


def _ledgers_apart(file: str, table: TableReading, paid: Mapping[tuple[str, str], int]) -> Iterator[Finding]:
    before: dict[str, dict[str, int]] = {}
    for (unit_code, name), fen in paid.items():
        of_unit, line = before.setdefault(unit_code, {}), bare_name(name)
        of_unit[line] = of_unit.get(line, 0) + fen
    for unit_code, now in sorted(_paid([(file, table)]).items()):
        pairs = [(name, fen, before[unit_code][name]) for name, fen in now.items() if name in before.get(unit_code, {})]
        jumps = [pair for pair in pairs if is_jump(pair[1], pair[2]) or is_jump(pair[2], pair[1])]
        if 2 * len(jumps) <= len(pairs):
            continue
        name, new_fen, old_fen = jumps[0]
        place = Place(file, table.sheet, table.header_row, table.mapping.get("amount", ""))
        what = (
            f"「{name}」的「{table.heads.get('amount', '支付金额')}」合计 {yuan_text(new_fen)} 元，"
            f"上次导入的合计 {yuan_text(old_fen)} 元"
        )
        yield size_question(place, what, unit_code, yuan_text(new_fen))
