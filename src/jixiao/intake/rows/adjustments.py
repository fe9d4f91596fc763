"""预算指标明细 → BudgetAdjustment, and whether they add up to the 预算执行情况表 of the same inbox.

What a word of the 调整类型 column means, and whether a positive figure of it is money taken away, is data:
adjustment_kinds.csv beside this file.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from jixiao.domain.books import AdjustmentKind, Amount, BudgetAdjustment, BudgetLine, Kind
from jixiao.domain.findings import Finding, Outcome, Severity
from jixiao.domain.money import MoneyUnit
from jixiao.domain.names import bare_name, comparable
from jixiao.intake.grids.cells import cell_text, decimals, says_nothing
from jixiao.intake.grids.grid import is_blank, logged
from jixiao.intake.rows.execution import unsupported_unit
from jixiao.intake.rows.printed_lines import TOTAL_LEVEL, added, amount_text, money_text
from jixiao.intake.rows.reader import ReadingOptions, RowReader, Rows, row_rejected
from jixiao.intake.rows.units import UnitFinder
from jixiao.intake.rows.values import Money, NotADate, NotANumber, read_date, read_money
from jixiao.intake.tables.bodies import DataRow, row_list
from jixiao.intake.tables.table import Table, money_unit_of
from jixiao.scoring.execution import amount_interval

if TYPE_CHECKING:
    from jixiao.intake.readings import TableReading

_KINDS = files("jixiao.intake.rows") / "adjustment_kinds.csv"
_FEN_PLACES = 2
_ROW_NUMBERS = frozenset({"序号", "行号", "行次", "编号"})


@dataclass(frozen=True)
class KindWord:
    """What a word means. ``sign`` -1: a positive figure is money taken away; 0: the figure says it itself."""

    kind: AdjustmentKind
    sign: int


@cache
def kind_words() -> Mapping[str, KindWord]:
    """Words of the 调整类型 column, as they are compared."""
    signs = {"-": -1, "+": 1, "": 0}
    with _KINDS.open(encoding="utf-8") as lines:
        return {
            comparable(word): KindWord(AdjustmentKind(row["kind"]), signs[row["sign"]])
            for row in csv.DictReader(lines)
            for word in row["words"].split("|")
        }


def kind_of(text: str) -> KindWord | None:
    """What a cell of 调整类型 means: the word itself, with 指标 or a remark in brackets behind it; None: not known."""
    name = comparable(text)
    bare = bare_name(text)
    readings = (name, bare, bare.partition("(")[0], bare.removesuffix("指标"), bare.removesuffix("数"))
    return next((kind_words()[reading] for reading in readings if reading in kind_words()), None)


@dataclass
class _Notes:
    turned: list[tuple[int, str]] = field(default_factory=list)
    unknown: dict[str, list[int]] = field(default_factory=dict)
    normalised: list[tuple[int, str]] = field(default_factory=list)
    negative: list[tuple[int, str]] = field(default_factory=list)
    below_fen: list[tuple[int, str]] = field(default_factory=list)


def read_adjustments(table: Table, finder: UnitFinder, options: ReadingOptions) -> Rows:
    """Type the rows of 预算指标明细; a reduction printed as a positive figure is negative money.

    ``control_fen`` is what the accepted rows add up to.
    """
    try:
        unit = money_unit_of(table, "amount", options.money_unit)
    except ValueError as error:
        return Rows(findings=[unsupported_unit(table, finder.file, str(error))])
    return _Adjustments(table, finder, options, unit).read()


class _Adjustments:
    """One table while it is read."""

    def __init__(self, table: Table, finder: UnitFinder, options: ReadingOptions, unit: MoneyUnit) -> None:
        self.table, self.file, self.year, self.unit = table, finder.file, options.year, unit
        self.reader = RowReader(table, finder, options)
        self.out = self.reader.out
        self.notes = _Notes()
        self._seen: dict[tuple[str, ...], int] = {}
        self._printed: dict[int, Money] = {}
        self._numbered = {at for at, label in table.labels.items() if comparable(label) in _ROW_NUMBERS}

    def read(self) -> Rows:
        self.reader.read(self._row)
        self.out.findings += self._remarks()
        rows = [row for row in self.out.rows if isinstance(row, BudgetAdjustment)]
        if rows:
            self.out.control_fen = sum(row.amount_fen for row in rows)
        if not self.out.rejected and not self.out.outside:
            self.out.findings += self._printed_totals(rows)
        return self.out

    def _row(self, row: DataRow, unit_code: str) -> BudgetAdjustment | None:
        name, kind_text = row.text("line_name"), row.text("kind")
        is_empty = is_blank(row.cells.get("amount")) and not name and not kind_text
        self.out.excluded += is_empty
        if is_empty or self.reader.error_cell(row, unit_code, ("amount", "issued_on")):
            return None
        empty = next((column for column in ("line_name", "kind") if says_nothing(row.text(column))), "")
        if empty:
            self._reject(row, unit_code, "REQUIRED_VALUE_EMPTY", empty, f"「{self.table.label(empty)}」是空的")
            return None
        money = self._money(row, unit_code)
        if money is None:
            return None
        document_no = row.text("document_no")
        try:
            issued_on = read_date(row.cells.get("issued_on"))
        except NotADate:
            shown = row.text("issued_on")
            self._reject(row, unit_code, "BAD_DATE", "issued_on", f"「{shown}」不是有效的日期")
            return None
        if document_no and self._is_repeated(row, unit_code, document_no):
            return None
        self.out.findings += self._outside_year(row, unit_code, issued_on)
        return BudgetAdjustment(
            unit_code=unit_code,
            document_no=document_no,
            line_name=name,
            kind=known.kind if (known := kind_of(kind_text)) else AdjustmentKind.OTHER,
            kind_text=kind_text,
            amount_fen=self._signed(row, money, kind_text),
            issued_on=issued_on,
            place=self.table.place(self.file, row.number),
        )

    def _reject(self, row: DataRow, unit_code: str, code: str, column: str, message: str) -> None:
        fixes = {
            "BAD_DATE": "请按 2023-03-31 的写法改正日期",
            "DUPLICATE_KEY": "请删除重复的行；确为两笔的，请分别注明",
            "REQUIRED_VALUE_EMPTY": "请补填；金额确为 0 的填 0",
        }
        place = self.table.place(self.file, row.number, column)
        value = row.text(column)
        self.out.reject(row_rejected(code, place, message, fixes[code], unit_code=unit_code, value=value))

    def _money(self, row: DataRow, unit_code: str) -> Money | None:
        cell = row.cells.get("amount")
        try:
            money = read_money(cell, self.unit)
        except NotANumber:
            shown = cell_text(cell)
            what = f"写的是「{shown}」，不是金额" if shown else "是空的"
            self._reject(row, unit_code, "REQUIRED_VALUE_EMPTY", "amount", f"「{self.table.label('amount')}」{what}")
            return None
        seen = (row.number, cell_text(cell))
        for happened, rows in (
            (money.normalised, self.notes.normalised),
            (money.negative_style, self.notes.negative),
            (money.below_fen, self.notes.below_fen),
        ):
            if happened:
                rows.append(seen)
        return money

    def _signed(self, row: DataRow, money: Money, kind_text: str) -> int:
        """The amount with the sign that its kind gives it; a figure that is printed negative stays so."""
        self._printed[row.number] = money
        word = kind_of(kind_text)
        if word is None:
            self.notes.unknown.setdefault(kind_text, []).append(row.number)
        if word is not None and word.sign < 0 and money.fen > 0:
            self.notes.turned.append((row.number, cell_text(row.cells.get("amount"))))
            return -money.fen
        return money.fen

    def _is_repeated(self, row: DataRow, unit_code: str, document_no: str) -> bool:
        """Whether every cell but the row's number is that of a row before it."""
        key = tuple(cell_text(cell) for at, cell in enumerate(row.raw) if at not in self._numbered)
        first = self._seen.setdefault((unit_code, document_no, *key), row.number)
        if first == row.number:
            return False
        message = f"指标文号 {document_no}：与第 {first} 行完全相同"
        self._reject(row, unit_code, "DUPLICATE_KEY", "document_no", message)
        return True

    def _outside_year(self, row: DataRow, unit_code: str, issued_on: date | None) -> Iterator[Finding]:
        """A document of neither this year nor the year before, in which next year's budget is handed down early."""
        if issued_on is None or issued_on.year in {self.year, self.year - 1}:
            return
        yield Finding(
            code="DATE_OUTSIDE_YEAR",
            severity=Severity.WARNING,
            place=self.table.place(self.file, row.number, "issued_on"),
            message=f"「{row.text('line_name')}」的日期 {issued_on} 不在 {self.year} 预算年度，仍按 {self.year} 年度指标计入",
            fix="请确认归属年度",
            unit_code=unit_code,
            value=str(issued_on),
            outcome=Outcome.ACCEPT_WITH_WARNING,
        )

    def _remarks(self) -> Iterator[Finding]:
        table = self.table
        label = table.label("amount")
        for code, seen, what in (
            ("NUMBER_NORMALISED", self.notes.normalised, "含货币符号、千分位、全角或空格，已转为数值"),
            ("NEGATIVE_STYLE", self.notes.negative, "用括号或后置负号表示负数，已转为负数"),
            ("NEGATIVE_STYLE", self.notes.turned, "是追减（调出）而印成正数，已按负数计"),
        ):
            if seen:
                place = table.place(self.file, seen[0][0], "amount")
                message = f"第 {row_list([number for number, _ in seen])}的「{label}」{what}"
                yield logged(code, place, message, value=seen[0][1])
        for number, text in self.notes.below_fen:
            yield Finding(
                code="SUB_CENT",
                severity=Severity.WARNING,
                place=table.place(self.file, number, "amount"),
                message=f"「{label}」{text} 有超过分的小数，按分截断入账",
                fix="请核对原始金额",
                value=text,
                outcome=Outcome.ACCEPT_WITH_WARNING,
            )
        for text, numbers in self.notes.unknown.items():
            yield Finding(
                code="ADJUSTMENT_KIND_UNKNOWN",
                severity=Severity.WARNING,
                place=table.place(self.file, numbers[0], "kind"),
                message=f"第 {row_list(numbers)}的「{table.label('kind')}」写的是「{text}」，认不出是哪一类，按其他调整计入",
                fix="请改为：年初预算、上年结转、追加、追减、调剂",
                value=text,
                outcome=Outcome.ACCEPT_WITH_WARNING,
            )

    def _printed_totals(self, rows: Sequence[BudgetAdjustment]) -> Iterator[Finding]:
        """合计 and 小计 against the rows above: all of them, or those since some row; as printed, or with their signs."""
        places = max((money.places for money in self._printed.values()), default=0)
        places = _column_places(self.unit, places)
        for total in self.reader.totals:
            try:
                printed = read_money(total.cells.get("amount"), self.unit)
            except NotANumber:
                continue
            above = [row for row in rows if (row.place.row or 0) < total.number]
            target = amount_interval(Amount(printed.fen, self.unit, max(places, printed.places)))
            starts = [at for at in range(len(above)) if at == 0 or _begins_anew(above[at - 1], above[at])]
            signed = [Amount(row.amount_fen, self.unit, places) for row in above]
            unsigned = [Amount(self._printed[row.place.row or 0].fen, self.unit, places) for row in above]
            if not above or any(
                added(figures[start:]).meets(target) for figures in (signed, unsigned) for start in reversed(starts)
            ):
                continue
            found = sum(row.amount_fen for row in above)
            yield Finding(
                code="CONTROL_TOTAL",
                severity=Severity.ERROR,
                place=self.table.place(self.file, total.number, "amount"),
                message=(
                    f"合计行的「{self.table.label('amount')}」是 {money_text(printed.fen, self.unit)}，"
                    f"明细 {len(above)} 行相加是 {money_text(found, self.unit)}，"
                    f"相差 {money_text(found - printed.fen, self.unit)}，整个文件未导入"
                ),
                fix="请检查是否只导出了一页或筛选后的行，导出全部明细后重新放入",
                value=money_text(printed.fen, self.unit),
                expected=money_text(found, self.unit),
                outcome=Outcome.REJECT_FILE,
            )


