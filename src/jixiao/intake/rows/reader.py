"""Table → typed rows of domain/books.py, for the small kinds. 预算执行情况表 is in execution.py, payments in ledger.py."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from jixiao.domain.books import Contact, Fact, Indicator, KeyTask, Kind, NarrativeSection, Unit
from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.domain.money import MoneyUnit
from jixiao.domain.names import comparable
from jixiao.intake.grids.cells import cell_text, percent_text, says_nothing
from jixiao.intake.grids.grid import CellError, TextChapter, column_letter, is_blank, logged
from jixiao.intake.rows.units import Doubt, UnitFinder
from jixiao.intake.rows.values import NotANumber, lost_precision, read_code, read_quantity
from jixiao.intake.tables.bodies import DataRow, TableBody, body, row_list
from jixiao.intake.tables.column_maps import CellType, fact_key, fact_measures
from jixiao.intake.tables.table import Table

_DUTY_MARKS = re.compile(r"[、,;，；\n]+")
_EMAIL = re.compile(r"[^\s@<>\"',;:]+@[^\s@<>\"',;:]+\.[^\s@<>\"',;:]+")
_FILLER = re.compile(r"^(?:指标\s*\d+|项目\s*\d+|任务\s*\d+)?\s*[:：]?\s*(?:[.…·。]+|/|／|-+|—+)?$")
_UNIT_COLUMNS = ("unit_code", "unit_name")


@dataclass(frozen=True)
class ReadingOptions:
    """What the user said of all files: the year, the units to read, the money unit where no table states one.

    ``meanings`` are answers to what an ambiguous head means: head as it is compared → canonical column.
    """

    year: int
    scope: frozenset[str] = frozenset()
    money_unit: MoneyUnit | None = None
    meanings: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Rows:
    """What became of a table's rows. ``rejected_units`` are those that miss a row; ``control_fen`` a printed total.

    ``table`` is set where the rows settled what an ambiguous column of it means. ``rows_in`` counts the rows of data as
    they came, before any was judged; of them ``fillers`` say nothing (指标1, ……). ``body`` holds those rows, where they
    were read one by one.
    """

    rows: list[object] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    rejected: int = 0
    excluded: int = 0
    rejected_units: set[str] = field(default_factory=set)
    units: set[str] = field(default_factory=set)
    outside: set[str] = field(default_factory=set)
    control_fen: int | None = None
    excluded_fen: int = 0
    rejected_fen: int = 0
    table: Table | None = None
    rows_in: int = 0
    fillers: int = 0
    body: TableBody | None = None

    def reject(self, finding: Finding) -> None:
        self.findings.append(finding)
        self.rejected += 1
        if finding.unit_code:
            self.rejected_units.add(finding.unit_code)


def row_rejected(
    code: str, place: Place, message: str, fix: str, *, unit_code: str = "", value: str = "", expected: str = ""
) -> Finding:
    """The finding that keeps one row out."""
    return Finding(
        code=code,
        severity=Severity.ERROR,
        place=place,
        message=f"{message}，该行未导入",
        fix=fix,
        unit_code=unit_code,
        value=value,
        expected=expected,
        outcome=Outcome.REJECT_ROW,
    )


class RowReader:
    """Reads the rows of one table: the unit of each, its codes, and what is left out."""

    def __init__(self, table: Table, finder: UnitFinder, options: ReadingOptions) -> None:
        self.table, self.finder, self.options = table, finder, options
        self.file = finder.file
        self.out = Rows()
        self._numeric_codes: dict[str, list[int]] = {}
        self._outside: dict[str, list[int]] = {}
        self._whole: str | Doubt | None = None
        self.totals: tuple[DataRow, ...] = ()
        self.aside: list[DataRow] = []

    def read(
        self, build: Callable[[DataRow, str], object | None], *, aside: Callable[[DataRow], bool] | None = None
    ) -> Rows:
        """Give each row of data that has a unit in scope to ``build``; it returns the typed row, or None.

        Rows for which ``aside`` holds belong to no unit (a printed total over several): they are kept apart, and counted
        as excluded.
        """
        content: TableBody = body(self.table, self.file)
        self.out.body, self.out.rows_in = content, len(content.rows)
        whole = None if {"unit_code", "unit_name"} & set(self.table.columns) else self.whole()
        if isinstance(whole, Doubt):
            place = self.table.place(self.file, self.table.head_row + 1)
            self.out.findings.append(unknown_unit(place, whole))
            return self.out
        self.totals = content.totals
        self.out.findings += content.findings
        for row in content.rows:
            self.out.findings += self._lost_codes(row)
            if aside is not None and aside(row):
                self.aside.append(row)
                self.out.excluded += 1
                continue
            unit_code = self.unit_of(row)
            if unit_code is None:
                continue
            if built := build(row, unit_code):
                self.out.rows.append(built)
                self.out.units.add(unit_code)
        self.out.findings += self._remarks()
        return self.out

    def unit_of(self, row: DataRow) -> str | None:
        """The unit of a row; None (with the finding) where there is none, or it is outside the scope."""
        code, was_number = read_code(row.cells.get("unit_code"))
        name = row.text("unit_name")
        if was_number:
            self._numeric_codes.setdefault("unit_code", []).append(row.number)
        found = self.finder.of_row(code, name) if code or name else self.whole()
        if isinstance(found, Doubt):
            column = "unit_code" if code else "unit_name" if name else ""
            place = self.table.place(self.file, row.number, column)
            about = found.meant or code
            self.out.reject(
                row_rejected(found.code, place, found.message, found.fix, unit_code=about, value=code or name)
            )
            return None
        if self.options.scope and found not in self.options.scope:
            self._outside.setdefault(found, []).append(row.number)
            self.out.outside.add(found)
            self.out.excluded += 1
            return None
        return found

    def whole(self) -> str | Doubt:
        if self._whole is None:
            self._whole = self.finder.whole()
        return self._whole

    def _lost_codes(self, row: DataRow) -> list[Finding]:
        return [
            precision_lost(self.table, self.file, row.number, column.name, row.cells[column.name])
            for column in self.table.map.columns
            if column.cell_type is CellType.CODE and lost_precision(row.cells.get(column.name))
        ]

    def _remarks(self) -> list[Finding]:
        findings = []
        for column, numbers in self._numeric_codes.items():
            findings.append(code_was_number(self.table, self.file, column, numbers))
        for code, numbers in sorted(self._outside.items()):
            findings.append(rows_excluded(self.table, self.file, code, numbers))
        return findings

    def text_cell(self, row: DataRow, column: str) -> str | None:
        """A text cell; None for an error value. A number with a percent format is printed as the sheet shows it."""
        cell = row.cells.get(column)
        if isinstance(cell, CellError):
            return None
        where = (row.number - 1, self.table.columns.get(column, -1))
        if where in self.table.grid.percent_cells and isinstance(cell, (int, float)):
            return percent_text(cell, self.table.grid.percent_cells[where])
        return cell_text(cell)

    def error_cell(self, row: DataRow, unit_code: str, columns: tuple[str, ...]) -> bool:
        """Whether one of ``columns`` holds an error value: then the row is rejected."""
        for column in columns:
            cell = row.cells.get(column)
            if isinstance(cell, CellError):
                place = self.table.place(self.file, row.number, column)
                self.out.reject(cell_error(self.table, place, column, cell, unit_code))
                return True
        return False


def period_mismatch(place: Place, what: str, *, said: str, year: int) -> Finding:
    """The question whether a file is of another year: nothing of it is kept until it is answered."""
    return Finding(
        code="PERIOD_MISMATCH",
        severity=Severity.QUESTION,
        place=place,
        message=f"{what}，本次评价 {year} 年度，未导入",
        fix=f"请换成 {year} 年度的文件；年份写错的请改正，确要评价该年度的请改用那一年运行",
        value=said,
        expected=str(year),
        outcome=Outcome.ASK_USER,
    )


def cell_error(table: Table, place: Place, column: str, cell: CellError, unit_code: str) -> Finding:
    if cell.formula_without_value:
        return row_rejected(
            "FORMULA_NO_VALUE",
            place,
            f"「{table.label(column)}」是公式，但文件里没有保存计算结果",
            "请用 WPS 或 Excel 打开、重新计算并保存，或改成数值",
            unit_code=unit_code,
            value=cell.text,
        )
    return row_rejected(
        "CELL_ERROR",
        place,
        f"「{table.label(column)}」是错误值 {cell.text}",
        "请修复公式，或填入数值",
        unit_code=unit_code,
        value=cell.text,
    )


def precision_lost(table: Table, file: str, row: int, column: str, cell: object) -> Finding:
    place = table.place(file, row, column)
    return Finding(
        code="CODE_PRECISION_LOST",
        severity=Severity.ERROR,
        place=place,
        message=f"「{table.label(column)}」超过 15 位却存成了数字，末几位已丢失，整个文件未导入",
        fix="请把该列设为文本格式后重新导出（不要用 Excel 直接打开 CSV 再保存）",
        value=cell_text(cell),
        outcome=Outcome.REJECT_FILE,
    )


def code_was_number(table: Table, file: str, column: str, numbers: list[int]) -> Finding:
    place = table.place(file, numbers[0], column)
    message = f"「{table.label(column)}」存成了数字（共 {len(numbers)} 行），已还原为文本编码"
    return logged("CODE_WAS_NUMBER", place, message, "建议把编码列设为文本格式")


def rows_excluded(table: Table, file: str, unit_code: str, numbers: list[int]) -> Finding:
    place = table.place(file, numbers[0])
    message = f"第 {row_list(numbers)}属于单位「{unit_code}」，不在本次范围内，未计入"
    finding = logged("ROWS_EXCLUDED", place, message, value=unit_code)
    return finding.in_unit(unit_code)


def indicator_id(position: int) -> str:
    """The id of an indicator within its unit: its position, ``007``."""
    return f"{position:03d}"


def read_indicators(table: Table, finder: UnitFinder, options: ReadingOptions) -> Rows:
    """绩效指标（自评）表. The id of an indicator is its position among its unit's, from 001."""
    reader = RowReader(table, finder, options)
    positions: dict[str, int] = {}

    def build(row: DataRow, unit_code: str) -> Indicator | None:
        name = reader.text_cell(row, "name")
        if name is None or reader.error_cell(row, unit_code, ("target", "actual", "weight", "score")):
            if name is None:
                reader.error_cell(row, unit_code, ("name",))
            return None
        texts = {column: reader.text_cell(row, column) or "" for column in table.columns if column not in _UNIT_COLUMNS}
        if _FILLER.match(name) and not texts.get("target") and not texts.get("actual"):
            reader.out.fillers += 1
            return None
        if not name:
            place = table.place(finder.file, row.number, "name")
            fix = "请填写指标名称，或删除该行"
            reader.out.reject(
                row_rejected(
                    "REQUIRED_VALUE_EMPTY", place, f"「{table.label('name')}」是空的", fix, unit_code=unit_code
                )
            )
            return None
        if _is_subrow(name, texts):
            reader.out.findings.append(_subrow(table, finder.file, row.number, name, texts).in_unit(unit_code))
            reader.out.excluded += 1
            return None
        position = positions[unit_code] = positions.get(unit_code, 0) + 1
        return Indicator(
            unit_code=unit_code,
            indicator_id=indicator_id(position),
            position=position,
            level1=texts.get("level1", ""),
            level2=texts.get("level2", ""),
            name=name,
            target=texts.get("target", ""),
            actual=texts.get("actual", ""),
            actual_source=texts.get("actual_source", ""),
            deviation=texts.get("deviation", ""),
            reason=texts.get("reason", ""),
            weight=points(reader, row, "weight", unit_code),
            score=points(reader, row, "score", unit_code),
            owner=texts.get("owner", ""),
            standard=texts.get("standard", ""),
            place=table.place(finder.file, row.number),
        )

    out = reader.read(build)
    out.findings += _printed_totals(reader, [row for row in out.rows if isinstance(row, Indicator)])
    return out


