"""An inbox → what it holds: every file read, every row given to its unit, every finding in one pass.

Two passes: first all grids and the units they name, then the rows. One file is typed in rows.py, execution.py and
ledger.py; which unit a row belongs to is found in units.py. The order of files changes nothing.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from jixiao.domain.books import BudgetLine, Indicator, KeyTask, Kind, PerformanceForm, Unit
from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.domain.money import MoneyUnit
from jixiao.domain.names import comparable
from jixiao.intake.grids.cells import cell_text
from jixiao.intake.grids.delimited import broken_stream, whole
from jixiao.intake.grids.grid import (
    WORD_SUFFIXES,
    Content,
    FileContent,
    Grid,
    column_letter,
    file_rejected,
    file_skipped,
    is_blank,
    logged,
    suffix_of,
)
from jixiao.intake.grids.reading import read_content
from jixiao.intake.grids.stream import NotDecodable
from jixiao.intake.money_sizes import implausible_sizes
from jixiao.intake.rows.adjustments import adjustments_against_lines
from jixiao.intake.rows.forms import columns_of, heads_of, read_form
from jixiao.intake.rows.ledger import ledger_columns, read_ledger
from jixiao.intake.rows.reader import (
    READERS,
    ReadingOptions,
    Rows,
    indicator_id,
    period_mismatch,
    read_narrative,
    read_register,
)
from jixiao.intake.rows.units import UnitDirectory, UnitFinder, directory_of
from jixiao.intake.rows.values import lost_precision, read_code
from jixiao.intake.tables.bodies import row_list
from jixiao.intake.tables.forms import FormTable, find_forms
from jixiao.intake.tables.heads import read_sheet
from jixiao.intake.tables.table import SheetReading, Table, Title, money_unit_of
from jixiao.intake.tables.titles import maturity_of, stated_year, years_by_row

if TYPE_CHECKING:
    import pandas as pd

    from jixiao.intake.rows.ledger_columns import LedgerColumns

_LOCK_PREFIXES = ("~$", ".~", ".")
_SYSTEM_FILES = {"Thumbs.db", "desktop.ini", "__MACOSX"}
_UNIT_KINDS = frozenset({Kind.PAYMENTS, Kind.BUDGET_EXECUTION, Kind.INDICATORS})
# Forms of one unit: a code beside another unit's name refuses them.
_FORM_KINDS = frozenset({Kind.BUDGET_EXECUTION, Kind.INDICATORS, Kind.KEY_TASKS, Kind.UNIT_FACTS})
_FOLLOW_FROM_THE_UNIT = frozenset({"IDENTITY", "SUM_MISMATCH", "CONTROL_TOTAL", "OVERSPENT"})
_YEARLESS_KINDS = frozenset({Kind.CONTACTS, Kind.UNIT_REGISTER})
_MONEY_COLUMN = {Kind.PAYMENTS: "amount", Kind.BUDGET_EXECUTION: "executed", Kind.BUDGET_ADJUSTMENTS: "amount"}
_NAMED_UNITS = 2000


@dataclass(frozen=True)
class TableReading:
    """One recognised table. ``mapping``: canonical column → column letter, ``heads``: → its head as printed.

    ``unit_stated``: the table itself says its money unit. ``project`` is the subject of a form, ``fund`` the 资金性质 that
    all rows state, ``maturity`` 快报, 决算 or 批复 where the title says it. ``ledger`` (payments alone) has the columns unit_code, voucher_no, line_name, amount_fen (int64),
    paid_on (datetime64[s], NaT allowed), sheet, row (int64); then ``rows`` is empty.
    """

    kind: Kind
    sheet: str
    header_row: int
    mapping: dict[str, str]
    heads: dict[str, str]
    money_unit: MoneyUnit | None
    rows: tuple[object, ...]
    ledger: pd.DataFrame | None = field(compare=False, repr=False)
    rows_accepted: int
    rows_rejected: int
    rows_excluded: int
    total_fen: int | None
    scope_units: tuple[str, ...]
    unit_stated: bool = True
    project: str = ""
    fund: str = ""
    maturity: str = ""


@dataclass(frozen=True)
class FileReading:
    """One file of the inbox. A rejected one has no tables; ``left_out_units`` should have been fed by it."""

    file: str
    path: Path
    sha256: str
    size: int
    tables: tuple[TableReading, ...] = ()
    findings: tuple[Finding, ...] = ()
    outcome: Outcome = Outcome.ACCEPT
    left_out_units: tuple[str, ...] = ()
    rejected_count: int = 0
    kinds: tuple[Kind, ...] = ()

    @property
    def rows_accepted(self) -> int:
        return sum(table.rows_accepted for table in self.tables)

    @property
    def rows_rejected(self) -> int:
        return self.rejected_count

    @property
    def control_total(self) -> int | None:
        """Fen of the ledger, or of the total line's executed amount; None where the file has neither."""
        totals = [table.total_fen for table in self.tables if table.total_fen is not None]
        return sum(totals) if totals else None


@dataclass(frozen=True)
class InboxReading:
    """All files in order of their paths, and all units known now."""

    files: tuple[FileReading, ...]
    units: tuple[Unit, ...]


