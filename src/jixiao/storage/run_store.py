"""Runs and what they computed: findings, evaluations, scores, gaps, messages, reports. The caller owns the transaction.

Everything is written by (run, units), a unit with all of its projects, and replaces what the same run wrote before: a
stage may be tried again. What is evaluated is a subject (domain/books.py): a unit, or one project of it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from jixiao.domain.books import Subject, Unit
from jixiao.domain.evaluation import Evaluation, Gap, GapKind, LeftOut, RunInfo
from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.storage import tables as t
from jixiao.storage.chunks import chunks

STAGE_INTAKE, STAGE_QUALITY, STAGE_EVALUATION = "intake", "quality", "evaluation"


@lru_cache(maxsize=1)
def _evaluation_json() -> TypeAdapter[Evaluation]:
    return TypeAdapter(Evaluation)


@dataclass(frozen=True)
class RunInput:
    """A file of a run, as run.json lists it; ``maturity`` (快报, 决算, 批复) is that of its batch, where it was read back."""

    name: str
    sha256: str
    kind: str
    rows: int
    rejected_rows: int
    outcome: str
    batch_id: int | None = None
    maturity: str = ""


def open_run(
    session: Session, info: RunInfo, *, rules_sha256: str, parameters: dict[str, Any], folder: str, by: str
) -> int:
    """Create the run if it is new, and record an attempt; returns the attempt's id."""
    now = datetime.now(UTC)
    if session.get(t.RunRow, info.run_id) is None:
        session.add(
            t.RunRow(
                run_id=info.run_id,
                year=info.year,
                period=info.period,
                as_of=info.as_of,
                code_version=info.code_version,
                inputs_sha256=info.inputs_sha256,
                rules_sha256=rules_sha256,
                parameters=parameters,
                folder=folder,
                created_at=now,
            )
        )
        session.flush()
    attempt = t.RunAttemptRow(run_id=info.run_id, started_at=now, ended_at=None, by=by, outcome="running", seconds={})
    session.add(attempt)
    session.flush()
    return attempt.id


def close_attempt(
    session: Session, run_id: str, *, outcome: str, seconds: dict[str, float], folder: str | None = None
) -> None:
    """End the newest attempt of a run; ``folder`` is where its outputs now are, None: where they were."""
    attempt = session.scalar(
        sa.select(t.RunAttemptRow).where(t.RunAttemptRow.run_id == run_id).order_by(t.RunAttemptRow.id.desc()).limit(1)
    )
    if attempt is not None:
        attempt.ended_at = datetime.now(UTC)
        attempt.outcome = outcome
        attempt.seconds = seconds
    if folder is not None:
        session.execute(sa.update(t.RunRow).where(t.RunRow.run_id == run_id).values(folder=folder))


def run_info(session: Session, run_id: str) -> RunInfo:
    row = session.get_one(t.RunRow, run_id)
    sets = session.scalars(sa.select(t.EvaluationRow.rule_set).where(t.EvaluationRow.run_id == run_id).distinct())
    return RunInfo(
        row.run_id, row.year, row.period, row.as_of, row.code_version, row.inputs_sha256, tuple(sorted(sets))
    )


def replace_inputs(session: Session, run_id: str, inputs: Iterable[RunInput]) -> None:
    session.execute(sa.delete(t.RunInputRow).where(t.RunInputRow.run_id == run_id))
    rows = [
        {
            "run_id": run_id,
            "batch_id": i.batch_id,
            "file_name": i.name,
            "sha256": i.sha256,
            "kind": i.kind,
            "outcome": i.outcome,
            "rows": i.rows,
            "rejected_rows": i.rejected_rows,
        }
        for i in inputs
    ]
    if rows:
        session.execute(sa.insert(t.RunInputRow), rows)


def run_inputs(session: Session, run_id: str) -> tuple[RunInput, ...]:
    query = sa.select(t.RunInputRow, t.BatchRow.maturity).outerjoin(t.BatchRow, t.BatchRow.id == t.RunInputRow.batch_id)
    rows = session.execute(query.where(t.RunInputRow.run_id == run_id).order_by(t.RunInputRow.id))
    return tuple(
        RunInput(r.file_name, r.sha256, r.kind, r.rows, r.rejected_rows, r.outcome, r.batch_id, maturity or "")
        for r, maturity in rows
    )