def _is_subrow(name: str, texts: dict[str, str]) -> bool:
    """其中：… with neither target nor points says of what the indicator above it consists: it is none itself."""
    return comparable(name).startswith("其中") and all(says_nothing(texts.get(c, "")) for c in ("target", "weight"))


def _subrow(table: Table, file: str, row: int, name: str, texts: dict[str, str]) -> Finding:
    place = table.place(file, row, "name")
    shown = f"{name} {texts.get('actual', '')}".strip()
    message = f"「{shown}」没有目标值和分值，是上一项指标的明细，不作为单独的指标"
    return logged("SUBROW_EXCLUDED", place, message, "如是单独的指标，请填写目标值", value=shown)


# What the table above says of points that stand outside the rows: the form's own points for budget execution.
_EXECUTION_WORD = "执行率"


def _printed_totals(reader: RowReader, rows: list[Indicator]) -> Iterator[Finding]:
    """Printed 分值 and 得分 of 总分 and 小计 against the rows above: all of them, or those since the total before."""
    table, out = reader.table, reader.out
    if out.rejected or out.outside or any(_EXECUTION_WORD in text for text in table.title.texts):
        return
    since = 0
    for total in reader.totals:
        above = [row for row in rows if (row.place.row or 0) < total.number]
        recent = [row for row in above if (row.place.row or 0) > since]
        since = total.number
        for column in ("weight", "score"):
            try:
                printed = read_quantity(total.cells.get(column))[0]
            except NotANumber:
                continue
            sums = [_sum_of(part, column) for part in (above, recent)]
            if None in sums or printed in sums:
                continue
            yield _total_mismatch(reader, total.number, column, printed=printed, found=sums[0] or Decimal(0))


