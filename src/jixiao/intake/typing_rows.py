"""Second pass: the typed rows of each table, form or text of a file."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from jixiao.domain.books import BudgetLine, Kind, PerformanceForm, Unit
from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.domain.money import MoneyUnit
from jixiao.intake.asking import ask_of_file, asked_of_table, profile_of_table, with_answered_meanings
from jixiao.intake.counting import counts_of, counts_of_form, unaccounted
from jixiao.intake.drafts import UNIT_KINDS, Draft
from jixiao.intake.grids.grid import (
    column_letter,
    file_rejected,
    logged,
)
from jixiao.intake.readings import Counts, Scope, TableReading, Tally
from jixiao.intake.rows.forms import columns_of, heads_of, read_form
from jixiao.intake.rows.ledger import LedgerRows, read_ledger
from jixiao.intake.rows.reader import (
    READERS,
    ReadingOptions,
    Rows,
    period_mismatch,
    read_narrative,
    read_register,
)
from jixiao.intake.rows.units import UnitDirectory, UnitFinder
from jixiao.intake.tables.bodies import row_list
from jixiao.intake.tables.forms import FormTable
from jixiao.intake.tables.table import SheetReading, Table, Title, money_unit_of
from jixiao.intake.tables.titles import maturity_of, stated_year, years_by_row

if TYPE_CHECKING:
    from jixiao.intake.rows.ledger_columns import LedgerColumns

# Forms of one unit: a code beside another unit's name refuses them.
_FORM_KINDS = frozenset({Kind.BUDGET_EXECUTION, Kind.INDICATORS, Kind.KEY_TASKS, Kind.UNIT_FACTS})
_YEARLESS_KINDS = frozenset({Kind.CONTACTS, Kind.UNIT_REGISTER})
_MONEY_COLUMN = {Kind.PAYMENTS: "amount", Kind.BUDGET_EXECUTION: "executed", Kind.BUDGET_ADJUSTMENTS: "amount"}


def type_rows(
    draft: Draft, directory: UnitDirectory, options: ReadingOptions, fed: Collection[Scope] = frozenset()
) -> None:
    """Second pass: typed rows of each table, or of the text.

    ``fed`` are the scopes that other files feed: a table in the text of a report says nothing new of them.
    """
    if draft.content.chapters:
        _type_text(draft, directory, options)
        _type_tables_of_report(draft, directory, options, fed)
    else:
        for sheet in draft.sheets:
            _type_sheet(draft, sheet, directory, options)
    draft.ledgers.clear()  # they hold all cells
    ask_of_file(draft, options.year)


def _type_sheet(draft: Draft, sheet: SheetReading, directory: UnitDirectory, options: ReadingOptions) -> None:
    if sheet.table:
        _type_table(draft, sheet.table, sheet, directory, options)
    elif sheet.form:
        _type_form(draft, sheet.form, directory, options)


def _type_tables_of_report(
    draft: Draft, directory: UnitDirectory, options: ReadingOptions, fed: Collection[Scope]
) -> None:
    """The tables in the text of a report. They never keep the text out: what another file feeds, or cannot be read, is
    left aside, with one remark of each.
    """
    aside: dict[str, list[str]] = {}
    for sheet in draft.sheets:
        before = draft.marked()
        _type_sheet(draft, sheet, directory, options)
        made = draft.tables[len(before.tables) :]
        scopes = {scope for table in made for scope in table.scopes}
        waits = any(f.outcome.rank >= Outcome.ASK_USER.rank for f in draft.findings[len(before.findings) :])
        if waits or (scopes and scopes <= set(fed)):
            why = "已另有文件" if scopes and scopes <= set(fed) else "不能按导入的表读取"
            aside.setdefault(why, []).append(sheet.grid.sheet)
            draft.take_back(before)
    for why, sheets in aside.items():
        place = Place(file=draft.file, sheet=sheets[0])
        message = f"正文中的{'、'.join(sheets)}{why}，未作为数据采用"
        draft.findings.append(logged("TABLE_IN_REPORT", place, message, "要采用的表请另存为 Excel 文件放入"))


def _type_text(draft: Draft, directory: UnitDirectory, options: ReadingOptions) -> None:
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
                counts=Counts(Tally(len(chapters), accepted=len(read.rows))),
            )
        )
    elif read.excluded:
        draft.left_aside += Counts(Tally(len(chapters), excluded=read.excluded))


def _take(draft: Draft, read: Rows, kind: Kind) -> None:
    draft.findings += read.findings
    draft.rejected_units |= read.rejected_units if kind in UNIT_KINDS else set()
    draft.outside |= read.outside
    draft.about |= read.units | read.rejected_units


def _type_table(
    draft: Draft, table: Table, sheet: SheetReading, directory: UnitDirectory, options: ReadingOptions
) -> None:
    finder = UnitFinder(directory, draft.file, sheet.title, options.scope, names_must_agree=table.kind in _FORM_KINDS)
    options = with_answered_meanings(draft, table, options)
    read = _rows(table, finder, options, sheet.columns, draft.ledgers)
    if isinstance(read, LedgerRows):
        draft.ledgers.append(read)
    read.findings = asked_of_table(draft, read.findings, table)
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
    counts = counts_of(table, read, _MONEY_COLUMN.get(table.kind, ""), unit)
    if not refused and (lost := unaccounted(table.place(draft.file), counts)):
        draft.findings.append(lost)
    draft.tables.append(
        TableReading(
            kind=table.kind,
            sheet=table.grid.sheet,
            header_row=table.head_row + 1,
            mapping={name: table.letter(name) for name in table.columns},
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
            counts=counts,
            profile=profile_of_table(draft, table).profile_id,
        )
    )


def _type_form(draft: Draft, form: FormTable, directory: UnitDirectory, options: ReadingOptions) -> None:
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
    counts = counts_of_form(read)
    refused = any(f.outcome is Outcome.REJECT_FILE for f in read.findings)
    if not refused and (lost := unaccounted(form.place(draft.file, form.first_row), counts)):
        draft.findings.append(lost)
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
            counts=counts,
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


def _rows(
    table: Table,
    finder: UnitFinder,
    options: ReadingOptions,
    columns: LedgerColumns | None,
    ledgers: Sequence[LedgerRows],
) -> Rows:
    if table.kind is Kind.PAYMENTS:
        return read_ledger(table, finder, options, columns, earlier=ledgers)
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


def _no_known_fact(draft: Draft, table: Table) -> Finding:
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


def _judge_year(draft: Draft, table: Table, year: int) -> None:
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
