"""Judge: the tables as the suites see them, and what they found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from jixiao.application import (
    EvaluationRequest,
    QualityReceipt,
)
from jixiao.cycle.stores import open_store, remove_files, run_folder, snapshots_folder
from jixiao.domain.books import Amount, Kind, Subject, UnitBooks
from jixiao.domain.evaluation import LeftOut
from jixiao.domain.findings import Finding, Place, Severity
from jixiao.domain.quality import CheckResult

if TYPE_CHECKING:
    import pandas as pd


def quality_frames(request: EvaluationRequest, run_id: str, unit_codes: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The tables of a batch of units as the suites see them, a frame a table, every row with its place.

    In the column ``unit_code`` a project is a unit of its own: the key of the subject stands there (``Subject.key``).
    Keys payments, budget_lines, indicators, key_tasks. Missing numbers are NA, missing texts empty.
    """
    import pandas as pd

    from jixiao.storage import books_store, run_store

    folder = snapshots_folder(request.database_url, request.var)
    with open_store(request.database_url) as session:
        batches = books_store.input_batches(session, run_id, unit_codes)
        # A subject whose gate is closed already is asked again where a stage is tried again.
        closed = run_store.closed_subjects(session, run_id, unit_codes)
        books = books_store.load_books(session, run_id, unit_codes, year=request.year, batches=batches, also=closed)
        ledgers = books_store.ledger_rows(session, batches, unit_codes, folder)
    payments = [ledger.frame.assign(file=ledger.file) for ledger in ledgers]
    columns = ["unit_code", "file", "sheet", "row", "voucher_no", "line_name", "amount_fen", "paid_on"]
    ledger = pd.concat(payments, ignore_index=True)[columns] if payments else pd.DataFrame(columns=columns)
    units = list(books.values())

    def placed(row: Any) -> dict[str, Any]:
        key = Subject(row.unit_code, getattr(row, "project", "")).key
        return {"unit_code": key, "file": row.place.file, "sheet": row.place.sheet, "row": row.place.row}

    def sourced(row: Any, has_column: bool) -> dict[str, str]:  # noqa: FBT001
        """A form without a column for the source owes none."""
        return {"actual_source": row.actual_source if has_column else _NO_SUCH_COLUMN}

    def frame(rows: list[dict[str, Any]], numbers: Mapping[str, str]) -> pd.DataFrame:
        made = pd.DataFrame(rows)
        return made.astype({name: kind for name, kind in {"row": "Int64", **numbers}.items() if name in made})

    lines = [
        placed(x)
        | {
            "name": x.name,
            "level": x.level,
            "original_fen": _budget_fen(x.original, x.adjusted, u),
            "adjusted_fen": _budget_fen(x.adjusted, x.original, u),
            "executed_fen": x.executed.fen if x.executed else None,
            "reported_rate_pct": None if x.reported_rate_pct is None else float(x.reported_rate_pct),
        }
        for u in units
        # A form that prints no budget at all has nothing that these checks could ask about.
        if u.form is None or any(line.original or line.adjusted for line in u.lines)
        for x in u.lines
    ]
    indicators = [
        placed(x)
        | {
            name: getattr(x, name)
            for name in ("indicator_id", "level1", "name", "target", "actual", "actual_source", "deviation", "reason")
        }
        | sourced(x, u.form is None or any("actual_source" in c for c in u.columns.values()))
        | {"weight": None if x.weight is None else float(x.weight)}
        for u in units
        for x in u.indicators
    ]
    tasks = [placed(x) | {"duty": x.duty, "name": x.name, "completion": x.completion} for u in units for x in u.tasks]
    fen = {"original_fen": "Int64", "adjusted_fen": "Int64", "executed_fen": "Int64", "reported_rate_pct": "Float64"}
    return {
        "payments": ledger,
        "budget_lines": frame(lines, {"level": "Int64", **fen}),
        "indicators": frame(indicators, {"weight": "Float64"}),
        "key_tasks": frame(tasks, {}),
    }


def _budget_fen(stated: Amount | None, other: Amount | None, books: UnitBooks) -> int | None:
    """A budget figure of a line. Forms often have one column of budget alone: then it is judged as both."""
    budget = stated or (other if books.form is not None else None)
    return budget.fen if budget else None


def quality_limits(request: EvaluationRequest) -> dict[str, Decimal]:
    """The limits that the suites ask about, by rule id, as they hold at the end of the evaluated year.

    Raises:
        RuleSetError: no rule set states one of them.
    """
    from jixiao.rules.registry import rule_book

    rules = rule_book(on=date(request.year, 12, 31), default_region=request.region)
    return {name: rules.number(name) for name in _QUALITY_LIMITS}