def _sum_of(rows: list[Indicator], column: str) -> Decimal | None:
    """The sum of 分值 or 得分; None where a row states none."""
    stated = [row.weight if column == "weight" else row.score for row in rows]
    known = [value for value in stated if value is not None]
    return sum(known, Decimal(0)) if known and len(known) == len(stated) else None


def _total_mismatch(reader: RowReader, row: int, column: str, *, printed: Decimal, found: Decimal) -> Finding:
    return Finding(
        code="SUM_MISMATCH",
        severity=Severity.WARNING,
        place=reader.table.place(reader.file, row, column),
        message=f"合计行的「{reader.table.label(column)}」是 {printed:f}，上面各行相加是 {found:f}，相差 {found - printed:f}",
        fix="请核对是否漏行、多行或录错，改正合计或各行",
        value=f"{printed:f}",
        expected=f"{found:f}",
        outcome=Outcome.ACCEPT_WITH_WARNING,
    )


def points(reader: RowReader, row: DataRow, column: str, unit_code: str) -> Decimal | None:
    """Printed 分值 or 得分; None where blank. A text there is a warning, the indicator stays."""
    cell = row.cells.get(column)
    if is_blank(cell) or says_nothing(cell_text(cell)):
        return None
    try:
        return read_quantity(cell)[0]
    except NotANumber:
        place = reader.table.place(reader.file, row.number, column)
        label = reader.table.label(column)
        reader.out.findings.append(
            Finding(
                code="NUMBER_UNREADABLE",
                severity=Severity.WARNING,
                place=place,
                message=f"「{label}」写的是「{cell_text(cell)}」，不是数字，按未填处理",
                fix="请改成数字",
                unit_code=unit_code,
                value=cell_text(cell),
                outcome=Outcome.ACCEPT_WITH_WARNING,
            )
        )
        return None