@dataclass
class _Draft:
    """A file while it is read."""

    file: str
    path: Path
    sha256: str = ""
    size: int = 0
    content: FileContent = field(default_factory=lambda: FileContent(Content.NOTHING))
    sheets: list[SheetReading] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    tables: list[TableReading] = field(default_factory=list)
    rejected: int = 0
    rejected_units: set[str] = field(default_factory=set)
    outside: set[str] = field(default_factory=set)
    about: set[str] = field(default_factory=set)
    shortened: dict[str, str] = field(default_factory=dict)

    @property
    def is_refused(self) -> bool:
        return any(f.outcome is Outcome.REJECT_FILE for f in self.findings)

    @property
    def is_kept_out(self) -> bool:
        """Whether nothing of the file will be kept: refused, or waiting for an answer."""
        return any(f.outcome in {Outcome.REJECT_FILE, Outcome.ASK_USER} for f in self.findings)

    @property
    def leaves_units_out(self) -> bool:
        """Whether a unit cannot be evaluated without this file: it holds a needed kind, or nobody can tell what."""
        if self.content.chapters or suffix_of(self.file) in {*WORD_SUFFIXES, ".md"}:
            return False
        kinds = set(self.kinds) | {sheet.likely for sheet in self.sheets if sheet.likely}
        if kinds:
            return bool(kinds & _UNIT_KINDS)
        return not self.sheets or any(sheet.finding and sheet.finding.code != "WRONG_TABLE" for sheet in self.sheets)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        found = [sheet.table.kind for sheet in self.sheets if sheet.table]
        found += [sheet.form.kind for sheet in self.sheets if sheet.form]
        found += [Kind.NARRATIVE] if self.content.chapters else []
        return tuple(dict.fromkeys(found))


def read_inbox(
    paths: Sequence[Path],
    *,
    year: int,
    known: Sequence[Unit] = (),
    scope: frozenset[str] = frozenset(),
    kind: Kind | None = None,
    money_unit: MoneyUnit | None = None,
) -> InboxReading:
    """Read files and folders of an inbox.

    ``known`` are units of the store; ``scope`` the codes to read (empty: all); ``kind`` what every table is said to
    be; ``money_unit`` the unit where no table states one. Never raises for what a file holds: that is a finding.

    Raises:
        FileNotFoundError: a path of ``paths`` does not exist.
    """
    options = ReadingOptions(year=year, scope=scope, money_unit=money_unit)
    drafts = [_open(file, path, kind, options) for file, path in _files(paths)]
    directory = directory_of(known, scope)
    _hear_names(drafts, directory)
    _learn_registers(drafts, directory)
    directory.settle()
    for draft in drafts:
        _type(draft, directory, options)
    _drop_copies(drafts)
    _judge_scope(drafts, options, directory)
    _judge_money_sizes(drafts)
    _judge_adjustments(drafts)
    _number_on(drafts)
    folders = _units_by_folder(drafts)
    files = tuple(_finished(draft, directory, options, folders) for draft in drafts)
    return InboxReading(files=files, units=directory.sorted())


def _files(paths: Sequence[Path]) -> list[tuple[str, Path]]:
    """All files below ``paths`` with their names for messages, in order of the relative posix path."""
    found: dict[str, Path] = {}
    for path in paths:
        if not path.exists() and not path.is_symlink():
            raise FileNotFoundError(str(path))
        entries = _walk(path) if path.is_dir() else [(_legible(path.name), path)]
        for name, file in entries:
            if found.get(name, file) != file:  # the same name in two folders of the command line
                name = file.as_posix().lstrip("/")  # noqa: PLW2901
            found[name] = file
    return sorted(found.items())


def _legible(name: str) -> str:
    """A file name that can be stored and printed: bytes that are no UTF-8 are read as GB18030, as in Chinese archives."""
    try:
        name.encode()
    except UnicodeEncodeError:
        blob = name.encode("utf-8", "surrogateescape")
        return blob.decode("gb18030", "replace")
    return name


def _walk(root: Path) -> Iterator[tuple[str, Path]]:
    for folder, folders, names in os.walk(root, followlinks=False):
        linked = [name for name in folders if (Path(folder) / name).is_symlink()]
        folders[:] = sorted(
            name for name in folders if name not in linked and not name.startswith(".") and name != "__MACOSX"
        )
        for name in sorted((*names, *linked)):
            path = Path(folder) / name
            yield _legible(path.relative_to(root).as_posix()), path