def _begins_anew(before: BudgetAdjustment, row: BudgetAdjustment) -> bool:
    """Whether something is printed between two rows: a subtotal, a repeated head."""
    return (row.place.row or 0) > (before.place.row or 0) + 1


# ------------------------------------------------------------------------------------------------ against the lines


@dataclass
class _Sums:
    """The 预算指标 of one line, or of one unit, as they were printed."""

    original: list[Amount] = field(default_factory=list)
    change: list[Amount] = field(default_factory=list)

    def add(self, row: BudgetAdjustment, amount: Amount) -> None:
        (self.original if row.kind is AdjustmentKind.ORIGINAL else self.change).append(amount)


def adjustments_against_lines(tables: Sequence[tuple[str, TableReading]]) -> Iterator[Finding]:
    """Hold the 预算指标明细 of an inbox against its 预算执行情况表; ``tables`` are (file, table).

    Σ 年初预算 = 年初预算数 and Σ of the others = 结转及追加追减, by unit and line, within the precision of the print. A
    unit whose 指标 hold no 年初预算 at all is compared by its changes alone. The total is spoken of only where no line
    of it was: a line in another name is one fault, not two.
    """
    sums: dict[str, dict[str, _Sums]] = {}
    for _, table in tables:
        if table.kind is Kind.BUDGET_ADJUSTMENTS:
            rows = [row for row in table.rows if isinstance(row, BudgetAdjustment)]
            for row, amount in zip(rows, _as_printed(table, rows), strict=True):
                sums.setdefault(row.unit_code, {}).setdefault(bare_name(row.line_name), _Sums()).add(row, amount)
    for _, table in tables:
        if table.kind is not Kind.BUDGET_EXECUTION:
            continue
        for unit_code in table.scope_units:
            if unit_code in sums:
                lines = [row for row in table.rows if isinstance(row, BudgetLine) and row.unit_code == unit_code]
                yield from _against(table, lines, sums[unit_code])


