"""One 预算执行情况表 in many layouts gives one and the same set of rows.

Hypothesis draws the layout: title lines, heads in one to three levels, order of columns, 元 or 万元, 类款项 above, totals,
blank rows and columns, hidden rows, notes, numbered columns and rows, repeated heads, and the container.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jixiao.domain.books import BudgetLine
from jixiao.intake import read_inbox
from tests.fixtures.damage import UNIT, YEAR, csv_bytes, html, xlsx, xml_2003

# Name, level, and the four amounts in 万元, exact to the fen.
LINES = (
    ("预算总金额", 0, "300", "20", "320", "304.0125"),
    ("基本支出", 1, "200", "20", "220", "214.0125"),
    ("人员经费", 2, "180", "15", "195", "190.01"),
    ("公用经费", 2, "20", "5", "25", "24.0025"),
    ("项目支出", 1, "100", "0", "100", "90"),
    ("网络运行维护", 2, "60", "0", "60", "56"),
    ("设备购置", 2, "40", "0", "40", "34"),
)
HEADS = {
    "line_name": ("项目", "项目名称", "预 算 项 目"),
    "original": ("年初预算数", "年初预算", "年初部门预算数"),
    "carry_and_adjust": ("上年结转及追加追减", "追加追减数"),
    "adjusted": ("调整后预算数", "全年预算数", "调整后预算"),
    "executed": ("实际支出数", "全年执行数", "执行数"),
    "reported_rate": ("执行率", "预算执行率"),
}
AMOUNTS = ("original", "carry_and_adjust", "adjusted", "executed")


@dataclass(frozen=True)
class Layout:
    """How one table is laid out."""

    order: tuple[str, ...]
    names: tuple[int, ...]
    in_wan: bool
    unit_at: str  # title, head, row, note
    titles: int
    levels: int
    numbered_rows: bool
    blank_column: bool
    blank_rows: bool
    numbered_columns: bool
    repeated: bool
    hidden: bool
    note: bool
    thousands: bool
    container: str


LAYOUTS = st.builds(
    Layout,
    order=st.permutations(tuple(HEADS)).map(tuple),
    names=st.tuples(*[st.integers(0, 2)] * len(HEADS)),
    in_wan=st.booleans(),
    unit_at=st.sampled_from(["title", "head", "row", "note"]),
    titles=st.integers(1, 4),
    levels=st.integers(1, 3),
    numbered_rows=st.booleans(),
    blank_column=st.booleans(),
    blank_rows=st.booleans(),
    numbered_columns=st.booleans(),
    repeated=st.booleans(),
    hidden=st.booleans(),
    note=st.booleans(),
    thousands=st.booleans(),
    container=st.sampled_from(["xlsx", "csv", "html", "xml"]),
)


def amount(text: str, layout: Layout) -> object:
    value = Decimal(text) if layout.in_wan else Decimal(text) * 10_000
    if layout.thousands and not layout.in_wan:
        return f"{value:,.2f}"
    return float(value) if layout.container == "xlsx" else f"{value:f}"


def rate(line: tuple[str, ...]) -> str:
    return f"{Decimal(line[5]) * 100 / Decimal(line[4]):.2f}%"


def rows_of(layout: Layout) -> tuple[list[list[object]], list[str], list[int]]:  # noqa: C901 - one branch a feature
    """The rows of the sheet, its merged ranges, and its hidden rows."""
    unit = "万元" if layout.in_wan else "元"
    columns: list[str | None] = list(layout.order)
    if layout.numbered_rows:
        columns.insert(0, "number")
    if layout.blank_column:
        columns.insert(2, None)
    rows: list[list[object]] = [[f"{YEAR}年度部门预算执行情况表"]]
    rows += [[f"单位编码：{UNIT}  单位名称：某市技术服务中心"], [f"填报日期：{YEAR + 1}-01-15"], [None]][
        : layout.titles - 1
    ]
    if layout.titles == 1:
        rows[0] = [f"单位编码：{UNIT} {YEAR}年度部门预算执行情况表"]
    if layout.unit_at == "title":
        rows.append([None, None, f"金额单位：{unit}"])
    labels: list[str] = []
    for column in columns:
        if column is None or column == "number":
            labels.append("序号" if column else "")
            continue
        choices = HEADS[column]
        label = choices[layout.names[list(HEADS).index(column)] % len(choices)]
        labels.append(f"{label}（{unit}）" if layout.unit_at == "head" and column in AMOUNTS else label)
    merges = _head(rows, labels, columns, layout)
    if layout.unit_at == "row":
        rows.append([unit if column in AMOUNTS else "%" if column == "reported_rate" else None for column in columns])
    if layout.numbered_columns:
        rows.append([f"{n}" if column else None for n, column in enumerate(columns, start=1)])
    hidden = []
    for number, line in enumerate(LINES, start=1):
        values = dict(zip(AMOUNTS, line[2:], strict=True))
        cells = {"number": str(number), "line_name": line[0], "reported_rate": rate(line)}
        row = [amount(values[c], layout) if c in values else cells.get(c or "") for c in columns]
        rows.append(row)
        if layout.hidden and number == 6:
            hidden.append(len(rows))
        if layout.blank_rows and number in {3, 5}:
            rows.append([None] * len(columns))
        if layout.repeated and number == 4:
            rows.append(list(labels))
    if layout.note or layout.unit_at == "note":
        rows += [[None], [f"注：本表金额单位为{unit}。"], ["填表人：          审核人："]]
    return rows, merges, hidden


def _head(rows: list[list[object]], labels: list[str], columns: list[str | None], layout: Layout) -> list[str]:
    """One to three head rows. Groups stand over neighbouring amounts alone; the other heads are merged downwards."""
    from openpyxl.utils import get_column_letter

    if layout.levels == 1 or layout.container in {"html", "xml"}:
        rows.append(list(labels))
        return []
    first = len(rows) + 1
    groups = ["资金情况", "预算资金情况"][: layout.levels - 1]
    merges = []
    for depth, group in enumerate(groups):
        rows.append(
            [
                group if c in AMOUNTS else (label if depth == 0 else None)
                for c, label in zip(columns, labels, strict=True)
            ]
        )
        at = 0
        while at < len(columns):
            end = at
            while end + 1 < len(columns) and columns[at] in AMOUNTS and columns[end + 1] in AMOUNTS:
                end += 1
            if end > at:
                merges.append(f"{get_column_letter(at + 1)}{first + depth}:{get_column_letter(end + 1)}{first + depth}")
                for inner in range(at + 1, end + 1):
                    rows[-1][inner] = None
            at = end + 1
    rows.append([label if c in AMOUNTS else None for c, label in zip(columns, labels, strict=True)])
    for at, column in enumerate(columns, start=1):
        if column is not None and column not in AMOUNTS:
            letter = get_column_letter(at)
            merges.append(f"{letter}{first}:{letter}{first + layout.levels - 1}")
    return merges


def content(layout: Layout) -> tuple[str, bytes]:
    rows, merges, hidden = rows_of(layout)

    def change(book) -> None:
        sheet = book.worksheets[0]
        for area in merges:
            sheet.merge_cells(area)
        for row in hidden:
            sheet.row_dimensions[row].hidden = True

    if layout.container == "xlsx":
        return "表.xlsx", xlsx(rows, change=change)
    width = max(map(len, rows))
    plain = [["" if cell is None else cell for cell in [*row, *[None] * (width - len(row))]] for row in rows]
    make = {"csv": csv_bytes, "html": html, "xml": xml_2003}[layout.container]
    return f"表.{'csv' if layout.container == 'csv' else 'xls'}", make(plain)


@given(LAYOUTS)
@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_every_layout_gives_the_same_rows(layout):
    name, blob = content(layout)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(blob)
        (file,) = read_inbox([path], year=YEAR).files
    assert file.outcome.value in {"accept", "accept_logged", "accept_with_warning"}, [
        (f.code, f.message) for f in file.findings
    ]
    read = [row for table in file.tables for row in table.rows if isinstance(row, BudgetLine)]
    assert [
        (
            x.name,
            x.level,
            *((a.fen if a else None) for a in (x.original, x.carry_and_adjust, x.adjusted, x.executed)),
            x.reported_rate,
        )
        for x in read
    ] == [(line[0], line[1], *(int(Decimal(text) * 1_000_000) for text in line[2:]), rate(line)) for line in LINES]


def test_the_layouts_drawn_are_many():
    seen = set()

    @given(LAYOUTS)
    @settings(max_examples=50, derandomize=True, database=None)
    def collect(layout):
        seen.add(layout)

    collect()
    assert len(seen) >= 12


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_a_head_of_one_to_three_levels_is_found(levels):
    layout = Layout(
        tuple(HEADS), (0,) * 6, True, "title", 3, levels, True, False, False, True, True, True, True, False, "xlsx"
    )
    name, blob = content(layout)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(blob)
        (file,) = read_inbox([path], year=YEAR).files
    assert file.rows_accepted == len(LINES)
