"""What a file asks while it is read, and what comes of an answer. Which answers there are: answers.py."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from jixiao.domain.books import Kind
from jixiao.domain.findings import Finding, Outcome, Place, Question, Severity
from jixiao.domain.money import MoneyUnit
from jixiao.intake.answers import (
    IGNORE,
    NO,
    Answer,
    SourceProfile,
    applied,
    asked,
    head_of,
    in_money_unit,
    profile_of,
    question_of,
    unit_question,
)
from jixiao.intake.drafts import Draft
from jixiao.intake.readings import TableReading
from jixiao.intake.rows.budget_columns import CHOICES, ambiguous_column
from jixiao.intake.rows.execution import unsupported_money
from jixiao.intake.rows.reader import ReadingOptions
from jixiao.intake.tables.column_maps import CellType, normalised_label
from jixiao.intake.tables.table import SheetReading, Table

_TABLES_WITH_MONEY = frozenset({Kind.PAYMENTS, Kind.BUDGET_EXECUTION, Kind.BUDGET_ADJUSTMENTS})
# A table that holds 元 in ten-thousandths holds 亿元 where its neighbour holds 万元.
_UNIT_BEYOND = "亿元"


def profile_of_table(draft: Draft, table: Table) -> SourceProfile:
    """The source of a table; the draft takes it down."""
    profile = profile_of(table.kind.value, table.labels.values(), draft.container)
    if profile not in draft.profiles:
        draft.profiles.append(profile)
    return profile


def with_answered_units(draft: Draft, reading: SheetReading) -> SheetReading:
    """The sheet with its money in the units that a person named."""
    table = reading.table
    if table is None or table.kind not in _TABLES_WITH_MONEY:
        return reading
    profile = profile_of_table(draft, table)
    money = [c.name for c in table.map.columns if c.cell_type is CellType.MONEY and c.name in table.columns]
    answered = table
    for column in ("", *money):
        detail = unit_question(table.kind, head_of(table, column) if column else "")
        answer = draft.answer_to(f"UNIT_IMPLAUSIBLE:{detail}", profile.profile_id)
        if answer is None:
            continue
        answered = in_money_unit(answered, MoneyUnit(answer.answer), column)
        about = _money_words(table, column)
        question = question_of("UNIT_IMPLAUSIBLE", of=profile.profile_id, detail=detail, about=about)
        _apply(draft, answer, question, table.place(draft.file, table.head_row + 1, column))
    return replace(reading, table=answered)


def with_answered_meanings(draft: Draft, table: Table, options: ReadingOptions) -> ReadingOptions:
    """The options with what a person said an ambiguous head of this table means."""
    column = ambiguous_column(table) if table.kind is Kind.BUDGET_EXECUTION else None
    if column is None:
        return options
    head, profile = head_of(table, column), profile_of_table(draft, table)
    answer = draft.answer_to(f"AMBIGUOUS_COLUMN:{head}", profile.profile_id)
    if answer is None:
        return options
    about = _meaning_words(table.label(column))
    question = question_of("AMBIGUOUS_COLUMN", of=profile.profile_id, detail=head, about=about)
    _apply(draft, answer, question, table.place(draft.file, table.head_row + 1, column))
    return replace(options, meanings={**options.meanings, head: CHOICES[answer.answer]})


def asked_of_table(draft: Draft, findings: Iterable[Finding], table: Table) -> list[Finding]:
    """The findings of a table, each one that asks with its question; what is answered is asked no more."""
    made = []
    profile = profile_of_table(draft, table).profile_id
    for finding in findings:
        made += _asked(draft, finding, table, profile)
    return made


def _asked(draft: Draft, finding: Finding, table: Table, profile: str) -> list[Finding]:
    if finding.code == "AMBIGUOUS_COLUMN":
        column = _column_at(table, finding.place)
        head = head_of(table, column)
        if f"AMBIGUOUS_COLUMN:{head}" in draft.answered:
            return []  # said already: by a person, not by the amounts
        if finding.outcome is Outcome.ASK_USER:
            about = _meaning_words(table.label(column))
            question = question_of(finding.code, of=profile, detail=head, about=about)
            return [asked(finding, question)]
    elif finding.code == "UNIT_IMPLAUSIBLE" and finding.outcome is Outcome.ASK_USER:
        column = _column_at(table, finding.place)
        detail = unit_question(table.kind, head_of(table, column))
        if _is_answered(draft, table.kind, detail):
            return [_still_apart(finding)]
        about = _money_words(table, column)
        return [asked(finding, question_of(finding.code, of=profile, detail=detail, about=about))]
    elif finding.code == "MIXED_UNITS":
        return _mixed(draft, finding, profile)
    return [finding]


def _mixed(draft: Draft, finding: Finding, profile: str) -> list[Finding]:
    """Whose unit is asked is the column beside the amounts, which states none."""
    other = normalised_label(finding.value.rpartition("\n\n")[2])
    about = f"「{''.join(finding.value.split())}」的金额单位"
    answer = draft.answer_to(f"MIXED_UNITS:{other}", profile)
    question = question_of(finding.code, of=profile, detail=other, about=about)
    if answer is None:
        return [asked(finding, question)]
    _apply(draft, answer, question, finding.place)
    if answer.answer in {MoneyUnit.YUAN.value, IGNORE}:
        return []
    # The amounts are a ten-thousandth of it.
    return [unsupported_money(finding.place, _UNIT_BEYOND)]


def ask_of_sizes(draft: Draft, finding: Finding) -> Finding:
    """A question whether a whole table is in its money unit, or the warning that after an answer it still seems not to be."""
    table = table_at(draft.tables, finding.place)
    if table is None:
        return finding
    detail = unit_question(table.kind)
    if _is_answered(draft, table.kind, detail):
        return _still_apart(finding)
    about = f"{table.kind.chinese}的金额单位"
    return asked(finding, question_of(finding.code, of=table.profile, detail=detail, about=about))


def table_at(tables: Iterable[TableReading], place: Place) -> TableReading | None:
    """The table with money that a finding on it means, by its sheet and column."""
    found = [t for t in tables if t.sheet == place.sheet and t.kind in _TABLES_WITH_MONEY]
    return next((t for t in found if place.column in t.mapping.values()), found[0] if found else None)


def ask_of_file(draft: Draft, year: int) -> None:
    """What is asked of the file itself: whether it is to count for this year."""
    asking = [f for f in draft.findings if f.code == "PERIOD_MISMATCH" and f.outcome is Outcome.ASK_USER]
    if not asking:
        return
    about = f"这个文件写的是 {asking[0].value} 年，是否计入 {year} 年度"
    question = question_of("PERIOD_MISMATCH", of=draft.sha256, detail=str(year), about=about)
    answer = draft.answer_to(question.key)
    if answer is None:
        draft.findings = [asked(f, question) if f in asking else f for f in draft.findings]
        return
    draft.findings = [f for f in draft.findings if f not in asking]
    if answer.answer == NO:  # what was found in it is moot
        draft.findings = [f for f in draft.findings if f.outcome.rank <= Outcome.ACCEPT_LOGGED.rank]
        draft.set_aside()
    _apply(draft, answer, question, asking[0].place)


def _apply(draft: Draft, answer: Answer, question: Question, place: Place) -> None:
    """Take down that an answer was applied, and say so once."""
    if question.key not in draft.answered:
        draft.answered[question.key] = (question, answer)
        draft.findings.append(applied(answer, question, place))


def _is_answered(draft: Draft, kind: Kind, detail: str) -> bool:
    return any(f"UNIT_IMPLAUSIBLE:{d}" in draft.answered for d in (detail, unit_question(kind)))


def _still_apart(finding: Finding) -> Finding:
    message = finding.message.removesuffix("，未导入") + "；已按答复的单位读取"
    fix = "请核对答复和另一处的金额单位，答错了的撤销答复后重新核对"
    return replace(
        finding, message=message, fix=fix, severity=Severity.WARNING, outcome=Outcome.ACCEPT_WITH_WARNING, question=None
    )


def _column_at(table: Table, place: Place) -> str:
    return next((name for name in table.columns if table.letter(name) == place.column), "")


def _money_words(table: Table, column: str) -> str:
    return f"「{table.label(column)}」的金额单位" if column else f"{table.kind.chinese}的金额单位"


def _meaning_words(label: str) -> str:
    return f"「{label}」是调整后的预算数还是调整数"