def read_key_tasks(table: Table, finder: UnitFinder, options: ReadingOptions) -> Rows:
    """年度重点任务, numbered within their unit."""
    reader = RowReader(table, finder, options)
    positions: dict[str, int] = {}

    def build(row: DataRow, unit_code: str) -> KeyTask | None:
        texts = {c: reader.text_cell(row, c) or "" for c in ("duty", "name", "content", "completion")}
        if not any(texts[c] for c in ("name", "content", "completion")) or _is_filler(texts):
            reader.out.fillers += 1
            return None
        position = positions[unit_code] = positions.get(unit_code, 0) + 1
        place = table.place(finder.file, row.number)
        return KeyTask(unit_code=unit_code, position=position, place=place, **texts)

    return reader.read(build)


def _is_filler(texts: dict[str, str]) -> bool:
    return bool(_FILLER.match(texts["name"])) and not texts["content"] and not texts["completion"]


def read_register(table: Table, finder: UnitFinder) -> Rows:
    """预算单位名册: every unit, whatever the scope."""
    out = Rows()
    content = body(table, finder.file)
    out.findings += content.findings
    out.body, out.rows_in = content, len(content.rows)
    seen: dict[str, int] = {}
    numeric: list[int] = []
    for row in content.rows:
        code, was_number = read_code(row.cells.get("unit_code"))
        place = table.place(finder.file, row.number, "unit_code")
        if lost_precision(row.cells.get("unit_code")):
            out.findings.append(precision_lost(table, finder.file, row.number, "unit_code", row.cells["unit_code"]))
            continue
        if was_number:
            numeric.append(row.number)
        if not code:
            message = f"「{table.label('unit_code')}」是空的"
            out.reject(
                row_rejected("REQUIRED_VALUE_EMPTY", place, message, "请填写单位编码", value=row.text("unit_name"))
            )
            continue
        if code in seen:
            message = f"单位编码「{code}」与第 {seen[code]} 行重复"
            out.reject(row_rejected("DUPLICATE_KEY", place, message, "请删除重复的行", unit_code=code, value=code))
            continue
        seen[code] = row.number
        parent, _ = read_code(row.cells.get("parent_code"))
        division, _ = read_code(row.cells.get("division_code"))
        place = table.place(finder.file, row.number)
        out.rows.append(Unit(code, row.text("unit_name"), parent, division, place))
        out.units.add(code)
    if numeric:
        out.findings.append(code_was_number(table, finder.file, "unit_code", numeric))
    return out


