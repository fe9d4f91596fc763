"""Forms: 绩效自评表, 绩效目标申报表, 绩效运行监控表 on a sheet, found by what their labels say (form_labels.csv).

A form is no table of rows alike: blocks stand one above the other, each with its label at the left. A block is known by
its words, never by where it stands, so that a province may order and name them as it likes. The blocks themselves:
form_blocks.py. Typed rows: rows/forms.py.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace

from jixiao.domain.books import Kind
from jixiao.domain.findings import Place
from jixiao.intake.grids.grid import Grid, column_letter
from jixiao.intake.tables.bodies import is_footer
from jixiao.intake.tables.form_blocks import (
    FieldCell,
    FormSheet,
    FundBlock,
    IndicatorBlock,
    fields_in_text,
    fields_of,
    fund_block,
    goal_texts,
    indicator_block,
    is_field,
    total_cells,
)
from jixiao.intake.tables.form_labels import compact, named
from jixiao.intake.tables.table import Title
from jixiao.intake.tables.titles import title_of

# What a longer sheet begins with decides whether it can hold forms: no block of a form starts deeper.
_SIGNS_WITHIN_ROWS = 200
# Some five hundred forms below each other; a longer sheet is a ledger.
_ROWS_MOST = 20_000
_TITLE_ROWS_MOST = 6
_TITLE_CELLS_MOST = 2
_TITLE_END = re.compile(r"(?:表|表\)|情况|公开|\d{4}年度?\)?)$")
_YEAR_IN_BRACKETS = re.compile(r"[(\[](20\d{2})年度?[)\]]")
_YEAR = re.compile(r"20\d{2}")
_MONTHS = re.compile(r"\d{1,2}[-—~至到]\d{1,2}月")
_WATCHED = frozenset({"likely_yes", "likely_maybe", "likely_no", "forecast_value"})


@dataclass(frozen=True)
class FormTable:
    """One form on a sheet, its blocks found. ``fields`` by canonical name of the head, ``texts`` of goals and closing.

    ``title`` is what the lines above the head say; ``totals`` are weight, score and grade of 总分.
    """

    kind: Kind
    grid: Grid
    title: Title
    first_row: int
    last_row: int
    fields: dict[str, FieldCell]
    texts: dict[str, str]
    fund: FundBlock | None
    indicators: IndicatorBlock | None
    totals: dict[str, FieldCell]

    def place(self, file: str, row: int, column: int | None = None) -> Place:
        """The place of a 0-based row, and of a 0-based column."""
        return Place(file, self.grid.sheet, row + 1, "" if column is None else column_letter(column))


def find_forms(grid: Grid) -> list[FormTable]:
    """All forms of a sheet, in their order; none where the sheet is a plain table."""
    if not len(grid.rows) or len(grid.rows) > _ROWS_MOST:
        return []
    sheet = FormSheet(grid)
    return [form for span in _spans(sheet) if (form := _form(sheet, span)) is not None]


@dataclass
class _Span:
    """The rows of one form, and where its blocks begin."""

    first: int
    last: int
    events: dict[str, list[int]]


def _spans(sheet: FormSheet) -> list[_Span]:
    """The forms of a sheet. A block that a form has already begins the next one."""
    spans: list[_Span] = []
    current = _Span(0, 0, {})
    latest = ""
    for row in range(len(sheet.rows)):
        if row == _SIGNS_WITHIN_ROWS and not spans and not current.events.keys() & {"goal", "indicators"}:
            return []
        event = sheet.event(row)
        blocks = current.events.keys() - {"head"}
        if not event or (event == "head" and blocks and sheet.is_signed(row)):
            continue
        if "indicators" in blocks and event in {"fund", "goal"} and not sheet.is_headed(row):
            continue  # an indicator about the budget, not the budget
        if _begins_another(sheet, current, event, row, latest):
            start = _title_start(sheet, row, current.first)
            spans.append(_Span(current.first, start - 1, current.events))
            current = _Span(start, 0, {})
        current.events.setdefault(event, []).append(row)
        latest = event
    if current.events.keys() - {"head"} or not spans:
        spans.append(_Span(current.first, len(sheet.rows) - 1, current.events))
    else:  # 填报单位：… below the last form
        spans[-1].last = len(sheet.rows) - 1
    return spans


def _begins_another(sheet: FormSheet, current: _Span, event: str, row: int, latest: str) -> bool:
    """Whether a block can be none of the form that is under way."""
    known = current.events.keys() - {"head"}
    if event == "head":
        return bool(known)
    if event == "indicators":
        return event in known and not _same_head(sheet, current.events[event][0], row)
    # Blocks in any order are still of one form; so are fund rows and goals that follow their like.
    return event in known and event != latest


def _same_head(sheet: FormSheet, one: int, other: int) -> bool:
    """Whether an indicator head is the repeated one of a page break."""
    a, b = sheet.indicator_head(one), sheet.indicator_head(other)
    return bool(a and b and a.columns == b.columns)


def _title_start(sheet: FormSheet, row: int, floor: int) -> int:
    """The first title line above a form that is not the first of its sheet."""
    first = row
    for above in range(row - 1, max(floor, row - _TITLE_ROWS_MOST) - 1, -1):
        if not sheet.filled[above]:
            first = above
            continue
        text = sheet.first(above)
        is_foot = is_footer(text) or sheet.is_signed(above)
        if is_foot and above > floor and _is_title(sheet, above - 1):
            first = above  # 填报单位：…  填报人：… between the title and the head
            continue
        if (
            is_foot
            or sheet.distinct(above) > _TITLE_CELLS_MOST
            or sheet.event(above)
            or named("closing", text)
            or named("total", text)
        ):
            break
        first = above
    return first


def _is_title(sheet: FormSheet, row: int) -> bool:
    text = unicodedata.normalize("NFKC", sheet.first(row))
    return sheet.distinct(row) == 1 and bool(_TITLE_END.search(text)) and not is_footer(text)


def _form(sheet: FormSheet, span: _Span) -> FormTable | None:
    """The form of a span; None where it is a plain table of indicators or of budget lines."""
    events = span.events
    body = min((rows[0] for name, rows in events.items() if name != "head"), default=span.last + 1)
    fields = _fields(sheet, span, body)
    indicators, totals, texts = indicator_block(sheet, events.get("indicators", []), span.last)
    fund = fund_block(sheet, events.get("fund", []), span.last, events)
    has_project = bool(fields.get("project") and (fields["project"].text or fund))
    is_form = ("indicators" in events or "goal" in events) and (fund is not None or "goal" in events or has_project)
    # A plain 自评表 of the whole unit states its unit in a title line; the form has a cell for it, and a 总分.
    unit = fields.get("unit")
    in_its_cell = unit is not None and sheet.at(unit.row, unit.column) == unit.text
    points_of_the_unit = in_its_cell and indicators is not None and "score" in indicators.columns and bool(totals)
    if not is_form and not points_of_the_unit:
        return None
    for row in range(span.first, body):
        if any(
            found and found[0] == "total" for i in sheet.filled[row] if (found := named("total", sheet.rows[row][i]))
        ):
            totals = total_cells(sheet, row, {}) | totals
    texts = {**goal_texts(sheet, events.get("goal", []), span.last), **texts}
    title = _title(sheet, span.first, body, fields)
    kind = _kind(title, fund, indicators)
    return FormTable(kind, sheet.grid, title, span.first, span.last, fields, texts, fund, indicators, totals)


def _fields(sheet: FormSheet, span: _Span, body: int) -> dict[str, FieldCell]:
    """The fields above the blocks, of the paragraphs before a table of Word, and of the signed line at the foot."""
    fields: dict[str, FieldCell] = {}
    foot = [row for row in range(body, span.last + 1) if sheet.filled[row] and sheet.is_signed(row)]
    above = sheet.grid.above if not span.first else ()
    for name, text in (pair for line in above for pair in fields_in_text(line)):
        fields.setdefault(name, FieldCell(text, span.first, -1))
    for row in (*range(span.first, body), *foot):
        for name, cell in fields_of(sheet, row):
            if name not in fields or not fields[name].text:
                fields[name] = cell
    return fields


def _title(sheet: FormSheet, first: int, body: int, fields: dict[str, FieldCell]) -> Title:
    """What the lines above the head say; the head's cells speak of the project, and of a money unit at most."""
    head = next((row for row in range(first, body) if any(is_field(sheet, row, i) for i in sheet.filled[row])), body)
    title, whole = title_of(sheet.grid, head, first), title_of(sheet.grid, body, first)
    year, row = _year(sheet, title, first, head, fields)
    return replace(
        title,
        year=year,
        year_row=row,
        money_unit=title.money_unit or whole.money_unit,
        unit_code=title.unit_code or whole.unit_code,
    )


