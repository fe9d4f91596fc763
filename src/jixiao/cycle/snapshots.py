"""What a reading changes in the snapshots in force: rows added, changed and vanished, the money unit, the maturity.

Asked before anything is stored (ADR 0010). The comparison itself is storage/batches.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from jixiao.domain.books import Kind
from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.domain.money import yuan_text

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from jixiao.intake.inbox import FileReading, InboxReading, TableReading
    from jixiao.storage.batches import Previous, SnapshotDiff

_NO_SNAPSHOT = frozenset({Kind.UNIT_REGISTER})
# 快报 is given up for 决算, 决算 for 批复; the way back is asked about.
_MATURITY_ORDER = ("", "快报", "决算", "批复")


def against_store(
    session: Session, reading: InboxReading, *, year: int, folder: Path, yes: bool = False, maturity: str = ""
) -> InboxReading:
    """The reading with what it changes in the store, said of each file. ``yes``: a change is told, not asked."""
    from jixiao.storage.batches import Previous, in_force

    units = {unit for file in reading.files for table in file.tables for unit in table.scope_units}
    previous = Previous(session, in_force(session, year=year, units=units), folder)
    by_scope: dict[tuple[Kind, str, str], list[tuple[FileReading, TableReading]]] = {}
    for file in reading.files:
        for table in file.tables if file.outcome.rank < Outcome.ASK_USER.rank else ():
            for unit in table.scope_units if table.kind not in _NO_SNAPSHOT else ():
                by_scope.setdefault((table.kind, unit, table.project or table.fund), []).append((file, table))
    found: dict[str, list[Finding]] = {}
    for (_, unit, part), parts in by_scope.items():
        for finding in _of_scope(session, previous, unit, part, parts, yes=yes, maturity=maturity):
            found.setdefault(finding.place.file, []).append(finding)
    return replace(reading, files=tuple(_with(file, found.get(file.file, [])) for file in reading.files))


def _with(file: FileReading, findings: Sequence[Finding]) -> FileReading:
    worst = max((f.outcome for f in findings), key=lambda o: o.rank, default=file.outcome)
    outcome = worst if worst.rank > file.outcome.rank else file.outcome
    return replace(file, findings=(*file.findings, *findings), outcome=outcome)


def _of_scope(
    session: Session,
    previous: Previous,
    unit: str,
    part: str,
    parts: Sequence[tuple[FileReading, TableReading]],
    *,
    yes: bool,
    maturity: str,
) -> Iterator[Finding]:
    from jixiao.intake.money_sizes import implausible_against
    from jixiao.storage.batches import difference, maturities

    file, table = parts[0]
    batch_ids = previous.batches(unit, table.kind, part)
    if not batch_ids:
        return
    now = _whole(parts)
    before_lines = previous.lines(batch_ids, unit) if table.kind is Kind.BUDGET_EXECUTION else ()
    paid: dict[tuple[str, str], int] = {}
    if table.ledger is not None:
        old = previous.ledger(batch_ids, unit)
        paid = {(unit, str(name)): int(fen) for name, fen in old.groupby("line_name")["amount_fen"].sum().items()}
    doubts = list(implausible_against(file.file, now, lines=before_lines, paid=paid))
    yield from doubts
    if doubts:  # in another unit every row differs: that says nothing more
        return
    stated = maturity or table.maturity
    held = max(maturities(session, batch_ids).values(), key=_MATURITY_ORDER.index, default="")
    if stated and _MATURITY_ORDER.index(stated) < _MATURITY_ORDER.index(held):
        yield _lower_maturity(Place(file=file.file, sheet=table.sheet), unit, stated, held, yes=yes)
    diff = difference(previous, now, unit, batch_ids)
    if diff.loses_rows or diff.added:
        yield _changes(Place(file=file.file, sheet=table.sheet), unit, diff, batch_ids, yes=yes)


def _whole(parts: Sequence[tuple[FileReading, TableReading]]) -> TableReading:
    """The parts of one scope as one table: a ledger may come in several files."""
    import pandas as pd

    first = parts[0][1]
    if len(parts) == 1:
        return first
    ledgers = [table.ledger for _, table in parts if table.ledger is not None]
    rows = tuple(row for _, table in parts for row in table.rows)
    return replace(first, rows=rows, ledger=pd.concat(ledgers, ignore_index=True) if ledgers else None)


def _money(fen: int | None) -> str:
    return "" if fen is None else f"（{yuan_text(fen)} 元）"


def _changes(place: Place, unit: str, diff: SnapshotDiff, batch_ids: Sequence[int], *, yes: bool) -> Finding:
    """The question whether a re-export may change what is in force; only new rows are a remark."""
    counts = [
        f"{what} {count} 行{_money(fen)}"
        for what, count, fen in (
            ("新增", diff.added, diff.added_fen),
            ("变更", diff.changed, diff.changed_fen),
            ("消失", diff.vanished, diff.vanished_fen),
        )
        if count
    ]
    batches = "、".join(str(batch) for batch in batch_ids)
    shown = f"；如{'、'.join(diff.examples)}" if diff.examples else ""
    asks = diff.loses_rows and not yes
    fix = (
        "确认是完整的重新导出后用 jixiao import --yes 入库；不完整的请重新导出全部"
        if asks
        else "如不应替换，用 jixiao import --revert 批次号 恢复"
    )
    severity = Severity.QUESTION if asks else Severity.WARNING if diff.loses_rows else Severity.INFO
    outcome = Outcome.ASK_USER if asks else Outcome.ACCEPT_WITH_WARNING if diff.loses_rows else Outcome.ACCEPT_LOGGED
    return Finding(
        code="SNAPSHOT_DIFF",
        severity=severity,
        place=place,
        message=f"与现行数据（批次 {batches}）相比：{'，'.join(counts)}{shown}",
        fix=fix,
        unit_code=unit,
        value=f"+{diff.added} ~{diff.changed} -{diff.vanished}",
        outcome=outcome,
    )


def _lower_maturity(place: Place, unit: str, stated: str, held: str, *, yes: bool) -> Finding:
    return Finding(
        code="MATURITY_LOWER",
        severity=Severity.WARNING if yes else Severity.QUESTION,
        place=place,
        message=f"现行数据是{held}，这份是{stated}，替换后口径倒退",
        fix="确认要用它替换时加 --yes；写错的用 --maturity 指定",
        unit_code=unit,
        value=stated,
        expected=held,
        outcome=Outcome.ACCEPT_WITH_WARNING if yes else Outcome.ASK_USER,
    )