def _open(file: str, path: Path, kind: Kind | None, options: ReadingOptions) -> _Draft:
    """First pass: bytes, hash, grids, tables."""
    draft = _Draft(file=file, path=path)
    name = PurePosixPath(file).name
    why = _not_followed(path)
    if why:
        draft.findings.append(file_skipped(file, why))
        return draft
    if name.startswith(_LOCK_PREFIXES) or name in _SYSTEM_FILES:
        draft.findings.append(file_skipped(file, "是临时文件或系统文件"))
        return draft
    try:
        with path.open("rb") as opened:
            draft.sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
        draft.size = path.stat().st_size
        draft.content = read_content(path, file)
    except OSError:
        message = "读不了（没有权限，或磁盘有问题），未导入"
        draft.findings.append(file_rejected(file, "FILE_CORRUPT", message, "请检查文件权限，或重新放入"))
        return draft
    draft.findings += draft.content.findings
    try:
        readings = [reading for grid in draft.content.grids for reading in _readings(grid, file, kind, options)]
    except NotDecodable as error:
        draft.findings.append(broken_stream(path, error.position, file))
        return draft
    draft.sheets = _distinct_sheets(draft, readings)
    if draft.content.content is Content.TABLES:
        _judge_sheets(draft)
    return draft


def _readings(grid: Grid, file: str, kind: Kind | None, options: ReadingOptions) -> list[SheetReading]:
    """What a sheet holds: its forms, else its table. A big ledger is read by column, any other big text whole."""
    if grid.stream is not None:
        reading = read_sheet(grid, file, kind)
        if reading and reading.table and reading.table.kind is Kind.PAYMENTS:
            with suppress(ValueError):  # a record without an end: read whole, the exact reader says what is wrong
                return [replace(reading, columns=ledger_columns(reading.table, options))]
        grid = whole(grid)
    forms = find_forms(grid) if kind is None or kind.is_form else []
    if forms:
        return [SheetReading(grid, title=form.title, form=form) for form in forms]
    reading = read_sheet(grid, file, kind)
    return [reading] if reading else []


def _not_followed(path: Path) -> str:
    """Why a name of the inbox is not opened: a link may point anywhere, a device never ends."""
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return "是符号链接，不跟随"
    return "" if stat.S_ISREG(mode) else "不是普通文件"


def _distinct_sheets(draft: _Draft, sheets: list[SheetReading]) -> list[SheetReading]:
    """Sheets with the same rows are read once, the visible one first."""
    kept: list[SheetReading] = []
    for sheet in sorted(sheets, key=lambda s: s.grid.hidden):
        if sheet.table:
            twin = next((other for other in kept if other.table and _same_rows(other.grid, sheet.grid)), None)
            if twin:
                place = Place(file=draft.file, sheet=sheet.grid.sheet)
                message = f"与工作表「{twin.grid.sheet}」内容相同，只读后者"
                draft.findings.append(logged("DUPLICATE_SHEET", place, message))
                continue
        kept.append(sheet)
    order = {id(sheet): position for position, sheet in enumerate(sheets)}
    return sorted(kept, key=lambda sheet: order[id(sheet)])


def _same_rows(one: Grid, other: Grid) -> bool:
    if len(one.rows) != len(other.rows):
        return False
    return all(_cells(a) == _cells(b) for a, b in zip(one.rows, other.rows, strict=True))


def _cells(row: Sequence[object]) -> list[str]:
    texts = [cell_text(cell) for cell in row]
    while texts and not texts[-1]:
        texts.pop()
    return texts


def _judge_sheets(draft: _Draft) -> None:
    """Take the tables' findings; a sheet beside a recognised one that holds no table is only a remark."""
    recognised = [sheet for sheet in draft.sheets if sheet.table or sheet.form]
    for sheet in draft.sheets:
        draft.findings += sheet.findings
        finding = sheet.finding
        if finding is None:
            continue
        beside = recognised and (sheet.weak or sheet.grid.hidden or finding.code == "WRONG_TABLE")
        if beside:
            message = "不是可导入的表，已略过"
            finding = logged(
                finding.code, finding.place, message, "如应导入，请检查这张工作表的表头", value=finding.value
            )
        draft.findings.append(finding)
    if not draft.sheets and not draft.is_refused:
        message = "文件里没有任何内容，未导入"
        draft.findings.append(file_rejected(draft.file, "NO_DATA_ROWS", message, "请重新导出；没有数据的不要放入"))


def _hear_names(drafts: list[_Draft], directory: UnitDirectory) -> None:
    """Codes and names that stand side by side in tables and titles."""
    for draft in drafts:
        for sheet in draft.sheets if not draft.is_refused else ():
            if sheet.table is None:
                continue
            title = sheet.title
            stated = Unit(title.unit_code, title.unit_name, place=Place(file=draft.file))
            directory.hear(stated, draft.file, broad=not title.names_the_unit)
            for code, name, row in _named_units(sheet.table, sheet.columns):
                directory.hear(Unit(code, name, place=Place(draft.file, sheet.grid.sheet, row)), draft.file)


def _learn_registers(drafts: list[_Draft], directory: UnitDirectory) -> None:
    """Units of the 预算单位名册; a code that the other files have with its zeros is named, and no unit of its own."""
    registers = [
        (draft, sheet.table, sheet.title)
        for draft in drafts
        for sheet in draft.sheets
        if sheet.table and sheet.table.kind is Kind.UNIT_REGISTER and not draft.is_refused
    ]
    units = {
        (id(table), position): unit
        for draft, table, title in registers
        for position, unit in enumerate(
            read_register(table, UnitFinder(directory, draft.file, title, frozenset())).rows
        )
        if isinstance(unit, Unit)
    }
    shortened = directory.zeros_lost_in_register(units.values())
    for draft, table, _ in registers:
        for unit in (unit for (owner, _), unit in units.items() if owner == id(table)):
            longer = shortened.get(unit.code, "")
            if not longer:
                directory.register(unit, draft.file)
                continue
            directory.allow(longer, draft.file)
            directory.learn(Unit(longer, unit.name))
            draft.shortened[unit.code] = longer
            draft.findings.append(_shortened_code(table, unit, longer))