def read_contacts(table: Table, finder: UnitFinder, options: ReadingOptions) -> Rows:
    """责任人通讯录."""
    reader = RowReader(table, finder, options)

    def build(row: DataRow, unit_code: str) -> Contact | None:
        owner, raw = row.text("owner"), row.cells.get("email")
        email = " ".join(row.text("email").split())
        broken = isinstance(raw, str) and any(mark in raw.strip(" ") for mark in "\r\n")
        if not owner and not email and not row.text("duties"):
            reader.out.fillers += 1
            return None
        if broken or not _EMAIL.fullmatch(email) or not owner:
            invalid = _contact_invalid(table, finder.file, row.number, owner=owner, email=email).in_unit(unit_code)
            if not owner:
                reader.out.reject(invalid)
                return None
            reader.out.findings.append(invalid)
        duties = tuple(word.strip() for word in _DUTY_MARKS.split(row.text("duties")) if word.strip())
        channel = row.text("channel") or "mail"
        channel = "mail" if channel in _MAIL_WORDS else channel
        return Contact(unit_code, owner, email, channel, duties, table.place(finder.file, row.number))

    return reader.read(build)


def _contact_invalid(table: Table, file: str, row: int, *, owner: str, email: str) -> Finding:
    """Without an address an office keeps its duties: what it owes must not go to another office."""
    what = f"邮箱「{email}」不是有效的邮箱地址" if email else "邮箱是空的"
    message = f"{what}，给「{owner}」的消息将无法送达" if owner else "科室是空的，该联系人未导入"
    return Finding(
        code="CONTACT_INVALID",
        severity=Severity.WARNING,
        place=table.place(file, row, "email" if owner else "owner"),
        message=message,
        fix="请改成 name@example.org 这样的单行地址" if owner else "请填写科室名称",
        value=email,
        outcome=Outcome.ACCEPT_WITH_WARNING if owner else Outcome.REJECT_ROW,
    )


_MAIL_WORDS = {"邮件", "邮箱", "电子邮件", "email", "Email", "E-mail", "Mail"}


