"""The rows under a head: which are data, totals, repeated heads, footers; merged cells filled down, texts cleaned."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from jixiao.domain.books import Kind
from jixiao.domain.findings import Finding, Outcome, Severity
from jixiao.intake.grids.cells import cell_text
from jixiao.intake.grids.grid import is_blank, logged
from jixiao.intake.tables.column_maps import (
    CellType,
    normalised_label,
)
from jixiao.intake.tables.table import PRINTED_MONEY_UNITS, Table, flat

_FOOTER = re.compile(
    r"^(?:注|备注|说明|填表说明|填报说明|附注|填表人|填报人|制表人?|经办人|审核人?|复核人?|单位负责人|部门负责人|财务负责人|"
    r"项目负责人|负责人|联系人|联系电话|填报日期|填表日期|打印日期|打印时间|制表日期|导出时间|数据来源|单位\(?盖章\)?|\(盖章\))\s*\d*\s*[:、]"
    r"|^(?:第\d+页|共\d+页|第\s*\d+\s*页.*)$"
)
_CONTINUED = re.compile(r"^[(]?(?:续表|接上表|接上页|续前表|续上表|续)[)]?[一二三四五六七八九十\d]*[:]?$")
_COLUMN_NUMBER_LABELS = {"栏次", "行次", "列次", "序号", "栏号"}
_CONTINUED_TITLE = re.compile(r"[(]?(?:续表?|接上[表页])[)]?[一二三四五六七八九十\d]*$")
_UNIT_WORDS = PRINTED_MONEY_UNITS | {"%", "‰", "个", "人", "项", "辆", "台", "天", "单位", "计量单位", "—", "-", "/"}
_UNIT_OF_CELL = re.compile(r"[(\[]?(?:(?:金额|计量|货币)?单位:?)?(?:人民币)?(?P<unit>[^()\[\]:]{1,4})[)\]]?")
_TITLE_CELLS_MOST = 3
# Rows of these tables have an amount and a name: a text alone among them belongs to no row.
_KINDS_OF_FULL_ROWS = frozenset({Kind.PAYMENTS, Kind.BUDGET_ADJUSTMENTS})
_WORDS = re.compile(r"[\u4e00-\u9fff]{4}")
# An amount in whatever style: 1,200.50, ￥12, （3）, 12万元.
_FIGURE = re.compile(r"[^\w:]*\d[\d,. ]*[^\w:]*(?:万元|元)?[^\w:]*")
_TOTAL_LABEL = re.compile(
    r"^(?:本页|本表|全部|金额|支付|分值)?(?:合计|总计|小计|累计|总分|共计|总得分)(?:金额|数|分)?[:]?$"
)


class RowClass(StrEnum):
    """What a row under the head is."""

    DATA = "data"
    BLANK = "blank"
    HEAD = "head"
    COLUMN_NUMBERS = "column_numbers"
    CONTINUED = "continued"
    FOOTER = "footer"
    TOTAL = "total"
    TITLE = "title"
    UNITS = "units"


def classify(table: Table, row: Sequence[object]) -> RowClass:
    """What a row under the head is, by its content."""
    row = row[: table.width] if table.derived else row
    filled = [cell for cell in row if not is_blank(cell)]
    if not filled:
        return RowClass.BLANK
    first = flat(filled[0]).replace(" ", "")
    distinct = {cell_text(cell) for cell in filled}
    tests = (
        (RowClass.CONTINUED, len(distinct) == 1 and _CONTINUED.match(first)),
        (RowClass.HEAD, _is_head(table, row)),
        (RowClass.COLUMN_NUMBERS, _is_column_numbers(first, filled)),
        (RowClass.UNITS, bool(units_of_row(row))),
        (RowClass.TITLE, len(distinct) <= _TITLE_CELLS_MOST and _is_title(table, filled)),
        (RowClass.FOOTER, len(distinct) == 1 and _is_lone_text(table, row, first)),
        (RowClass.TOTAL, _is_total(table, row, first)),
        (RowClass.FOOTER, bool(_FOOTER.match(first)) and _is_foot(table, row, filled)),
    )
    return next((row_class for row_class, holds in tests if holds), RowClass.DATA)


def units_of_row(row: Sequence[object]) -> dict[int, str]:
    """元 | 元 | %: the money unit of each column that a row of units alone states, ``""`` for other units; else empty."""
    units: dict[int, str] = {}
    for at, cell in enumerate(row):
        if is_blank(cell):
            continue
        found = _UNIT_OF_CELL.fullmatch(flat(cell).replace(" ", "")) if isinstance(cell, str) else None
        if not found or found["unit"] not in _UNIT_WORDS:
            return {}
        units[at] = found["unit"] if found["unit"] in PRINTED_MONEY_UNITS else ""
    return units


def _is_title(table: Table, filled: Sequence[object]) -> bool:
    """Whether a row repeats lines of the title, as each page of a print does."""
    said = set(table.title.texts[1:])
    return bool(said) and all(
        isinstance(cell, str) and (flat(cell) in said or _CONTINUED_TITLE.sub("", flat(cell)).strip() in said)
        for cell in filled
    )


def _is_lone_text(table: Table, row: Sequence[object], first: str) -> bool:
    """Whether the one text of a row among payments or 指标 is a title or a note: it is no name, code or amount of theirs."""
    if table.kind not in _KINDS_OF_FULL_ROWS or not _WORDS.search(first):
        return False
    return all(is_blank(table.cell(row, name)) for name in ("project_name", "line_name", "unit_name", "amount"))


def _is_foot(table: Table, row: Sequence[object], filled: Sequence[object]) -> bool:
    """Whether a row that begins like a foot is one: 填表人 | 审核人 | 日期, or a note; a row with amounts is none."""
    if any(_is_figure(table.cell(row, name)) for name in _money_columns(table)):
        return False
    return len({cell_text(cell) for cell in filled}) <= max(2, len(table.columns) // 2) or all(
        isinstance(cell, str) and (_FOOTER.match(flat(cell).replace(" ", "")) or ":" in flat(cell)) for cell in filled
    )


def _is_figure(cell: object) -> bool:
    return (isinstance(cell, (int, float)) and not isinstance(cell, bool)) or (
        isinstance(cell, str) and bool(_FIGURE.fullmatch(flat(cell)))
    )


def _money_columns(table: Table) -> list[str]:
    return [name for name in table.columns if table.map.column(name).cell_type is CellType.MONEY]


def is_footer(text: str) -> bool:
    """Whether a line stands below a table: 填表人, 注, a page number."""
    return bool(_FOOTER.match(flat(text).replace(" ", "")))


def _is_head(table: Table, row: Sequence[object]) -> bool:
    """Whether a row repeats one of the rows of the head."""
    texts = {at: normalised_label(cell) for at, cell in enumerate(row) if not is_blank(cell)}
    for head in table.head_texts:
        same = sum(bool(text) and head.get(at) == text for at, text in texts.items())
        if same and (same == len(texts) == len(head) or (same >= 2 and 2 * same > len(texts))):
            return True
    return False


def _is_column_numbers(first: str, filled: list[object]) -> bool:
    """栏次 | 1 | 2 | 3, or 甲 | 1 | 2 | 3=1+2."""
    texts = [re.sub(r"\s", "", unicodedata.normalize("NFKC", cell_text(cell))) for cell in filled]
    numbers = [text for text in texts if re.fullmatch(r"\d{1,2}|[甲乙丙丁戊]|[A-Z]|\d{1,2}=[\d+\-*/×÷()%]+", text)]
    if first in _COLUMN_NUMBER_LABELS:
        return len(numbers) >= len(texts) - 1 and len(texts) > 1
    counted = [int(text) for text in numbers if text.isdecimal()]
    return (
        len(texts) >= 3
        and len(numbers) == len(texts)
        and len(counted) >= 2
        and all(a < b for a, b in pairwise(counted))
        and counted[0] <= 2
        and counted[-1] <= counted[0] + len(texts) + 1  # a blank column may have been counted
    )


def _is_total(table: Table, row: Sequence[object], first: str) -> bool:
    """A total stands in the first filled cell, or where the name of a row should stand."""
    names = [first]
    for column in ("project_name", "name", "label", "level1", "voucher_no"):
        cell = table.cell(row, column)
        if isinstance(cell, str):
            names.append(flat(cell).replace(" ", ""))
    if table.kind is Kind.BUDGET_EXECUTION:
        return flat(table.cell(row, "line_name")).replace(" ", "") in {"小计", "本页小计", "本页合计"}
    return any(_TOTAL_LABEL.match(name) for name in names)


@dataclass(frozen=True)
class DataRow:
    """One row of data: its 1-based number and cells by canonical column, filled down where the map says so."""

    number: int
    cells: dict[str, object]
    raw: Sequence[object]

    def text(self, column: str) -> str:
        return cell_text(self.cells.get(column))


@dataclass(frozen=True)
class TableBody:
    """The rows under a head, sorted out, and the remarks on what was left aside."""

    rows: tuple[DataRow, ...]
    totals: tuple[DataRow, ...]
    findings: tuple[Finding, ...]


def body(table: Table, file: str) -> TableBody:
    """Sort the rows under the head into data, totals and the rest, fill merged cells down, and clean codes and names."""
    data: list[DataRow] = []
    totals: list[DataRow] = []
    left: dict[RowClass, list[int]] = {}
    ordered = sorted(table.columns, key=lambda name: table.columns[name])
    filling = _Filling(table, [name for name in ordered if table.map.column(name).fill_down])
    cleaning = _Cleaning(table, ordered)
    for index in range(table.head_row + 1, len(table.grid.rows)):
        raw = table.grid.rows[index]
        row_class = classify(table, raw)
        if row_class not in {RowClass.DATA, RowClass.TOTAL}:
            left.setdefault(row_class, []).append(index + 1)
            continue
        cells = {
            name: table.cell(raw, name) for name in ordered if table.map.column(name).cell_type != CellType.PERSONAL
        }
        if row_class is RowClass.TOTAL:
            left.setdefault(row_class, []).append(index + 1)
            totals.append(DataRow(index + 1, cells, raw))
            continue
        filling.fill(index, cells)
        cleaning.clean(index, cells)
        data.append(DataRow(index + 1, cells, raw))
    findings = [*_body_findings(table, file, left, filling.filled), *cleaning.findings(file)]
    return TableBody(tuple(data), tuple(totals), tuple(findings))


class _Filling:
    """Fills the code and name of merged cells down: by the merged ranges of a column, where it has none by its blanks."""

    def __init__(self, table: Table, down: Sequence[str]) -> None:
        self._down = down
        self._carried: dict[str, object] = {}
        self.filled: dict[str, list[int]] = {}
        # Column → the 0-based rows that belong to a merged cell above; None where the sheet does not say.
        self._merged: dict[str, set[int] | None] = {}
        for name in down:
            at = table.column_at(name)
            areas = [a for a in table.grid.merged if a[1] <= at <= a[3] and a[2] > a[0] and a[2] > table.head_row]
            rows = {row for first, _, last, _ in areas for row in range(first + 1, last + 1)}
            self._merged[name] = rows if areas else None

    def fill(self, index: int, cells: dict[str, object]) -> None:
        """Fill the blanks of one row of data."""
        for position, name in enumerate(self._down):
            if not is_blank(cells[name]):
                if self._carried.get(name) != cells[name]:
                    for following in self._down[position + 1 :]:
                        self._carried.pop(following, None)
                self._carried[name] = cells[name]
                continue
            merged = self._merged[name]
            if name in self._carried and (merged is None or index in merged):
                cells[name] = self._carried[name]
                self.filled.setdefault(name, []).append(index + 1)


_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"))
_BREAKS = re.compile(r"[\t\r\n\v\f\xa0\u2028\u2029]+")
# A line break between two Chinese characters is layout, between two words it stands for a blank.
_BREAK_IN_CHINESE = re.compile(
    r"(?<=[\u3000-\u9fff\uff00-\uffef])[\t\r\n\v\f\xa0\u2028\u2029]+(?=[\u3000-\u9fff\uff00-\uffef])"
)


def clean_name(text: str) -> str:
    """A name without what people do not see: zero-width marks, line breaks, blanks that never break, blanks at its end."""
    shown = _BREAK_IN_CHINESE.sub("", text.translate(_UNSEEN).strip())
    return _BREAKS.sub(" ", shown).strip()


def clean_code(text: str) -> str:
    """A code without blanks and zero-width marks, its full-width letters and digits as plain ones."""
    return "".join(unicodedata.normalize("NFKC", text.translate(_UNSEEN)).split())


class _Cleaning:
    """Cleans codes and names, and remembers what was changed."""

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        self._table = table
        kinds = {CellType.CODE: clean_code, CellType.NAME: clean_name}
        self._how = {
            name: kinds[table.map.column(name).cell_type]
            for name in columns
            if table.map.column(name).cell_type in kinds
        }
        self._changed: dict[str, list[tuple[int, str]]] = {}

    def clean(self, index: int, cells: dict[str, object]) -> None:
        """Clean the cells of one row of data."""
        for name, how in self._how.items():
            cell = cells.get(name)
            if not isinstance(cell, str) or is_blank(cell):
                continue
            clean = how(cell)
            # Blanks before a name are its indentation.
            if clean != (cell.lstrip() if how is clean_name else cell):
                self._changed.setdefault(name, []).append((index + 1, cell))
            cells[name] = clean

    def findings(self, file: str) -> Iterator[Finding]:
        """One remark a column: how many cells, and the first one."""
        for name, changed in self._changed.items():
            number, before = changed[0]
            message = (
                f"「{self._table.label(name)}」有 {len(changed)} 格含全角字符、多余空格、换行或看不见的字符，已规范"
                f"（如第 {number} 行，已改为「{self._how[name](before)}」）"
            )
            yield logged("TEXT_NORMALISED", self._table.place(file, number, name), message, value=before)


def _body_findings(
    table: Table, file: str, left: dict[RowClass, list[int]], filled: dict[str, list[int]]
) -> Iterator[Finding]:
    yield from skipped_rows(table, file, left)
    for name, numbers in filled.items():
        place = table.place(file, numbers[0], name)
        message = f"「{table.label(name)}」有 {len(numbers)} 个空格（合并单元格），已按上一行补齐"
        yield logged("FILL_DOWN", place, message)
    hidden = sorted(number for number in table.grid.hidden_rows if number > table.head_row + 1)
    if hidden:
        place = table.place(file, hidden[0])
        yield Finding(
            code="HIDDEN_ROWS",
            severity=Severity.WARNING,
            place=place,
            message=f"共 {len(hidden)} 行被隐藏或筛选掉了，仍已读取",
            fix="如不应计入，请删除这些行后重新导出",
            outcome=Outcome.ACCEPT_WITH_WARNING,
        )


def skipped_rows(table: Table, file: str, left: dict[RowClass, list[int]]) -> Iterator[Finding]:
    """The remarks on repeated heads and totals, one of each a table."""
    repeated = {
        "栏次行": left.get(RowClass.COLUMN_NUMBERS, []),
        "「续表」": left.get(RowClass.CONTINUED, []),
        "重复表头": left.get(RowClass.HEAD, []),
        "标题行": left.get(RowClass.TITLE, []),
        "单位行": left.get(RowClass.UNITS, []),
    }
    if any(repeated.values()):
        shown = "、".join(f"第 {row_list(numbers)}{what}" for what, numbers in repeated.items() if numbers)
        order = ("重复表头", "「续表」", "栏次行", "标题行", "单位行")
        heads = next(repeated[what] for what in order if repeated[what])
        yield logged("REPEATED_HEADER", table.place(file, heads[0]), f"{shown}已跳过")
    totals = left.get(RowClass.TOTAL, [])
    if totals:
        where = f"（第 {row_list(totals)}）" if len(totals) > 1 else ""
        message = f"合计（小计）行{where}只作核对，不计入数据"
        yield logged("TOTAL_ROW_SKIPPED", table.place(file, totals[0]), message)


_LISTED_ROWS = 8


def row_list(numbers: Sequence[int]) -> str:
    """``2、5、9 等 12 行``: row numbers for a message."""
    shown = "、".join(str(number) for number in numbers[:_LISTED_ROWS])
    return f"{shown} 行" if len(numbers) <= _LISTED_ROWS else f"{shown} 等 {len(numbers)} 行"
