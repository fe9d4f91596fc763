"""国库支付明细: which rows of a ledger count, whose they are, and what is wrong with them. By column: a ledger has a million rows.

The cells become columns in ledger_columns.py; repeats.py finds payments that stand there twice, refunds.py refunds that
nothing explains. What makes two rows the same payment: docs/payments-key.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.domain.money import MoneyUnit, yuan_text
from jixiao.intake.grids.cells import cell_text
from jixiao.intake.grids.encodings import nuls_cut
from jixiao.intake.grids.grid import CellError, column_letter, is_error_value, logged
from jixiao.intake.rows.code_lists import CodeListName, conflicts, unknown_codes
from jixiao.intake.rows.execution import unsupported_unit
from jixiao.intake.rows.ledger_columns import FEN_MOST, LedgerColumns, head_width, read_columns
from jixiao.intake.rows.payment_states import Standing, standing_of
from jixiao.intake.rows.reader import (
    ReadingOptions,
    Rows,
    cell_error,
    code_was_number,
    period_mismatch,
    precision_lost,
    row_rejected,
    rows_excluded,
    unknown_unit,
)
from jixiao.intake.rows.refunds import unmatched_refunds
from jixiao.intake.rows.repeats import Contents, Repeat, RepeatKind, contents_by_head, repeats
from jixiao.intake.rows.unit_pairs import odd_pairs
from jixiao.intake.rows.units import Doubt, UnitFinder
from jixiao.intake.rows.values import NotANumber, read_money
from jixiao.intake.tables.bodies import row_list, skipped_rows
from jixiao.intake.tables.column_maps import CellType
from jixiao.intake.tables.table import Table, money_unit_of

if TYPE_CHECKING:
    import pandas as pd

_T = TypeVar("_T")
COLUMNS = ("unit_code", "voucher_no", "line_name", "amount_fen", "paid_on", "sheet", "row")
_DELETED = {"1", "是", "y", "yes", "true", "已删除", "删除"}
_GRAND_TOTALS = ("合计", "总计", "共计", "累计", "总额")
_LISTED_VALUES = 6
# 万元 beside 元: the same figure is 10,000 times as large in the other column.
_UNIT_JUMP_ROWS = 2
_UNIT_JUMP_LOOKED_AT = 2_000
# Fewer rows may be alike by chance.
_VIEW_LEAST = 2
_SUBJECT_LISTS = {
    "function_code": CodeListName.EXPENDITURE_FUNCTIONS,
    "economic_code": CodeListName.DEPARTMENT_ECONOMIC,
}
# 1,234.50 without its quotes: 1 in the column of amounts, and this in the next.
_CUT_AMOUNT = (re.compile(r"-?\d{1,3}"), re.compile(r"\d{3}(?:\.\d+)?"))


@dataclass
class LedgerRows(Rows):
    """The ledger's frame (COLUMNS) beside what became of its rows; ``fund`` is the 资金性质 where all rows state one.

    ``contents`` gives whole rows of its sheet, for the sheets after it.
    """

    frame: pd.DataFrame | None = None
    total_fen: int | None = None
    fund: str = ""
    in_fen: int = 0
    not_data: int = 0
    contents: Contents | None = None


def read_ledger(
    table: Table,
    finder: UnitFinder,
    options: ReadingOptions,
    columns: LedgerColumns | None = None,
    *,
    earlier: Sequence[LedgerRows] = (),
) -> LedgerRows:
    """Read the ledger of one sheet. Rows of other units are left out where a scope is given.

    ``columns`` are its cells where they were read before, see ``ledger_columns``; ``earlier`` the ledgers of the sheets
    before it in the same file.
    """
    try:
        unit = money_unit_of(table, "amount", options.money_unit)
    except ValueError as error:
        return LedgerRows(findings=[unsupported_unit(table, finder.file, str(error))])
    return _Ledger(table, finder, options, columns or read_columns(table, unit), unit, earlier=earlier).read()


def ledger_columns(table: Table, options: ReadingOptions) -> LedgerColumns | None:
    """The cells of a ledger as columns; None where its money unit is not known here.

    Raises:
        NotDecodable, ValueError: a stream that cannot be read to its end.
    """
    try:
        unit = money_unit_of(table, "amount", options.money_unit)
    except ValueError:
        return None
    return read_columns(table, unit)


class _Ledger:
    """One sheet of payments while it is judged: ``frame`` typed, ``keep`` false for rows left out."""

    def __init__(
        self,
        table: Table,
        finder: UnitFinder,
        options: ReadingOptions,
        columns: LedgerColumns,
        unit: MoneyUnit,
        *,
        earlier: Sequence[LedgerRows],
    ) -> None:
        self.table, self.finder, self.options, self.columns, self.unit = table, finder, options, columns, unit
        self.file, self.earlier = finder.file, [e for e in earlier if e.frame is not None and len(e.frame)]
        self.out = LedgerRows()
        self.void: Any = None
        self.frame = columns.frame.rename(columns={"project_name": "line_name"})

    def read(self) -> LedgerRows:
        self.out.findings += self._sheet_remarks()
        self.out.findings += self._personal_columns()
        frame = self.frame
        self.out.rows_in = len(frame)
        self.out.not_data = sum(len(rows) for rows in self.columns.left.values())
        if frame.empty:
            return self.out
        self.out.in_fen = int(frame["amount_fen"].sum())
        for column in ("unit_code", "unit_name", "voucher_no"):
            if column not in frame:
                frame[column] = ""
        self.out.findings += self._code_remarks()
        if any(finding.outcome is Outcome.REJECT_FILE for finding in self.out.findings):
            return self.out
        self._fill_down()
        if not self._assign_units():
            return self.out
        self._leave_out()
        self._wide_rows()
        self._subjects()
        self._amounts()
        self._dates(self.options.year)
        self._empty_names()
        self._repeats()
        self._repeats_of_sheets()
        self.out.findings += self._mixed_units()
        self._control_totals()
        self.out.findings += self._refunds()
        kept = frame if frame["keep"].all() else frame[frame["keep"]]
        self.out.frame = _typed(kept, self.table.grid.sheet)
        self.out.contents = self._contents
        self.out.units = {str(code) for code in kept["unit_code"].unique()}
        self.out.total_fen = int(kept["amount_fen"].sum()) if len(kept) else 0
        left_out = int(frame.loc[~frame["keep"], "amount_fen"].sum()) if len(kept) < len(frame) else 0
        self.out.rejected_fen = left_out - self.out.excluded_fen
        self.out.control_fen = self.out.total_fen
        if "fund_nature" in kept and len(funds := kept["fund_nature"].unique()) == 1:
            self.out.fund = str(funds[0])
        return self.out

    # ── what is said of the sheet ────────────────────────────────────────────────────────────────────────────────────

    def _sheet_remarks(self) -> Iterator[Finding]:
        yield from skipped_rows(self.table, self.file, self.columns.left)
        if strays := self.columns.strays:
            yield nuls_cut(self.table.place(self.file, min(strays)), sum(strays.values()))
        hidden = sorted(number for number in self.table.grid.hidden_rows if number > self.table.head_row + 1)
        if hidden:
            yield Finding(
                code="HIDDEN_ROWS",
                severity=Severity.WARNING,
                place=self.table.place(self.file, hidden[0]),
                message=f"共 {len(hidden)} 行被隐藏或筛选掉了，仍已读取",
                fix="如不应计入，请删除这些行后重新导出",
                outcome=Outcome.ACCEPT_WITH_WARNING,
            )

    def _personal_columns(self) -> Iterator[Finding]:
        personal = [
            c.name for c in self.table.map.columns if c.cell_type is CellType.PERSONAL and c.name in self.table.columns
        ]
        places = {self.table.columns[name]: self.table.label(name) for name in personal}
        places |= {at: "".join(label.split()) for at, label in self.table.personal_labels.items()}
        if places:
            first = min(places)
            place = Place(self.file, self.table.grid.sheet, self.table.head_row + 1, column_letter(first))
            labels = "、".join(places[at] for at in sorted(places))
            yield logged("PERSONAL_DATA_DROPPED", place, f"列「{labels}」含个人信息，未入库", "导出时请去掉这些列")

    def _code_remarks(self) -> Iterator[Finding]:
        for number, column, cell in self.columns.imprecise:
            yield precision_lost(self.table, self.file, number, column, cell)
        if not self.columns.imprecise:
            for column, rows in self.columns.numeric.items():
                yield code_was_number(self.table, self.file, column, rows)
        for column, changed in self.columns.cleaned.items():
            row, before = changed[0]
            place = self.table.place(self.file, row, column)
            message = f"「{self.table.label(column)}」有 {len(changed)} 格含全角字符、空格或看不见的字符，已规范"
            yield logged("TEXT_NORMALISED", place, message, value=before)

    # ── whose rows ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _fill_down(self) -> None:
        """单位编码 and 单位名称 of merged cells. Filled together, so that a name never goes with another row's code."""
        present = [column for column in ("unit_code", "unit_name") if column in self.table.columns]
        if not present:
            return
        blank = self.frame[present[0]] == ""
        for column in present[1:]:
            blank &= self.frame[column] == ""
        if not blank.any() or blank.all():
            return
        for column in present:
            filled = self.frame[column].astype("str").mask(blank).ffill().fillna("")
            self.frame[column] = filled.astype("category")
        first = int(self.frame.loc[blank, "row"].iloc[0])
        place = self.table.place(self.file, first, present[0])
        message = f"「{self.table.label(present[0])}」有 {int(blank.sum())} 个空格（合并单元格），已按上一行补齐"
        self.out.findings.append(logged("FILL_DOWN", place, message))

    def _assign_units(self) -> bool:
        """Set ``unit_code`` and ``keep``; each distinct (code, name) is looked up once. False: nobody knows the unit."""
        import numpy as np

        frame = self.frame
        frame["keep"] = True
        group = frame.groupby(["unit_code", "unit_name"], observed=True, sort=False, dropna=False)
        numbers = group.ngroup().to_numpy()
        keys = [
            (str(code), str(name))
            for code, name in frame[["unit_code", "unit_name"]].iloc[_firsts(numbers)].itertuples(index=False)
        ]
        pairs = dict(zip(keys, np.bincount(numbers).tolist(), strict=True))
        odd = odd_pairs(pairs)
        found: dict[tuple[str, str], str] = {}
        doubts: dict[tuple[str, str], Doubt] = {}
        for code, name in pairs:
            whole = not code and not name
            looked_up = self.finder.whole() if whole else self.finder.of_row(code, name)
            if not isinstance(looked_up, Doubt):
                looked_up = odd.get((code, name)) or looked_up
            if isinstance(looked_up, Doubt) and whole and len(pairs) == 1:
                place = self.table.place(self.finder.file, self.table.head_row + 1)
                self.out.findings.append(unknown_unit(place, looked_up))
                return False
            if isinstance(looked_up, Doubt):
                doubts[code, name] = looked_up
            found[code, name] = (looked_up.meant or code) if isinstance(looked_up, Doubt) else looked_up
        if any(unit != code for (code, _), unit in found.items()) or doubts:
            units = np.array([found[key] for key in keys], dtype=object)
            frame["unit_code"] = _category(units[numbers])
            for at, key in enumerate(keys):
                if key in doubts:
                    self._reject_unit(numbers == at, doubts[key], key[0] or key[1])
        return True

    def _reject_unit(self, mask: Any, doubt: Doubt, value: str) -> None:
        column = "unit_code" if "unit_code" in self.table.columns else "unit_name"
        if doubt.meant:
            self.frame.loc[mask, "unit_code"] = doubt.meant
        for number, code, voucher in self.frame.loc[mask, ["row", "unit_code", "voucher_no"]].itertuples(index=False):
            place = self.table.place(self.file, int(number), column)
            message = f"{_voucher(voucher)}{doubt.message}"
            self.out.reject(row_rejected(doubt.code, place, message, doubt.fix, unit_code=code, value=value))
        self.frame.loc[mask, "keep"] = False

    def _subjects(self) -> None:
        """功能分类 and 经济分类: a code beside the name of another code rejects its rows; each distinct pair is looked up once."""
        frame = self.frame
        for code_column, lists in _SUBJECT_LISTS.items():
            if code_column not in frame:
                continue
            name_column = code_column.replace("_code", "_name")
            columns = [code_column, name_column] if name_column in frame else [code_column]
            pairs = [(str(p[0]), str(p[-1]) if len(p) > 1 else "") for p in frame[columns].drop_duplicates().to_numpy()]
            codes, year = [code for code, _ in pairs], self.options.year
            for (code, name), conflict in conflicts(codes, [name for _, name in pairs], lists, year).items():
                wrong = frame["keep"] & (frame[code_column] == code)
                wrong = wrong & (frame[name_column] == name) if name_column in frame else wrong
                for number, unit_code, voucher in self._rows(wrong.to_numpy().nonzero()[0].tolist()):
                    place = self.table.place(self.file, number, code_column)
                    message = f"{_voucher(voucher)}{conflict.message}"
                    self.out.reject(
                        row_rejected(
                            "CODE_NAME_CONFLICT", place, message, conflict.fix, unit_code=unit_code, value=code
                        )
                    )
                frame["keep"] &= ~wrong
            if unknown := unknown_codes(codes, lists, year):
                place = self.table.place(self.file, self.table.head_row + 1, code_column)
                listed = "、".join(unknown[:_LISTED_VALUES]) + (
                    f" 等 {len(unknown)} 个" if len(unknown) > _LISTED_VALUES else ""
                )
                message = f"{lists.value}代码「{listed}」不在 {year} 年的科目表中，按原样保留"
                fix = "请核对代码；地方自设的科目不需处理"
                self.out.findings.append(logged("CODE_UNKNOWN", place, message, fix, value=listed))

    # ── amounts and dates ────────────────────────────────────────────────────────────────────────────────────────────

    def _amounts(self) -> None:
        bad = self._kept(self.columns.bad_amounts)
        for row, cell in zip(self._rows(bad), bad.values(), strict=True):
            self._bad_amount(row, cell)
        self._drop(bad)
        self.out.findings += self._money_remarks(self.columns.remarks)

    def _at(self, column: str, position: int) -> Any:
        return self.frame[column].array[position]

    def _kept(self, cells: Mapping[int, _T]) -> dict[int, _T]:
        """What is at positions of rows that count up to now, in order."""
        keep = self.frame["keep"].to_numpy()
        return {position: cells[position] for position in sorted(cells) if keep[position]}

    def _rows(self, positions: Iterable[int]) -> Iterator[tuple[int, str, str]]:
        """Number, unit and voucher of many rows."""
        part = self.frame[["row", "unit_code", "voucher_no"]].iloc[list(positions)]
        yield from zip(*(part[name].tolist() for name in part), strict=True)

    def _drop(self, positions: Iterable[int]) -> None:
        positions = list(positions)
        if positions:
            keep = self.frame["keep"].to_numpy(copy=True)
            keep[positions] = False
            self.frame["keep"] = keep

    def _row(self, position: int) -> tuple[int, str, str]:
        """Number, unit and voucher of a row."""
        return (
            int(self._at("row", position)),
            str(self._at("unit_code", position)),
            str(self._at("voucher_no", position)),
        )

    def _bad_amount(self, row: tuple[int, str, str], cell: object) -> None:
        number, unit_code, voucher_no = row
        voucher = _voucher(voucher_no)
        shown = cell_text(cell)
        if isinstance(cell, CellError) or is_error_value(shown):  # a CSV holds it as text
            self._cell_error(row, "amount", cell if isinstance(cell, CellError) else CellError(shown))
            return
        place = self.table.place(self.file, number, "amount")
        what = f"写的是「{shown}」，不是金额" if shown else "是空的"
        if self._is_too_large(cell):
            what = f"写的是「{shown}」，大得不合常理"
        fix = "请填写实际支付金额；没有支付的行请删除"
        message = f"{voucher}「{self.table.label('amount')}」{what}"
        self.out.reject(row_rejected("REQUIRED_VALUE_EMPTY", place, message, fix, unit_code=unit_code, value=shown))

    def _cell_error(self, row: tuple[int, str, str], column: str, cell: CellError) -> None:
        number, unit_code, voucher = row
        found = cell_error(self.table, self.table.place(self.file, number, column), column, cell, unit_code)
        self.out.reject(replace(found, message=f"{_voucher(voucher)}{found.message}"))

    def _is_too_large(self, cell: object) -> bool:
        try:
            return abs(read_money(cell, self.unit).fen) >= FEN_MOST
        except NotANumber:
            return False

    def _money_remarks(self, seen: dict[str, list[tuple[int, str, int]]]) -> Iterator[Finding]:
        for code, key, what in (
            ("NUMBER_NORMALISED", "normalised", "含货币符号、千分位、全角或空格，已转为"),
            ("NEGATIVE_STYLE", "negative_style", "用括号或后置负号表示负数，已转为"),
        ):
            rows = seen[key]
            if rows:
                shown = "、".join(yuan_text(fen) for _, _, fen in rows[:_LISTED_VALUES])
                message = f"第 {row_list([r for r, _, _ in rows])}「{self.table.label('amount')}」{what} {shown}"
                yield logged(code, self.table.place(self.file, rows[0][0], "amount"), message, value=rows[0][1])
        numbers = self.frame["row"].to_numpy()
        below_fen = self._kept({int(numbers.searchsorted(row)): (text, fen) for row, text, fen in seen["below_fen"]})
        label = self.table.label("amount")
        for (row, unit_code, voucher), (text, fen) in zip(self._rows(below_fen), below_fen.values(), strict=True):
            yield Finding(
                code="SUB_CENT",
                severity=Severity.WARNING,
                place=self.table.place(self.file, row, "amount"),
                message=f"{_voucher(voucher)}「{label}」{text} 有超过分的小数，按 {yuan_text(fen)} 元入账",
                fix="请核对原始金额",
                unit_code=unit_code,
                value=text,
                expected=yuan_text(fen),
                outcome=Outcome.ACCEPT_WITH_WARNING,
            )

    def _dates(self, year: int) -> None:
        """A date that is none rejects its row, one of another year is a warning; a blank stays NaT."""
        bad = self._kept(self.columns.bad_dates)
        for row, cell in zip(self._rows(bad), bad.values(), strict=True):
            self._bad_date(row, cell)
        self._drop(bad)
        series = self.frame["paid_on"]
        outside = self.frame["keep"] & series.notna() & (series.dt.year != year)
        dated = series[series.notna()]
        if outside.any() and (dated.dt.year != year).all():  # of all rows, those of other units too
            self._another_year(series[outside])
            return
        for number, unit_code, day, voucher in zip(
            self.frame.loc[outside, "row"],
            self.frame.loc[outside, "unit_code"],
            series[outside],
            self.frame.loc[outside, "voucher_no"],
            strict=True,
        ):
            place = self.table.place(self.file, int(number), "pay_date")
            day_text = f"{day:%Y-%m-%d}"
            self.out.findings.append(
                Finding(
                    code="DATE_OUTSIDE_YEAR",
                    severity=Severity.WARNING,
                    place=place,
                    message=f"{_voucher(voucher)}支付日期 {day_text} 不在 {year} 预算年度，按 {year} 年度跨年支付记录并单列",
                    fix="请确认归属年度",
                    unit_code=str(unit_code),
                    value=day_text,
                    expected=str(year),
                    outcome=Outcome.ACCEPT_WITH_WARNING,
                )
            )

    def _another_year(self, days: Any) -> None:
        """Not one payment of the year: the file is of another year, one question instead of a warning a row."""
        place = self.table.place(self.file, int(self.frame.loc[days.index[0], "row"]), "pay_date")
        years = "、".join(str(year) for year in sorted(days.dt.year.unique()))
        what = f"「{self.table.label('pay_date')}」全部 {len(days)} 行都在 {years} 年"
        self.out.findings.append(period_mismatch(place, what, said=years, year=self.options.year))

    def _bad_date(self, row: tuple[int, str, str], cell: object) -> None:
        if isinstance(cell, CellError):
            self._cell_error(row, "pay_date", cell)
            return
        number, unit_code, voucher = row
        place = self.table.place(self.file, number, "pay_date")
        message = f"{_voucher(voucher)}「{self.table.label('pay_date')}」{cell_text(cell)} 不是有效日期"
        fix = f"请改成 {self.options.year}-03-15 这样的日期"
        self.out.reject(row_rejected("BAD_DATE", place, message, fix, unit_code=unit_code, value=cell_text(cell)))

    # ── names, duplicates, refunds ───────────────────────────────────────────────────────────────────────────────────

    def _empty_names(self) -> None:
        empty = self.frame["keep"] & (self.frame["line_name"] == "")
        for number, unit_code, voucher in self.frame.loc[empty, ["row", "unit_code", "voucher_no"]].itertuples(
            index=False
        ):
            place = self.table.place(self.file, int(number), "project_name")
            message = f"{_voucher(voucher)}「{self.table.label('project_name')}」是空的，无法归入预算行"
            self.out.reject(row_rejected("REQUIRED_VALUE_EMPTY", place, message, "请填写项目名称", unit_code=unit_code))
        self.frame.loc[empty, "keep"] = False

    @property
    def _contents(self) -> Contents:
        return contents_by_head(self.columns.cells, self.table.labels)

    def _wide_rows(self) -> None:
        """Rows of a text with more cells than the head: a comma without quotes. In the amount it makes another amount."""
        at = self.table.columns["amount"]
        width = head_width(self.table)
        cut: list[int] = []
        wide = self._kept(self.columns.wide)
        for (number, unit_code, voucher), (position, row) in zip(self._rows(wide), wide.items(), strict=True):
            texts = [cell_text(cell) for cell in row]
            beyond = "、".join(text for text in texts[width:] if text)
            place = self.table.place(self.file, number, "amount")
            if _CUT_AMOUNT[0].fullmatch(texts[at]) and _CUT_AMOUNT[1].fullmatch(texts[at + 1]):
                cut.append(position)
                shown = f"{texts[at]},{texts[at + 1]}"
                message = (
                    f"{_voucher(voucher)}「{self.table.label('amount')}」{shown} 里的逗号没有加引号，金额被拆成了两格"
                )
                fix = f'请改为 "{shown}" 或 {texts[at]}{texts[at + 1]}；建议从原系统导出为 .xlsx'
                self.out.reject(
                    row_rejected("NUMBER_UNREADABLE", place, message, fix, unit_code=unit_code, value=shown)
                )
                continue
            message = f"{_voucher(voucher)}这一行比表头多 {len(texts) - width} 格（多出「{beyond}」），各列按位置读取"
            self.out.findings.append(
                Finding(
                    code="ROW_TOO_WIDE",
                    severity=Severity.WARNING,
                    place=self.table.place(self.file, number),
                    message=message,
                    fix="请检查这一行的文字里是否有没加引号的逗号，使后面的列错位；加上引号或删去逗号后重新放入",
                    unit_code=unit_code,
                    value=beyond,
                    outcome=Outcome.ACCEPT_WITH_WARNING,
                )
            )
        self._drop(cut)

    def _repeats(self) -> None:
        """A payment twice in the sheet. Several details of one voucher differ in something, and stay."""
        at = self.table.columns["amount"]
        amount = f"{self.table.labels[at]}\n{at}" if at in self.table.labels else str(at)
        found = repeats(self.frame, self._contents, amount)
        doubts = [repeat for repeat in found if repeat.kind is RepeatKind.OTHER_AMOUNT]
        again = [repeat for repeat in found if repeat.kind is not RepeatKind.OTHER_AMOUNT]
        for repeat in again:
            self._reject_repeat(repeat)
        self._drop([repeat.position for repeat in again])
        for repeat in doubts:
            first, again_fen = (yuan_text(int(self._at("amount_fen", at))) for at in (repeat.first, repeat.position))
            message = (
                f"{_voucher(self._row(repeat.position)[2])}与第 {self._row(repeat.first)[0]} 行除金额外完全相同"
                f"（{first} 元、{again_fen} 元），两行都已计入"
            )
            self.out.findings.append(self._twice(repeat, message))

    def _twice(self, repeat: Repeat, message: str) -> Finding:
        number, unit_code, _ = self._row(repeat.position)
        return Finding(
            code="VOUCHER_TWICE",
            severity=Severity.WARNING,
            place=self.table.place(self.file, number, "amount"),
            message=message,
            fix="请核对：是同一凭证的两笔明细不需处理；是更正后又导出一次的，请删去作废的一行",
            unit_code=unit_code,
            value=yuan_text(int(self._at("amount_fen", repeat.position))),
            outcome=Outcome.ACCEPT_WITH_WARNING,
        )

    def _reject_repeat(self, repeat: Repeat) -> None:
        number, unit_code, voucher = self._row(repeat.position)
        first = self._row(repeat.first)[0]
        detail = str(self._at("detail_id", repeat.position)) if "detail_id" in self.frame else ""
        key, shown = ("detail_id", detail) if detail else ("voucher_no", voucher)
        message = f"{self.table.label(key)} {shown} 与第 {first} 行完全相同，重复"
        if repeat.kind is RepeatKind.SAME_ID:
            fens = (yuan_text(int(self._at("amount_fen", at))) for at in (repeat.first, repeat.position))
            message = f"{_voucher(voucher)}{self.table.label(key)} {shown} 与第 {first} 行相同，内容不同（{'、'.join(fens)} 元）"
        fix = (
            "请删除重复的行" if repeat.kind is RepeatKind.SAME_ROW else "明细主键不能重复：请核对哪一行有效，删去另一行"
        )
        place = self.table.place(self.file, number, key)
        self.out.reject(row_rejected("DUPLICATE_KEY", place, message, fix, unit_code=unit_code, value=shown))

    def _is_view_of(self, other: pd.DataFrame) -> bool:
        """Whether this sheet holds the payments of another one, in another order or with fewer columns: then all of it is
        left out, for it is the same money.
        """
        mine = self.frame[self.frame["keep"]]
        key = ["unit_code", "line_name", "amount_fen", "paid_on"]
        if (mine["voucher_no"] != "").all() and (other["voucher_no"] != "").all():
            key.append("voucher_no")
        if len(mine) < _VIEW_LEAST or len(mine) != len(other):
            return False
        sides = []
        for frame in (mine, other):
            side = frame[key].astype({name: "str" for name in key if name not in {"amount_fen", "paid_on"}})
            sides.append(side.sort_values(key, ignore_index=True))
        if not sides[0].equals(sides[1].astype(sides[0].dtypes.to_dict())):
            return False
        place = self.table.place(self.file, self.table.head_row + 1)
        sheet = str(other["sheet"].iloc[0])
        message = f"与工作表「{sheet}」是同样的 {len(mine)} 笔支付，只读后者"
        self.out.findings.append(logged("DUPLICATE_SHEET", place, message))
        self.out.excluded += len(mine)
        self.out.excluded_fen += int(mine["amount_fen"].sum())
        self.frame["keep"] = False
        return True

    def _repeats_of_sheets(self) -> None:
        """Payments that stand in a sheet before this one, cell for cell."""
        key = ["unit_code", "voucher_no", "line_name", "amount_fen", "paid_on"]
        for other in self.earlier:
            assert other.frame is not None
            assert other.contents is not None
            if self._is_view_of(other.frame):
                return
            named = self.frame["keep"] & (self.frame["voucher_no"] != "")
            shared = self.frame.loc[named & self.frame["voucher_no"].isin(other.frame["voucher_no"].unique()), key]
            if shared.empty:
                continue
            texts = {"unit_code": "str", "voucher_no": "str", "line_name": "str"}
            there = other.frame[other.frame["voucher_no"].isin(shared["voucher_no"])]
            there = there[[*key, "sheet", "row"]].astype(texts)
            both = shared.astype(texts).assign(position=shared.index).merge(there, on=key)
            mine = self._contents(int(self._at("row", at)) for at in both["position"].unique())
            theirs = other.contents(int(number) for number in both["row"].unique())
            gone: list[int] = []
            for position, sheet, row in both[["position", "sheet", "row"]].itertuples(index=False):
                number, unit_code, voucher = self._row(position)
                if position in gone or _bare(mine[number]) != _bare(theirs[int(row)]):
                    continue
                gone.append(position)
                place = self.table.place(self.file, number, "voucher_no")
                message = f"{self.table.label('voucher_no')} {voucher} 与工作表「{sheet}」第 {row} 行完全相同，重复"
                self.out.reject(
                    row_rejected("DUPLICATE_KEY", place, message, "请删除重复的行", unit_code=unit_code, value=voucher)
                )
            self._drop(gone)

    def _refunds(self) -> Iterator[Finding]:
        """Refunds and corrections that no payment of this file explains."""
        frames = [e.frame for e in self.earlier if e.frame is not None]
        for unmatched in unmatched_refunds(self.frame, frames):
            number, unit_code, voucher = self._row(unmatched.position)
            fen, line = int(self._at("amount_fen", unmatched.position)), str(self._at("line_name", unmatched.position))
            sought = (
                f"原凭证 {unmatched.named} 不在本表中，或金额小于退回数"
                if unmatched.named
                else f"在「{line}」此前的支付中找不到不小于它的一笔"
            )
            yield Finding(
                code="REFUND_UNMATCHED",
                severity=Severity.WARNING,
                place=self.table.place(self.file, number, "amount"),
                message=f"{_voucher(voucher)}退回 {yuan_text(-fen)} 元，{sought}，仍按退回计入",
                fix="请核对原支付凭证是否在本次导出范围内、项目和凭证号是否写对",
                unit_code=unit_code,
                value=yuan_text(fen),
                expected=unmatched.named,
                outcome=Outcome.ACCEPT_WITH_WARNING,
            )

    def _mixed_units(self) -> Iterator[Finding]:
        """An amount in 万元 beside an unlabelled column of the same figures in 元: which one is meant?"""
        if self.unit is not MoneyUnit.WAN or "amount" not in self.table.column_units:
            return
        known = set(self.table.columns.values())
        rows = self.columns.cells(self.frame["row"].head(_UNIT_JUMP_LOOKED_AT).tolist()).values()
        at = self.table.columns["amount"]
        for index, label in self.table.labels.items():
            if index in known or re.search(r"[(（\[].*元", label):
                continue
            pairs = [
                (row[at], row[index])
                for row in rows
                if max(at, index) < len(row)
                and _read_fen(row[index], MoneyUnit.YUAN)
                and _read_fen(row[at], MoneyUnit.WAN)
            ]
            jumps = sum(_read_fen(a, MoneyUnit.WAN) == _read_fen(b, MoneyUnit.YUAN) for a, b in pairs)
            if jumps >= _UNIT_JUMP_ROWS and 2 * jumps > len(pairs):
                place = self.table.place(self.file, self.table.head_row + 1, "amount")
                other = re.sub(r"\s+", "", label)
                yield Finding(
                    code="MIXED_UNITS",
                    severity=Severity.QUESTION,
                    place=place,
                    message=(
                        f"「{other}」没写单位，数值约为「{self.table.label('amount')}」的 10000 倍："
                        "两列单位不一致，请确认"
                    ),
                    fix="请在表头为每个金额列写明单位（元或万元）",
                    value=label,
                    outcome=Outcome.ASK_USER,
                )

    def _control_totals(self) -> None:
        """Printed 合计 against the rows above it: since the start, or since the total before (one a page)."""
        if self.columns.bad_amounts:
            return
        since = 0
        amounts, numbers = self.frame["amount_fen"].to_numpy(), self.frame["row"].to_numpy()
        for number, row in self.columns.totals:
            text = (
                "".join(cell_text(cell) for cell in row if isinstance(cell, str)).replace(" ", "").replace("\u3000", "")
            )
            try:
                printed = read_money(self.table.cell(row, "amount"), self.unit)
            except NotANumber:
                continue
            above = numbers < number
            candidates = [above, above & (numbers > since)]
            if not above.any():  # a total that stands above what it adds up
                candidates = [numbers > number]
                above = candidates[0]
            if self.void is not None:
                candidates += [rows & ~self.void for rows in candidates]
            count = int(above.sum())
            ulp = self.unit.fen // 10**printed.places if self.unit is MoneyUnit.WAN and printed.places < 6 else 0
            sums = [int(amounts[rows].sum()) for rows in candidates]
            since = number
            if any(abs(total - printed.fen) <= count * ulp for total in sums) or not any(
                w in text for w in _GRAND_TOTALS
            ):
                continue
            place = self.table.place(self.file, number, "amount")
            self.out.findings.append(
                Finding(
                    code="CONTROL_TOTAL",
                    severity=Severity.ERROR,
                    place=place,
                    message=(
                        f"印出的合计是 {yuan_text(printed.fen)} 元，明细 {count} 行相加是 {yuan_text(sums[0])} 元，"
                        f"相差 {yuan_text(sums[0] - printed.fen)} 元，整个文件未导入"
                    ),
                    fix="请检查是否只导出了一页或筛选后的行，导出全部明细后重新放入",
                    value=yuan_text(printed.fen),
                    expected=yuan_text(sums[0]),
                    outcome=Outcome.REJECT_FILE,
                )
            )

    def _leave_out(self) -> None:
        """Rows marked as deleted, rows whose payment was never made or is void, and rows of units outside the scope."""
        if "is_deleted" in self.frame:
            deleted = self.frame["keep"] & self.frame["is_deleted"].astype("str").str.casefold().isin(_DELETED)
            if deleted.any():
                numbers = self.frame.loc[deleted, "row"]
                place = self.table.place(self.file, int(numbers.iloc[0]), "is_deleted")
                fen = int(self.frame.loc[deleted, "amount_fen"].sum())
                message = f"共 {len(numbers)} 行标为已删除，合计 {yuan_text(fen)} 元，未计入"
                self.out.findings.append(logged("ROWS_EXCLUDED", place, message))
                self.out.excluded += len(numbers)
                self.out.excluded_fen += fen
                self.frame["keep"] &= ~deleted
        if "payment_state" in self.frame:
            self._states()
        if not self.options.scope:
            return
        outside = self.frame["keep"] & ~self.frame["unit_code"].isin(list(self.options.scope))
        for code, rows in self.frame[outside].groupby("unit_code", observed=True)["row"]:
            self.out.outside.add(str(code))
            self.out.findings.append(rows_excluded(self.table, self.file, str(code), [int(number) for number in rows]))
        self.out.excluded += int(outside.sum())
        self.out.excluded_fen += int(self.frame.loc[outside, "amount_fen"].sum())
        self.frame["keep"] &= ~outside

    def _states(self) -> None:
        """支付状态: what does not count is excluded with its money, what nobody knows counts with a warning."""
        states = self.frame["payment_state"].astype("category")
        in_scope = self.frame["keep"]
        if self.options.scope:
            in_scope = in_scope & self.frame["unit_code"].isin(list(self.options.scope))
        some = states[in_scope].astype("str").ne("").any()
        for state in states.cat.categories:
            standing = standing_of(str(state)) if state else Standing.UNKNOWN
            if standing is Standing.COUNTS or not some:
                continue
            rows = in_scope & (states == state)
            if not rows.any():
                continue
            self.out.findings.append(self._of_state(str(state), rows, standing))
            if standing is Standing.DOES_NOT_COUNT:
                self.out.excluded += int(rows.sum())
                self.out.excluded_fen += int(self.frame.loc[rows, "amount_fen"].sum())
                self.frame["keep"] &= ~rows
                self.void = rows.to_numpy() if self.void is None else self.void | rows.to_numpy()

    def _of_state(self, state: str, rows: pd.Series[bool], standing: Standing) -> Finding:
        part = self.frame.loc[rows, ["row", "voucher_no", "amount_fen"]]
        numbers = [int(number) for number in part["row"]]
        place = self.table.place(self.file, numbers[0], "payment_state")
        vouchers = [str(voucher) for voucher in part["voucher_no"].head(_LISTED_VALUES) if voucher]
        more = " 等" if len(part) > len(vouchers) else ""
        named = f"（支付凭证号 {'、'.join(vouchers)}{more}）" if vouchers else ""
        money = f"合计 {yuan_text(int(part['amount_fen'].sum()))} 元"
        label = self.table.label("payment_state")
        if standing is Standing.DOES_NOT_COUNT:
            message = f"第 {row_list(numbers)}{named}「{label}」是「{state}」，不是已支付的款项，{money}，未计入"
            return logged("ROWS_EXCLUDED", place, message, "如已实际支付，请在原系统更新状态后重新导出", value=state)
        shown = f"是「{state}」，不知道是否已支付" if state else "是空的"
        return Finding(
            code="PAYMENT_STATE_UNKNOWN",
            severity=Severity.WARNING,
            place=place,
            message=f"第 {row_list(numbers)}{named}「{label}」{shown}，{money}，仍按已支付计入",
            fix="请核对这些行是否已实际支付；没有支付的请删除后重新放入",
            value=state,
            outcome=Outcome.ACCEPT_WITH_WARNING,
        )


def _typed(kept: pd.DataFrame, sheet: str) -> pd.DataFrame:
    """The frame of COLUMNS; names and codes stay categories, which a million rows share."""
    frame = kept.reset_index(drop=True)
    frame["sheet"] = sheet
    frame["sheet"] = frame["sheet"].astype("category")
    return frame[list(COLUMNS)]


def _category(values: Any) -> Any:
    import pandas as pd

    return pd.Categorical(values)


def _firsts(numbers: Any) -> Any:
    """The first position of each group number, in the order of the numbers."""
    import numpy as np

    return np.unique(numbers, return_index=True)[1]


def _bare(content: Mapping[str, str]) -> dict[str, str]:
    """A row by its heads, wherever their columns stand."""
    return {key.rpartition("\n")[0] or key: text for key, text in content.items()}


def _voucher(voucher: str) -> str:
    return f"支付凭证号 {voucher}：" if voucher else ""


def _read_fen(cell: object, unit: MoneyUnit) -> int:
    try:
        return read_money(cell, unit).fen
    except NotANumber:
        return 0
