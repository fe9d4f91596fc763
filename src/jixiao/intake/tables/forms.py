"""Forms: 绩效自评表, 绩效目标申报表, 绩效运行监控表 on a sheet, found by what their labels say (form_labels.csv).

A form is no table of rows alike: blocks stand one above the other, each with its label at the left. A block is known by
its words, never by where it stands, so that a province may order and name them as it likes. Typed rows: rows/forms.py.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files

from jixiao.domain.books import Kind
from jixiao.domain.findings import Place
from jixiao.intake.grids.cells import cell_text
from jixiao.intake.grids.grid import CellError, Grid, column_letter, is_blank
from jixiao.intake.tables.bodies import is_footer
from jixiao.intake.tables.heads import head_labels
from jixiao.intake.tables.table import Title
from jixiao.intake.tables.titles import title_of

# A form fills a few pages; what a longer sheet begins with decides whether it can be one.
_SIGNS_WITHIN_ROWS = 200
_ROWS_MOST = 5_000
_TITLE_ROWS_MOST = 6
_TITLE_CELLS_MOST = 2
_FUND_COLUMNS_NEEDED = 2
_INDICATOR_COLUMNS_NEEDED = 2
_BRACKETS = re.compile(r"[(\[【][^()\[\]【】]*[)\]】]")
_MARKS = re.compile(r"[\s\u200b\ufeff*★①-⑳]+")
_NUMBERING = re.compile(r"^(?:[一二三四五六七八九十]+|\d{1,2})[、.．]")
_MONTHS = re.compile(r"^\d{1,2}[-—~至到]\d{1,2}月(?:份)?")
_MONEY_UNIT = re.compile(r"(万元|亿元|百万元|千元|元)")
_GRADES = frozenset({"优", "良", "中", "差", "优秀", "良好", "合格", "不合格", "较好", "一般"})
_AMOUNTS = frozenset({"original", "carry_and_adjust", "adjusted", "executed", "forecast"})
_MEASURED = frozenset({"target", "value", "actual"})
_UNITS_OF_ROWS = frozenset({"单位编码", "单位代码", "预算单位编码", "预算单位代码", "AGENCY_CODE"})


@cache
def _labels() -> dict[str, dict[str, tuple[str, int]]]:
    """Block → label → (canonical, rank): a smaller rank names its column better."""
    with (files("jixiao.intake.tables") / "form_labels.csv").open(encoding="utf-8") as lines:
        made: dict[str, dict[str, tuple[str, int]]] = {}
        for row in csv.DictReader(lines):
            for rank, label in enumerate(row["labels"].split("|")):
                made.setdefault(row["block"], {}).setdefault(_compact(label), (row["canonical"], rank))
    return made


@lru_cache(maxsize=4096)
def _compact(text: str) -> str:
    """A label for comparison: NFKC, no white space, no ★ and ①, no colon at the end."""
    return _MARKS.sub("", unicodedata.normalize("NFKC", _MARKS.sub("", text))).rstrip(":;,.。")


@lru_cache(maxsize=4096)
def _spellings(text: str) -> tuple[str, ...]:
    """A label as printed, without 一、, without its brackets, without the months it covers: the most exact first."""
    whole = _compact(text)
    plain = _NUMBERING.sub("", whole)
    bare = plain
    while (shorter := _BRACKETS.sub("", bare)) != bare:
        bare = shorter
    months = _MONTHS.sub("1月", bare)
    return tuple(dict.fromkeys((whole, plain, bare.rstrip(":"), months.rstrip(":"))))


def _named(block: str, text: str) -> tuple[str, int] | None:
    """The canonical name that a label has in a block, and how well it names it; None where it is none."""
    known = _labels().get(block, {})
    return next((known[s] for s in _spellings(text) if s in known), None)


@dataclass(frozen=True)
class FieldCell:
    """A text of the form's head or foot, and where it stands (0-based)."""

    text: str
    row: int
    column: int