def tables_handed_in(request: EvaluationRequest, run_id: str, unit_codes: Sequence[str]) -> dict[str, dict[str, str]]:
    """Which subjects of a batch handed in which table: table → subject's key → file. Keys as in ``quality_frames``."""
    from jixiao.storage import books_store

    tables = {kind: table for table, kind in _TABLE_KINDS.items()}
    found: dict[str, dict[str, str]] = {}
    with open_store(request.database_url) as session:
        for (subject, kind), file in books_store.files_by_subject(session, run_id, unit_codes).items():
            if kind in tables:
                found.setdefault(tables[kind], {})[subject.key] = file
    return found


def leave_out_units(request: EvaluationRequest, run_id: str, left_out: Sequence[LeftOut]) -> None:
    """Record units on which a stage broke, and remove what the run computed of them: what follows no longer sees them."""
    from jixiao.storage import run_store

    codes = {left.unit_code for left in left_out}
    with open_store(request.database_url) as session:
        written = [file for unit, file in run_store.files_of(session, run_id) if unit in codes]
        run_store.leave_out_units(session, run_id, left_out)
    remove_files(run_folder(request), written)


def record_quality(
    request: EvaluationRequest, run_id: str, unit_codes: Sequence[str], results: Sequence[CheckResult]
) -> QualityReceipt:
    """Turn the results of the suites into findings; a critical one closes the gate of its unit or project alone.

    ``closed_units`` of the receipt are those of which nothing is left to evaluate. A check that did not run is a finding of each unit that it was to judge.
    """
    from jixiao.storage import books_store, run_store

    with open_store(request.database_url) as session:
        files = books_store.files_by_subject(session, run_id, unit_codes)
        findings = [finding for result in results for finding in _quality_findings(result, unit_codes, files)]
        run_store.replace_findings(session, run_id, findings, stage=run_store.STAGE_QUALITY, units=unit_codes)
        closing: dict[Subject, Finding] = {}
        for finding in findings:
            if finding.critical and finding.unit_code:
                closing.setdefault(Subject(finding.unit_code, finding.project), finding)
        run_store.leave_out(
            session,
            run_id,
            [
                LeftOut(subject.unit_code, f.place.file, f"{f.placed_message}。{f.fix}", subject.project)
                for subject, f in sorted(closing.items())
            ],
        )
        open_units = {subject.unit_code for subject in run_store.run_subjects(session, run_id, unit_codes)}
    closed = sorted({subject.unit_code for subject in closing} - open_units)
    return QualityReceipt(len(findings), tuple(closed), sum(not result.ran for result in results))


_QUALITY_LIMITS = ("quality.payment.most_yuan", "quality.rate.most_pct", "quality.weight.most")
# What stands for the source of a value where the form has no column for it.
_NO_SUCH_COLUMN = "表内无此栏"
_TABLE_KINDS = {
    "payments": Kind.PAYMENTS,
    "budget_lines": Kind.BUDGET_EXECUTION,
    "indicators": Kind.INDICATORS,
    "key_tasks": Kind.KEY_TASKS,
}


def _quality_findings(
    result: CheckResult, unit_codes: Sequence[str], files: Mapping[tuple[Subject, Kind], str]
) -> Iterator[Finding]:
    kind = _TABLE_KINDS[result.table]

    def table_of(subject: Subject) -> Kind:
        """The table in which the subject handed in what was judged: of its own, or a form."""
        kinds = (kind, Kind.PROJECT_FORM, Kind.MONITORING_FORM)
        return next((k for k in kinds if (subject, k) in files), kind)

    def file_of(subject: Subject) -> str:
        return files.get((subject, table_of(subject)), "")

    if not result.ran:
        for subject in map(Subject.of_key, [row.unit_code for row in result.failing] or unit_codes):
            yield Finding(
                code="CHECK_NOT_RUN",
                severity=Severity.WARNING,
                place=Place(file_of(subject)),
                unit_code=subject.unit_code,
                project=subject.project,
                message=f"{table_of(subject).chinese}的检查「{result.why}」（{result.expectation_id}）没有运行：{result.error}",
                fix="检查没有运行不等于通过；请把这条信息交给系统管理员",
            )
        return
    for row in result.failing:
        subject = Subject.of_key(row.unit_code)
        what = f"「{row.indicator}」" if row.indicator else ""
        yield Finding(
            code=result.code,
            severity=result.severity,
            place=Place(row.file or file_of(subject), row.sheet, row.row),
            unit_code=subject.unit_code,
            project=subject.project,
            indicator=row.indicator,
            value=row.value,
            message=f"{what}{row.column}{f'「{row.value}」' if row.value else ''}：{result.why}",
            fix=result.fix,
            critical=result.critical,
        )
