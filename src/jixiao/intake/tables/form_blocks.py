"""The blocks of a form: head fields, 预算执行, goals, indicators, 总分 and closing texts, found by their labels.

Labels: form_labels.py. Which blocks make one form, and of which kind: forms.py.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from jixiao.intake.grids.cells import cell_text
from jixiao.intake.grids.grid import CellError, Grid, is_blank
from jixiao.intake.tables.bodies import is_footer
from jixiao.intake.tables.form_labels import bracketed_money_unit, compact, listed_name, named
from jixiao.intake.tables.heads import head_labels

AMOUNTS = ("original", "carry_and_adjust", "adjusted", "executed", "forecast")
LEVELS = ("level1", "level2")
_COLUMNS_NEEDED = 2
_WORD = 2
# No head is wider; what is wider is a table of data.
_HEAD_CELLS_MOST = 60
_GRADES = frozenset({"优", "良", "中", "差", "优秀", "良好", "合格", "不合格", "较好", "一般"})
_MEASURED = frozenset({"target", "value", "actual"})
# An indicator head without any of these must give its points, and the levels or the standard they follow from.
_POINTS = frozenset({"weight", "score"})
_OF_THE_TOTAL = frozenset({"weight", "score", "grade"})
_UNITS_OF_ROWS = frozenset({"单位编码", "单位代码", "预算单位编码", "预算单位代码", "AGENCY_CODE"})
# Under 目标值 or 得分 these say no more than the head above them.
_LEAVES_OF_NO_NAME = frozenset({"数量", "数值", "值", "内容", "自评", "自评分", "具体内容"})
_THIS_YEAR = re.compile(r"年度|当年|本年")
_ALL_YEARS = re.compile(r"中期|实施期|项目期|总金额|项目总")
_TOTAL_OF_FUNDS = re.compile(r"(?:资金|预算|经费|支出)?(?:总额|合计|总计|总金额|总数)|支出预算数$|^金额$")
_PART_OF_FUNDS = re.compile(r"^其中")
_MONEY_UNIT = re.compile(r"(?:人民币)?[:：]?(?:亿|百万|万|千)?元")
_POINTS_OF = re.compile(r"分")
_PERSONAL = re.compile(r"(?:填[报表写]人|联系人|联系电话|负责人|经办人|审核人|制表人|复核人)(?:\([^()]*\))?\s*[:：]")
_PAIR = re.compile(r"(?:^|(?<=[\s;,，；]))([^\s:：;,，；]{2,20})\s*[:：]\s*")


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
    """The indicators of a form: ``columns`` canonical → 0-based column; ``rows`` are rows of data, fillers among them.

    ``causes`` are the columns under 偏差原因分析 that are ticked: 经费保障, 制度保障.
    """

    head_row: int
    columns: dict[str, int]
    heads: dict[int, str]
    rows: tuple[int, ...]
    block_labels: dict[int, str] = field(default_factory=dict)
    causes: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class IndicatorHead:
    """One row or two that name the columns of the indicators."""

    height: int
    columns: dict[str, int]
    heads: dict[int, str]
    causes: dict[int, str]


class FormSheet:
    """The texts of a sheet, looked up by row, and its events: the block that begins in a row."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.rows = [[_text(cell) for cell in row] for row in grid.rows]
        self.filled = [[i for i, text in enumerate(row) if text] for row in self.rows]
        self._heads: dict[int, IndicatorHead | None] = {}
        self._events: dict[int, str] = {}

    def first(self, row: int) -> str:
        return self.rows[row][self.filled[row][0]] if self.filled[row] else ""

    def distinct(self, row: int) -> int:
        return len({self.rows[row][i] for i in self.filled[row]})

    def at(self, row: int, column: int) -> str:
        return self.rows[row][column] if 0 <= column < len(self.rows[row]) else ""

    def event(self, row: int) -> str:
        """``indicators``, ``fund``, ``goal``, ``head`` or empty: the block that begins in this row."""
        if row not in self._events:
            self._events[row] = self._find_event(row) if self.filled[row] else ""
        return self._events[row]

    def _find_event(self, row: int) -> str:
        if len(self.filled[row]) > _HEAD_CELLS_MOST:
            return ""
        if self.indicator_head(row):
            return "indicators"
        if fund_columns(self, row) or fund_without_head(self, row):
            return "fund"
        if goal_columns(self, row) or is_goal_text(self, row):
            return "goal"
        labels = [self.rows[row][i] for i in self.filled[row]]
        if all(len(compact(text)) <= _WORD for text in labels if named("head", text)) and not any(
            "：" in t for t in labels
        ):
            return ""  # 单位, 项目 alone may stand anywhere
        return "head" if any(name in {"project", "unit", "implementer"} for name, _ in fields_of(self, row)) else ""

    def is_headed(self, row: int) -> bool:
        """Whether the heads of a fund block or of goals stand in this row: no row of data looks like them."""
        return bool(fund_columns(self, row) or goal_columns(self, row))

    def indicator_head(self, row: int) -> IndicatorHead | None:
        if row not in self._heads:
            self._heads[row] = _find_indicator_head(self, row)
        return self._heads[row]

    def is_number(self, row: int, column: int) -> bool:
        cells = self.grid.rows[row]
        return column < len(cells) and is_number(cells[column])

    def is_signed(self, row: int) -> bool:
        """Whether a line names persons: 填报人：…, which stands at the head or the foot of a form."""
        return any(_PERSONAL.search(self.rows[row][i]) for i in self.filled[row])

    def is_total(self, row: int) -> bool:
        """Whether a row is called 合计 or 总分."""
        return (named("total", self.first(row)) or ("",))[0] == "total"

    def ends_a_block(self, row: int) -> bool:
        """Whether a row with its label at the left stands below the fund block: goals, closing texts, the foot."""
        first = self.first(row)
        return bool(named("closing", first) or named("goal_block", first)) or is_footer(first)