def _shortened_code(table: Table, unit: Unit, longer: str) -> Finding:
    place = replace(unit.place, column=table.letter("unit_code"))
    return Finding(
        code="CODE_WAS_NUMBER",
        severity=Severity.WARNING,
        place=place,
        message=(
            f"单位编码「{unit.code}」像是存成数字、丢了前导 0：其他文件里「{unit.name or longer}」的编码是「{longer}」，"
            "名册的这一行（包括上级编码、行政区划）没有采用"
        ),
        fix=f"请把名册的单位编码列设为文本格式，改为「{longer}」",
        unit_code=longer,
        value=unit.code,
        expected=longer,
        outcome=Outcome.ACCEPT_WITH_WARNING,
    )


def _named_units(table: Table, columns: LedgerColumns | None) -> Iterator[tuple[str, str, int]]:
    """The distinct (code, name) pairs of a table's rows, with the first row of each."""
    if columns is not None:
        yield from (pair for pair in columns.units if _is_code(pair[0]))
        return
    code_at, name_at = table.columns.get("unit_code"), table.columns.get("unit_name")
    if code_at is None or table.kind is Kind.UNIT_REGISTER:
        return
    seen: set[tuple[object, object]] = set()
    for index in range(table.head_row + 1, len(table.grid.rows)):
        row = table.grid.rows[index]
        pair = (
            row[code_at] if code_at < len(row) else None,
            row[name_at] if name_at is not None and name_at < len(row) else "",
        )
        if pair in seen:
            continue
        seen.add(pair)
        code, _ = read_code(pair[0])
        if _is_code(code) and not lost_precision(pair[0]):
            yield code, cell_text(pair[1]), index + 1


def _is_code(text: str) -> bool:
    """Codes have a digit and no Chinese: heads, totals and 续表 have none."""
    return (
        bool(text)
        and text.isascii()
        and text.replace("-", "").isalnum()
        and len(text) > 2
        and any(c.isdigit() for c in text)
    )


def _type(draft: _Draft, directory: UnitDirectory, options: ReadingOptions) -> None:
    """Second pass: typed rows of each table, or of the text."""
    if draft.content.chapters:
        _type_text(draft, directory, options)
    for sheet in draft.sheets:
        if sheet.table:
            _type_table(draft, sheet.table, sheet, directory, options)
        elif sheet.form:
            _type_form(draft, sheet.form, directory, options)


def _type_text(draft: _Draft, directory: UnitDirectory, options: ReadingOptions) -> None:
    chapters = draft.content.chapters
    first = chapters[0]
    name = (
        first.paragraphs[0].strip("。 ") if first.number == 1 and first.paragraphs and "名称" in first.heading else ""
    )
    finder = UnitFinder(directory, draft.file, Title(), options.scope, narrative_name=name)
    read = read_narrative(chapters, finder, options)
    _take(draft, read, Kind.NARRATIVE)
    for number, line in enumerate(draft.content.preamble, start=1):
        stated = stated_year(line)
        if stated and stated != options.year:
            place = Place(file=draft.file, row=number)
            draft.findings.append(_title_of_another_year(place, stated, options.year))
            break
    if read.rows:
        draft.tables.append(
            TableReading(
                kind=Kind.NARRATIVE,
                sheet="",
                header_row=first.paragraph,
                mapping={},
                heads={},
                money_unit=None,
                rows=tuple(read.rows),
                ledger=None,
                rows_accepted=len(read.rows),
                rows_rejected=0,
                rows_excluded=0,
                total_fen=None,
                scope_units=tuple(sorted(read.units)),
            )
        )


def _take(draft: _Draft, read: Rows, kind: Kind) -> None:
    draft.findings += read.findings
    draft.rejected += read.rejected
    draft.rejected_units |= read.rejected_units if kind in _UNIT_KINDS else set()
    draft.outside |= read.outside
    draft.about |= read.units | read.rejected_units


