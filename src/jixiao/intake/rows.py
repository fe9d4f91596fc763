"""Table → typed rows of domain/books.py, for the small kinds. 预算执行情况表 is in execution.py, payments in ledger.py."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from jixiao.domain.books import Contact, Fact, Indicator, KeyTask, Kind, NarrativeSection, Unit
from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.domain.money import MoneyUnit
from jixiao.intake.column_maps import CellType, fact_key
from jixiao.intake.grid import CellError, TextChapter, column_letter, is_blank, logged
from jixiao.intake.tables import DataRow, Table, body, row_list
from jixiao.intake.units import Doubt, UnitFinder
from jixiao.intake.values import (
    NotANumber,
    cell_text,
    lost_precision,
    percent_text,
    read_code,
    read_quantity,
    says_nothing,
)

_DUTY_MARKS = re.compile(r"[、,;，；\n]+")
_EMAIL = re.compile(r"[^\s@<>\"',;:]+@[^\s@<>\"',;:]+\.[^\s@<>\"',;:]+")
_FILLER = re.compile(r"^(?:指标\s*\d+|项目\s*\d+|任务\s*\d+)?\s*[:：]?\s*(?:[.…·。]+|/|／|-+|—+)?$")
_UNIT_COLUMNS = ("unit_code", "unit_name")


@dataclass(frozen=True)
class ReadingOptions:
    """What the user said of all files: the year, the units to read, the money unit where no table states one."""

    year: int
    scope: frozenset[str] = frozenset()
    money_unit: MoneyUnit | None = None


@dataclass
class Rows:
    """What became of a table's rows. ``rejected_units`` are those that miss a row; ``control_fen`` a printed total."""

    rows: list[object] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    rejected: int = 0
    excluded: int = 0
    rejected_units: set[str] = field(default_factory=set)
    units: set[str] = field(default_factory=set)
    outside: set[str] = field(default_factory=set)
    control_fen: int | None = None

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
        message=f"{place.chinese} {message}，该行未导入",
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

    def read(self, build: Callable[[DataRow, str], object | None]) -> Rows:
        """Give each row of data that has a unit in scope to ``build``; it returns the typed row, or None."""
        whole = None if {"unit_code", "unit_name"} & set(self.table.columns) else self.whole()
        if isinstance(whole, Doubt):
            place = self.table.place(self.file, self.table.head_row + 1)
            self.out.findings.append(unknown_unit(place, whole))
            return self.out
        content = body(self.table, self.file)
        self.out.findings += content.findings
        for row in content.rows:
            self.out.findings += self._lost_codes(row)
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
            self.out.reject(
                row_rejected(found.code, place, found.message, found.fix, unit_code=code, value=code or name)
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
        message=f"{place.chinese}「{table.label(column)}」超过 15 位却存成了数字，末几位已丢失，整个文件未导入",
        fix="请把该列设为文本格式后重新导出（不要用 Excel 直接打开 CSV 再保存）",
        value=cell_text(cell),
        outcome=Outcome.REJECT_FILE,
    )


def code_was_number(table: Table, file: str, column: str, numbers: list[int]) -> Finding:
    place = table.place(file, numbers[0], column)
    message = f"{place.chinese}「{table.label(column)}」存成了数字（共 {len(numbers)} 行），已还原为文本编码"
    return logged("CODE_WAS_NUMBER", place, message, "建议把编码列设为文本格式")


