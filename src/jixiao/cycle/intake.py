"""Receive: read an inbox or some files, store what is accepted, open the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jixiao.application import (
    AnnualRequest,
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
) -> InboxReading:
    """Read files or folders without storing anything. With a store, its units help to find whose a file is.

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
    return read_inbox(
        paths, year=year, known=known, scope=scope, kind=kind, money_unit=MoneyUnit(money_unit) if money_unit else None
    )


def _store_inbox(
    session: Session, reading: InboxReading, *, year: int, snapshots: Path
) -> tuple[list[RunInput], list[StoredBatch]]:
    """Store all that was accepted; returns every file as an input of a run, and the batches."""
    from jixiao.storage import intake_store
    from jixiao.storage.run_store import RunInput

    intake_store.remember_units(session, reading.units)
    inputs: list[RunInput] = []
    batches: list[StoredBatch] = []
    for file in reading.files:
        for table in file.tables:
            stored = intake_store.store_table(
                session, table, file=file.file, sha256=file.sha256, year=year, snapshots_folder=snapshots
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
    return inputs, batches


def import_inbox(request: AnnualRequest) -> ImportReceipt:
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
        inputs, batches = _store_inbox(session, reading, year=request.year, snapshots=snapshots)
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
    """What ``import_files`` did with a file."""

    file: str
    outcome: Outcome
    batches: int
    rows: int


def import_files(
    paths: Sequence[Path], *, year: int, database_url: str, var: str, scope: frozenset[str] = frozenset()
) -> tuple[InboxReading, tuple[StoredFile, ...]]:
    """Intake into the store without a run. A file that is rejected or asks a question stores nothing."""
    reading = read_files(paths, year=year, scope=scope, database_url=database_url)
    with open_store(database_url) as session:
        _store_inbox(session, reading, year=year, snapshots=snapshots_folder(database_url, var))
    done = [StoredFile(file.file, file.outcome, len(file.tables), file.rows_accepted) for file in reading.files]
    return reading, tuple(done)
