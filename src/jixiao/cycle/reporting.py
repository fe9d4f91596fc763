"""Write the reports of a batch of units, and draft the messages to their owners."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from jixiao.application import (
    EvaluationRequest,
    NoticeReceipt,
    RenderReceipt,
)
from jixiao.cycle.stores import open_store, run_folder
from jixiao.domain.books import Subject
from jixiao.domain.evaluation import Gap

if TYPE_CHECKING:
    from jixiao.notify import Digest


def render_units(request: EvaluationRequest, run_id: str, unit_codes: Sequence[str]) -> RenderReceipt:
    """Write the reports of a batch of evaluated units and their projects under the run's folder."""
    from jixiao.reports import subject_folders, write_subject
    from jixiao.storage import run_store

    folder = run_folder(request)
    with open_store(request.database_url) as session:
        info = run_store.run_info(session, run_id)
        gaps: dict[Subject, list[Gap]] = {}
        for gap in run_store.gaps_of(session, run_id, unit_codes):
            gaps.setdefault(Subject(gap.unit_code, gap.project), []).append(gap)
        evaluations = run_store.evaluations_of(session, run_id, unit_codes)
    made = []
    folders = subject_folders(evaluation.subject for evaluation in evaluations)
    for evaluation in evaluations:
        subject = evaluation.subject
        rendered = write_subject(
            evaluation,
            gaps.get(subject, []),
            run=replace(info, rule_sets=(evaluation.rule_set,)),
            folder=folder,
            into=folders[subject],
        )
        made += [(rendered.unit_code, file, _file_sha256(folder / file)) for file in rendered.files]
    with open_store(request.database_url) as session:
        run_store.replace_reports(session, run_id, made, units=unit_codes)
    return RenderReceipt(len({e.unit_code for e in evaluations}), tuple(file for _, file, _ in made))


def _gaps_by_unit(gaps: Iterable[Gap]) -> dict[str, list[Gap]]:
    found: dict[str, list[Gap]] = {}
    for gap in gaps:
        found.setdefault(gap.unit_code, []).append(gap)
    return found


def _file_sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_messages(
    database_url: str, run_id: str, *, folder: Path | None = None
) -> tuple[Path, tuple[str, ...], tuple[Digest, ...]]:
    """Write the digests of a run into ``folder``/outbox (None: the run's own folder); nothing is sent.

    Returns the folder, the files written relative to it, and the digests.
    """
    from jixiao.notify import draft_digests, write_outbox
    from jixiao.storage import books_store, run_store
    from jixiao.storage.tables import RunRow

    with open_store(database_url) as session:
        info = run_store.run_info(session, run_id)
        evaluated = run_store.evaluated_units(session, run_id)
        units = sorted(run_store.run_units(session, run_id, evaluated), key=lambda unit: unit.code)
        gaps = _gaps_by_unit(run_store.gaps_of(session, run_id, evaluated))
        contacts = books_store.contacts_of(session, run_id, tuple(gaps))
        into = folder or Path(session.get_one(RunRow, run_id).folder)
    digests = tuple(
        digest
        for unit in units
        for digest in draft_digests(gaps.get(unit.code, ()), contacts.get(unit.code, ()), unit, run=info)
    )
    return into, write_outbox(digests, run=info, folder=into), digests


def draft_messages(request: EvaluationRequest, run_id: str) -> NoticeReceipt:
    """Draft one digest an owner into the outbox of the run and record them; nothing is sent."""
    from jixiao.storage import run_store

    _, files, digests = write_messages(request.database_url, run_id, folder=run_folder(request))
    letters = [file for file in files if file.endswith(".eml")]
    with open_store(request.database_url) as session:
        run_store.replace_messages(
            session,
            run_id,
            [
                {
                    "unit_code": digest.unit_code,
                    "owner": digest.owner,
                    "channel": digest.channel,
                    "address": digest.email,
                    "gaps": len(digest.gaps),
                    "file": file,
                }
                for digest, file in zip(digests, letters, strict=True)
            ],
        )
    return NoticeReceipt(len(digests), tuple(sorted({digest.owner for digest in digests})))
