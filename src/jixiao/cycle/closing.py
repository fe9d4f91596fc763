"""Close a run: what stands in its folder, what is said of it."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jixiao.application import (
    EvaluationRequest,
    GapRow,
    RunSummary,
    UnitSummary,
)
from jixiao.cycle.outcomes import exit_code_of
from jixiao.cycle.stores import open_store, remove_files, run_folder
from jixiao.domain.books import Subject
from jixiao.domain.evaluation import LeftOut
from jixiao.domain.findings import Finding, Severity

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


_log = logging.getLogger(__name__)


def _remove_stale(
    folder: Path, written: Iterable[tuple[str, str]], keep: Iterable[str], *, scope: Sequence[str]
) -> None:
    """Remove what earlier runs wrote here and this one did not: reports of units left out, old drafts.

    ``written`` are unit and file as the store knows them; a run of all units (empty ``scope``) asks the run.json that
    lies here too, for another store may have written it. A run of some units leaves the other units' files alone.
    Anything a person put here stays.
    """
    known = {file for unit, file in written if not scope or unit in scope}
    known |= {file.removesuffix(".eml") + ".json" for file in known if file.endswith(".eml")}
    if not scope:
        known |= _files_of_run_json(folder)
    remove_files(folder, known - set(keep))


def _files_of_run_json(folder: Path) -> set[str]:
    try:
        return {str(name) for name in json.loads((folder / "run.json").read_text(encoding="utf-8"))["files"]}
    except (OSError, ValueError, LookupError, TypeError):
        return set()


def close_run(
    request: EvaluationRequest, run_id: str, *, seconds: dict[str, float], left_out: Sequence[LeftOut] = ()
) -> RunSummary:
    """Write units.csv, projects.csv and run.json, end the attempt, and sum up.

    ``left_out`` are units on which a stage broke: what the run computed of them is removed, also from the folder.
    """
    from jixiao.reports import PROJECTS_FILE, InputFile, write_run
    from jixiao.storage import run_store

    folder = run_folder(request)
    with open_store(request.database_url) as session:
        place = str(folder.absolute())
        written = run_store.files_in(session, place) | run_store.files_of(session, run_id)
        run_store.leave_out_units(session, run_id, left_out)
        summary = _summary(session, request, run_id, seconds=seconds)
        info = run_store.run_info(session, run_id)
        inputs = [InputFile(i.name, i.sha256, i.kind, i.rows) for i in run_store.run_inputs(session, run_id)]
        outbox = run_store.message_files(session, run_id)
        files = sorted([*summary.files, *outbox, *(file.removesuffix(".eml") + ".json" for file in outbox)])
        files += [PROJECTS_FILE] if summary.projects else []
        _remove_stale(folder, written, files, scope=request.units)
        write_run(
            summary.units,
            projects=summary.projects,
            run=info,
            inputs=inputs,
            left_out=summary.left_out,
            counts={
                "units": len(summary.units),
                "projects": len(summary.projects),
                "units_left_out": len(summary.left_out),
                "indicators": run_store.count_scores(session, run_id),
                **{f"findings_{name}": n for name, n in summary.findings_by_severity.items()},
                "gaps": sum(summary.gaps_by_owner.values()),
                "messages": summary.messages,
            },
            seconds=seconds,
            files=files,
            folder=folder,
        )
        run_store.close_attempt(session, run_id, outcome="completed", seconds=seconds, folder=place)
    return summary


def fail_run(request: EvaluationRequest, run_id: str, *, seconds: dict[str, float]) -> None:
    """End the attempt of a run as failed. A store that cannot be written is logged: the failure that led here matters."""
    from sqlalchemy.exc import SQLAlchemyError

    from jixiao.errors import JixiaoError
    from jixiao.storage import run_store

    try:
        with open_store(request.database_url) as session:
            run_store.close_attempt(session, run_id, outcome="failed", seconds=seconds)
    except (SQLAlchemyError, JixiaoError):
        _log.exception("运行 %s 的失败没有记下来", run_id)


def run_findings(session: Session, run_id: str, *, units: Sequence[str] = ()) -> tuple[Finding, ...]:
    """All findings of a run, each once, worst first: of evaluated subjects the reviewed ones, of the others what intake
    and quality said.
    """
    from jixiao.storage import run_store

    wanted = tuple(units) or None
    reviewed = run_store.findings_of(session, run_id, stages=(run_store.STAGE_EVALUATION,), units=wanted)
    evaluated = set(run_store.evaluated_subjects(session, run_id))
    earlier = run_store.findings_of(
        session, run_id, stages=(run_store.STAGE_INTAKE, run_store.STAGE_QUALITY), units=wanted
    )
    others = [f for f in earlier if Subject(f.unit_code, f.project) not in evaluated]
    return tuple(sorted([*reviewed, *others], key=lambda f: f.sort_key))


def _summary(session: Session, request: EvaluationRequest, run_id: str, *, seconds: dict[str, float]) -> RunSummary:
    from jixiao.storage import run_store

    gaps = run_store.gaps_of(session, run_id)
    left_out = run_store.units_left_out(session, run_id)
    findings = run_findings(session, run_id)
    found = Counter((Subject(f.unit_code, f.project), f.severity) for f in findings)
    open_gaps = Counter(Subject(gap.unit_code, gap.project) for gap in gaps)
    evaluated = tuple(
        UnitSummary(
            unit_code=one.unit_code,
            unit_name=one.unit_name,
            score=one.score_text,
            grade=one.grade,
            errors=found[one.subject, Severity.ERROR],
            warnings=found[one.subject, Severity.WARNING],
            gaps=open_gaps[one.subject],
            execution_rate=one.execution_rate,
            project=one.project,
        )
        for one in run_store.results(session, run_id)
    )
    return RunSummary(
        run_id=run_id,
        year=request.year,
        folder=str(run_folder(request)),
        units=tuple(one for one in evaluated if not one.project),
        projects=tuple(one for one in evaluated if one.project),
        period=request.period,
        left_out=left_out,
        findings_by_code=dict(sorted(Counter(f.code for f in findings).items(), key=lambda pair: (-pair[1], pair[0]))),
        findings_by_severity={s.value: sum(f.severity is s for f in findings) for s in Severity},
        gaps_by_owner=dict(sorted(Counter(gap.owner for gap in gaps).items(), key=lambda pair: (-pair[1], pair[0]))),
        gap_rows=tuple(
            GapRow(g.owner, g.unit_code, g.indicator, g.message, g.due_on.isoformat(), g.project) for g in gaps
        ),
        files=run_store.report_files(session, run_id),
        messages=len(run_store.message_files(session, run_id)),
        exit_code=exit_code_of(session, run_id),
        seconds=seconds,
    )