def _against(table: TableReading, lines: Sequence[BudgetLine], sums: Mapping[str, _Sums]) -> Iterator[Finding]:
    with_original = any(one.original for one in sums.values())
    spoken = False
    for line in lines:
        if line.level != TOTAL_LEVEL and (one := sums.get(bare_name(line.name))):
            for finding in _mismatches(table, line, one, with_original=with_original):
                spoken = True
                yield finding
    totals = [line for line in lines if line.level == TOTAL_LEVEL]
    if spoken or len(totals) != 1:
        return
    whole = _Sums(
        original=[amount for one in sums.values() for amount in one.original],
        change=[amount for one in sums.values() for amount in one.change],
    )
    yield from _mismatches(table, totals[0], whole, with_original=with_original)


def _as_printed(table: TableReading, rows: Sequence[BudgetAdjustment]) -> list[Amount]:
    """The amounts with the precision of their column: the most decimals that any of them needs."""
    unit = table.money_unit or MoneyUnit.YUAN
    places = max((decimals((Decimal(row.amount_fen) / unit.fen).normalize()) for row in rows), default=0)
    return [Amount(row.amount_fen, unit, _column_places(unit, places)) for row in rows]


def _column_places(unit: MoneyUnit, shown: int) -> int:
    """Details in 元 are exact, whether or not they show 角 and 分; in 万元 they are what they show."""
    return max(shown, _FEN_PLACES) if unit is MoneyUnit.YUAN else shown