def _year(
    sheet: FormSheet, title: Title, first: int, head: int, fields: dict[str, FieldCell]
) -> tuple[int | None, int | None]:
    """The year of a form and its 1-based row: a title's, （ 2023 年度 ） in its brackets, or that of a cell 预算年度."""
    if title.year:
        return title.year, max(title.year_row or 1, first + 1)
    above = [(first, text) for text in (sheet.grid.above if not first else ())]
    for row, text in (*above, *((row, sheet.first(row)) for row in range(first, head) if sheet.filled[row])):
        if found := _YEAR_IN_BRACKETS.search(compact(text)):
            return int(found[1]), row + 1
    stated = fields.get("year")
    year = _YEAR.search(stated.text) if stated else None
    return (int(year[0]), stated.row + 1) if stated and year else (None, None)


def _kind(title: Title, fund: FundBlock | None, indicators: IndicatorBlock | None) -> Kind:
    said = "".join(title.texts)
    columns = indicators.columns if indicators else {}
    fund_heads = "".join(fund.heads.values()) if fund else ""
    if "监控" in said or columns.keys() & _WATCHED or _MONTHS.search(unicodedata.normalize("NFKC", fund_heads)):
        return Kind.MONITORING_FORM
    reported = "actual" in columns or "score" in columns or (fund is not None and "executed" in fund.columns)
    return Kind.PROJECT_FORM if reported else Kind.GOALS_FORM


def title_line(form: FormTable) -> str:
    """The form's own name among the lines above its head: 项目支出绩效自评表, not 附件2 or 公开14表."""
    lines = [text for text in form.title.texts[1:] if text]
    named_so = [t for t in lines if "绩效" in t or "自评" in t or "监控" in t] or [t for t in lines if t.endswith("表")]
    return (named_so or lines or [""])[0]
