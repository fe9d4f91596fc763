"""Runs and what they computed: findings, evaluations, scores, gaps, messages, reports. The caller owns the transaction.

Everything is written by (run, units) and replaces what the same run wrote before: a stage may be tried again.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from jixiao.application import LeftOut
from jixiao.domain.evaluation import Evaluation, Gap, GapKind, RunInfo
from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.storage import tables as t


@lru_cache(maxsize=1)
def _evaluation_json() -> TypeAdapter[Evaluation]:
    return TypeAdapter(Evaluation)


@dataclass(frozen=True)
class RunInput:
    """A file of a run, as run.json lists it."""

    name: str
    sha256: str
    kind: str
    rows: int
    rejected_rows: int
    outcome: str
    batch_id: int | None = None


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


def close_attempt(session: Session, run_id: str, *, outcome: str, seconds: dict[str, float]) -> None:
    """End the newest attempt of a run."""
    attempt = session.scalar(
        sa.select(t.RunAttemptRow).where(t.RunAttemptRow.run_id == run_id).order_by(t.RunAttemptRow.id.desc()).limit(1)
    )
    if attempt is not None:
        attempt.ended_at = datetime.now(UTC)
        attempt.outcome = outcome
        attempt.seconds = seconds


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
    rows = session.scalars(sa.select(t.RunInputRow).where(t.RunInputRow.run_id == run_id).order_by(t.RunInputRow.id))
    return tuple(RunInput(r.file_name, r.sha256, r.kind, r.rows, r.rejected_rows, r.outcome, r.batch_id) for r in rows)


def replace_units(
    session: Session, run_id: str, evaluated: Iterable[tuple[str, str]], left_out: Iterable[LeftOut]
) -> None:
    session.execute(sa.delete(t.RunUnitRow).where(t.RunUnitRow.run_id == run_id))
    rows = [
        {"run_id": run_id, "unit_code": code, "unit_name": name, "left_out_why": "", "left_out_file": ""}
        for code, name in evaluated
    ]
    if rows:
        session.execute(sa.insert(t.RunUnitRow), rows)
    leave_out(session, run_id, left_out)


def leave_out(session: Session, run_id: str, left_out: Iterable[LeftOut]) -> None:
    """Record units that are not evaluated, each reason once."""
    known = set(units_left_out(session, run_id))
    for one in left_out:
        if one in known:
            continue
        if one.unit_code:
            session.execute(
                sa.delete(t.RunUnitRow).where(
                    t.RunUnitRow.run_id == run_id,
                    t.RunUnitRow.unit_code == one.unit_code,
                    t.RunUnitRow.left_out_why == "",
                )
            )
        session.add(
            t.RunUnitRow(
                run_id=run_id, unit_code=one.unit_code, unit_name="", left_out_why=one.why, left_out_file=one.file
            )
        )
    session.flush()


def units_left_out(session: Session, run_id: str) -> tuple[LeftOut, ...]:
    rows = session.scalars(
        sa.select(t.RunUnitRow)
        .where(t.RunUnitRow.run_id == run_id, t.RunUnitRow.left_out_why != "")
        .order_by(t.RunUnitRow.unit_code, t.RunUnitRow.id)
    )
    return tuple(LeftOut(r.unit_code, r.left_out_file, r.left_out_why) for r in rows)


def replace_findings(
    session: Session, run_id: str, findings: Sequence[Finding], *, stage: str, units: Sequence[str] | None = None
) -> None:
    """Write the findings of one stage; ``units`` None: of the whole run."""
    old = sa.delete(t.FindingRow).where(t.FindingRow.run_id == run_id, t.FindingRow.stage == stage)
    if units is not None:
        old = old.where(t.FindingRow.unit_code.in_([*units, ""]))
    session.execute(old)
    rows = [
        {
            "run_id": run_id,
            "stage": stage,
            "unit_code": f.unit_code,
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
    )


def findings_of(
    session: Session, run_id: str, *, stages: Sequence[str] | None = None, units: Sequence[str] | None = None
) -> tuple[Finding, ...]:
    """Findings, worst first."""
    query = sa.select(t.FindingRow).where(t.FindingRow.run_id == run_id)
    if stages is not None:
        query = query.where(t.FindingRow.stage.in_(stages))
    if units is not None:
        query = query.where(t.FindingRow.unit_code.in_(units))
    return tuple(sorted(map(_finding, session.scalars(query)), key=lambda f: f.sort_key))


def replace_evaluations(session: Session, run_id: str, evaluations: Sequence[Evaluation]) -> None:
    codes = [e.unit_code for e in evaluations]
    for table in (t.EvaluationRow, t.ScoreRow):
        session.execute(sa.delete(table).where(table.run_id == run_id, table.unit_code.in_(codes)))
    if not evaluations:
        return
    adapter = _evaluation_json()
    session.execute(
        sa.insert(t.EvaluationRow),
        [
            {
                "run_id": run_id,
                "unit_code": e.unit_code,
                "unit_name": e.books.unit.name,
                "score": e.score,
                "pending_weight": e.pending_weight,
                "grade": e.grade,
                "execution_rate": next((line.execution_rate for line in e.lines if line.line.level == 0), ""),
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


def evaluations_of(session: Session, run_id: str, units: Sequence[str] | None = None) -> tuple[Evaluation, ...]:
    """The whole evaluations of some units (None: all), in order of unit code."""
    query = (
        sa.select(t.EvaluationRow.content).where(t.EvaluationRow.run_id == run_id).order_by(t.EvaluationRow.unit_code)
    )
    if units is not None:
        query = query.where(t.EvaluationRow.unit_code.in_(units))
    adapter = _evaluation_json()
    return tuple(adapter.validate_json(zlib.decompress(content)) for content in session.scalars(query))


def evaluated_units(session: Session, run_id: str) -> tuple[str, ...]:
    return tuple(session.scalars(sa.select(t.EvaluationRow.unit_code).where(t.EvaluationRow.run_id == run_id)))


def replace_gaps(session: Session, run_id: str, gaps: Sequence[Gap], *, units: Sequence[str]) -> None:
    session.execute(sa.delete(t.GapRow).where(t.GapRow.run_id == run_id, t.GapRow.unit_code.in_(units)))
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
    """Gaps, worst first within their unit."""
    query = sa.select(t.GapRow).where(t.GapRow.run_id == run_id)
    if units is not None:
        query = query.where(t.GapRow.unit_code.in_(units))
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
        )
        for r in session.scalars(query)
    ]
    return tuple(sorted(made, key=lambda g: (g.unit_code, g.severity.rank, g.place.file, g.place.row or 0, g.gap_id)))


def replace_reports(
    session: Session, run_id: str, files: Iterable[tuple[str, str, str]], *, units: Sequence[str]
) -> None:
    """``files``: unit code, path relative to the run's folder, sha256."""
    session.execute(sa.delete(t.ReportRow).where(t.ReportRow.run_id == run_id, t.ReportRow.unit_code.in_(units)))
    rows = [{"run_id": run_id, "unit_code": unit, "file": file, "sha256": digest} for unit, file, digest in files]
    if rows:
        session.execute(sa.insert(t.ReportRow), rows)