@dataclass(frozen=True)
class FundBlock:
    """预算执行 of a form: ``columns`` canonical → 0-based column, ``rows`` (row, column of the name), ``label`` as printed."""

    label: str
    head_row: int
    columns: dict[str, int]
    heads: dict[int, str]
    rows: tuple[tuple[int, int], ...]
    money_unit: str = ""


@dataclass(frozen=True)
class IndicatorBlock:
    """The indicators of a form: ``columns`` canonical → 0-based column; ``rows`` are rows of data, fillers among them."""

    head_row: int
    columns: dict[str, int]
    heads: dict[int, str]
    rows: tuple[int, ...]
    block_labels: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FormTable:
    """One form on a sheet, its blocks found. ``fields`` by canonical name of the head, ``texts`` of goals and closing."""

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

    @property
    def is_about_the_unit(self) -> bool:
        """Whether the form is of the whole unit: it names no project."""
        return "project" not in self.fields or not self.fields["project"].text


def find_forms(grid: Grid) -> list[FormTable]:
    """All forms of a sheet, in their order; none where the sheet is a plain table."""
    if not len(grid.rows) or len(grid.rows) > _ROWS_MOST:
        return []
    sheet = _Sheet(grid)
    spans = list(_spans(sheet))
    return [form for span in spans if (form := _form(sheet, *span)) is not None]


class _Sheet:
    """The texts of a sheet, looked up by row, and the events in it: where a block begins."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.rows = [[_text(cell) for cell in row] for row in grid.rows]
        self.filled = [[i for i, text in enumerate(row) if text] for row in self.rows]
        self._indicator_heads: dict[int, _IndicatorHead | None] = {}

    def first(self, row: int) -> str:
        return self.rows[row][self.filled[row][0]] if self.filled[row] else ""

    def distinct(self, row: int) -> int:
        return len({self.rows[row][i] for i in self.filled[row]})

    def at(self, row: int, column: int) -> str:
        return self.rows[row][column] if 0 <= column < len(self.rows[row]) else ""

    def event(self, row: int) -> str:
        """``indicators``, ``fund``, ``goal``, ``head`` or empty: the block that begins in this row."""
        if not self.filled[row]:
            return ""
        if self.indicator_head(row):
            return "indicators"
        if _fund_columns(self, row) or _fund_without_head(self, row):
            return "fund"
        if _goal_columns(self, row):
            return "goal"
        return "head" if any(name in {"project", "unit", "implementer"} for name, _ in _fields(self, row)) else ""

    def indicator_head(self, row: int) -> _IndicatorHead | None:
        if row not in self._indicator_heads:
            self._indicator_heads[row] = _find_indicator_head(self, row)
        return self._indicator_heads[row]


def _text(cell: object) -> str:
    return "" if is_blank(cell) else cell.text if isinstance(cell, CellError) else cell_text(cell)


@dataclass(frozen=True)
class _IndicatorHead:
    height: int
    columns: dict[str, int]
    heads: dict[int, str]


def _find_indicator_head(sheet: _Sheet, row: int) -> _IndicatorHead | None:
    """A row, or two, that names an indicator's name and its target or actual; not of a table of many units."""
    if len(sheet.filled[row]) < _INDICATOR_COLUMNS_NEEDED or len(sheet.filled[row]) > 60:
        return None
    best: _IndicatorHead | None = None
    for height in (1, 2):
        readings = head_labels(sheet.grid, row, height)
        if any(_compact(text) in _UNITS_OF_ROWS for texts in readings.values() for text in texts):
            return None
        ranked: dict[str, tuple[int, int]] = {}
        for column, texts in sorted(readings.items()):
            found = next((f for t in texts if (f := _named("indicator", t.replace("\n\n", "")))), None)
            if found and (found[0] not in ranked or found[1] < ranked[found[0]][0]):
                ranked[found[0]] = (found[1], column)
        columns = {name: column for name, (_, column) in ranked.items()}
        if height == 1 and len(columns) < _INDICATOR_COLUMNS_NEEDED:
            return None  # a head begins in its own first row: the row above the head is none
        if "name" not in columns or not columns.keys() & _MEASURED:
            continue
        if best is None or len(columns) > len(best.columns):
            heads = {column: texts[0].replace("\n\n", "/") for column, texts in readings.items()}
            best = _IndicatorHead(height, columns, heads)
    return best


