"""国库支付明细 → a frame of canonical columns. By column, not by cell: a ledger has a million rows. Neighbour: rows.py.

What matches the plain pattern is converted as a column; only the rest takes the exact path of values.py, cell by cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from jixiao.domain.findings import Finding, Outcome, Severity
from jixiao.domain.money import MoneyUnit, yuan_text
from jixiao.intake.grids.cells import cell_text
from jixiao.intake.grids.grid import CellError, logged
from jixiao.intake.rows.execution import unsupported_unit
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
from jixiao.intake.rows.units import Doubt, UnitFinder
from jixiao.intake.rows.values import Money, NotADate, NotANumber, lost_precision, read_code, read_date, read_money
from jixiao.intake.tables.bodies import RowClass, classify, row_list, skipped_rows
from jixiao.intake.tables.column_maps import CellType
from jixiao.intake.tables.table import Table, money_unit_of

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("unit_code", "voucher_no", "line_name", "amount_fen", "paid_on", "sheet", "row")
_READ_COLUMNS = {"unit_code", "unit_name", "voucher_no", "project_name", "amount", "pay_date", "is_deleted"}
_PLAIN_YUAN = r"-?\d{1,14}(?:\.\d{1,2})?"
_PLAIN_DATE = r"\d{4}-\d{2}-\d{2}"
_DELETED = {"1", "是", "y", "yes", "true", "已删除", "删除"}
_GRAND_TOTALS = ("合计", "总计", "共计", "累计", "总额")
_LISTED_VALUES = 6
# 万元 beside 元: the same figure is 10,000 times as large in the other column.
_UNIT_JUMP = 10_000
_UNIT_JUMP_ROWS = 2


@dataclass
class LedgerRows(Rows):
    """The ledger's frame (COLUMNS) beside what became of its rows."""

    frame: pd.DataFrame | None = None
    total_fen: int | None = None
    unread_amounts: int = 0


@dataclass
class _Cells:
    """The ledger's rows as columns of raw cells; ``numbers`` are the rows' 1-based numbers."""

    numbers: list[int]
    rows: list[Any]
    columns: dict[str, list[object]]
    totals: list[tuple[int, Any]] = field(default_factory=list)


def read_ledger(table: Table, finder: UnitFinder, options: ReadingOptions) -> LedgerRows:
    """Read the ledger of one sheet. Rows of other units are left out where a scope is given."""
    try:
        unit = money_unit_of(table, "amount", options.money_unit)
    except ValueError as error:
        return LedgerRows(findings=[unsupported_unit(table, finder.file, str(error))])
    return _Ledger(table, finder, options, unit).read()


