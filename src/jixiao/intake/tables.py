"""Grid → table: where the head stands, which column is which, what the title says, which rows are data.

The maps of the columns are data (column_maps.py); cells are read by values.py; typed rows are made in rows.py.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from jixiao.domain.books import Kind
from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.domain.money import MoneyUnit
from jixiao.domain.names import comparable
from jixiao.intake.column_maps import (
    CellType,
    Column,
    ColumnMap,
    column_maps,
    fact_key,
    normalised_label,
    other_tables,
)
from jixiao.intake.grid import Grid, column_letter, file_rejected, is_blank, logged
from jixiao.intake.values import cell_text

# A head stands near the top; what lies deeper is data.
_HEAD_SEARCH_ROWS = 60
_FACTS_NEEDED = 2
_TITLE_ROWS = 3
_TITLE_MAX = 40
# A form of the whole unit is an input, whatever else its title resembles.
_WHOLE_UNIT = "整体"
_WEAK_MATCH = 3

_UNIT_NAME_LABELS = (
    "预算部门(单位)名称|部门(单位)名称|预算部门名称|预算单位名称|填报单位名称|编制单位|填报单位|填报部门|申报单位|"
    "单位名称|部门名称|预算单位|预算部门"
)
_UNIT_CODE_LABELS = "预算部门编码|预算部门代码|预算单位编码|预算单位代码|单位编码|单位代码|部门编码|部门代码"
_OTHER_LABELS = "金额单位|计量单位|单位|填报日期|填报时间|编制日期|填报人|联系人|联系电话|年度|预算年度|日期"
_TITLE_LABEL = re.compile(
    "|".join(
        f"(?P<{group}>{labels.replace('(', '[(]').replace(')', '[)]')})"
        for group, labels in (("code", _UNIT_CODE_LABELS), ("name", _UNIT_NAME_LABELS), ("other", _OTHER_LABELS))
    )
)
_TITLE_PAIR = re.compile(rf"(?:{_TITLE_LABEL.pattern})\s*(?:\([^():]{{1,4}}\))?\s*:\s*")
_TITLE_CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z\-]{2,}")
_AFTER_NAME = re.compile(r"\s+(?=\d)|\s*\((?:盖章|公章|签章|章)\)")
_MONEY_UNIT_LINE = re.compile(r"单位\s*:?\s*(?:人民币)?\s*:?\s*(万元|亿元|百万元|千元|元)(?![\w])")
_MONEY_UNIT_LABEL = re.compile(
    r"[(\[【,]\s*(?:(?:金额)?单位\s*:?)?\s*(?:人民币)?\s*:?\s*(万元|亿元|百万元|千元|元)\s*[)\]】]"
)
# The year of a table: alone, behind its label, or before the table's own name; 上年, dates and ranges of years say none.
_YEAR_TEXT = r"(20\d{2})\s*(?:年度?(?:\s*\d{1,2}\s*(?:[-—~至到]\s*\d{1,2}\s*)?月(?:份)?)?|会计年度|财政年度)"
_YEAR_ALONE = re.compile(rf"[(\[]?{_YEAR_TEXT}[)\]]?")
_YEAR_LABELLED = re.compile(r"(?:预算|评价|会计|财政)?年度?\s*:\s*(20\d{2})\s*(?:年度?)?")
_YEAR_OF_NAME = re.compile(
    rf"(?:[^:\d]*){_YEAR_TEXT}[^:\d]*(?:表|明细|情况|清单|台账|汇总|报告|任务|目标|指标|数据)\s*(?:[(\[].*[)\]])?"
)
_ANY_YEAR = re.compile(r"20\d{2}")
_YEAR_IN_WORDS = re.compile(r"二[〇○零][〇○零一二三四五六七八九]{2}(?=\s*年)")
_DIGITS = str.maketrans("〇○零一二三四五六七八九", "000123456789")
_OTHER_YEAR_WORDS = ("上年", "截至", "截止", "日期", "时间", "汇编", "规划", "打印", "导出")
_YEAR_LABELS = frozenset(
    {"预算年度", "业务年度", "评价年度", "财政年度", "会计年度", "年度", "fiscal_year", "fiscalyear"}
)
_YEAR_VALUE = re.compile(r"(20\d{2})(?:\.0)?\s*(?:年度?)?")
# A title's label that may as well mean the department above, or an office within the unit.
_BROAD_NAME_LABELS = ("部门", "申报单位")
_CODE_AND_NAME = re.compile(r"[(\[【]?(\d{3,20})[)\]】]?[\s\-_—–:]*([^\d\s].*)")
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


@dataclass(frozen=True)
class Title:
    """What the lines above the head (and the sheet's name) state."""

    unit_code: str = ""
    unit_name: str = ""
    year: int | None = None
    year_row: int | None = None
    money_unit: str = ""
    name_label: str = ""
    texts: tuple[str, ...] = ()

    @property
    def names_the_unit(self) -> bool:
        """Whether the label before the name can mean nothing but the unit itself."""
        return bool(self.name_label) and not any(word in self.name_label for word in _BROAD_NAME_LABELS)


@dataclass(frozen=True)
class Table:
    """A recognised table. ``columns`` maps canonical names to 0-based columns; ``head_row`` is the last row of the head.

    ``fact_columns`` is set for 基础数据表 in the wide form: column → (key, label).
    """

    kind: Kind
    grid: Grid
    head_row: int
    columns: dict[str, int]
    labels: dict[int, str]
    title: Title
    column_units: dict[str, str] = field(default_factory=dict)
    fact_columns: dict[int, tuple[str, str]] = field(default_factory=dict)

    @property
    def map(self) -> ColumnMap:
        return column_maps()[self.kind]

    def letter(self, column: str) -> str:
        return column_letter(self.columns[column]) if column in self.columns else ""

    def label(self, column: str) -> str:
        """The head of a column as printed, for messages."""
        printed = self.labels.get(self.columns.get(column, -1), "")
        return re.sub(r"\s+", "", printed) or self.map.column(column).chinese

    def cell(self, row: Sequence[object], column: str) -> object:
        index = self.columns.get(column, -1)
        return row[index] if 0 <= index < len(row) else None

    def place(self, file: str, row: int | None = None, column: str = "") -> Place:
        return Place(file=file, sheet=self.grid.sheet, row=row, column=self.letter(column) if column else "")

    def unmapped(self, row: Sequence[object]) -> dict[str, str]:
        """The cells of columns that the map does not know, by head; personal columns are never shown."""
        known = set(self.columns.values())
        return {
            label: cell_text(row[index])
            for index, label in self.labels.items()
            if index not in known and index < len(row) and not is_blank(row[index])
        }


@dataclass(frozen=True)
class SheetReading:
    """One sheet: its table, or the finding that says why there is none. ``weak``: too little matched to insist.

    ``likely`` is the kind that a sheet without a needed column seems to be.
    """

    grid: Grid
    table: Table | None = None
    finding: Finding | None = None
    findings: tuple[Finding, ...] = ()
    weak: bool = False
    title: Title = Title()
    likely: Kind | None = None


@dataclass(frozen=True)
class _Head:
    """A row, or two, read as the head of a kind."""

    kind: Kind
    row: int
    height: int
    columns: dict[str, int]
    labels: dict[int, str]
    missing: tuple[Column, ...]
    required: int

    @property
    def found_required(self) -> int:
        return self.required - len(self.missing)

    @property
    def rank(self) -> tuple[int, int, int, int]:
        return (self.found_required, len(self.columns), -self.height, -self.row)


def flat(cell: object) -> str:
    """A cell's text for recognition: NFKC, single blanks."""
    return " ".join(unicodedata.normalize("NFKC", cell_text(cell)).split()) if isinstance(cell, str) else ""


def read_sheet(grid: Grid, file: str, kind: Kind | None) -> SheetReading | None:
    """Find the table of a sheet; None for an empty sheet. ``kind`` given: no other kind is looked for."""
    rows = grid.rows
    if not any(not is_blank(cell) for row in rows for cell in row):
        return None
    heads = _heads(grid, kind)
    full = max((head for head in heads if not head.missing), key=lambda head: head.rank, default=None)
    almost = max(
        (h for h in heads if h.missing and 2 * h.found_required >= h.required and len(h.columns) >= _FACTS_NEEDED),
        key=lambda h: (len(h.columns), h.found_required, -h.height, -h.row),
        default=None,
    )
    first_head = min((head.row for head in (full, almost) if head), default=min(len(rows), _HEAD_SEARCH_ROWS))
    title = _title(grid, first_head)
    if kind is None and (wrong := _wrong_table(grid, title, file, headless=full is None)):
        return SheetReading(grid, finding=wrong, title=title)
    wide = _wide_facts(grid) if kind in {None, Kind.UNIT_FACTS} else None
    if wide and full and len(wide.columns) + len(wide.fact_columns) > len(full.columns):
        full = None
    if full and not (almost and len(almost.columns) > len(full.columns)):
        return _recognised(grid, full, file)
    if wide and not (almost and len(almost.columns) > len(wide.columns) + len(wide.fact_columns)):
        return SheetReading(grid, table=wide, title=wide.title)
    if almost:
        missing = _missing_column(almost, grid, file)
        weak = len(almost.columns) < _WEAK_MATCH
        return SheetReading(grid, finding=missing, weak=weak, title=title, likely=almost.kind)
    return SheetReading(grid, finding=_unknown(grid, file, kind), weak=True, title=title)


def _recognised(grid: Grid, head: _Head, file: str) -> SheetReading:
    title = _title(grid, head.row)
    table = Table(
        kind=head.kind,
        grid=grid,
        head_row=head.row + head.height - 1,
        columns=head.columns,
        labels=head.labels,
        title=title,
        column_units={
            name: found[1]
            for name, index in head.columns.items()
            if (found := _MONEY_UNIT_LABEL.search(flat(head.labels.get(index, ""))))
        },
    )
    findings = []
    seen: dict[str, int] = {}
    for index in sorted(head.labels):
        leaf = normalised_label(head.labels[index].rpartition("\n\n")[2])
        if leaf and leaf in seen and (index in head.columns.values() or seen[leaf] in head.columns.values()):
            place = Place(file, grid.sheet, table.head_row + 1, column_letter(index))
            how = "已按上级表头区分" if head.height > 1 else f"取前一列（{column_letter(seen[leaf])} 列）"
            findings.append(logged("DUPLICATE_LABEL", place, f"与前面的列同名，{how}", value=leaf))
        seen.setdefault(leaf, index)
    return SheetReading(grid, table=table, findings=tuple(findings), title=title)


def _heads(grid: Grid, kind: Kind | None) -> list[_Head]:
    maps = [m for m in column_maps().values() if kind in {None, m.kind}]
    found = []
    for row in range(min(len(grid.rows), _HEAD_SEARCH_ROWS)):
        for height in (1, 2):
            names = _labels(grid, row, height)
            if len(names) < _FACTS_NEEDED:
                continue
            found += [head for m in maps if (head := _match(m, row, height, names)).columns]
    return found


def _labels(grid: Grid, row: int, height: int) -> dict[int, tuple[str, ...]]:
    """Column → the ways to read its head, the most exact first. Two rows: 上级 + 下级, then the leaf alone."""
    top = grid.rows[row]
    if height == 1:
        return {i: (cell,) for i, cell in enumerate(top) if isinstance(cell, str) and not is_blank(cell)}
    if row + 1 >= len(grid.rows):
        return {}
    leaves = grid.rows[row + 1]
    upper = [cell if isinstance(cell, str) else "" for cell in top] + [""] * (len(leaves) - len(top))
    for first_row, first, _, last in grid.merged:
        if first_row == row and first < len(upper):
            upper[first : last + 1] = [upper[first]] * (min(last, len(upper) - 1) - first + 1)
    labels: dict[int, tuple[str, ...]] = {}
    for index, over in enumerate(upper):
        leaf = leaves[index] if index < len(leaves) else ""
        if not is_blank(leaf):
            if isinstance(leaf, str):
                labels[index] = (f"{over}\n\n{leaf}", leaf) if not is_blank(over) else (leaf,)
        elif not is_blank(over):
            labels[index] = (over,)
    return labels


def _match(column_map: ColumnMap, row: int, height: int, names: dict[int, tuple[str, ...]]) -> _Head:
    by_label: dict[str, list[int]] = {}
    for index, readings in names.items():
        for reading in readings:
            by_label.setdefault(normalised_label(reading.replace("\n\n", "")), []).append(index)
    columns: dict[str, int] = {}
    used: set[int] = set()
    for column in column_map.columns:
        for label in column.labels:
            free = [index for index in by_label.get(label, ()) if index not in used]
            if free:
                columns[column.name] = free[0]
                used.add(free[0])
                break
    needed = [c for c in column_map.columns if c.required or (c.required_unless and c.required_unless not in columns)]
    return _Head(
        kind=column_map.kind,
        row=row,
        height=height,
        columns=columns,
        labels={index: readings[0] for index, readings in names.items()},
        missing=tuple(column for column in needed if column.name not in columns),
        required=len(needed),
    )


def _wide_facts(grid: Grid) -> Table | None:
    """基础数据表 with one row a unit: at least two heads are names of facts."""
    column_map = column_maps()[Kind.UNIT_FACTS]
    for row in range(min(len(grid.rows), _HEAD_SEARCH_ROWS)):
        names = _labels(grid, row, 1)
        facts = {
            index: (key, " ".join(readings[0].split()))
            for index, readings in names.items()
            if (key := fact_key(readings[0]))
        }
        below = [r for r in grid.rows[row + 1 : row + 3] if any(not is_blank(cell) for cell in r)]
        if len(facts) < _FACTS_NEEDED or not below:
            continue
        columns = {
            name: index for name, index in _match(column_map, row, 1, names).columns.items() if name.startswith("unit_")
        }
        labels = {index: readings[0] for index, readings in names.items()}
        return Table(Kind.UNIT_FACTS, grid, row, columns, labels, _title(grid, row), fact_columns=facts)
    return None


def _title(grid: Grid, head_row: int) -> Title:
    code, name, label, money = "", "", "", ""
    year, year_row = None, None
    texts = [flat(grid.sheet)]
    for number, row in enumerate(grid.rows[:head_row], start=1):
        cells = [flat(cell) if isinstance(cell, str) else cell_text(cell) for cell in row]
        cells = [cell for cell in cells if cell]
        texts += cells
        for position, cell in enumerate(cells):
            following = cells[position + 1] if position + 1 < len(cells) else ""
            for group, said, value in _pairs(cell, following):
                if group == "code" and not code:
                    code = value if _TITLE_CODE.fullmatch(value) else ""
                elif group == "name" and not name and ":" not in value:
                    name, label = value, said
            found = _MONEY_UNIT_LINE.search(cell)
            money = money or (found[1] if found else "")
            stated = None if year else stated_year(cell, following)
            if stated:
                year, year_row = stated, number
    both = _CODE_AND_NAME.fullmatch(name)
    if both:
        code, name = code or both[1], both[2]
    name = _AFTER_NAME.split(name)[0]
    return Title(
        unit_code=code,
        unit_name=name,
        year=year,
        year_row=year_row,
        money_unit=money,
        name_label=label,
        texts=tuple(texts),
    )


def stated_year(text: str, following: str = "") -> int | None:
    """The year that a line of the title gives to the table itself; None where it speaks of another one, or of several."""
    text = unicodedata.normalize("NFKC", text)
    text = _YEAR_IN_WORDS.sub(lambda found: found[0].translate(_DIGITS), text)
    if normalised_label(text) in _YEAR_LABELS and (found := _YEAR_VALUE.fullmatch(following)):
        return int(found[1])
    parts = [text, *re.split(r"\s{2,}|[;,，；]", text), *text.split()]
    for part in (p.strip() for p in parts):
        if len(set(_ANY_YEAR.findall(part))) != 1 or any(word in part for word in _OTHER_YEAR_WORDS):
            continue
        found = _YEAR_ALONE.fullmatch(part) or _YEAR_LABELLED.fullmatch(part) or _YEAR_OF_NAME.fullmatch(part)
        if found:
            return int(found[1])
    return None


def years_by_row(table: Table) -> dict[int, list[int]]:
    """Year → numbers of the rows that a 预算年度 column gives to it; empty where there is no such column."""
    at = next((i for i, label in table.labels.items() if normalised_label(label) in _YEAR_LABELS), None)
    years: dict[int, list[int]] = {}
    for index in range(table.head_row + 1, len(table.grid.rows)) if at is not None else ():
        row = table.grid.rows[index]
        found = _YEAR_VALUE.fullmatch(cell_text(row[at])) if at is not None and at < len(row) else None
        if found:
            years.setdefault(int(found[1]), []).append(index + 1)
    return years


def _pairs(cell: str, following: str) -> Iterator[tuple[str, str, str]]:
    """``单位名称：某局  单位编码：301002`` → its labels with their values; a bare label takes the next cell."""
    found = list(_TITLE_PAIR.finditer(cell))
    for number, match in enumerate(found):
        end = found[number + 1].start() if number + 1 < len(found) else len(cell)
        value = cell[match.end() : end].strip(" ;,()")
        if match.lastgroup:
            yield match.lastgroup, match[0], value or (following if number + 1 == len(found) else "")
    bare = _TITLE_LABEL.fullmatch(cell)
    if bare and bare.lastgroup and following:
        yield bare.lastgroup, cell, following


def _wrong_table(grid: Grid, title: Title, file: str, *, headless: bool) -> Finding | None:
    """A known table that is no input, by its title; where no head was found, the first rows may be the title."""
    top = [flat(cell) for row in grid.rows[:_TITLE_ROWS] for cell in row] if headless else []
    for name, note in other_tables():
        titles = [text for text in (*title.texts, *top) if len(text) <= _TITLE_MAX and _WHOLE_UNIT not in text]
        if any(name in comparable(text) for text in titles):
            place = Place(file=file, sheet=grid.sheet, row=1)
            return Finding(
                code="WRONG_TABLE",
                severity=Severity.ERROR,
                place=place,
                message=f"是「{name}」（{note}），不是本系统要导入的表，未导入",
                fix=f"请改放：{_kinds_in_words()}",
                value=name,
                outcome=Outcome.REJECT_FILE,
            )
    return None


def _missing_column(head: _Head, grid: Grid, file: str) -> Finding:
    place = Place(file=file, sheet=grid.sheet, row=head.row + head.height)
    missing = "；".join(f"「{c.chinese}」（也认：{'、'.join(c.synonyms[1:6])}）" for c in head.missing)
    present = "、".join(re.sub(r"\s+", "", label) for label in head.labels.values())
    return Finding(
        code="MISSING_COLUMN",
        severity=Severity.ERROR,
        place=place,
        message=f"像是{head.kind.chinese}，但缺少列 {missing}；现有列：{present}。整个文件未导入",
        fix=f"请在表头补上「{head.missing[0].chinese}」列，或把对应列改成上面任一名称后重新放入",
        value=present,
        expected="、".join(column.chinese for column in head.missing),
        outcome=Outcome.REJECT_FILE,
    )


def _unknown(grid: Grid, file: str, kind: Kind | None) -> Finding:
    wanted = f"{kind.chinese}的表头" if kind else "哪一种表"
    return file_rejected(
        file,
        "KIND_UNKNOWN",
        f"认不出是{wanted}，未导入",
        f"可以导入的有：{_kinds_in_words()}；请检查表头文字，或从文件夹中移走",
        sheet=grid.sheet,
    )


def _kinds_in_words() -> str:
    return "、".join(kind.chinese for kind in Kind)


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
        and counted == list(range(counted[0], counted[0] + len(counted)))
        and counted[0] <= 2
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


UNSUPPORTED_MONEY_UNITS = frozenset({"亿元", "千元", "百万元"})


def money_unit_of(table: Table, column: str, given: MoneyUnit | None) -> MoneyUnit:
    """The unit of a column: its own head, the unit line above, what the user said, else 元.

    Raises:
        ValueError: the table states 千元, 百万元 or 亿元.
    """
    stated = table.column_units.get(column) or table.title.money_unit
    if stated in UNSUPPORTED_MONEY_UNITS:
        raise ValueError(stated)
    return MoneyUnit(stated) if stated else given or MoneyUnit.YUAN