def _type_table(
    draft: _Draft, table: Table, sheet: SheetReading, directory: UnitDirectory, options: ReadingOptions
) -> None:
    finder = UnitFinder(directory, draft.file, sheet.title, options.scope, names_must_agree=table.kind in _FORM_KINDS)
    read = _rows(table, finder, options, sheet.columns)
    table = read.table or table
    if table.kind in _FORM_KINDS:
        _refuse_form_of_another(read)
    if draft.shortened and table.kind is Kind.UNIT_REGISTER:
        _leave_out_shortened(read, draft.shortened)
    _take(draft, read, table.kind)
    _judge_year(draft, table, options.year)
    draft.findings = _with_extra(draft.findings, table)
    ledger = getattr(read, "frame", None)
    accepted = len(ledger) if ledger is not None else len(read.rows)
    refused = any(f.outcome is Outcome.REJECT_FILE for f in read.findings)
    if not accepted and not read.rejected and not read.excluded and not refused:
        draft.findings.append(_no_data(draft.file, table))
    if table.kind is Kind.UNIT_FACTS and not accepted and not read.rejected and read.excluded and not read.outside:
        draft.findings.append(_no_known_fact(draft, table))
    unit, stated = _money_unit(table, options)
    draft.tables.append(
        TableReading(
            kind=table.kind,
            sheet=table.grid.sheet,
            header_row=table.head_row + 1,
            mapping={name: column_letter(index) for name, index in table.columns.items()},
            heads={name: table.label(name) for name in table.columns},
            money_unit=unit,
            rows=tuple(read.rows),
            ledger=ledger,
            rows_accepted=accepted,
            rows_rejected=read.rejected,
            rows_excluded=read.excluded,
            total_fen=read.control_fen,
            scope_units=tuple(sorted(read.units)),
            unit_stated=stated,
            fund=getattr(read, "fund", ""),
            maturity=maturity_of(*sheet.title.texts),
        )
    )


def _type_form(draft: _Draft, form: FormTable, directory: UnitDirectory, options: ReadingOptions) -> None:
    """The rows of one form; a form of another year waits for an answer."""
    finder = UnitFinder(directory, draft.file, form.title, options.scope)
    read = read_form(form, finder, options)
    _take(draft, read, form.kind)
    title = form.title
    if title.year and title.year != options.year:
        place = form.place(draft.file, (title.year_row or 1) - 1)
        draft.findings.append(_title_of_another_year(place, title.year, options.year))
    lines = [row for row in read.rows if isinstance(row, BudgetLine)]
    total = next((line.executed for line in lines if line.level == 0), None)
    unit = next((a.unit for line in lines for a in (line.original, line.adjusted, line.executed) if a), None)
    subject = next((row for row in read.rows if isinstance(row, PerformanceForm)), None)
    head = form.indicators.head_row if form.indicators else form.fund.head_row if form.fund else form.first_row
    draft.tables.append(
        TableReading(
            kind=form.kind,
            sheet=form.grid.sheet,
            header_row=head + 1,
            mapping={name: column_letter(at) for name, at in columns_of(form).items()},
            heads=heads_of(form),
            money_unit=unit,
            rows=tuple(read.rows),
            ledger=None,
            rows_accepted=len(read.rows),
            rows_rejected=read.rejected,
            rows_excluded=read.excluded,
            total_fen=total.fen if total else None,
            scope_units=tuple(sorted(read.units)),
            project=subject.project if subject else "",
            maturity=maturity_of(*title.texts),
        )
    )


def _leave_out_shortened(read: Rows, shortened: dict[str, str]) -> None:
    """Rows of a register whose code lost its zeros are no units; the warning on each says so already."""
    kept = [unit for unit in read.rows if isinstance(unit, Unit) and unit.code not in shortened]
    read.excluded += len(read.rows) - len(kept)
    read.rows = list(kept)
    read.units -= shortened.keys()
    read.findings = [f for f in read.findings if f.code != "CODE_WAS_NUMBER"]


def _refuse_form_of_another(read: Rows) -> None:
    """A form whose every row bears the code of one unit and the name of another is refused as a whole."""
    rejected = [f for f in read.findings if f.outcome is Outcome.REJECT_ROW]
    if read.rows or not rejected or any(f.code != "CODE_NAME_CONFLICT" for f in rejected):
        return
    first = rejected[0]
    message = first.message.replace("，该行未导入", "，整个文件未导入")
    read.findings = [f for f in read.findings if f not in rejected]
    read.findings.append(replace(first, message=message, outcome=Outcome.REJECT_FILE))


def _with_extra(findings: Sequence[Finding], table: Table) -> list[Finding]:
    """A rejected row shows its unmapped columns beside the finding."""
    wanted: dict[int, int] = {  # position of the finding → its row
        at: f.place.row
        for at, f in enumerate(findings)
        if f.outcome is Outcome.REJECT_ROW and f.place.row and f.place.sheet == table.grid.sheet and not f.extra
    }
    stream, rows = table.grid.stream, table.grid.rows
    cells = stream.rows(wanted.values()) if stream is not None else {row: rows[row - 1] for row in wanted.values()}
    made = list(findings)
    for at, row in wanted.items():
        if row in cells:
            made[at] = replace(made[at], extra=table.unmapped(cells[row]))
    return made


def _rows(table: Table, finder: UnitFinder, options: ReadingOptions, columns: LedgerColumns | None) -> Rows:
    if table.kind is Kind.PAYMENTS:
        return read_ledger(table, finder, options, columns)
    if table.kind is Kind.BUDGET_EXECUTION:
        from jixiao.intake.rows.execution import read_execution

        return read_execution(table, finder, options)
    if table.kind is Kind.UNIT_REGISTER:
        return read_register(table, finder)
    return READERS[table.kind](table, finder, options)