def replace_units(
    session: Session,
    run_id: str,
    units: Iterable[Unit],
    left_out: Iterable[LeftOut],
    *,
    subjects: Iterable[Subject] | None = None,
) -> None:
    """Write the subjects that a run is to evaluate, their units as they are known now, and those that it is not.

    ``subjects`` None: each of ``units`` as a whole.
    """
    session.execute(sa.delete(t.RunUnitRow).where(t.RunUnitRow.run_id == run_id))
    known = {unit.code: unit for unit in units}
    wanted = tuple(Subject(code) for code in known) if subjects is None else tuple(subjects)
    rows = [
        {
            "run_id": run_id,
            "unit_code": unit.code,
            "project": subject.project,
            "unit_name": unit.name,
            "parent_code": unit.parent_code,
            "division_code": unit.division_code,
            "failed": False,
            "left_out_why": "",
            "left_out_file": "",
        }
        for subject in wanted
        for unit in (known[subject.unit_code],)
    ]
    if rows:
        session.execute(sa.insert(t.RunUnitRow), rows)
    leave_out(session, run_id, left_out)


def run_units(session: Session, run_id: str, unit_codes: Sequence[str]) -> tuple[Unit, ...]:
    """Some units as they were known when the run began, whatever a register has said since; each once."""
    found = {
        r.unit_code: Unit(r.unit_code, r.unit_name, r.parent_code, r.division_code)
        for r in _to_evaluate(session, run_id, unit_codes)
    }
    return tuple(found.values())


def run_subjects(session: Session, run_id: str, unit_codes: Sequence[str]) -> tuple[Subject, ...]:
    """What a run is to evaluate of some units, in order: a unit as a whole before its projects."""
    return tuple(sorted(Subject(r.unit_code, r.project) for r in _to_evaluate(session, run_id, unit_codes)))


def closed_subjects(session: Session, run_id: str, unit_codes: Sequence[str]) -> frozenset[Subject]:
    """Subjects of some units whose gate a suite closed."""
    found = findings_of(session, run_id, stages=(STAGE_QUALITY,), units=unit_codes)
    return frozenset(Subject(f.unit_code, f.project) for f in found if f.critical)


def _to_evaluate(session: Session, run_id: str, unit_codes: Sequence[str]) -> Iterator[t.RunUnitRow]:
    query = sa.select(t.RunUnitRow).where(t.RunUnitRow.run_id == run_id, t.RunUnitRow.left_out_why == "")
    for codes in chunks(unit_codes):
        yield from session.scalars(query.where(t.RunUnitRow.unit_code.in_(codes)))


def leave_out(session: Session, run_id: str, left_out: Iterable[LeftOut], *, failed: bool = False) -> None:
    """Record subjects that are not evaluated, each reason once, and remove what the run computed of them.

    ``failed``: a stage broke on them. A unit left out as a whole leaves its projects alone: see ``leave_out_units``.
    """
    known = set(units_left_out(session, run_id))
    fresh = [one for one in dict.fromkeys(left_out) if one not in known]
    forget(session, run_id, sorted({one.subject for one in fresh if one.unit_code}))
    session.add_all(
        t.RunUnitRow(
            run_id=run_id,
            unit_code=one.unit_code,
            project=one.project,
            unit_name="",
            failed=failed,
            left_out_why=one.why,
            left_out_file=one.file,
        )
        for one in fresh
    )
    session.flush()


def leave_out_units(session: Session, run_id: str, left_out: Sequence[LeftOut]) -> None:
    """Record units on which a stage broke: nothing that the run computed of them stays, of their projects neither."""
    forget(session, run_id, _everything_of(session, run_id, {one.unit_code for one in left_out} - {""}))
    leave_out(session, run_id, left_out, failed=True)


def _everything_of(session: Session, run_id: str, units: Iterable[str]) -> list[Subject]:
    """All subjects of some units of which a run has anything to say."""
    codes = sorted(units)
    found = {Subject(code) for code in codes} | set(run_subjects(session, run_id, codes))
    return sorted(found | {subject for subject in evaluated_subjects(session, run_id) if subject.unit_code in codes})