def report_files(session: Session, run_id: str) -> tuple[str, ...]:
    return tuple(
        session.scalars(
            sa.select(t.ReportRow.file)
            .where(t.ReportRow.run_id == run_id)
            .order_by(t.ReportRow.unit_code, t.ReportRow.file)
        )
    )


def replace_messages(session: Session, run_id: str, messages: Iterable[dict[str, Any]]) -> None:
    session.execute(sa.delete(t.MessageRow).where(t.MessageRow.run_id == run_id))
    rows = [{"run_id": run_id, **message} for message in messages]
    if rows:
        session.execute(sa.insert(t.MessageRow), rows)


def message_files(session: Session, run_id: str) -> tuple[str, ...]:
    return tuple(
        session.scalars(sa.select(t.MessageRow.file).where(t.MessageRow.run_id == run_id).order_by(t.MessageRow.file))
    )


@dataclass(frozen=True)
class RunLine:
    """One run in the list of runs: newest attempt first."""

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


def list_runs(session: Session, *, year: int | None = None, run_id: str | None = None) -> tuple[RunLine, ...]:
    """Runs by their newest attempt, newest first."""
    runs = sa.select(t.RunRow)
    if year is not None:
        runs = runs.where(t.RunRow.year == year)
    if run_id is not None:
        runs = runs.where(t.RunRow.run_id == run_id)
    made = []
    for run in session.scalars(runs):
        attempts = session.scalars(
            sa.select(t.RunAttemptRow).where(t.RunAttemptRow.run_id == run.run_id).order_by(t.RunAttemptRow.id)
        ).all()
        if not attempts:
            continue
        newest = attempts[-1]
        units = session.scalar(
            sa.select(sa.func.count()).select_from(t.EvaluationRow).where(t.EvaluationRow.run_id == run.run_id)
        )
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
                units or 0,
                len(units_left_out(session, run.run_id)),
                run.folder,
                len(attempts),
            )
        )
    return tuple(sorted(made, key=lambda r: r.started_at, reverse=True))


def newest_completed(session: Session, year: int) -> str | None:
    """The run of a year that was completed last."""
    return session.scalar(
        sa.select(t.RunAttemptRow.run_id)
        .join(t.RunRow, t.RunRow.run_id == t.RunAttemptRow.run_id)
        .where(t.RunRow.year == year, t.RunAttemptRow.outcome == "completed")
        .order_by(t.RunAttemptRow.id.desc())
        .limit(1)
    )