def _text(cell: object) -> str:
    return "" if is_blank(cell) else cell.text if isinstance(cell, CellError) else cell_text(cell)


def is_number(cell: object) -> bool:
    """Whether a cell holds a number, or a text that is one, 250 or 1,200.5万元."""
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        return True
    text = unicodedata.normalize("NFKC", cell_text(cell)).replace(",", "").strip()
    return bool(re.fullmatch(r"[-+]?\d+(?:\.\d+)?(?:万元|元)?", text))


def is_total_of_funds(name: str) -> bool:
    """Whether a fund row is the whole of the block: 年度资金总额, not 其中：… and not a source."""
    bare = compact(name)
    return not _PART_OF_FUNDS.match(bare) and bool(_TOTAL_OF_FUNDS.search(bare))


# ── head ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def fields_of(sheet: FormSheet, row: int) -> Iterator[tuple[str, FieldCell]]:
    """项目名称 | 某项目 | 主管部门 | 某局, or 项目名称：某项目  主管部门：某局 in one cell: the fields of a row."""
    filled = sheet.filled[row]
    for position, column in enumerate(filled):
        text = sheet.rows[row][column]
        found = named("head", text)
        if found:
            following = filled[position + 1] if position + 1 < len(filled) else -1
            value = sheet.rows[row][following] if following >= 0 and not is_field(sheet, row, following) else ""
            if _is_money_unit(found[0], value):
                continue
            yield found[0], FieldCell(value, row, following if value else column)
            continue
        for canonical, value in fields_in_text(text):
            yield canonical, FieldCell(value, row, column)


def is_field(sheet: FormSheet, row: int, column: int) -> bool:
    """Whether a cell is the label of a head field."""
    return named("head", sheet.rows[row][column]) is not None