def _fund_columns(sheet: _Sheet, row: int) -> dict[str, int]:
    """Column of each canonical head of a fund block in this row; empty where it is no such head."""
    ranked: dict[str, tuple[int, int]] = {}
    for column in sheet.filled[row]:
        text = sheet.rows[row][column]
        if _compact(text) in _UNITS_OF_ROWS:
            return {}
        found = _named("fund", text)
        if found and (found[0] not in ranked or found[1] < ranked[found[0]][0]):
            ranked[found[0]] = (found[1], column)
    columns = {name: column for name, (_, column) in ranked.items()}
    enough = len(columns) >= _FUND_COLUMNS_NEEDED and columns.keys() & _AMOUNTS
    return columns if enough and (len(columns.keys() & _AMOUNTS) > 1 or "execution_rate" in columns) else {}


def _fund_without_head(sheet: _Sheet, row: int) -> bool:
    """项目资金（万元） | 年度资金总额 | 250: a fund block whose amounts have no heads."""
    filled = sheet.filled[row]
    if len(filled) < 2 or not _named("fund_block", sheet.first(row)):
        return False
    numbers = [i for i in filled[1:] if _is_number(sheet.grid.rows[row][i])]
    return len(numbers) == 1 and not any(_named("head", sheet.rows[row][i]) for i in filled)


def _is_number(cell: object) -> bool:
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        return True
    text = unicodedata.normalize("NFKC", cell_text(cell)).replace(",", "").strip()
    return bool(re.fullmatch(r"[-+]?\d+(?:\.\d+)?(?:万元|元)?", text))


def _goal_columns(sheet: _Sheet, row: int) -> dict[str, int]:
    """Where the texts of the goals stand, by their heads in this row or by the label alone."""
    filled = sheet.filled[row]
    label = sheet.first(row)
    if not _named("goal_block", label) or len(filled) < 2:
        return {}
    columns: dict[str, int] = {}
    for column in filled[1:]:
        found = _named("goal", sheet.rows[row][column])
        if found:
            columns.setdefault(found[0], column)
    return columns


def _fields(sheet: _Sheet, row: int) -> Iterator[tuple[str, FieldCell]]:
    """项目名称 | 某项目 | 主管部门 | 某局, or 项目名称：某项目: the fields of a row of the head."""
    filled = sheet.filled[row]
    for position, column in enumerate(filled):
        text = sheet.rows[row][column]
        found = _named("head", text)
        if found:
            following = filled[position + 1] if position + 1 < len(filled) else -1
            value = sheet.rows[row][following] if following >= 0 and not _is_label(sheet, row, following) else ""
            yield found[0], FieldCell(value, row, following if value else column)
            continue
        label, colon, value = unicodedata.normalize("NFKC", text).partition(":")
        named = _named("head", label) if colon else None
        if named and value.strip() and ":" not in value:
            yield named[0], FieldCell(value.strip(), row, column)


def _is_label(sheet: _Sheet, row: int, column: int) -> bool:
    return _named("head", sheet.rows[row][column]) is not None


