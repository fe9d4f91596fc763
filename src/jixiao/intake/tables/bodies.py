"""The rows under a head: which are data, totals, repeated heads, footers; merged cells filled down."""

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
from jixiao.intake.tables.table import Table, flat

_FOOTER = re.compile(
    r"^(?:注|备注|说明|填表说明|填报说明|附注|填表人|填报人|制表人?|经办人|审核人?|复核人?|单位负责人|部门负责人|财务负责人|"
    r"项目负责人|负责人|联系人|联系电话|填报日期|填表日期|打印日期|打印时间|制表日期|导出时间|数据来源|单位\(?盖章\)?|\(盖章\))\s*\d*\s*[:、]"
    r"|^(?:第\d+页|共\d+页|第\s*\d+\s*页.*)$"
)
_CONTINUED = re.compile(r"^[(]?(?:续表|接上表|接上页|续前表|续上表|续)[)]?[一二三四五六七八九十\d]*[:]?$")
_COLUMN_NUMBER_LABELS = {"栏次", "行次", "列次", "序号", "栏号"}
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


def classify(table: Table, row: Sequence[object]) -> RowClass:
    """What a row under the head is, by its content."""
    filled = [cell for cell in row if not is_blank(cell)]
    if not filled:
        return RowClass.BLANK
    first = flat(filled[0]).replace(" ", "")
    distinct = {cell_text(cell) for cell in filled}
    tests = (
        (RowClass.CONTINUED, len(distinct) == 1 and _CONTINUED.match(first)),
        (RowClass.HEAD, _is_head(table, row)),
        (RowClass.COLUMN_NUMBERS, _is_column_numbers(first, filled)),
        (RowClass.TOTAL, _is_total(table, row, first)),
        (RowClass.FOOTER, _FOOTER.match(first) and len(distinct) <= max(2, len(table.columns) // 2)),
    )
    return next((row_class for row_class, holds in tests if holds), RowClass.DATA)


def is_footer(text: str) -> bool:
    """Whether a line stands below a table: 填表人, 注, a page number."""
    return bool(_FOOTER.match(flat(text).replace(" ", "")))


def _is_head(table: Table, row: Sequence[object]) -> bool:
    same = filled = 0
    for index in table.columns.values():
        cell = row[index] if index < len(row) else None
        if is_blank(cell):
            continue
        filled += 1
        leaf = table.labels.get(index, "").rpartition("\n\n")[2]
        same += isinstance(cell, str) and normalised_label(cell) == normalised_label(leaf)
    return same >= 2 and 2 * same > filled


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
    """Sort the rows under the head into data, totals and the rest, and fill merged cells down."""
    data: list[DataRow] = []
    totals: list[DataRow] = []
    left: dict[RowClass, list[int]] = {}
    filled: dict[str, list[int]] = {}
    ordered = sorted(table.columns, key=lambda name: table.columns[name])
    carried: dict[str, object] = {}
    down = [name for name in ordered if table.map.column(name).fill_down]
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
        for position, name in enumerate(down):
            if not is_blank(cells[name]):
                if carried.get(name) != cells[name]:
                    for following in down[position + 1 :]:
                        carried.pop(following, None)
                carried[name] = cells[name]
            elif name in carried:
                cells[name] = carried[name]
                filled.setdefault(name, []).append(index + 1)
        data.append(DataRow(index + 1, cells, raw))
    return TableBody(tuple(data), tuple(totals), tuple(_body_findings(table, file, left, filled)))


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
    }
    if any(repeated.values()):
        shown = "、".join(f"第 {row_list(numbers)}{what}" for what, numbers in repeated.items() if numbers)
        heads = repeated["重复表头"] or repeated["「续表」"] or repeated["栏次行"]
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