def fields_in_text(text: str) -> Iterator[tuple[str, str]]:
    """项目名称：某项目  主管部门：某局 → each known label's canonical name with its text; unknown labels end a text."""
    pairs = list(_PAIR.finditer(text))
    for number, pair in enumerate(pairs):
        end = pairs[number + 1].start() if number + 1 < len(pairs) else len(text)
        value = text[pair.end() : end].strip(" \t\r\n\u3000\xa0;,，；")
        found = named("head", pair[1])
        if found and value and not _is_money_unit(found[0], value):
            yield found[0], value


def _is_money_unit(canonical: str, value: str) -> bool:
    """单位：万元 names no unit of the budget."""
    return canonical == "unit" and bool(_MONEY_UNIT.fullmatch(compact(value)))


# ── funds ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def fund_columns(sheet: FormSheet, row: int) -> dict[str, int]:
    """Column of each canonical head of a fund block in this row; empty where it is no such head."""
    ranked: dict[str, tuple[int, int]] = {}
    for column in sheet.filled[row]:
        text = sheet.rows[row][column]
        if compact(text) in _UNITS_OF_ROWS or sheet.is_number(row, column):
            return {}
        found = named("fund", text)
        if found and (found[0] not in ranked or found[1] < ranked[found[0]][0]):
            ranked[found[0]] = (found[1], column)
    columns = {name: column for name, (_, column) in ranked.items()}
    amounts = columns.keys() & set(AMOUNTS)
    enough = len(columns) >= _COLUMNS_NEEDED and amounts
    return columns if enough and (len(amounts) > 1 or "execution_rate" in columns) else {}


def fund_without_head(sheet: FormSheet, row: int) -> bool:
    """项目资金（万元） | 年度资金总额 | 250: a fund block whose amounts have no heads, the amounts perhaps not filled in."""
    filled = sheet.filled[row]
    if len(filled) < _COLUMNS_NEEDED or not named("fund_block", sheet.first(row)):
        return False
    if any(named("head", sheet.rows[row][i]) for i in filled):
        return False
    numbers = [i for i in filled[1:] if sheet.is_number(row, i)]
    names = [i for i in filled[1:] if i not in numbers]
    return len(numbers) == 1 or (bool(names) and all(is_total_of_funds(sheet.rows[row][i]) for i in names))


def fund_block(sheet: FormSheet, rows: Sequence[int], last: int, events: dict[str, list[int]]) -> FundBlock | None:
    """The fund rows below the first of ``rows``, down to the next block."""
    if not rows:
        return None
    head = rows[0]
    columns = fund_columns(sheet, head)
    begins = [row for name, found in events.items() if name in {"goal", "indicators"} for row in found if row > head]
    end = min(begins) - 1 if begins else last
    label = sheet.first(head) if named("fund_block", sheet.first(head)) else ""
    label_at = sheet.filled[head][0] if label else -1
    if not label and head and sheet.distinct(head - 1) == 1 and named("fund_block", sheet.first(head - 1)):
        label = sheet.first(head - 1)
    if columns:
        found = list(_fund_rows(sheet, head, end, columns, label_at))
    else:
        columns, found = _headless_fund(sheet, head, end, label_at)
    heads = {column: sheet.rows[head][column] for column in columns.values() if column in sheet.filled[head]}
    unit = next((stated for text in (label, *heads.values()) if (stated := bracketed_money_unit(text))), "")
    return FundBlock(label, head, columns, heads if found else {}, tuple(found), unit)


def _fund_rows(
    sheet: FormSheet, head: int, end: int, columns: dict[str, int], label_at: int
) -> Iterator[tuple[int, int]]:
    """The rows below a head with the column of their name."""
    first_amount = min(columns.values())
    amounts = [at for name, at in columns.items() if name in AMOUNTS]
    for row in range(head + 1, end + 1):
        filled = sheet.filled[row]
        if not filled:
            continue
        has_amount = any(sheet.at(row, at) for at in amounts)
        # Where the label of the block is not merged over its rows, their names stand below it.
        below_label = label_at >= 0 and filled[0] == label_at and sheet.first(row) != sheet.first(head)
        if not has_amount and (sheet.is_total(row) or sheet.ends_a_block(row)):
            return
        if below_label and not any(sheet.is_number(row, at) for at in amounts):
            return
        if sheet.is_total(row) and _POINTS_OF.search(sheet.first(row)):
            return
        if fund_columns(sheet, row):
            continue  # the head again
        names = [i for i in filled if label_at < i < first_amount] or ([label_at] if below_label else [])
        if names:
            yield row, names[-1]
        elif any(i >= first_amount for i in filled):
            yield row, max(label_at, 0)