def _spans(sheet: _Sheet) -> Iterator[tuple[int, int, dict[str, list[int]]]]:
    """The forms of a sheet as (first row, last row, rows of its events). A block that a form has already begins the next."""
    current: dict[str, list[int]] = {}
    start = 0
    bounds: list[tuple[int, dict[str, list[int]]]] = []
    limit = len(sheet.rows)
    for row in range(limit):
        if row >= _SIGNS_WITHIN_ROWS and not bounds and not current:
            return
        event = sheet.event(row)
        if not event:
            continue
        again = {
            "head": bool(current.keys() & {"fund", "indicators", "goal"}),
            "fund": bool(current.keys() & {"fund", "indicators"}),
            "goal": bool(current.keys() & {"goal", "indicators"}),
            "indicators": "indicators" in current and not _same_head(sheet, current["indicators"][0], row),
        }[event]
        if again and not (event != "head" and _continues(current, event)):
            bounds.append((start, current))
            start, current = _title_start(sheet, row, start), {}
        current.setdefault(event, []).append(row)
    if current:
        bounds.append((start, current))
    for number, (first, events) in enumerate(bounds):
        last = bounds[number + 1][0] - 1 if number + 1 < len(bounds) else limit - 1
        yield first, last, events


def _continues(current: dict[str, list[int]], event: str) -> bool:
    """Blocks in another order, e.g. goals below the indicators, are still of one form."""
    return event not in current and event != "indicators"


def _same_head(sheet: _Sheet, one: int, other: int) -> bool:
    """Whether an indicator head is the repeated one of a page break."""
    a, b = sheet.indicator_head(one), sheet.indicator_head(other)
    return bool(a and b and a.columns == b.columns)


def _title_start(sheet: _Sheet, row: int, floor: int) -> int:
    """The first title line above a form that is not the first of its sheet."""
    first = row
    for above in range(row - 1, max(floor, row - _TITLE_ROWS_MOST) - 1, -1):
        if not sheet.filled[above]:
            first = above
            continue
        text = sheet.first(above)
        if (
            sheet.distinct(above) > _TITLE_CELLS_MOST
            or is_footer(text)
            or _named("closing", text)
            or _named("total", text)
        ):
            break
        first = above
    return first


def _form(sheet: _Sheet, first: int, last: int, events: dict[str, list[int]]) -> FormTable | None:
    """The form of a span; None where it is a plain table of indicators or of budget lines."""
    fields: dict[str, FieldCell] = {}
    body_starts = min((rows[0] for name, rows in events.items() if name != "head"), default=last + 1)
    for row in range(first, body_starts):
        for name, cell in _fields(sheet, row):
            if name not in fields or not fields[name].text:
                fields[name] = cell
    has_project = bool(fields.get("project") and (fields["project"].text or "fund" in events))
    indicators, totals, texts = _indicators(sheet, events.get("indicators", []), last)
    fund = _fund(sheet, events.get("fund", []), last, events)
    is_form = ("indicators" in events or "goal" in events) and (fund is not None or "goal" in events or has_project)
    # A plain 自评表 of the whole unit states its unit in a title line; the form has a cell for it, and a 总分.
    unit = fields.get("unit")
    in_its_cell = unit is not None and sheet.at(unit.row, unit.column) == unit.text
    points_of_the_unit = in_its_cell and indicators is not None and "score" in indicators.columns and bool(totals)
    if not is_form and not points_of_the_unit:
        return None
    texts = {**_goals(sheet, events.get("goal", []), last), **texts}
    title = title_of(sheet.grid, body_starts, first)
    kind = _kind(title, fund, indicators)
    return FormTable(kind, sheet.grid, title, first, last, fields, texts, fund, indicators, totals)


def _kind(title: Title, fund: FundBlock | None, indicators: IndicatorBlock | None) -> Kind:
    named = "".join(title.texts)
    columns = indicators.columns if indicators else {}
    fund_heads = "".join(fund.heads.values()) if fund else ""
    watched = columns.keys() & {"likely_yes", "likely_maybe", "likely_no", "forecast_value"}
    if "监控" in named or watched or re.search(r"\d{1,2}[-—~至]\d{1,2}月", unicodedata.normalize("NFKC", fund_heads)):
        return Kind.MONITORING_FORM
    reported = "actual" in columns or "score" in columns or (fund is not None and "executed" in fund.columns)
    return Kind.PROJECT_FORM if reported else Kind.GOALS_FORM