def _money_unit(table: Table, options: ReadingOptions) -> tuple[MoneyUnit | None, bool]:
    """The money unit of the table's main column, and whether the table or the user states it."""
    if table.kind not in _MONEY_COLUMN:
        return None, True
    column = _MONEY_COLUMN[table.kind]
    stated = bool(table.column_units.get(column) or table.title.money_unit or options.money_unit)
    try:
        return money_unit_of(table, column, options.money_unit), stated
    except ValueError:
        return None, stated


def _no_known_fact(draft: _Draft, table: Table) -> Finding:
    """Two columns like 项目 and 金额 make no 基础数据表 if no name in them is a known fact."""
    place = table.place(draft.file, table.head_row + 1)
    message = "没有一项是已知的基础数据，认不出是哪一种表"
    if len(draft.sheets) > 1:
        return logged("KIND_UNKNOWN", place, f"{message}，已略过", "如应导入，请检查表头和数据项名称")
    fix = "基础数据请用标准名称（如 事业编制、在职人数）；其他表请检查表头文字"
    return file_rejected(draft.file, "KIND_UNKNOWN", f"{message}，未导入", fix, sheet=place.sheet, row=place.row)


def _no_data(file: str, table: Table) -> Finding:
    place = table.place(file, table.head_row + 1)
    return Finding(
        code="NO_DATA_ROWS",
        severity=Severity.ERROR,
        place=place,
        message="只有表头，没有数据行；不会当作「没有支出」处理，未导入",
        fix="请检查导出条件（年度、单位、状态）后重新导出",
        outcome=Outcome.REJECT_FILE,
    )


def _judge_year(draft: _Draft, table: Table, year: int) -> None:
    """One question a file whose title, 预算年度 column or dates are all of another year."""
    if table.kind in _YEARLESS_KINDS:
        return
    title = table.title
    years = years_by_row(table)
    rows = sorted(row for stated, numbers in years.items() if stated != year for row in numbers)
    said = "、".join(str(stated) for stated in sorted(years) if stated != year)
    if title.year and title.year != year:
        place = table.place(draft.file, title.year_row)
        draft.findings.append(_title_of_another_year(place, title.year, year))
    elif rows and year not in years:
        what = f"年度列写的是 {said} 年（共 {len(rows)} 行）"
        draft.findings.append(period_mismatch(table.place(draft.file, rows[0]), what, said=said, year=year))
    elif rows:
        draft.findings.append(
            Finding(
                code="PERIOD_MISMATCH",
                severity=Severity.WARNING,
                place=table.place(draft.file, rows[0]),
                message=f"第 {row_list(rows)}的年度列写的是 {said} 年，不是 {year} 年，仍按 {year} 年度计入",
                fix="请确认这些行应计入本年度；不应计入的请删除后重新放入",
                value=said,
                expected=str(year),
                outcome=Outcome.ACCEPT_WITH_WARNING,
            )
        )
    asked = [f for f in draft.findings if f.code == "PERIOD_MISMATCH" and f.outcome is Outcome.ASK_USER]
    if asked:
        draft.findings = [f for f in draft.findings if f.code not in {"PERIOD_MISMATCH", "DATE_OUTSIDE_YEAR"}]
        draft.findings.append(asked[0])


def _title_of_another_year(place: Place, stated: int, year: int) -> Finding:
    return period_mismatch(place, f"表头写的是 {stated} 年度", said=str(stated), year=year)


def _drop_copies(drafts: list[_Draft]) -> None:
    """One file a kind and unit: the same bytes again are ignored, other bytes are a question of which is right.

    A ledger may come in parts: files of one unit without a common voucher are read together.
    """
    owners: dict[_Scope, list[_Draft]] = {}
    for draft in drafts:
        if draft.is_kept_out:
            continue
        scopes = {(table.kind, code, table.project) for table in draft.tables for code in table.scope_units}
        twice = _sheets_of_one_scope(draft)
        if twice:
            draft.findings.append(twice)
            continue
        taken = {scope: owners[scope] for scope in sorted(scopes) if scope in owners}
        copy = next((one for one in next(iter(taken.values()), []) if one.sha256 == draft.sha256), None)
        if copy and len(taken) == len(scopes):
            draft.findings.append(
                logged(
                    "DUPLICATE_FILE",
                    Place(file=draft.file),
                    f"与《{copy.file}》内容完全相同，只导入后者",
                    "可删除重复的文件",
                )
            )
            draft.tables.clear()
            draft.rejected = 0
            draft.rejected_units.clear()
            continue
        conflict = next((scope for scope, others in taken.items() if not _are_parts(draft, others, scope)), None)
        if conflict:
            draft.findings.append(_two_versions(draft, owners[conflict][0], conflict))
            continue
        if taken:
            draft.findings.append(_ledger_parts(draft, [one for others in taken.values() for one in others]))
        for scope in scopes:
            owners.setdefault(scope, []).append(draft)


_Scope = tuple[Kind, str, str]
"""What a file is the one source of: kind, unit, and the project of a form."""


