"""Receive: read an inbox or some files, store what is accepted, open the run."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from jixiao.application import (
    EvaluationRequest,
    ImportReceipt,
)
from jixiao.cycle.answering import answers_at_hand
from jixiao.cycle.identity import run_info_of
from jixiao.cycle.outcomes import exit_code_of
from jixiao.cycle.stores import (
    need_inbox,
    need_writable,
    open_store,
    run_folder,
    snapshots_folder,
    who_runs,
)
from jixiao.cycle.subjects import subjects_of, with_subjects
from jixiao.domain.books import Kind, Unit
from jixiao.domain.findings import Outcome
from jixiao.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from jixiao.intake.readings import FileReading, InboxReading
    from jixiao.storage.batches import BatchSummary, Reverted
    from jixiao.storage.intake_store import StoredBatch
    from jixiao.storage.run_store import RunInput


def read_files(
    paths: Sequence[Path],
    *,
    year: int,
    scope: frozenset[str] = frozenset(),
    database_url: str = "",
    kind: Kind | None = None,
    money_unit: str = "",
    against: Path | None = None,
    answers: Path | None = None,
    remembered_in: str = "",
    on_file: Callable[[int, int, str], None] = lambda _done, _of, _now: None,
) -> InboxReading:
    """Read files or folders without storing anything. With a store, its units help to find whose a file is.

    ``against``, the folder of the store's snapshots: what is in force is compared, too. ``answers`` is a file of them;
    those that the store remembers hold as well, or without a store those of the one ``remembered_in``, if it is there.

    Raises:
        UsageError: a path is not there, or the file of answers cannot be used.
    """
    from jixiao.domain.money import MoneyUnit
    from jixiao.intake.inbox import read_inbox
    from jixiao.storage.corrections import hashes_of_batches
    from jixiao.storage.intake_store import known_units

    for path in paths:
        if not path.exists():
            raise UsageError(f"找不到 {path}", "检查路径；收件文件夹用 --inbox 指定")
    known: tuple[Unit, ...] = ()
    batches: dict[str, str] = {}
    book = answers_at_hand(answers, database_url=database_url or remembered_in)
    if database_url:
        with open_store(database_url) as session:
            known, batches = known_units(session), hashes_of_batches(session)
    reading = read_inbox(
        paths,
        year=year,
        known=known,
        scope=scope,
        kind=kind,
        money_unit=MoneyUnit(money_unit) if money_unit else None,
        batches=batches,
        answers=book,
        on_file=on_file,
    )
    if against is None or not database_url:
        return reading
    from jixiao.cycle.snapshots import against_store

    with open_store(database_url) as session:
        return against_store(session, reading, year=year, folder=against, scope=scope, answers=book)


@dataclass(frozen=True)
class _Stored:
    """What was stored: every file as an input of a run, the batches, each beside the file that it came from."""

    inputs: list[RunInput]
    batches: list[tuple[str, StoredBatch]]


def _store_inbox(
    session: Session,
    reading: InboxReading,
    *,
    year: int,
    snapshots: Path,
    announce: Callable[[str], None],
    maturity: str = "",
) -> _Stored:
    """Store all that was accepted, and remember the units; nothing is in force yet."""
    from jixiao.cycle.snapshots import stated_maturity
    from jixiao.storage import intake_store
    from jixiao.storage.run_store import RunInput
    from jixiao.storage.source_profiles import remember_reading

    intake_store.remember_units(session, reading.units)
    inputs: list[RunInput] = []
    batches: list[tuple[str, StoredBatch]] = []
    for file in reading.files:
        remember_reading(session, file, by=who_runs())
        for table in file.tables:
            stored = intake_store.store_table(
                session,
                replace(table, maturity=stated_maturity(file, table)),
                file=file.file,
                sha256=file.sha256,
                year=year,
                snapshots_folder=snapshots,
                maturity=maturity,
                announce=announce,
            )
            batches.append((file.file, stored))
            inputs.append(
                RunInput(
                    file.file,
                    file.sha256,
                    table.kind.value,
                    table.rows_accepted,
                    table.rows_rejected,
                    file.outcome.value,
                    stored.batch_id,
                )
            )
        if not file.tables:
            inputs.append(RunInput(file.file, file.sha256, "", 0, file.rows_rejected, file.outcome.value))
    return _Stored(inputs, batches)


def import_inbox(request: EvaluationRequest) -> ImportReceipt:
    """Read the inbox, store what is accepted, open the run. One transaction: nothing is half stored.

    What the inbox holds is put in force without a question, a person put it there; but not early figures over final ones.

    Raises:
        UsageError: the inbox is not there or holds no file, or the output folder cannot be written.
    """
    from jixiao.cycle.snapshots import also_spoken_for, scopes_of, without_lower_maturity
    from jixiao.storage import intake_store, run_store
    from jixiao.storage.batches import adopt, lock_imports
    from jixiao.storage.pending import pending_files, remove_orphans

    need_writable(run_folder(request))
    inbox = Path(request.inbox)
    need_inbox(inbox)
    scope = frozenset(request.units)
    reading = read_files(
        [inbox],
        year=request.year,
        scope=scope,
        database_url=request.database_url,
        answers=Path(request.answers) if request.answers else None,
    )
    if not reading.files:
        raise UsageError(f"收件文件夹 {request.inbox} 是空的", "放入导出文件后再运行")
    ready = subjects_of(reading, period=request.period, scope=scope)
    findings = [finding for file in reading.files for finding in with_subjects(file)]
    findings += ready.findings
    folder = snapshots_folder(request.database_url, request.var)
    with (
        pending_files(folder, request.database_url) as pending,
        open_store(request.database_url) as session,
    ):
        lock_imports(session)
        remove_orphans(session, folder, request.database_url)
        stored = _store_inbox(session, reading, year=request.year, snapshots=folder, announce=pending.announce)
        batches = [batch for _, batch in stored.batches]
        also = also_spoken_for(session, reading, year=request.year, folder=folder)
        scopes = without_lower_maturity(session, scopes_of(batches, request.year), year=request.year)
        adopt(session, scopes, reason=request.period, by=who_runs(), also=also)
        known = {unit.code: unit for unit in intake_store.known_units(session)}
        units = [known.get(code, Unit(code)) for code in ready.unit_codes]
        info, rules = run_info_of(request, reading, units, batches)
        run_store.open_run(
            session,
            info,
            rules_sha256=rules,
            parameters={"units": sorted(request.units), "region": request.region},
            folder=str(run_folder(request).absolute()),
            by=who_runs(),
        )
        run_store.replace_inputs(session, info.run_id, stored.inputs)
        run_store.replace_findings(session, info.run_id, findings, stage=run_store.STAGE_INTAKE)
        run_store.replace_units(session, info.run_id, units, ready.left_out, subjects=ready.subjects)
        code = exit_code_of(session, info.run_id)
    return ImportReceipt(
        run_id=info.run_id,
        unit_batches=ready.batches(request.batch_size),
        files=len(reading.files),
        rows=sum(file.rows_accepted for file in reading.files),
        rejected_rows=sum(file.rows_rejected for file in reading.files),
        left_out=ready.left_out,
        findings_by_code=dict(sorted(Counter(f.code for f in findings).items())),
        exit_code=code,
    )


@dataclass(frozen=True)
class StoredFile:
    """What ``import_files`` did with a file.

    ``superseded`` are the batches that were in force for what it holds; ``was_known``: all of it had been imported before,
    first at ``imported_at``. ``maturity``: 快报, 决算, 批复, joined where its tables differ, or empty.
    """

    file: str
    outcome: Outcome
    batch_ids: tuple[int, ...]
    superseded: tuple[int, ...]
    rows: int
    was_known: bool
    imported_at: datetime | None = None
    maturity: str = ""


def import_files(
    paths: Sequence[Path],
    *,
    year: int,
    database_url: str,
    var: str,
    scope: frozenset[str] = frozenset(),
    yes: bool = False,
    maturity: str = "",
    answers: Path | None = None,
    on_file: Callable[[int, int, str], None] = lambda _done, _of, _now: None,
) -> tuple[InboxReading, tuple[StoredFile, ...]]:
    """Intake into the store without a run, in one transaction. A file that is rejected or asks a question stores nothing.

    ``yes`` answers the questions whether a re-export may change and remove rows that are in force. ``maturity`` says how
    far the figures are, whatever the files say. ``answers`` is a file of answers; those that were applied are remembered.
    """
    from jixiao.cycle.snapshots import against_store, also_spoken_for, scopes_of
    from jixiao.storage.batches import adopt, lock_imports
    from jixiao.storage.pending import pending_files, remove_orphans

    folder = snapshots_folder(database_url, var)
    reading = read_files(paths, year=year, scope=scope, database_url=database_url, answers=answers, on_file=on_file)
    book = answers_at_hand(answers, database_url=database_url)
    with pending_files(folder, database_url) as pending, open_store(database_url) as session:
        lock_imports(session)
        remove_orphans(session, folder, database_url)
        reading = against_store(
            session, reading, year=year, folder=folder, yes=yes, maturity=maturity, scope=scope, answers=book
        )
        kept = replace(reading, files=tuple(_if_stored(file) for file in reading.files))
        also = also_spoken_for(session, kept, year=year, folder=folder)
        stored = _store_inbox(session, kept, year=year, snapshots=folder, announce=pending.announce, maturity=maturity)
        scopes = scopes_of([batch for _, batch in stored.batches], year)
        superseded = adopt(session, scopes, reason="import", by=who_runs(), also=also)
    gone: dict[int, set[int]] = defaultdict(set)
    for one, ids in scopes.items():
        for batch in ids:
            gone[batch] |= set(superseded[one])
    return reading, tuple(_stored_file(file, stored, gone) for file in reading.files)


def _stored_file(file: FileReading, stored: _Stored, gone: Mapping[int, set[int]]) -> StoredFile:
    own = [batch for name, batch in stored.batches if name == file.file]
    ids = {batch.batch_id for batch in own}
    return StoredFile(
        file=file.file,
        outcome=file.outcome,
        batch_ids=tuple(sorted(ids)),
        superseded=tuple(sorted({old for batch in ids for old in gone.get(batch, ())} - ids)),
        rows=file.rows_accepted if own else 0,
        was_known=bool(own) and not any(batch.is_new for batch in own),
        imported_at=min((batch.imported_at for batch in own if batch.imported_at), default=None),
        maturity="、".join(sorted({batch.maturity for batch in own if batch.maturity})),
    )


def _if_stored(file: FileReading) -> FileReading:
    """The file as it is stored: nothing of it where it waits for an answer."""
    return replace(file, tables=()) if file.outcome.rank >= Outcome.ASK_USER.rank else file


def revert_batch(batch_id: int, *, database_url: str, reason: str) -> tuple[Reverted, ...]:
    """Bring back what stood before a batch.

    Raises:
        UsageError: there is no such batch, or another one superseded it.
    """
    from jixiao.storage.batches import lock_imports, revert

    with open_store(database_url, create=False) as session:
        lock_imports(session)
        return tuple(revert(session, batch_id, reason=reason, by=who_runs()))


def list_batches(*, database_url: str, year: int | None = None, units: Sequence[str] = ()) -> list[BatchSummary]:
    """The batches of a store, the newest first."""
    from jixiao.storage.batches import summaries

    with open_store(database_url, create=False) as session:
        return summaries(session, year=year, units=units)