def _fund(sheet: _Sheet, rows: Sequence[int], last: int, events: dict[str, list[int]]) -> FundBlock | None:
    if not rows:
        return None
    head = rows[0]
    columns = _fund_columns(sheet, head)
    begins = sorted(
        row for name, found in events.items() if name in {"goal", "indicators"} for row in found if row > head
    )
    end = begins[0] - 1 if begins else last
    label = sheet.first(head) if _named("fund_block", sheet.first(head)) else ""
    label_at = sheet.filled[head][0] if label else -1
    if not label and head and sheet.distinct(head - 1) == 1 and _named("fund_block", sheet.first(head - 1)):
        label = sheet.first(head - 1)
    found: list[tuple[int, int]] = []
    if not columns:
        columns, found = _headless_fund(sheet, head, end, label_at)
    else:
        first_amount = min(columns.values())
        for row in range(head + 1, end + 1):
            filled = sheet.filled[row]
            if not filled:
                continue
            if label_at >= 0 and filled[0] == label_at and sheet.first(row) != label:
                break
            if (_named("total", sheet.first(row)) or ("", 0))[0] == "total" and _has_no_amount(sheet, row, columns):
                break
            names = [i for i in filled if label_at < i < first_amount]
            if names and any(i >= first_amount for i in (*filled, first_amount)):
                found.append((row, names[-1] if len(names) > 1 else names[0]))
            elif not names and any(i >= first_amount for i in filled):
                found.append((row, label_at if label_at >= 0 else filled[0]))
    heads = {column: sheet.rows[head][column] for column in columns.values() if column in sheet.filled[head]}
    unit = next((m[1] for text in (label, *heads.values()) if (m := _MONEY_UNIT.search(_unit_part(text)))), "")
    return FundBlock(label, head, columns, heads, tuple(found), unit)


def _unit_part(text: str) -> str:
    """What stands in brackets: 项目资金（万元） says a unit, 单元格 does not."""
    return "".join(_BRACKETS.findall(unicodedata.normalize("NFKC", text)))


def _has_no_amount(sheet: _Sheet, row: int, columns: dict[str, int]) -> bool:
    return not any(sheet.at(row, at) for name, at in columns.items() if name in _AMOUNTS)


def _headless_fund(sheet: _Sheet, head: int, end: int, label_at: int) -> tuple[dict[str, int], list[tuple[int, int]]]:
    """Names and amounts side by side; the first number of a row is its budget."""
    found, at = [], -1
    for row in range(head, end + 1):
        filled = [i for i in sheet.filled[row] if i > label_at]
        if row > head and sheet.filled[row] and sheet.filled[row][0] == label_at:
            break
        numbers = [i for i in filled if _is_number(sheet.grid.rows[row][i])]
        names = [i for i in filled if i not in numbers]
        if not names:
            continue
        at = at if at >= 0 else (numbers[0] if numbers else -1)
        found.append((row, names[0]))
    return ({"original": at} if at >= 0 else {}), found


def _goals(sheet: _Sheet, rows: Sequence[int], last: int) -> dict[str, str]:
    """预期目标 | 实际完成情况, each with the text below it, or beside its label."""
    texts: dict[str, str] = {}
    for row in rows:
        columns = _goal_columns(sheet, row)
        if not columns:
            beside = [sheet.rows[row][i] for i in sheet.filled[row][1:]]
            texts.setdefault("goal_text", "\n".join(dict.fromkeys(beside)))
            continue
        starts = sorted(columns.values())
        label_at = sheet.filled[row][0]
        for below in range(row + 1, last + 1):
            if sheet.event(below) or (sheet.filled[below] and sheet.filled[below][0] <= label_at):
                break
            for name, start in columns.items():
                stop = next((s for s in starts if s > start), len(sheet.rows[below]))
                said = [sheet.rows[below][i] for i in sheet.filled[below] if start <= i < stop]
                if said:
                    texts[name] = "\n".join([*([texts[name]] if texts.get(name) else []), *said])
    return texts