class _Ledger:
    """One sheet of payments while it is read: ``cells`` raw, ``frame`` typed, ``keep`` false for rows left out."""

    def __init__(self, table: Table, finder: UnitFinder, options: ReadingOptions, unit: MoneyUnit) -> None:
        import pandas as pd

        self.table, self.finder, self.options, self.unit = table, finder, options, unit
        self.file = finder.file
        self.out = LedgerRows()
        self.cells = self._cells()
        self.frame = pd.DataFrame({"row": pd.array(self.cells.numbers, dtype="int64")})

    def read(self) -> LedgerRows:
        self.out.findings += self._personal_columns()
        if not self.cells.rows:
            return self.out
        frame = self.frame
        for column in ("unit_code", "voucher_no"):
            frame[column] = self._codes(column)
        frame["unit_name"] = self._texts("unit_name")
        frame["line_name"] = self._texts("project_name")
        if any(finding.outcome is Outcome.REJECT_FILE for finding in self.out.findings):
            return self.out
        self._fill_down()
        if not self._assign_units():
            return self.out
        self._leave_out()
        frame["amount_fen"] = self._money()
        frame["paid_on"] = self._dates(self.options.year)
        self._empty_names()
        self._duplicates()
        self.out.findings += self._mixed_units()
        self._control_totals()
        kept = frame[frame["keep"]].copy()
        kept["sheet"] = self.table.grid.sheet
        self.out.frame = _typed(kept)
        self.out.units = set(kept["unit_code"].unique())
        self.out.total_fen = int(kept["amount_fen"].sum()) if len(kept) else 0
        self.out.control_fen = self.out.total_fen
        return self.out

    def _cells(self) -> _Cells:
        """The rows of data, as columns. Only rows that look odd are classified one by one."""
        first = self.table.head_row + 1
        rows = self.table.grid.rows
        amount_at, name_at = self.table.columns["amount"], self.table.columns["project_name"]
        need = max(amount_at, name_at)
        numbers: list[int] = []
        kept: list[Any] = []
        totals: list[tuple[int, Any]] = []
        left: dict[RowClass, list[int]] = {}
        plain = re.compile(_PLAIN_YUAN).fullmatch
        for index in range(first, len(rows)):
            row = rows[index]
            if (
                len(row) > need
                and row[name_at]
                and row[name_at] not in _GRAND_TOTALS
                and (type(row[amount_at]) is float or _is_plain(row[amount_at], plain))
            ):
                head = row[0]
                if head and (type(head) is not str or head[0].isdigit()):
                    numbers.append(index + 1)
                    kept.append(row)
                    continue
            row_class = classify(self.table, row)
            if row_class is RowClass.DATA:
                numbers.append(index + 1)
                kept.append(row)
            else:
                left.setdefault(row_class, []).append(index + 1)
                if row_class is RowClass.TOTAL:
                    totals.append((index + 1, row))
        self.out.findings += skipped_rows(self.table, self.file, left)
        hidden = sorted(number for number in self.table.grid.hidden_rows if number > first)
        if hidden:
            place = self.table.place(self.file, hidden[0])
            self.out.findings.append(
                Finding(
                    code="HIDDEN_ROWS",
                    severity=Severity.WARNING,
                    place=place,
                    message=f"共 {len(hidden)} 行被隐藏或筛选掉了，仍已读取",
                    fix="如不应计入，请删除这些行后重新导出",
                    outcome=Outcome.ACCEPT_WITH_WARNING,
                )
            )
        columns: dict[str, list[object]] = {}
        for name in _READ_COLUMNS & self.table.columns.keys():
            at = self.table.columns[name]
            columns[name] = [row[at] if at < len(row) else None for row in kept]
        return _Cells(numbers, kept, columns, totals)

    def _personal_columns(self) -> Iterator[Finding]:
        personal = [
            c.name for c in self.table.map.columns if c.cell_type is CellType.PERSONAL and c.name in self.table.columns
        ]
        if personal:
            personal.sort(key=lambda name: self.table.columns[name])
            place = self.table.place(self.file, self.table.head_row + 1, personal[0])
            labels = "、".join(self.table.label(name) for name in personal)
            yield logged(
                "PERSONAL_DATA_DROPPED",
                place,
                f"列「{labels}」含个人信息，未入库",
                "导出时请去掉这些列",
            )

    def _texts(self, column: str) -> list[str]:
        """A column of texts without surrounding white space."""
        raw = self.cells.columns.get(column)
        if raw is None:
            return [""] * len(self.cells.rows)
        return [cell.strip() if type(cell) is str else cell_text(cell) for cell in raw]

    def _codes(self, column: str) -> list[str]:
        """A column of codes as text; numbers are restored, more than 15 digits in a number refuse the file."""
        raw = self.cells.columns.get(column)
        if raw is None:
            return [""] * len(self.cells.rows)
        codes: list[str] = []
        numeric: list[int] = []
        for number, cell in zip(self.cells.numbers, raw, strict=True):
            if type(cell) is str and cell.isalnum() and cell.isascii() and "E" not in cell:
                codes.append(cell)
                continue
            if lost_precision(cell):
                self.out.findings.append(precision_lost(self.table, self.file, number, column, cell))
            code, was_number = read_code(cell)
            codes.append(code)
            if was_number:
                numeric.append(number)
        if numeric and not any(f.code == "CODE_PRECISION_LOST" for f in self.out.findings):
            self.out.findings.append(code_was_number(self.table, self.file, column, numeric))
        return codes

    def _fill_down(self) -> None:
        """单位编码 and 单位名称 of merged cells. Filled together, so that a name never goes with another row's code."""
        present = [column for column in ("unit_code", "unit_name") if column in self.table.columns]
        if not present:
            return
        blank = (self.frame[present] == "").all(axis=1)
        if not blank.any() or blank.all():
            return
        self.frame[present] = self.frame[present].mask(blank).ffill().fillna("")
        first = int(self.frame.loc[blank, "row"].iloc[0])
        place = self.table.place(self.file, first, present[0])
        message = f"「{self.table.label(present[0])}」有 {int(blank.sum())} 个空格（合并单元格），已按上一行补齐"
        self.out.findings.append(logged("FILL_DOWN", place, message))

    def _assign_units(self) -> bool:
        """Set ``unit_code`` and ``keep``; each distinct (code, name) is looked up once. False: nobody knows the unit."""
        self.frame["keep"] = True
        pairs = self.frame[["unit_code", "unit_name"]].drop_duplicates()
        for code, name in pairs.itertuples(index=False):
            whole = not code and not name
            found = self.finder.whole() if whole else self.finder.of_row(code, name)
            if isinstance(found, Doubt) and whole and len(pairs) == 1:
                self.out.findings.append(
                    unknown_unit(self.table.place(self.finder.file, self.table.head_row + 1), found)
                )
                return False
            if found == code:
                continue
            mask = (self.frame["unit_code"] == code) & (self.frame["unit_name"] == name)
            if isinstance(found, Doubt):
                self._reject_unit(mask, found, code or name)
            else:
                self.frame.loc[mask, "unit_code"] = found
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

    def _money(self) -> Any:
        """Amounts in fen. Plain texts and plain numbers as a column, the rest by ``read_money``."""
        import numpy as np
        import pandas as pd

        raw = self.cells.columns["amount"]
        fen = np.zeros(len(raw), dtype="int64")
        texts = pd.Series([_as_typed(cell) for cell in raw], index=self.frame.index, dtype="str")
        plain = texts.str.fullmatch(_PLAIN_YUAN).fillna(False) if self.unit is MoneyUnit.YUAN else texts.isna()
        if plain.any():
            fen[plain.to_numpy()] = _plain_fen(texts[plain]).to_numpy()
        seen: dict[str, list[tuple[int, str, int]]] = {"normalised": [], "negative_style": [], "below_fen": []}
        others = [position for position, done in enumerate(plain.to_numpy()) if not done]
        exact: dict[object, Money] = {}
        values: list[int] = []
        for position in others:
            cell = raw[position]
            try:
                money = exact.get(cell) or exact.setdefault(cell, read_money(cell, self.unit))
            except NotANumber:
                values.append(0)
                self._bad_amount(position, cell)
                continue
            values.append(money.fen)
            for what, rows in seen.items():
                if getattr(money, what):
                    rows.append((self.cells.numbers[position], cell_text(cell), money.fen))
        if others:
            fen[others] = values
        self.out.findings += self._money_remarks(seen)
        return pd.Series(fen, index=self.frame.index)

    def _bad_amount(self, position: int, cell: object) -> None:
        number, unit_code = int(self.frame["row"].iloc[position]), self.frame["unit_code"].iloc[position]
        voucher = _voucher(self.frame["voucher_no"].iloc[position])
        self.out.unread_amounts += 1
        if not self.frame["keep"].iloc[position]:
            return
        self.frame.loc[self.frame.index[position], "keep"] = False
        place = self.table.place(self.file, number, "amount")
        if isinstance(cell, CellError):
            self.out.reject(cell_error(self.table, place, "amount", cell, unit_code))
            return
        shown = cell_text(cell)
        what = f"写的是「{shown}」，不是金额" if shown else "是空的"
        fix = "请填写实际支付金额；没有支付的行请删除"
        message = f"{voucher}「{self.table.label('amount')}」{what}"
        self.out.reject(row_rejected("REQUIRED_VALUE_EMPTY", place, message, fix, unit_code=unit_code, value=shown))

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
        for row, text, fen in seen["below_fen"]:
            place = self.table.place(self.file, row, "amount")
            yield Finding(
                code="SUB_CENT",
                severity=Severity.WARNING,
                place=place,
                message=f"「{self.table.label('amount')}」{text} 有超过分的小数，按 {yuan_text(fen)} 元入账",
                fix="请核对原始金额",
                value=text,
                expected=yuan_text(fen),
                outcome=Outcome.ACCEPT_WITH_WARNING,
            )

    def _dates(self, year: int) -> Any:
        """Payment dates; blanks stay NaT. A date that is none rejects its row, one of another year is a warning."""
        import pandas as pd

        raw = self.cells.columns.get("pay_date", [None] * len(self.cells.rows))
        distinct: dict[object, date | None] = {}
        days: list[date | None] = []
        for position, cell in enumerate(raw):
            if cell not in distinct:
                try:
                    distinct[cell] = read_date(cell) if not isinstance(cell, CellError) else None
                except NotADate:
                    distinct[cell] = None
                    bad = True
                else:
                    bad = isinstance(cell, CellError)
                if bad:
                    bad_rows = [p for p in range(position, len(raw)) if raw[p] == cell]
                    for p in bad_rows:
                        self._bad_date(p, cell)
            days.append(distinct[cell])
        series = pd.Series(pd.to_datetime(pd.Series(days, dtype="object")), index=self.frame.index).astype(
            "datetime64[s]"
        )
        outside = self.frame["keep"] & series.notna() & (series.dt.year != year)
        dated = series[series.notna()]
        if outside.any() and (dated.dt.year != year).all():  # of all rows, those of other units too
            self._another_year(series[outside])
            return series
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
                    unit_code=unit_code,
                    value=day_text,
                    expected=str(year),
                    outcome=Outcome.ACCEPT_WITH_WARNING,
                )
            )
        return series

    def _another_year(self, days: Any) -> None:
        """Not one payment of the year: the file is of another year, one question instead of a warning a row."""
        place = self.table.place(self.file, int(self.frame.loc[days.index[0], "row"]), "pay_date")
        years = "、".join(str(year) for year in sorted(days.dt.year.unique()))
        what = f"「{self.table.label('pay_date')}」全部 {len(days)} 行都在 {years} 年"
        self.out.findings.append(period_mismatch(place, what, said=years, year=self.options.year))

    def _bad_date(self, position: int, cell: object) -> None:
        if not self.frame["keep"].iloc[position]:
            return
        self.frame.loc[self.frame.index[position], "keep"] = False
        place = self.table.place(self.file, int(self.frame["row"].iloc[position]), "pay_date")
        message = f"{_voucher(self.frame['voucher_no'].iloc[position])}「{self.table.label('pay_date')}」{cell_text(cell)} 不是有效日期"
        unit_code = self.frame["unit_code"].iloc[position]
        fix = f"请改成 {self.options.year}-03-15 这样的日期"
        self.out.reject(row_rejected("BAD_DATE", place, message, fix, unit_code=unit_code, value=cell_text(cell)))

    def _empty_names(self) -> None:
        empty = self.frame["keep"] & (self.frame["line_name"] == "")
        for number, unit_code, voucher in self.frame.loc[empty, ["row", "unit_code", "voucher_no"]].itertuples(
            index=False
        ):
            place = self.table.place(self.file, int(number), "project_name")
            message = f"{_voucher(voucher)}「{self.table.label('project_name')}」是空的，无法归入预算行"
            self.out.reject(row_rejected("REQUIRED_VALUE_EMPTY", place, message, "请填写项目名称", unit_code=unit_code))
        self.frame.loc[empty, "keep"] = False

    def _duplicates(self) -> None:
        """A voucher twice with the same content. Several details of one voucher differ in something, and stay."""
        repeated = (
            self.frame["keep"]
            & (self.frame["voucher_no"] != "")
            & self.frame.duplicated(["unit_code", "voucher_no"], keep=False)
        )
        first: dict[tuple[object, ...], int] = {}
        for position in [p for p, again in enumerate(repeated.to_numpy()) if again]:
            content = tuple(cell_text(cell) for cell in self.cells.rows[position])
            number = self.cells.numbers[position]
            if content not in first:
                first[content] = number
                continue
            self.frame.loc[self.frame.index[position], "keep"] = False
            voucher = self.frame["voucher_no"].iloc[position]
            place = self.table.place(self.file, number, "voucher_no")
            message = f"支付凭证号 {voucher} 与第 {first[content]} 行完全相同，重复"
            unit_code = self.frame["unit_code"].iloc[position]
            self.out.reject(
                row_rejected("DUPLICATE_KEY", place, message, "请删除重复的行", unit_code=unit_code, value=voucher)
            )

    def _mixed_units(self) -> Iterator[Finding]:
        """An amount in 万元 beside an unlabelled column of the same figures in 元: which one is meant?"""
        if self.unit is not MoneyUnit.WAN or "amount" not in self.table.column_units:
            return
        known = set(self.table.columns.values())
        for index, label in self.table.labels.items():
            if index in known or re.search(r"[(（\[].*元", label):
                continue
            pairs = [
                (row[self.table.columns["amount"]], row[index])
                for row in self.cells.rows
                if index < len(row) and isinstance(row[index], float) and row[index]
            ]
            jumps = sum(_read_fen(a, MoneyUnit.YUAN) * _UNIT_JUMP == _read_fen(b, MoneyUnit.YUAN) for a, b in pairs)
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
        if self.out.unread_amounts:
            return
        since = 0
        amounts, numbers = self.frame["amount_fen"], self.frame["row"]
        for number, row in self.cells.totals:
            text = (
                "".join(cell_text(cell) for cell in row if isinstance(cell, str)).replace(" ", "").replace("\u3000", "")
            )
            try:
                printed = read_money(self.table.cell(row, "amount"), self.unit)
            except NotANumber:
                continue
            above = numbers < number
            candidates = [above, above & (numbers > since)]
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
        """Rows marked as deleted, and rows of units outside the scope."""
        flags = self.cells.columns.get("is_deleted")
        if flags is not None:
            deleted = [cell_text(flag).casefold() in _DELETED for flag in flags]
            numbers = [number for number, gone in zip(self.cells.numbers, deleted, strict=True) if gone]
            if numbers:
                place = self.table.place(self.file, numbers[0], "is_deleted")
                message = f"共 {len(numbers)} 行标为已删除，未计入"
                self.out.findings.append(logged("ROWS_EXCLUDED", place, message))
                self.out.excluded += len(numbers)
                self.frame.loc[deleted, "keep"] = False
        if not self.options.scope:
            return
        outside = self.frame["keep"] & ~self.frame["unit_code"].isin(list(self.options.scope))
        for code, rows in self.frame[outside].groupby("unit_code")["row"]:
            self.out.outside.add(str(code))
            self.out.findings.append(rows_excluded(self.table, self.file, str(code), [int(number) for number in rows]))
        self.out.excluded += int(outside.sum())
        self.frame.loc[outside, "keep"] = False


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    kept = frame[list(COLUMNS)].reset_index(drop=True)
    return kept.astype({"amount_fen": "int64", "row": "int64", "paid_on": "datetime64[s]"})


def _as_typed(cell: object) -> str:
    """A text, or the shortest text of a number: what was typed. Anything else takes the exact path."""
    if type(cell) is float:
        text = repr(cell)
        return text.removesuffix(".0") if len(text) <= _EXACT_DIGITS else ""
    return cell if isinstance(cell, str) else ""


# Excel keeps 15 digits; with sign and point, a longer text shows the noise of the binary form.
_EXACT_DIGITS = 16


def _is_plain(cell: object, plain: Callable[[str], object]) -> bool:
    return isinstance(cell, str) and plain(cell) is not None


def _voucher(voucher: str) -> str:
    return f"支付凭证号 {voucher}：" if voucher else ""


def _plain_fen(texts: pd.Series[str]) -> Any:
    """``-310.5`` → -31050, by text: no float, no decimal."""
    negative = texts.str.startswith("-")
    parts = texts.str.lstrip("-").str.partition(".")
    whole = (parts[0] + parts[2].str.pad(2, side="right", fillchar="0")).astype("int64")
    return whole.where(~negative, -whole)


def _read_fen(cell: object, unit: MoneyUnit) -> int:
    try:
        return read_money(cell, unit).fen
    except NotANumber:
        return 0