def _are_parts(draft: _Draft, others: list[_Draft], scope: _Scope) -> bool:
    """Whether a ledger has no voucher of a unit in common with the ledgers read before."""
    kind, code, _ = scope
    if kind is not Kind.PAYMENTS:
        return False
    own = _vouchers(draft, code)
    return "" not in own and all(
        "" not in theirs and not own & theirs for theirs in (_vouchers(o, code) for o in others)
    )


def _vouchers(draft: _Draft, code: str) -> set[str]:
    frames = [table.ledger for table in draft.tables if table.ledger is not None]
    return {voucher for frame in frames for voucher in frame.loc[frame["unit_code"] == code, "voucher_no"]}


def _ledger_parts(draft: _Draft, others: list[_Draft]) -> Finding:
    names = "、".join(f"《{name}》" for name in dict.fromkeys(one.file for one in others))
    message = f"与{names}是同一单位的支付明细，凭证号没有重复，按分开导出的几部分合并计算"
    return logged("LEDGER_PARTS", Place(file=draft.file), message, "如其中一份已作废，请移走", value=names)


def _two_versions(draft: _Draft, first: _Draft, scope: _Scope) -> Finding:
    kind, code, project = scope
    return replace(
        file_rejected(
            draft.file,
            "DUPLICATE_SCOPE",
            f"与《{first.file}》都是单位「{code}」{f'项目「{project}」' if project else ''}的{kind.chinese}而内容不同，无法判断以哪个为准，未导入",
            "请只保留正确的一个，移走另一个",
            value=first.file,
        ),
        unit_code=code,
    )


def _sheets_of_one_scope(draft: _Draft) -> Finding | None:
    """Two differing 预算执行情况表 of one unit in one workbook; ledgers and indicators may go on over sheets."""
    seen: dict[str, str] = {}
    for table in draft.tables:
        if table.kind is not Kind.BUDGET_EXECUTION:
            continue
        for code in table.scope_units:
            if code in seen:
                place = Place(file=draft.file, sheet=table.sheet)
                message = f"与工作表「{seen[code]}」都是单位「{code}」的{table.kind.chinese}而内容不同，整个文件未导入"
                return Finding(
                    code="DUPLICATE_SCOPE",
                    severity=Severity.ERROR,
                    place=place,
                    message=message,
                    fix="请只保留正确的一张工作表",
                    unit_code=code,
                    outcome=Outcome.REJECT_FILE,
                )
            seen[code] = table.sheet
    return None


def _number_on(drafts: list[_Draft]) -> None:
    """Indicators and key tasks are numbered within their unit over all its sheets and files, in their order."""
    last: dict[tuple[Kind, str], int] = {}
    for draft in drafts:
        if draft.is_kept_out:
            continue
        for at, table in enumerate(draft.tables):
            if table.kind not in {Kind.INDICATORS, Kind.KEY_TASKS}:
                continue
            rows: list[object] = []
            for row in table.rows:
                assert isinstance(row, (Indicator, KeyTask))
                number = last[table.kind, row.unit_code] = last.get((table.kind, row.unit_code), 0) + 1
                rows.append(_numbered(row, number))
            draft.tables[at] = replace(table, rows=tuple(rows))


def _numbered(row: Indicator | KeyTask, number: int) -> Indicator | KeyTask:
    if isinstance(row, Indicator):
        return replace(row, position=number, indicator_id=indicator_id(number))
    return replace(row, position=number)


def _judge_money_sizes(drafts: list[_Draft]) -> None:
    """Files whose money unit the size of the figures contradicts wait for an answer."""
    read = {draft.file: draft for draft in drafts if not draft.is_kept_out or _is_kept_out_by_sums(draft)}
    tables = [(draft.file, table) for draft in read.values() for table in draft.tables]
    for finding in implausible_sizes(tables):
        draft = read[finding.place.file]
        # In the wrong unit a rounded figure looks exact: what does not add up there follows from the unit.
        draft.findings = [f for f in draft.findings if f.code not in _FOLLOW_FROM_THE_UNIT]
        draft.findings.append(finding)
        draft.rejected = 0


def _judge_adjustments(drafts: list[_Draft]) -> None:
    """预算指标明细 against the 预算执行情况表 of the same units."""
    read = {draft.file: draft for draft in drafts if not draft.is_kept_out}
    tables = [(draft.file, table) for draft in read.values() for table in draft.tables]
    for finding in adjustments_against_lines(tables):
        read[finding.place.file].findings.append(finding)


def _is_kept_out_by_sums(draft: _Draft) -> bool:
    return all(
        f.code in _FOLLOW_FROM_THE_UNIT for f in draft.findings if f.outcome in {Outcome.REJECT_FILE, Outcome.ASK_USER}
    )