def forget(session: Session, run_id: str, subjects: Sequence[Subject]) -> None:
    """Remove subjects from those that a run evaluates, with all that it computed of them; what their files said stays."""
    if not subjects:
        return
    of_project: dict[str, list[str]] = {}
    for subject in subjects:
        of_project.setdefault(subject.project, []).append(subject.unit_code)
    for project, units in of_project.items():
        for codes in chunks(units):
            for table in (t.EvaluationRow, t.ScoreRow, t.GapRow):
                session.execute(_of_subjects(table, run_id, project, codes))
            session.execute(_of_subjects(t.RunUnitRow, run_id, project, codes).where(t.RunUnitRow.left_out_why == ""))
            session.execute(
                _of_subjects(t.FindingRow, run_id, project, codes).where(t.FindingRow.stage == STAGE_EVALUATION)
            )
    for codes in chunks(sorted({subject.unit_code for subject in subjects} - set(_still_there(session, run_id)))):
        for files in (t.ReportRow, t.MessageRow):
            session.execute(sa.delete(files).where(files.run_id == run_id, files.unit_code.in_(codes)))


def _of_subjects(table: Any, run_id: str, project: str, codes: Sequence[str]) -> Any:
    return sa.delete(table).where(table.run_id == run_id, table.project == project, table.unit_code.in_(codes))


def _still_there(session: Session, run_id: str) -> Iterable[str]:
    """Units of which the run still evaluates something: their list of files is written again when they are rendered."""
    query = sa.select(t.RunUnitRow.unit_code).where(t.RunUnitRow.run_id == run_id, t.RunUnitRow.left_out_why == "")
    return session.scalars(query.distinct())


def units_left_out(session: Session, run_id: str, *, failed: bool | None = None) -> tuple[LeftOut, ...]:
    """Subjects and files that were left out, in order of their codes; ``failed``: only those a stage broke on, or not."""
    query = sa.select(t.RunUnitRow).where(t.RunUnitRow.run_id == run_id, t.RunUnitRow.left_out_why != "")
    if failed is not None:
        query = query.where(t.RunUnitRow.failed == failed)
    rows = sorted(session.scalars(query), key=lambda row: (row.unit_code, row.project, row.id))
    return tuple(LeftOut(r.unit_code, r.left_out_file, r.left_out_why, r.project) for r in rows)


def replace_findings(
    session: Session, run_id: str, findings: Sequence[Finding], *, stage: str, units: Sequence[str] | None = None
) -> None:
    """Write the findings of one stage; ``units`` are exactly those that are written again, None: the whole run."""
    old = sa.delete(t.FindingRow).where(t.FindingRow.run_id == run_id, t.FindingRow.stage == stage)
    if units is None:
        session.execute(old)
    else:
        for codes in chunks(units):
            session.execute(old.where(t.FindingRow.unit_code.in_(codes)))
    _insert_findings(session, run_id, findings, stage=stage)


def _insert_findings(session: Session, run_id: str, findings: Sequence[Finding], *, stage: str) -> None:
    rows = [
        {
            "run_id": run_id,
            "stage": stage,
            "unit_code": f.unit_code,
            "project": f.project,
            "code": f.code,
            "severity": f.severity.value,
            "outcome": f.outcome.value,
            "critical": f.critical,
            "file": f.place.file,
            "sheet": f.place.sheet,
            "row": f.place.row,
            "column": f.place.column,
            "indicator": f.indicator,
            "value": f.value,
            "expected": f.expected,
            "message": f.message,
            "fix": f.fix,
            "extra": f.extra,
        }
        for f in findings
    ]
    if rows:
        session.execute(sa.insert(t.FindingRow), rows)


def _finding(r: t.FindingRow) -> Finding:
    return Finding(
        code=r.code,
        severity=Severity(r.severity),
        place=Place(r.file, r.sheet, r.row, r.column),
        message=r.message,
        fix=r.fix,
        unit_code=r.unit_code,
        indicator=r.indicator,
        value=r.value,
        expected=r.expected,
        outcome=Outcome(r.outcome),
        critical=r.critical,
        extra=dict(r.extra),
        project=r.project,
    )