def _headless_fund(
    sheet: FormSheet, head: int, end: int, label_at: int
) -> tuple[dict[str, int], list[tuple[int, int]]]:
    """Names and amounts side by side: the number behind a name is its budget. Of 中期 and 年度 the latter is read."""
    found: list[tuple[int, int]] = []
    at = -1
    beginning = _beginning_of_this_year(sheet, head, label_at)
    for row in range(head, end + 1):
        filled = [i for i in sheet.filled[row] if i >= beginning]
        if row > head and sheet.filled[row] and (sheet.filled[row][0] == label_at or sheet.ends_a_block(row)):
            break
        numbers = [i for i in filled if sheet.is_number(row, i)]
        names = [i for i in filled if i not in numbers]
        if not names:
            continue
        at = at if at >= 0 else (numbers[0] if numbers else -1)
        found.append((row, names[0]))
    return ({"original": at} if at >= 0 else {}), found


def _beginning_of_this_year(sheet: FormSheet, head: int, label_at: int) -> int:
    """The first column of the year's own names, where those of the whole project stand before them."""
    names = [i for i in sheet.filled[head] if i > label_at and not sheet.is_number(head, i)]
    if len(names) > 1 and _ALL_YEARS.search(sheet.rows[head][names[0]]):
        return next((i for i in names[1:] if _THIS_YEAR.search(sheet.rows[head][i])), names[-1])
    return label_at + 1


# ── goals ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def goal_columns(sheet: FormSheet, row: int) -> dict[str, int]:
    """Where the texts of the goals stand: behind a label, or by two heads alone; empty where it is no such head.

    A head that has no name here (实施期目标) is in the answer under its own text: its text is not that of its neighbour.
    """
    filled = sheet.filled[row]
    if len(filled) < _COLUMNS_NEEDED or any(sheet.is_number(row, i) for i in filled):
        return {}
    labelled = named("goal_block", sheet.first(row)) is not None
    columns: dict[str, int] = {}
    others: dict[str, int] = {}
    for column in filled[1:] if labelled else filled:
        found = named("goal", sheet.rows[row][column])
        if found and found[0] not in columns:
            columns[found[0]] = column
        else:
            others[sheet.rows[row][column]] = column
    if not columns or (not labelled and (others or len(columns) < _COLUMNS_NEEDED)):
        return {}
    return columns | others


def is_goal_text(sheet: FormSheet, row: int) -> bool:
    """年度总体目标 | text: a goal beside its label, without heads."""
    if not named("goal_block", sheet.first(row)) or sheet.distinct(row) != _COLUMNS_NEEDED:
        return False
    text = sheet.rows[row][sheet.filled[row][1]]
    return not any(named(block, text) for block in ("goal", "goal_block", "indicator", "fund", "head"))


def goal_texts(sheet: FormSheet, rows: Sequence[int], last: int) -> dict[str, str]:
    """预期目标 | 实际完成情况, each with the text below it, or beside its label."""
    texts: dict[str, str] = {}
    for row in rows:
        columns = goal_columns(sheet, row)
        if not columns:
            beside = [sheet.rows[row][i] for i in sheet.filled[row][1:]]
            texts.setdefault("goal_text", "\n".join(dict.fromkeys(beside)))
            continue
        starts = sorted(columns.values())
        label_at = sheet.filled[row][0] if sheet.filled[row][0] not in starts else starts[0] - 1
        for below in range(row + 1, last + 1):
            if sheet.event(below) or (sheet.filled[below] and sheet.filled[below][0] <= label_at):
                break
            for name, start in columns.items():
                stop = next((s for s in starts if s > start), len(sheet.rows[below]))
                said = [sheet.rows[below][i] for i in sheet.filled[below] if start <= i < stop]
                if said and name in {"goal_text", "result_text"}:
                    texts[name] = "\n".join([*([texts[name]] if texts.get(name) else []), *said])
    return texts


