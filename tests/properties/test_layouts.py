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


# ------------------------------------------------------------------------------------------------ by 科目

# Code and name of each 项, its amounts in 万元, and of what stands above it.
SUBJECTS = (
    ("2060301", "机构运行", "500", "50", "550", "530.5"),
    ("2060302", "社会公益研究", "400", "50", "450", "420"),
    ("2080505", "机关事业单位基本养老保险缴费支出", "80.25", "0", "80.25", "80.25"),
)
NAMES_ABOVE = {
    "206": "科学技术支出",
    "20603": "应用研究",
    "208": "社会保障和就业支出",
    "20805": "行政事业单位养老支出",
}


@dataclass(frozen=True)
class SubjectLayout:
    """How a table by 支出功能分类科目 is laid out. ``code_at``: column, cell, before, steps."""

    code_at: str
    parents: bool
    total: str  # top, bottom, none
    indented: bool
    group: bool
    in_wan: bool
    blank_rows: bool
    page_break: bool
    title_twice: bool
    container: str


SUBJECT_LAYOUTS = st.builds(
    SubjectLayout,
    code_at=st.sampled_from(["column", "cell", "bracket", "steps"]),
    parents=st.booleans(),
    total=st.sampled_from(["top", "bottom", "none"]),
    indented=st.booleans(),
    group=st.booleans(),
    in_wan=st.booleans(),
    blank_rows=st.booleans(),
    page_break=st.booleans(),
    title_twice=st.booleans(),
    container=st.sampled_from(["xlsx", "csv"]),
)


def sums(code: str) -> tuple[str, ...]:
    below = [subject for subject in SUBJECTS if subject[0].startswith(code)]
    return tuple(f"{sum(Decimal(subject[at]) for subject in below):f}" for at in range(2, 6))


def printed_subjects(layout: SubjectLayout) -> list[tuple[str, str, tuple[str, ...]]]:
    """Code, name and amounts of each row, in the order of the print."""
    rows: list[tuple[str, str, tuple[str, ...]]] = []
    seen: set[str] = set()
    for code, name, *amounts in SUBJECTS:
        for above in (code[:3], code[:5]) if layout.parents else ():
            if above not in seen:
                seen.add(above)
                rows.append((above, NAMES_ABOVE[above], sums(above)))
        rows.append((code, name, tuple(amounts)))
    total = [("", "合计", sums(""))]
    return {"top": total + rows, "bottom": rows + total, "none": rows}[layout.total]


def code_cells(layout: SubjectLayout, code: str, name: str) -> list[object]:
    shown = "  " * ((len(code) - 3) // 2) + name if layout.indented and code else name
    if layout.code_at == "column":
        return [code, shown]
    if layout.code_at == "cell":
        return [f"{code} {name}".strip()]
    if layout.code_at == "bracket":
        return [f"[{code}]{name}" if code else name]
    return [code[:3], code[3:5], code[5:], shown]


def subject_rows(layout: SubjectLayout) -> tuple[list[list[object]], list[str]]:
    unit = "万元" if layout.in_wan else "元"
    amounts = ["年初预算数", "上年结转及追加追减", "调整后预算数", "实际支出数"]
    names: dict[str, list[object]] = {
        "column": ["科目编码", "科目名称"],
        "cell": ["科目名称"],
        "bracket": ["支出功能分类科目"],
        "steps": ["支出功能分类科目编码", None, None, "科目名称"],
    }
    first = names[layout.code_at]
    title: list[list[object]] = [[f"{YEAR}年度支出执行情况表"], [f"单位编码：{UNIT}"], [f"单位：{unit}"]]
    merges: list[str] = []
    head: list[list[object]] = [[*first, *amounts]]
    if layout.group or layout.code_at == "steps":
        top = [*first, "金额", None, None, None] if layout.group else [*first, *amounts]
        leaves = ["类", "款", "项", None] if layout.code_at == "steps" else [None] * len(first)
        head = [top, [*leaves, *(amounts if layout.group else [None] * len(amounts))]]
        at = len(first)
        if layout.code_at == "steps":
            merges.append("A4:C4")
        if layout.group:
            merges.append(f"{'ABCDEFGH'[at]}4:{'ABCDEFGH'[at + 3]}4")
    rows = [*title, *head]
    for number, (code, name, values) in enumerate(printed_subjects(layout), start=1):
        money = [Decimal(v) if layout.in_wan else Decimal(v) * 10_000 for v in values]
        rows.append([*code_cells(layout, code, name), *(float(v) for v in money)])
        if layout.blank_rows and number == 2:
            rows.append([None])
        if layout.page_break and number == 2:
            rows += [*([["续表"], *title] if layout.title_twice else []), *(list(line) for line in head)]
    return rows, merges


@given(SUBJECT_LAYOUTS)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_every_layout_by_subject_gives_the_same_lines(layout):
    rows, merges = subject_rows(layout)

    def change(book) -> None:
        for area in merges:
            book.worksheets[0].merge_cells(area)

    width = max(map(len, rows))
    plain = [["" if cell is None else cell for cell in [*row, *[None] * (width - len(row))]] for row in rows]
    blob = xlsx(rows, change=change) if layout.container == "xlsx" else csv_bytes(plain)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"表.{layout.container}"
        path.write_bytes(blob)
        (file,) = read_inbox([path], year=YEAR).files
    assert file.outcome.value in {"accept", "accept_logged"}, [(f.code, f.message) for f in file.findings]
    lines = [row for table in file.tables for row in table.rows if isinstance(row, BudgetLine)]
    read = [
        (x.name, *((a.fen if a else None) for a in (x.original, x.carry_and_adjust, x.adjusted, x.executed)))
        for x in lines
        if x.level
    ]
    assert read == [(name, *(int(Decimal(v) * 1_000_000) for v in amounts)) for _, name, *amounts in SUBJECTS]
    totals = [x.executed.fen for x in lines if not x.level]
    assert totals == ([] if layout.total == "none" else [int(Decimal(sums("")[3]) * 1_000_000)])


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