def findings_of(
    session: Session, run_id: str, *, stages: Sequence[str] | None = None, units: Sequence[str] | None = None
) -> tuple[Finding, ...]:
    """Findings, worst first; of some units, or of all and of none (None)."""
    # By number, so that two that sort alike stand as they were written, on every database.
    query = sa.select(t.FindingRow).where(t.FindingRow.run_id == run_id).order_by(t.FindingRow.id)
    if stages is not None:
        query = query.where(t.FindingRow.stage.in_(stages))
    rows = _of_units(session, query, t.FindingRow.unit_code, units)
    return tuple(sorted(map(_finding, rows), key=lambda f: f.sort_key))


def _of_units(session: Session, query: sa.Select[Any], column: Any, units: Sequence[str] | None) -> Iterator[Any]:
    """What a query gives for some units, None: for all; the order is the caller's to make."""
    if units is None:
        yield from session.scalars(query)
        return
    for codes in chunks(units):
        yield from session.scalars(query.where(column.in_(codes)))


def replace_evaluations(
    session: Session, run_id: str, evaluations: Sequence[Evaluation], *, units: Sequence[str]
) -> dict[Subject, Exception]:
    """Write the evaluations, scores and findings of ``units``, the ones of before are gone; returns the subjects whose
    evaluation could not be written, with the error: nothing of theirs is stored, the others are.
    """
    for codes in chunks(units):
        for table in (t.EvaluationRow, t.ScoreRow):
            session.execute(sa.delete(table).where(table.run_id == run_id, table.unit_code.in_(codes)))
    replace_findings(session, run_id, (), stage=STAGE_EVALUATION, units=units)
    try:
        with session.begin_nested():
            _insert_evaluations(session, run_id, evaluations)
    except Exception as error:  # noqa: BLE001 - one subject's texts never stop the others: find it by writing them singly
        if len(evaluations) == 1:
            return {evaluations[0].subject: error}
    else:
        return {}
    refused: dict[Subject, Exception] = {}
    for evaluation in evaluations:
        try:
            with session.begin_nested():
                _insert_evaluations(session, run_id, (evaluation,))
        except Exception as error:  # noqa: BLE001 - as above
            refused[evaluation.subject] = error
    return refused


def _insert_evaluations(session: Session, run_id: str, evaluations: Sequence[Evaluation]) -> None:
    if not evaluations:
        return
    adapter = _evaluation_json()
    session.execute(
        sa.insert(t.EvaluationRow),
        [
            {
                "run_id": run_id,
                "unit_code": e.unit_code,
                "project": e.project,
                "unit_name": e.books.unit.name,
                "score": e.score,
                "pending_weight": e.pending_weight,
                "grade": e.grade,
                "execution_rate": e.total.execution_rate if e.total else "",
                "rule_set": e.rule_set,
                "content": zlib.compress(adapter.dump_json(e), 6),
            }
            for e in evaluations
        ],
    )
    scores = [
        {
            "run_id": run_id,
            "unit_code": e.unit_code,
            "project": e.project,
            "indicator_id": s.indicator.indicator_id,
            "name": s.indicator.name,
            "weight": s.weight,
            "completion": s.completion,
            "points": s.points,
            "status": s.status.value,
            "reported_value": s.reported_value,
            "derived_value": s.derived_value,
            "rule_id": s.rule_id,
        }
        for e in evaluations
        for s in e.scores
    ]
    if scores:
        session.execute(sa.insert(t.ScoreRow), scores)
    _insert_findings(session, run_id, [f for e in evaluations for f in e.findings], stage=STAGE_EVALUATION)


def evaluations_of(session: Session, run_id: str, units: Sequence[str]) -> tuple[Evaluation, ...]:
    """The whole evaluations of some units and their projects, in order; ``results`` lists what those of all came to."""
    query = sa.select(t.EvaluationRow.content).where(t.EvaluationRow.run_id == run_id)
    adapter = _evaluation_json()
    contents = _of_units(session, query, t.EvaluationRow.unit_code, units)
    made = (adapter.validate_json(zlib.decompress(content)) for content in contents)
    return tuple(sorted(made, key=lambda e: e.subject))


def evaluated_subjects(session: Session, run_id: str) -> tuple[Subject, ...]:
    """What a run evaluated, in order."""
    query = sa.select(t.EvaluationRow.unit_code, t.EvaluationRow.project).where(t.EvaluationRow.run_id == run_id)
    return tuple(sorted(Subject(unit, project) for unit, project in session.execute(query)))