# ── indicators ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _find_indicator_head(sheet: FormSheet, row: int) -> IndicatorHead | None:
    """A row, or two, that names an indicator's name and what is measured; not of a table of many units."""
    if not _COLUMNS_NEEDED <= len(sheet.filled[row]) <= _HEAD_CELLS_MOST:
        return None
    best: IndicatorHead | None = None
    for height in (1, 2):
        readings = head_labels(sheet.grid, row, height)
        if any(compact(text) in _UNITS_OF_ROWS for texts in readings.values() for text in texts):
            return None
        columns, causes = _indicator_columns(readings)
        if height == 1 and len(columns) < _COLUMNS_NEEDED:
            return None  # a head begins in its own first row: the row above the head is none
        if "name" not in columns or not (columns.keys() & _MEASURED or _gives_points(columns)):
            continue
        if best is None or len(columns) + len(causes) > len(best.columns) + len(best.causes):
            heads = {column: texts[0].replace("\n\n", "/") for column, texts in readings.items()}
            best = IndicatorHead(height, columns, heads, causes)
    return best


def _gives_points(columns: dict[str, int]) -> bool:
    return columns.keys() >= _POINTS and bool(columns.keys() & {*LEVELS, "standard"})


def _indicator_columns(readings: dict[int, tuple[str, ...]]) -> tuple[dict[str, int], dict[int, str]]:
    """Canonical → column of the best label, and the columns to be ticked under 偏差原因分析.

    Where 三级指标 | 指标值 stand twice, 中期 beside 年度, those of the year are read: by the head above, else the last.
    """
    every: dict[str, list[tuple[int, int, str]]] = {}
    causes: dict[int, str] = {}
    for column, texts in sorted(readings.items()):
        over, _, leaf = texts[0].rpartition("\n\n")
        found = named("indicator", leaf) or (listed_name("indicator", f"{over}{leaf}") if over else None)
        above = named("indicator", over) if over else None
        if not found and above and compact(leaf) in _LEAVES_OF_NO_NAME:
            found = above
        if found:
            every.setdefault(found[0], []).append((found[1], column, over))
        elif above and above[0] == "reason":
            causes[column] = compact(leaf)
    names = every.get("name", [])
    best = min((rank for rank, _, _ in names), default=0)
    alike = [(column, over) for rank, column, over in names if rank == best]
    if len(alike) > 1:
        return _columns_of_this_year(every, alike), causes
    return {name: min(found)[1] for name, found in every.items()}, causes


def _columns_of_this_year(every: dict[str, list[tuple[int, int, str]]], names: list[tuple[int, str]]) -> dict[str, int]:
    chosen, over = next(((c, o) for c, o in names if _THIS_YEAR.search(o) and not _ALL_YEARS.search(o)), names[-1])
    after = next((column for column, _ in names if column > chosen), None)
    columns: dict[str, int] = {}
    for name, found in every.items():
        same = [(rank, column) for rank, column, above in found if over and above == over]
        before = [(rank, column) for rank, column, _ in found if after is None or column < after]
        best = min(rank for rank, _ in same or before or [(r, c) for r, c, _ in found])
        columns[name] = max(column for rank, column in same or before or [(r, c) for r, c, _ in found] if rank == best)
    return columns


