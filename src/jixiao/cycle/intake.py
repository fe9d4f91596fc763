"""Receive: read an inbox or some files, store what is accepted, open the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from jixiao.application import (
    EvaluationRequest,
    ImportReceipt,
)
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
from jixiao.domain.books import Kind, Unit
from jixiao.domain.evaluation import LeftOut
from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from jixiao.intake.inbox import FileReading, InboxReading
    from jixiao.storage.batches import BatchSummary, Reverted, Scope
    from jixiao.storage.intake_store import StoredBatch
    from jixiao.storage.run_store import RunInput

# Without these a unit cannot be evaluated at all; the other kinds only leave checks out.
_NEEDED = (Kind.INDICATORS, Kind.BUDGET_EXECUTION)


def _why(reading: FileReading) -> str:
    """The worst finding of a file, as the reason why it was left out."""
    worst = [f for f in reading.findings if f.outcome.rank >= Outcome.REJECT_ROW.rank] or list(reading.findings)
    worst.sort(key=lambda f: (-f.outcome.rank, f.sort_key))
    if not worst:
        return reading.outcome.chinese
    more = f"（另有 {len(worst) - 1} 处）" if len(worst) > 1 else ""
    return f"{worst[0].placed_message}{more}。{worst[0].fix}"


def _left_out_of(reading: InboxReading) -> list[LeftOut]:
    left = []
    for file in reading.files:
        if file.outcome.rank < Outcome.REJECT_ROW.rank:
            continue
        units = file.left_out_units
        if not units and file.outcome is not Outcome.REJECT_ROW:
            left.append(LeftOut("", file.file, _why(file)))
        left += [LeftOut(unit, file.file, _why(file)) for unit in units]
    return left


def _missing_kinds(reading: InboxReading, scope: frozenset[str], excluded: set[str]) -> tuple[list[str], list[LeftOut]]:
    """Units that can be evaluated, and those that lack a table without which they cannot."""
    held: dict[str, set[Kind]] = {}
    file_of: dict[str, str] = {}
    for file in reading.files:
        for table in file.tables:
            if table.kind in {Kind.UNIT_REGISTER, Kind.CONTACTS}:
                continue
            for unit in table.scope_units:
                held.setdefault(unit, set()).add(table.kind)
                file_of.setdefault(unit, file.file)
    ready, left = [], []
    for unit in sorted(set(held) | scope):
        if unit in excluded or (scope and unit not in scope):
            continue
        missing = [kind.chinese for kind in _NEEDED if kind not in held.get(unit, set())]
        if missing:
            why = f"没有收到{'、'.join(missing)}，无法评价。把它放进收件文件夹后重新运行"
            left.append(LeftOut(unit, file_of.get(unit, ""), why))
        else:
            ready.append(unit)
    return ready, left


def _with_units(reading: FileReading) -> tuple[Finding, ...]:
    """Findings of a file that speaks of one unit alone belong to that unit."""
    units = {unit for table in reading.tables for unit in table.scope_units} | set(reading.left_out_units)
    if len(units) != 1:
        return reading.findings
    unit = next(iter(units))
    return tuple(f if f.unit_code else f.in_unit(unit) for f in reading.findings)


def _batches(units: Sequence[str], size: int) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(units[i : i + size]) for i in range(0, len(units), size))


def read_files(
    paths: Sequence[Path],
    *,
    year: int,
    scope: frozenset[str] = frozenset(),
    database_url: str = "",
    kind: Kind | None = None,
    money_unit: str = "",
    against: Path | None = None,
) -> InboxReading:
    """Read files or folders without storing anything. With a store, its units help to find whose a file is.

    ``against``, the folder of the store's snapshots: what is in force is compared, too.

    Raises:
        UsageError: a path is not there.
    """
    from jixiao.domain.money import MoneyUnit
    from jixiao.intake.inbox import read_inbox
    from jixiao.storage.intake_store import known_units

    for path in paths:
        if not path.exists():
            raise UsageError(f"找不到 {path}", "检查路径；收件文件夹用 --inbox 指定")
    known: tuple[Unit, ...] = ()
    if database_url:
        with open_store(database_url) as session:
            known = known_units(session)
    reading = read_inbox(
        paths, year=year, known=known, scope=scope, kind=kind, money_unit=MoneyUnit(money_unit) if money_unit else None
    )
    if against is None or not database_url:
        return reading
    from jixiao.cycle.snapshots import against_store

    with open_store(database_url) as session:
        return against_store(session, reading, year=year, folder=against)


def _store_inbox(
    session: Session, reading: InboxReading, *, year: int, snapshots: Path, reason: str, maturity: str = ""
) -> tuple[list[RunInput], list[StoredBatch], dict[Scope, tuple[int, ...]]]:
    """Store all that was accepted and put it in force; returns every file as an input of a run, the batches, and which
    batches each scope superseded.
    """
    from jixiao.storage import intake_store
    from jixiao.storage.batches import adopt
    from jixiao.storage.run_store import RunInput

    intake_store.remember_units(session, reading.units)
    inputs: list[RunInput] = []
    batches: list[StoredBatch] = []
    for file in reading.files:
        for table in file.tables:
            stored = intake_store.store_table(
                session,
                table,
                file=file.file,
                sha256=file.sha256,
                year=year,
                snapshots_folder=snapshots,
                maturity=maturity,
            )
            batches.append(stored)
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
    superseded = adopt(session, _scopes(batches, year), reason=reason, by=who_runs())
    return inputs, batches, superseded


def _scopes(batches: Iterable[StoredBatch], year: int) -> dict[Scope, list[int]]:
    """The batches by what they are whole of. A register is no snapshot: its units are remembered one by one."""
    from jixiao.storage.batches import Scope

    found: dict[Scope, list[int]] = {}
    for batch in batches:
        for unit in batch.units if batch.kind is not Kind.UNIT_REGISTER else ():
            found.setdefault(Scope(year, unit, batch.kind, batch.part), []).append(batch.batch_id)
    return found


def import_inbox(request: EvaluationRequest) -> ImportReceipt:
    """Read the inbox, store what is accepted, open the run. One transaction: nothing is half stored.

    Raises:
        UsageError: the inbox is not there or holds no file, or the output folder cannot be written.
    """
    from jixiao.storage import intake_store, run_store

    need_writable(run_folder(request))
    inbox = Path(request.inbox)
    need_inbox(inbox)
    scope = frozenset(request.units)
    reading = read_files([inbox], year=request.year, scope=scope, database_url=request.database_url)
    if not reading.files:
        raise UsageError(f"收件文件夹 {request.inbox} 是空的", "放入导出文件后再运行")
    left_out = _left_out_of(reading)
    ready, incomplete = _missing_kinds(reading, scope, {left.unit_code for left in left_out})
    left_out += incomplete
    findings = [finding for file in reading.files for finding in _with_units(file)]
    findings += [_incomplete(left) for left in incomplete]
    with open_store(request.database_url) as session:
        snapshots = snapshots_folder(request.database_url, request.var)
        inputs, batches, _ = _store_inbox(session, reading, year=request.year, snapshots=snapshots, reason="annual")
        known = {unit.code: unit for unit in intake_store.known_units(session)}
        units = [known.get(code, Unit(code)) for code in ready]
        info, rules = run_info_of(request, reading, units, batches)
        run_store.open_run(
            session,
            info,
            rules_sha256=rules,
            parameters={"units": sorted(request.units), "region": request.region},
            folder=str(run_folder(request).absolute()),
            by=who_runs(),
        )
        run_store.replace_inputs(session, info.run_id, inputs)
        run_store.replace_findings(session, info.run_id, findings, stage=run_store.STAGE_INTAKE)
        run_store.replace_units(session, info.run_id, units, left_out)
        code = exit_code_of(session, info.run_id)
    return ImportReceipt(
        run_id=info.run_id,
        unit_batches=_batches(ready, request.batch_size),
        files=len(reading.files),
        rows=sum(file.rows_accepted for file in reading.files),
        rejected_rows=sum(file.rows_rejected for file in reading.files),
        left_out=tuple(left_out),
        findings_by_code=dict(sorted(Counter(f.code for f in findings).items())),
        exit_code=code,
    )


def _incomplete(left: LeftOut) -> Finding:
    return Finding(
        code="SCOPE_INCOMPLETE",
        severity=Severity.ERROR,
        place=Place(left.file),
        message=f"单位 {left.unit_code}：{left.why}",
        fix="补齐后重新运行",
        unit_code=left.unit_code,
    )


@dataclass(frozen=True)
class StoredFile:
    """What ``import_files`` did with a file: its batches, those that it supersedes, whether all was there before."""

    file: str
    outcome: Outcome
    batch_ids: tuple[int, ...]
    superseded: tuple[int, ...]
    rows: int
    was_known: bool


def import_files(
    paths: Sequence[Path],
    *,
    year: int,
    database_url: str,
    var: str,
    scope: frozenset[str] = frozenset(),
    yes: bool = False,
    maturity: str = "",
) -> tuple[InboxReading, tuple[StoredFile, ...]]:
    """Intake into the store without a run, in one transaction. A file that is rejected or asks a question stores nothing.

    ``yes`` answers the questions whether a re-export may change and remove rows that are in force.
    """
    from jixiao.cycle.snapshots import against_store
    from jixiao.storage.batches import lock_imports

    folder = snapshots_folder(database_url, var)
    reading = read_files(paths, year=year, scope=scope, database_url=database_url)
    with open_store(database_url) as session:
        lock_imports(session)
        reading = against_store(session, reading, year=year, folder=folder, yes=yes, maturity=maturity)
        kept = replace(reading, files=tuple(_if_stored(file) for file in reading.files))
        inputs, batches, superseded = _store_inbox(
            session, kept, year=year, snapshots=folder, reason="import", maturity=maturity
        )
    by_id = {batch.batch_id: batch for batch in batches}
    done = []
    for file in reading.files:
        own = [by_id[i.batch_id] for i in inputs if i.name == file.file and i.batch_id is not None]
        gone = {
            old for scope, ids in superseded.items() for batch in own if scope in _scopes([batch], year) for old in ids
        }
        done.append(
            StoredFile(
                file.file,
                file.outcome,
                tuple(sorted({batch.batch_id for batch in own})),
                tuple(sorted(gone)),
                file.rows_accepted,
                was_known=bool(own) and not any(batch.is_new for batch in own),
            )
        )
    return reading, tuple(done)


def _if_stored(file: FileReading) -> FileReading:
    """The file as it is stored: nothing of it where it waits for an answer."""
    return replace(file, tables=()) if file.outcome.rank >= Outcome.ASK_USER.rank else file


def revert_batch(batch_id: int, *, database_url: str, reason: str) -> tuple[Reverted, ...]:
    """Bring back what stood before a batch.

    Raises:
        UsageError: there is no such batch, or another one superseded it.
    """
    from jixiao.storage.batches import lock_imports, revert

    with open_store(database_url) as session:
        lock_imports(session)
        return tuple(revert(session, batch_id, reason=reason, by=who_runs()))


def list_batches(*, database_url: str, year: int | None = None, units: Sequence[str] = ()) -> list[BatchSummary]:
    """The batches of a store, the newest first."""
    from jixiao.storage.batches import summaries

    with open_store(database_url, create=False) as session:
        return summaries(session, year=year, units=units)