def evaluated_units(session: Session, run_id: str) -> tuple[str, ...]:
    """The units of which a run evaluated the whole or a project, each once."""
    return tuple(dict.fromkeys(subject.unit_code for subject in evaluated_subjects(session, run_id)))


@dataclass(frozen=True)
class Result:
    """What an evaluation came to, without the evaluation. ``score`` is None where it cannot be said."""

    unit_code: str
    project: str
    unit_name: str
    score: Decimal | None
    grade: str
    execution_rate: str

    @property
    def score_text(self) -> str:
        return "" if self.score is None else f"{self.score:.2f}"

    @property
    def subject(self) -> Subject:
        return Subject(self.unit_code, self.project)


def results(session: Session, run_id: str) -> tuple[Result, ...]:
    """What a run's evaluations came to, in order: a unit as a whole before its projects."""
    rows = session.execute(
        sa.select(
            t.EvaluationRow.unit_code,
            t.EvaluationRow.project,
            t.EvaluationRow.unit_name,
            t.EvaluationRow.score,
            t.EvaluationRow.grade,
            t.EvaluationRow.execution_rate,
        ).where(t.EvaluationRow.run_id == run_id)
    )
    return tuple(sorted((Result(*row) for row in rows), key=lambda one: one.subject))


def replace_gaps(session: Session, run_id: str, gaps: Sequence[Gap], *, units: Sequence[str]) -> None:
    for codes in chunks(units):
        session.execute(sa.delete(t.GapRow).where(t.GapRow.run_id == run_id, t.GapRow.unit_code.in_(codes)))
    rows = []
    for gap in gaps:
        values = {k: v for k, v in asdict(gap).items() if k != "place"}
        place = gap.place
        rows.append(
            {
                "run_id": run_id,
                **values,
                "kind": gap.kind.value,
                "severity": gap.severity.value,
                "file": place.file,
                "sheet": place.sheet,
                "row": place.row,
                "column": place.column,
            }
        )
    if rows:
        session.execute(sa.insert(t.GapRow), rows)


def gaps_of(session: Session, run_id: str, units: Sequence[str] | None = None) -> tuple[Gap, ...]:
    """Gaps, worst first within their subject."""
    query = sa.select(t.GapRow).where(t.GapRow.run_id == run_id)
    made = [
        Gap(
            gap_id=r.gap_id,
            unit_code=r.unit_code,
            indicator_id=r.indicator_id,
            indicator=r.indicator,
            kind=GapKind(r.kind),
            severity=Severity(r.severity),
            owner=r.owner,
            opened_on=r.opened_on,
            due_on=r.due_on,
            message=r.message,
            fix=r.fix,
            place=Place(r.file, r.sheet, r.row, r.column),
            status=r.status,
            project=r.project,
        )
        for r in _of_units(session, query, t.GapRow.unit_code, units)
    ]
    return tuple(
        sorted(made, key=lambda g: (g.unit_code, g.project, g.severity.rank, g.place.file, g.place.row or 0, g.gap_id))
    )


def replace_reports(
    session: Session, run_id: str, files: Iterable[tuple[str, str, str]], *, units: Sequence[str]
) -> None:
    """``files``: unit code, path relative to the run's folder, sha256."""
    for codes in chunks(units):
        session.execute(sa.delete(t.ReportRow).where(t.ReportRow.run_id == run_id, t.ReportRow.unit_code.in_(codes)))
    rows = [{"run_id": run_id, "unit_code": unit, "file": file, "sha256": digest} for unit, file, digest in files]
    if rows:
        session.execute(sa.insert(t.ReportRow), rows)


def report_files(session: Session, run_id: str) -> tuple[str, ...]:
    """The reports of a run relative to its folder, in order of unit and file."""
    rows = session.execute(sa.select(t.ReportRow.unit_code, t.ReportRow.file).where(t.ReportRow.run_id == run_id))
    return tuple(file for _, file in sorted((unit, file) for unit, file in rows))


def files_in(session: Session, folder: str) -> frozenset[tuple[str, str]]:
    """Unit and file of every report and draft that a run completed into a folder, as far as this store knows."""
    runs = session.scalars(sa.select(t.RunRow.run_id).where(t.RunRow.folder == folder)).all()
    return frozenset(pair for run_id in runs for pair in files_of(session, run_id))


