"""Rows in = rows out: what became of each row of a table and of its money, counted apart from the readers that judge them."""

from __future__ import annotations

from jixiao.domain.books import BudgetAdjustment, BudgetLine
from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.domain.money import MoneyUnit, yuan_text
from jixiao.intake.readings import Counts, Tally
from jixiao.intake.rows.ledger import LedgerRows
from jixiao.intake.rows.reader import Rows
from jixiao.intake.rows.values import NotANumber, read_money
from jixiao.intake.tables.table import Table


def counts_of(table: Table, read: Rows, money_column: str, unit: MoneyUnit | None) -> Counts:
    """What became of the rows of a table; of its money, where ``money_column`` names one."""
    if isinstance(read, LedgerRows):
        return _of_ledger(read)
    rows = Tally(read.rows_in - read.fillers, len(read.rows), read.rejected, read.excluded)
    under_the_head = len(table.grid.rows) - table.head_row - 1
    not_data = under_the_head - len(read.body.rows) + read.fillers if read.body else 0
    fen = _money(read, money_column, unit) if money_column and unit and read.body else None
    return Counts(rows, fen, not_data)


def counts_of_form(read: Rows) -> Counts:
    """What became of the rows of a form: its head, its fund lines and its indicators."""
    rows = Tally(read.rows_in - read.fillers, len(read.rows), read.rejected, read.excluded)
    return Counts(rows, not_data=read.fillers)


def _of_ledger(read: LedgerRows) -> Counts:
    accepted = len(read.frame) if read.frame is not None else 0
    fen = Tally(read.in_fen, read.total_fen or 0, read.rejected_fen, read.excluded_fen)
    return Counts(Tally(read.rows_in, accepted, read.rejected, read.excluded), fen, read.not_data)


def _money(read: Rows, column: str, unit: MoneyUnit) -> Tally:
    """The amounts of the rows as they are printed, shared out by what became of each row; accepted ones as typed."""
    assert read.body is not None
    printed = {row.number: _fen(row.cells.get(column), unit) for row in read.body.rows}
    typed: dict[int, int] = {}
    for row in read.rows:
        if isinstance(row, BudgetLine) and row.place.row:
            typed[row.place.row] = row.executed.fen if row.executed else 0
        elif isinstance(row, BudgetAdjustment) and row.place.row:
            typed[row.place.row] = row.amount_fen
    # What is printed as 追减 100 is -100: the sign is a matter of reading, the amount is not.
    signed = {n: typed[n] if n in typed and abs(typed[n]) == abs(fen) else fen for n, fen in printed.items()}
    rejected = {f.place.row for f in read.findings if f.outcome is Outcome.REJECT_ROW}
    refused = sum(fen for number, fen in signed.items() if number in rejected and number not in typed)
    left = sum(fen for number, fen in signed.items() if number not in rejected and number not in typed)
    return Tally(sum(signed.values()), sum(typed.values()), refused, left)


def _fen(cell: object, unit: MoneyUnit) -> int:
    try:
        return read_money(cell, unit).fen
    except NotANumber:
        return 0


def unaccounted(place: Place, counts: Counts) -> Finding | None:
    """The finding on rows or money of which nobody can say what became: never silent, and never the file's fault."""
    rows, fen = counts.rows, counts.fen
    if not rows.unaccounted and not (fen and fen.unaccounted):
        return None
    message = (
        f"数据 {rows.in_file} 行，接收 {rows.accepted} 行、未接收 {rows.rejected} 行、略过 {rows.excluded} 行，对不上"
    )
    if fen and fen.unaccounted:
        parts = "、".join(yuan_text(part) for part in (fen.in_file, fen.accepted, fen.rejected, fen.excluded))
        message += f"；金额（共、接收、未接收、略过）{parts} 元，差 {yuan_text(fen.unaccounted)} 元"
    return Finding(
        code="ROWS_UNACCOUNTED",
        severity=Severity.ERROR,
        place=place,
        message=message,
        fix="这是程序的问题：请把这个文件交给维护人员，不要采用这次的结果",
        outcome=Outcome.ACCEPT_WITH_WARNING,
    )