def _judge_scope(drafts: list[_Draft], options: ReadingOptions, directory: UnitDirectory) -> None:
    """A file whose every row is outside the scope is refused, unless another file feeds that kind."""
    if not options.scope:
        return
    fed = {table.kind for draft in drafts if not draft.is_refused for table in draft.tables if table.rows_accepted}
    for draft in drafts:
        if not draft.outside or draft.is_refused or any(t.rows_accepted or t.rows_rejected for t in draft.tables):
            continue
        codes = "、".join(sorted(draft.outside))
        wanted = "、".join(sorted(options.scope))
        count = sum(table.rows_excluded for table in draft.tables)
        place = _first_data(draft)
        if set(draft.kinds) <= fed:
            draft.findings.append(
                logged("ROWS_EXCLUDED", Place(file=draft.file), f"属于范围外的单位（{codes}），已略过")
            )
            continue
        draft.findings.append(
            Finding(
                code="UNIT_OUT_OF_SCOPE",
                severity=Severity.ERROR,
                place=place,
                message=f"本次导入范围是 {wanted}，这里 {count} 行都是 {codes}，未导入",
                fix=f"请选对单位（--unit）或文件{_scope_hint(options.scope, directory)}",
                value=codes,
                expected=wanted,
                outcome=Outcome.REJECT_FILE,
            )
        )


def _scope_hint(scope: frozenset[str], directory: UnitDirectory) -> str:
    """``：是否 001002？``: the codes that the scope may have meant."""
    meant = [padded for code in sorted(scope) if (padded := directory.padded(code))]
    return f"：是否 {'、'.join(meant)}？" if meant else ""


def _first_data(draft: _Draft) -> Place:
    for table in draft.tables:
        column = table.mapping.get("unit_code") or table.mapping.get("unit_name", "")
        return Place(draft.file, table.sheet, table.header_row + 1, column)
    return Place(file=draft.file)


def _units_by_folder(drafts: list[_Draft]) -> dict[PurePosixPath, set[str]]:
    """The units that the files of each folder feed: what a broken file beside them was probably about."""
    units: dict[PurePosixPath, set[str]] = {}
    for draft in drafts:
        units.setdefault(PurePosixPath(draft.file).parent, set()).update(draft.about)
    return units


def _finished(
    draft: _Draft, directory: UnitDirectory, options: ReadingOptions, folders: dict[PurePosixPath, set[str]]
) -> FileReading:
    """The reading of a file: the worst outcome of its findings, and who is left out by it."""
    findings = draft.findings
    if any(f.code == "UNIT_OUT_OF_SCOPE" for f in findings):
        findings = [f for f in findings if f.code != "ROWS_EXCLUDED"]
    outcome = max((f.outcome for f in findings), key=lambda o: o.rank, default=Outcome.ACCEPT)
    refused = outcome in {Outcome.REJECT_FILE, Outcome.ASK_USER}
    left_out: set[str] = set()
    about = draft.about
    if refused:
        about = _was_about(draft, directory)
        beside = folders[PurePosixPath(draft.file).parent]
        about = about or (set(beside) if len(beside) == 1 and not draft.outside else about)
        left_out = about if draft.leaves_units_out else left_out
    else:
        left_out = draft.rejected_units
    if options.scope:
        left_out = left_out & options.scope
    if len(about) == 1 and not draft.outside:
        unit = next(iter(about))
        findings = [f if f.unit_code else f.in_unit(unit) for f in findings]
    return FileReading(
        file=draft.file,
        path=draft.path,
        sha256=draft.sha256,
        size=draft.size,
        tables=() if refused else tuple(table for table in draft.tables if table.rows_accepted or table.rows_rejected),
        findings=tuple(sorted(findings, key=_by_place)),
        outcome=outcome,
        left_out_units=tuple(sorted(left_out)),
        rejected_count=draft.rejected,
        kinds=draft.kinds,
    )


def _by_place(finding: Finding) -> tuple[object, ...]:
    """Findings of a file in the order of its rows, the worst first where one row has several."""
    place = finding.place
    return (place.sheet, place.row or 0, -finding.outcome.rank, finding.code, place.column, finding.message)


def _was_about(draft: _Draft, directory: UnitDirectory) -> set[str]:
    """The units that a refused file was about: rows, titles, unit column, then folder and name."""
    units = set(draft.about)
    for table in draft.tables:
        units |= set(table.scope_units)
    for sheet in draft.sheets:
        title = sheet.title
        found = title.unit_code or directory.code_of(title.unit_name) if title.unit_name or title.unit_code else ""
        found = found if found in directory.units else directory.padded(found) or found
        units |= {found} - {""}
        units |= _units_in_cells(sheet.grid, directory) if not units else set()
    if not units:
        units = {directory.meant_by(draft.file)} - {""}
    return units - draft.outside


def _units_in_cells(grid: Grid, directory: UnitDirectory) -> set[str]:
    """Known codes and names that stand in the cells of a table nobody could read further."""
    names = {comparable(unit.name): unit.code for unit in directory.units.values() if unit.name}
    found = set()
    for row in grid.rows[:_NAMED_UNITS]:
        for cell in row:
            if is_blank(cell) or isinstance(cell, bool):
                continue
            code, _ = read_code(cell)
            found |= {code} & directory.units.keys()
            if isinstance(cell, str) and comparable(cell) in names:
                found.add(names[comparable(cell)])
    return found