def indicator_block(
    sheet: FormSheet, heads: Sequence[int], last: int
) -> tuple[IndicatorBlock | None, dict[str, FieldCell], dict[str, str]]:
    """The indicator rows, the printed totals, and the closing texts below."""
    head = sheet.indicator_head(heads[0]) if heads else None
    if head is None:
        return None, {}, {}
    skip = {row + i for row in heads for i in range(head.height)}
    rows: list[int] = []
    totals: dict[str, FieldCell] = {}
    texts: dict[str, str] = {}
    ended = False
    for row in range(heads[0] + head.height, last + 1):
        if row in skip or not sheet.filled[row]:
            continue
        said = _foot(sheet, row, head)
        if said is None and not (ended := ended or sheet.is_headed(row)) and not _is_line(sheet, row, head):
            rows.append(row)
        ended = ended or bool(said)
        for name, cell in (said or {}).items():
            if name in _OF_THE_TOTAL:
                totals.setdefault(name, cell)
            elif cell.text:
                texts.setdefault(name, cell.text)
    first_column = min(at for name, at in head.columns.items() if name in {*LEVELS, "name"})
    before = {row: [i for i in sheet.filled[row] if i < first_column] for row in (heads[0], *rows)}
    labels = {row: sheet.rows[row][columns[0]] for row, columns in before.items() if columns}
    return IndicatorBlock(heads[0], head.columns, head.heads, tuple(rows), labels, head.causes), totals, texts


def _is_line(sheet: FormSheet, row: int, head: IndicatorHead) -> bool:
    """Whether a row is a line of text and no indicator: the foot, or one text over the whole width."""
    if is_footer(sheet.first(row)):
        return True
    if sheet.distinct(row) > 1:
        return False
    column = sheet.filled[row][0]
    return any(a == row and b <= column <= d and d - b >= len(head.columns) for a, b, _, d in sheet.grid.merged)


def _foot(sheet: FormSheet, row: int, head: IndicatorHead) -> dict[str, FieldCell] | None:
    """What a row below the indicators says: 总分 with its points, 存在问题 with its text; None for a row of data."""
    first_at = sheet.filled[row][0]
    first = sheet.rows[row][first_at]
    if named("total", first):
        return total_cells(sheet, row, head.columns)
    name_at = head.columns["name"]
    closing = named("closing", first)
    if closing is None:
        label, colon, said = first.replace("：", ":", 1).partition(":")
        inline = named("closing", label) if colon else None
        if inline and len(sheet.filled[row]) == 1:
            return {inline[0]: FieldCell(said.strip(), row, first_at)}
        return None
    measured = [at for name, at in head.columns.items() if name in {"target", "actual", "weight", "score"}]
    if (
        sheet.at(row, name_at)
        and first_at != name_at
        and any(sheet.at(row, at) for at in measured)
        and sheet.distinct(row) > _COLUMNS_NEEDED
    ):
        return None
    beside = [sheet.rows[row][i] for i in sheet.filled[row][1:]]
    return {closing[0]: FieldCell("\n".join(dict.fromkeys(beside)), row, first_at)}


def total_cells(sheet: FormSheet, row: int, columns: dict[str, int]) -> dict[str, FieldCell]:
    """分值 and 得分 of a total row, in their columns, else by their order; the grade behind its label or alone."""
    said: dict[str, FieldCell] = {}
    for name in ("weight", "score"):
        at = columns.get(name, -1)
        if at >= 0 and sheet.at(row, at) and sheet.is_number(row, at):
            said[name] = FieldCell(sheet.at(row, at), row, at)
    filled = sheet.filled[row]
    numbers = [i for i in filled if sheet.is_number(row, i)]
    loose = [i for i in numbers if i not in {cell.column for cell in said.values()}]
    if loose and "score" not in said:
        said["score"] = FieldCell(sheet.at(row, loose[-1]), row, loose[-1])
        if len(loose) > 1 and "weight" not in said:
            said["weight"] = FieldCell(sheet.at(row, loose[0]), row, loose[0])
    for position, at in enumerate(filled):
        text = sheet.rows[row][at]
        found = named("total", text)
        if found and found[0] == "grade" and position + 1 < len(filled):
            said["grade"] = FieldCell(sheet.rows[row][filled[position + 1]], row, filled[position + 1])
        elif text in _GRADES:
            said.setdefault("grade", FieldCell(text, row, at))
    return said