def rows_excluded(table: Table, file: str, unit_code: str, numbers: list[int]) -> Finding:
    place = table.place(file, numbers[0])
    message = f"《{file}》第 {row_list(numbers)}属于单位「{unit_code}」，不在本次范围内，未计入"
    finding = logged("ROWS_EXCLUDED", place, message, value=unit_code)
    return finding.in_unit(unit_code)


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
        position = positions[unit_code] = positions.get(unit_code, 0) + 1
        return Indicator(
            unit_code=unit_code,
            indicator_id=f"{position:03d}",
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

    return reader.read(build)


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
                message=f"{place.chinese}「{label}」写的是「{cell_text(cell)}」，不是数字，按未填处理",
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
        owner, email = row.text("owner"), row.text("email")
        raw = row.cells.get("email")
        broken = isinstance(raw, str) and ("\r" in raw.strip(" ") or "\n" in raw.strip(" "))
        place = table.place(finder.file, row.number, "email")
        if not owner and not email:
            return None
        if broken or not _EMAIL.fullmatch(email) or not owner:
            what = f"邮箱「{' '.join(email.split())}」不是有效的邮箱地址" if owner else "科室是空的"
            reader.out.rejected += 1
            reader.out.findings.append(
                Finding(
                    code="CONTACT_INVALID",
                    severity=Severity.WARNING,
                    place=place,
                    message=f"{place.chinese} {what}，该联系人未导入，给「{owner}」的消息将无法送达",
                    fix="请改成 name@example.org 这样的单行地址",
                    unit_code=unit_code,
                    value=" ".join(email.split()),
                    outcome=Outcome.REJECT_ROW,
                )
            )
            return None
        duties = tuple(word.strip() for word in _DUTY_MARKS.split(row.text("duties")) if word.strip())
        channel = row.text("channel") or "mail"
        channel = "mail" if channel in _MAIL_WORDS else channel
        return Contact(unit_code, owner, email, channel, duties, table.place(finder.file, row.number))

    return reader.read(build)


_MAIL_WORDS = {"邮件", "邮箱", "电子邮件", "email", "Email", "E-mail", "Mail"}


def read_facts(table: Table, finder: UnitFinder, options: ReadingOptions) -> Rows:
    """基础数据表, long (one row a figure) or wide (one row a unit)."""
    reader = RowReader(table, finder, options)
    wide_rows: list[object] = []
    wide_units: set[str] = set()

    def long(row: DataRow, unit_code: str) -> Fact | None:
        label = row.text("label")
        if not label:
            return None
        key = fact_key(label)
        if not key:
            place = table.place(finder.file, row.number, "label")
            message = f"{place.chinese}「{label}」不是已知的数据项，已略过"
            remark = logged("FACT_UNKNOWN", place, message, "如需使用，请改用数据项的标准名称", value=label)
            reader.out.findings.append(remark.in_unit(unit_code))
            reader.out.excluded += 1
            return None
        place = table.place(finder.file, row.number, "value")
        value = _figure(reader, place, "value", row.cells.get("value"), unit_code)
        if value is None:
            return None
        measure = row.text("measure") or value[1] or table.column_units.get("value", "")
        return Fact(
            unit_code, key, label, value[0], measure, row.text("basis"), table.place(finder.file, row.number, "value")
        )

    def wide(row: DataRow, unit_code: str) -> None:
        for index, (key, label) in table.fact_columns.items():
            cell = row.raw[index] if index < len(row.raw) else None
            if is_blank(cell) or says_nothing(cell_text(cell)):
                continue
            place = Place(finder.file, table.grid.sheet, row.number, column_letter(index))
            value = _figure(reader, place, label, cell, unit_code)
            if value is None:
                continue
            shown = re.search(r"[(（\[]([^)）\]]+)[)）\]]\s*$", label)
            measure = value[1] or (shown[1] if shown else "")
            wide_rows.append(Fact(unit_code, key, label, value[0], measure, row.text("basis"), place))
            wide_units.add(unit_code)

    rows = reader.read(wide if table.fact_columns else long)
    rows.rows += wide_rows
    rows.units |= wide_units
    return rows


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
        message=f"{place.chinese} {doubt.message}，整个文件未导入",
        fix=doubt.fix,
        outcome=Outcome.REJECT_FILE,
    )


READERS: dict[Kind, Callable[[Table, UnitFinder, ReadingOptions], Rows]] = {
    Kind.INDICATORS: read_indicators,
    Kind.KEY_TASKS: read_key_tasks,
    Kind.CONTACTS: read_contacts,
    Kind.UNIT_FACTS: read_facts,
}