def files_of(session: Session, run_id: str) -> frozenset[tuple[str, str]]:
    """Unit and file of every report and draft of a run."""
    return frozenset(
        (unit, file)
        for table in (t.ReportRow, t.MessageRow)
        for unit, file in session.execute(sa.select(table.unit_code, table.file).where(table.run_id == run_id))
    )


def replace_messages(session: Session, run_id: str, messages: Iterable[dict[str, Any]]) -> None:
    session.execute(sa.delete(t.MessageRow).where(t.MessageRow.run_id == run_id))
    rows = [{"run_id": run_id, **message} for message in messages]
    if rows:
        session.execute(sa.insert(t.MessageRow), rows)


def message_files(session: Session, run_id: str) -> tuple[str, ...]:
    """The drafts of a run (.eml) relative to its folder, in order."""
    return tuple(sorted(session.scalars(sa.select(t.MessageRow.file).where(t.MessageRow.run_id == run_id))))


def count_scores(session: Session, run_id: str) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(t.ScoreRow).where(t.ScoreRow.run_id == run_id)) or 0


@dataclass(frozen=True)
class RunLine:
    """One run in the list of runs, with its newest attempt; moments are in UTC, ``folder`` is absolute."""

    run_id: str
    year: int
    period: str
    as_of: date
    outcome: str
    started_at: datetime
    ended_at: datetime | None
    by: str
    units: int
    left_out: int
    folder: str
    attempts: int
    projects: int = 0


def list_runs(session: Session, *, run_id: str | None = None) -> tuple[RunLine, ...]:
    """Runs by their newest attempt, newest first."""
    runs = sa.select(t.RunRow)
    if run_id is not None:
        runs = runs.where(t.RunRow.run_id == run_id)
    attempts: dict[str, list[t.RunAttemptRow]] = {}
    wanted = sa.select(t.RunAttemptRow).order_by(t.RunAttemptRow.id)
    for attempt in session.scalars(wanted if run_id is None else wanted.where(t.RunAttemptRow.run_id == run_id)):
        attempts.setdefault(attempt.run_id, []).append(attempt)

    def counted(table: type[t.EvaluationRow | t.RunUnitRow], *conditions: Any) -> dict[str, int]:
        query = sa.select(table.run_id, sa.func.count()).where(*conditions).group_by(table.run_id)
        return dict(session.execute(query if run_id is None else query.where(table.run_id == run_id)).tuples().all())

    units = counted(t.EvaluationRow, t.EvaluationRow.project == "")
    projects = counted(t.EvaluationRow, t.EvaluationRow.project != "")
    left_out = counted(t.RunUnitRow, t.RunUnitRow.left_out_why != "")
    made = []
    for run in session.scalars(runs):
        of_run = attempts.get(run.run_id, [])
        if not of_run:
            continue
        newest = of_run[-1]
        made.append(
            RunLine(
                run.run_id,
                run.year,
                run.period,
                run.as_of,
                newest.outcome,
                newest.started_at,
                newest.ended_at,
                newest.by,
                units.get(run.run_id, 0),
                left_out.get(run.run_id, 0),
                run.folder,
                len(of_run),
                projects.get(run.run_id, 0),
            )
        )
    return tuple(sorted(made, key=lambda r: (r.started_at, r.run_id), reverse=True))


def newest_completed(session: Session, year: int, unit_code: str | None = None, *, period: str = "") -> str | None:
    """The run of a year that was completed last; with ``unit_code``, the last one that evaluated or left out the unit,
    with ``period`` the last one of it.
    """
    query = (
        sa.select(t.RunAttemptRow.run_id)
        .join(t.RunRow, t.RunRow.run_id == t.RunAttemptRow.run_id)
        .where(t.RunRow.year == year, t.RunAttemptRow.outcome == "completed")
    )
    if unit_code is not None:
        of_unit = sa.select(t.RunUnitRow.run_id).where(t.RunUnitRow.unit_code == unit_code)
        query = query.where(t.RunAttemptRow.run_id.in_(of_unit))
    if period:
        query = query.where(t.RunRow.period == period)
    return session.scalar(query.order_by(t.RunAttemptRow.id.desc()).limit(1))