def read_facts(table: Table, finder: UnitFinder, options: ReadingOptions) -> Rows:  # noqa: C901 - two shapes of one table
    """基础数据表, long (one row a figure) or wide (one row a unit)."""
    reader = RowReader(table, finder, options)
    measured = _Measures(reader)
    wide_rows: list[object] = []
    wide_units: set[str] = set()

    def long(row: DataRow, unit_code: str) -> Fact | None:
        label, cell = row.text("label"), row.cells.get("value")
        silent = is_blank(cell) or (isinstance(cell, str) and says_nothing(cell))
        if not label and silent:
            reader.out.fillers += 1
            return None
        if not label:
            place = table.place(finder.file, row.number, "label")
            message = f"「{table.label('label')}」是空的，不知道「{cell_text(cell)}」是什么数据"
            fix = "请填写数据项的名称"
            reader.out.reject(
                row_rejected("REQUIRED_VALUE_EMPTY", place, message, fix, unit_code=unit_code, value=cell_text(cell))
            )
            return None
        key = fact_key(label)
        if not key:
            place = table.place(finder.file, row.number, "label")
            message = f"「{label}」不是已知的数据项，已略过"
            remark = logged("FACT_UNKNOWN", place, message, "如需使用，请改用数据项的标准名称", value=label)
            reader.out.findings.append(remark.in_unit(unit_code))
            reader.out.excluded += 1
            return None
        if silent:  # no fact
            reader.out.fillers += 1
            return None
        place = table.place(finder.file, row.number, "value")
        value = _figure(reader, place, "value", row.cells.get("value"), unit_code)
        if value is None:
            return None
        stated = (value[1], row.text("measure"), _unit_in_brackets(label), table.column_units.get("value", ""))
        return measured.fact(unit_code, key, label, value[0], stated, basis=row.text("basis"), place=place)

    def wide(row: DataRow, unit_code: str) -> None:
        reader.out.rows_in -= 1
        for index, (key, label) in table.fact_columns.items():
            cell = row.raw[index] if index < len(row.raw) else None
            if is_blank(cell) or says_nothing(cell_text(cell)):
                continue
            reader.out.rows_in += 1  # of a wide table each figure counts, as in a long one
            place = Place(finder.file, table.grid.sheet, row.number, column_letter(index))
            value = _figure(reader, place, label, cell, unit_code)
            if value is None:
                continue
            stated = (value[1], _unit_in_brackets(label))
            fact = measured.fact(unit_code, key, label, value[0], stated, basis=row.text("basis"), place=place)
            if fact:
                wide_rows.append(fact)
                wide_units.add(unit_code)

    rows = reader.read(wide if table.fact_columns else long)
    rows.rows += wide_rows
    rows.units |= wide_units
    rows.findings += measured.unstated()
    return rows


def _unit_in_brackets(label: str) -> str:
    """公用经费支出（万元） → 万元."""
    shown = re.search(r"[(（\[]([^)）\]]+)[)）\]]\s*$", label)
    return shown[1] if shown and shown[1] in _MEASURES else ""


_YUAN_PER = {
    "元": 1,
    "圆": 1,
    "人民币元": 1,
    "千元": 1000,
    "万": 10_000,
    "万元": 10_000,
    "人民币万元": 10_000,
    "百万元": 10**6,
    "千万元": 10**7,
    "亿": 10**8,
    "亿元": 10**8,
}
_PERCENT_MARKS = frozenset({"%", "百分比", "百分点", "个百分点"})
_MEASURES = frozenset(_YUAN_PER) | _PERCENT_MARKS
_MEASURED_IN = {"money": "金额", "count": "人数或个数", "percent": "百分比"}


def _measure_of(unit: str) -> str:
    if unit in _PERCENT_MARKS:
        return "percent"
    return "money" if unit in _YUAN_PER else "count"