def _mismatches(table: TableReading, line: BudgetLine, sums: _Sums, *, with_original: bool) -> Iterator[Finding]:
    compared: list[tuple[str, Amount | None, list[Amount]]] = []
    if with_original:
        compared.append(("original", line.original, sums.original))
    if line.carry_and_adjust is not None:
        compared.append(("carry_and_adjust", line.carry_and_adjust, sums.change))
    elif with_original:
        compared.append(("adjusted", line.adjusted, [*sums.original, *sums.change]))
    words = {"original": "年初预算", "carry_and_adjust": "结转及追加追减", "adjusted": "全部"}
    for column, printed, amounts in compared:
        if printed is None or added(amounts).meets(amount_interval(printed)):
            continue
        fen = sum(amount.fen for amount in amounts)
        letter = table.mapping.get(column, "")
        yield Finding(
            code="ADJUSTMENTS_MISMATCH",
            severity=Severity.WARNING,
            place=replace(line.place, column=letter),
            message=(
                f"「{line.name}」的「{table.heads.get(column, words[column])}」是 {amount_text(printed)}，"
                f"预算指标明细中{words[column]}指标合计 {money_text(fen, printed.unit)}，"
                f"相差 {money_text(fen - printed.fen, printed.unit)}"
            ),
            fix="请核对预算指标是否导全、调整类型是否填对，或改正执行情况表",
            unit_code=line.unit_code,
            value=amount_text(printed),
            expected=money_text(fen, printed.unit),
            outcome=Outcome.ACCEPT_WITH_WARNING,
        )