def _indicators(
    sheet: _Sheet, heads: Sequence[int], last: int
) -> tuple[IndicatorBlock | None, dict[str, FieldCell], dict[str, str]]:
    """The indicator rows, the printed totals, and the closing texts below."""
    totals: dict[str, FieldCell] = {}
    texts: dict[str, str] = {}
    if not heads:
        return None, totals, texts
    head = sheet.indicator_head(heads[0])
    assert head is not None
    skip = {row + i for row in heads for i in range(head.height)}
    rows: list[int] = []
    labels: dict[int, str] = {}
    first_column = min(at for name, at in head.columns.items() if name in {"level1", "level2", "name"})
    ended = False
    for row in range(heads[0] + head.height, last + 1):
        if row in skip or not sheet.filled[row]:
            continue
        said = _foot(sheet, row, head)
        if said is None and not ended and not is_footer(sheet.first(row)):
            rows.append(row)
        ended = ended or bool(said)
        for name, cell in (said or {}).items():
            if name in {"weight", "score", "grade"}:
                totals.setdefault(name, cell)
            elif cell.text:
                texts.setdefault(name, cell.text)
    for row in (heads[0], *rows):
        before = [i for i in sheet.filled[row] if i < first_column]
        if before:
            labels[row] = sheet.rows[row][before[0]]
    return IndicatorBlock(heads[0], head.columns, head.heads, tuple(rows), labels), totals, texts


def _foot(sheet: _Sheet, row: int, head: _IndicatorHead) -> dict[str, FieldCell] | None:
    """What a row below the indicators says: 总分 with its points, 存在问题 with its text; None for a row of data."""
    first_at = sheet.filled[row][0]
    first = sheet.rows[row][first_at]
    total = _named("total", first)
    if total:
        return _total(sheet, row, head)
    name_at = head.columns["name"]
    closing = _named("closing", first)
    if closing is None:
        label, colon, said = unicodedata.normalize("NFKC", first).partition(":")
        inline = _named("closing", label) if colon else None
        if inline and len(sheet.filled[row]) == 1:
            return {inline[0]: FieldCell(said.strip(), row, first_at)}
        return None
    measured = [at for name, at in head.columns.items() if name in {"target", "actual", "weight", "score"}]
    if (
        sheet.at(row, name_at)
        and first_at != name_at
        and any(sheet.at(row, at) for at in measured)
        and sheet.distinct(row) > 2
    ):
        return None
    beside = [sheet.rows[row][i] for i in sheet.filled[row][1:]]
    return {closing[0]: FieldCell("\n".join(dict.fromkeys(beside)), row, first_at)}


def _total(sheet: _Sheet, row: int, head: _IndicatorHead) -> dict[str, FieldCell]:
    """分值 and 得分 of a total row, in their columns, else by their order; the grade behind its label or alone."""
    said: dict[str, FieldCell] = {}
    for name in ("weight", "score"):
        at = head.columns.get(name, -1)
        if at >= 0 and _is_number_or_empty(sheet, row, at) and sheet.at(row, at):
            said[name] = FieldCell(sheet.at(row, at), row, at)
    filled = sheet.filled[row]
    numbers = [i for i in filled if _is_number(sheet.grid.rows[row][i])]
    loose = [i for i in numbers if i not in {cell.column for cell in said.values()}]
    if loose and "score" not in said:
        said["score"] = FieldCell(sheet.at(row, loose[-1]), row, loose[-1])
        if len(loose) > 1 and "weight" not in said:
            said["weight"] = FieldCell(sheet.at(row, loose[0]), row, loose[0])
    for position, at in enumerate(filled):
        text = sheet.rows[row][at]
        named = _named("total", text)
        if named and named[0] == "grade" and position + 1 < len(filled):
            said["grade"] = FieldCell(sheet.rows[row][filled[position + 1]], row, filled[position + 1])
        elif text in _GRADES:
            said.setdefault("grade", FieldCell(text, row, at))
    return said


def _is_number_or_empty(sheet: _Sheet, row: int, at: int) -> bool:
    return not sheet.at(row, at) or _is_number(sheet.grid.rows[row][at])