class _Measures:
    """Brings money facts to 元, so that two of them can be divided, and finds units that do not fit their fact."""

    def __init__(self, reader: RowReader) -> None:
        self._reader = reader
        self._unstated: dict[str, list[Fact]] = {}
        self._scaled: dict[str, Fact] = {}

    def fact(
        self, unit_code: str, key: str, label: str, value: Decimal, stated: Sequence[str], *, basis: str, place: Place
    ) -> Fact | None:
        """The fact, its money in 元; None with the finding where its unit is that of another thing, or two differ."""
        units = list(dict.fromkeys(comparable(unit) for unit in stated if unit and not says_nothing(unit)))
        kind = fact_measures()[key]
        odd = [unit for unit in units if _measure_of(unit) != kind]
        factors = {_YUAN_PER[unit] for unit in units if unit in _YUAN_PER}
        if odd or (kind == "money" and len(factors) > 1):
            shown = "、".join(units)
            message = (
                f"「{label}」应是{_MEASURED_IN[kind]}，单位却写「{shown}」"
                if odd
                else f"「{label}」的单位有两种写法：{shown}"
            )
            fix = "请把计量单位改成与数值相符的一种"
            self._reader.out.reject(
                row_rejected("FACT_UNIT_UNCLEAR", place, message, fix, unit_code=unit_code, value=shown)
            )
            return None
        if kind != "money":
            return Fact(unit_code, key, label, value, units[0] if units else "", basis, place)
        title, given = self._reader.table.title.money_unit, self._reader.options.money_unit
        unit = units[0] if units else title or (given.value if given else "")
        fact = Fact(unit_code, key, label, value * _YUAN_PER.get(unit, 1), MoneyUnit.YUAN.value, basis, place)
        if not unit:
            self._unstated.setdefault(unit_code, []).append(fact)
        elif _YUAN_PER[unit] > 1:
            self._scaled.setdefault(unit_code, replace(fact, value=value, unit=unit))
        return fact

    def unstated(self) -> Iterator[Finding]:
        """Money without a unit beside money in 万元 is read as 元, and said so."""
        for unit_code, facts in self._unstated.items():
            other = self._scaled.get(unit_code)
            for fact in facts if other else ():
                assert other
                yield Finding(
                    code="FACT_UNIT_UNCLEAR",
                    severity=Severity.WARNING,
                    place=fact.place,
                    message=(
                        f"「{fact.label}」{fact.value:f} 没有写计量单位，按元读取；同表「{other.label}」{other.value:f} 的单位是{other.unit}"
                    ),
                    fix="请为每个金额写明计量单位（元或万元）",
                    unit_code=unit_code,
                    value=f"{fact.value:f}",
                    outcome=Outcome.ACCEPT_WITH_WARNING,
                )


def _figure(reader: RowReader, place: Place, label: str, cell: object, unit_code: str) -> tuple[Decimal, str] | None:
    """A figure and the unit behind it; None with the finding where it is blank (no fact) or unreadable."""
    if is_blank(cell) or (isinstance(cell, str) and says_nothing(cell)):
        return None
    if isinstance(cell, CellError):
        code = "FORMULA_NO_VALUE" if cell.formula_without_value else "CELL_ERROR"
        message = f"数值是错误值 {cell.text}"
        reader.out.reject(
            row_rejected(code, place, message, "请修复公式，或填入数值", unit_code=unit_code, value=cell.text)
        )
        return None
    try:
        return read_quantity(cell)
    except NotANumber:
        shown = cell_text(cell)
        head = reader.table.label(label) if label in reader.table.columns else label
        message = f"「{head}」写的是「{shown}」，不是数字"
        fix = "请填数字；没有该项数据就留空"
        reader.out.reject(row_rejected("REQUIRED_VALUE_EMPTY", place, message, fix, unit_code=unit_code, value=shown))
        return None


def read_narrative(chapters: tuple[TextChapter, ...], finder: UnitFinder, options: ReadingOptions) -> Rows:
    """自评报告文字: one section a chapter, all of one unit."""
    out = Rows()
    found = finder.whole()
    if isinstance(found, Doubt):
        place = Place(file=finder.file, row=chapters[0].paragraph)
        out.findings.append(unknown_unit(place, found))
        return out
    if options.scope and found not in options.scope:
        out.outside.add(found)
        out.excluded = len(chapters)
        return out
    out.units.add(found)
    out.rows += [
        NarrativeSection(
            found, c.number, c.heading, c.paragraphs, Place(file=finder.file, sheet=c.heading, row=c.paragraph)
        )
        for c in chapters
    ]
    return out


def unknown_unit(place: Place, doubt: Doubt) -> Finding:
    """The finding that keeps a file out whose unit nobody can tell."""
    return Finding(
        code=doubt.code,
        severity=Severity.ERROR,
        place=place,
        message=f"{doubt.message}，整个文件未导入",
        fix=doubt.fix,
        unit_code=doubt.meant,
        outcome=Outcome.REJECT_FILE,
    )


def _read_adjustments(table: Table, finder: UnitFinder, options: ReadingOptions) -> Rows:
    from jixiao.intake.rows.adjustments import read_adjustments

    return read_adjustments(table, finder, options)


READERS: dict[Kind, Callable[[Table, UnitFinder, ReadingOptions], Rows]] = {
    Kind.INDICATORS: read_indicators,
    Kind.KEY_TASKS: read_key_tasks,
    Kind.CONTACTS: read_contacts,
    Kind.UNIT_FACTS: read_facts,
    Kind.BUDGET_ADJUSTMENTS: _read_adjustments,
}
