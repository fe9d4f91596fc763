"""Snapshots in force: which batches speak for a scope, what a re-export changes, and the way back (ADR 0010).

A scope is year, unit, kind and part: the project of a form, or the 资金性质 of an export that states one alone. What is
adopted supersedes what was in force, in the caller's transaction; nothing is ever deleted. Writing batches: intake_store.py.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from jixiao.domain.books import BudgetLine, Kind
from jixiao.domain.findings import Place
from jixiao.domain.names import bare_name
from jixiao.errors import UsageError
from jixiao.storage import snapshots
from jixiao.storage import tables as t
from jixiao.storage.books_store import loaded_line
from jixiao.storage.chunks import chunks
from jixiao.storage.intake_store import stored_values

if TYPE_CHECKING:
    import pandas as pd

    from jixiao.intake.inbox import TableReading

# Any number that no other program on the same server uses as its advisory lock.
_IMPORT_LOCK = int.from_bytes(b"jx-imp")
_SHOWN = 5
_LEDGER_KEY = ("voucher_no", "line_name", "amount_fen", "paid_on")


@dataclass(frozen=True)
class Scope:
    """What a snapshot is whole of."""

    year: int
    unit_code: str
    kind: Kind
    part: str = ""


@dataclass(frozen=True)
class Adoption:
    """A snapshot in force: its number, its scope, its batches."""

    adoption_id: int
    scope: Scope
    batch_ids: tuple[int, ...]


@dataclass(frozen=True)
class SnapshotDiff:
    """Rows that a new snapshot adds, changes and no longer has, with their money in fen (None: the kind has none)."""

    added: int = 0
    changed: int = 0
    vanished: int = 0
    added_fen: int | None = None
    changed_fen: int | None = None
    vanished_fen: int | None = None
    examples: tuple[str, ...] = ()

    @property
    def loses_rows(self) -> bool:
        """Whether rows that were in force vanish or change: that is asked before it is stored."""
        return bool(self.changed or self.vanished)


def lock_imports(session: Session) -> None:
    """Let no other import in until this transaction ends: what is compared is what is superseded."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(_IMPORT_LOCK)))
    else:  # takes SQLite's write lock, whatever it changes
        session.execute(sa.update(t.AdoptionRow).where(sa.false()).values(reason=""))


def in_force(session: Session, *, year: int, units: Iterable[str], kinds: Iterable[Kind] = ()) -> list[Adoption]:
    """The snapshots in force of some units, in the order of their adoption."""
    wanted = [kind.value for kind in kinds]
    rows: list[t.AdoptionRow] = []
    for codes in chunks(sorted(set(units))):
        query = sa.select(t.AdoptionRow).where(
            t.AdoptionRow.year == year, t.AdoptionRow.unit_code.in_(codes), t.AdoptionRow.superseded_by.is_(None)
        )
        rows += session.scalars(query.where(t.AdoptionRow.kind.in_(wanted)) if wanted else query)
    return _with_batches(session, rows)


def _with_batches(session: Session, rows: Iterable[t.AdoptionRow]) -> list[Adoption]:
    found = sorted(rows, key=lambda row: row.id)
    batches: dict[int, list[int]] = defaultdict(list)
    for ids in chunks([row.id for row in found]):
        query = sa.select(t.AdoptionBatchRow).where(t.AdoptionBatchRow.adoption_id.in_(ids))
        for link in session.scalars(query):
            batches[link.adoption_id].append(link.batch_id)
    return [
        Adoption(r.id, Scope(r.year, r.unit_code, Kind(r.kind), r.part), tuple(sorted(batches[r.id]))) for r in found
    ]


def adopt(
    session: Session, batches: Mapping[Scope, Sequence[int]], *, reason: str, by: str
) -> dict[Scope, tuple[int, ...]]:
    """Put batches in force; returns the batches that each scope superseded. A set that is in force already stays so."""
    before: dict[tuple[int, str, Kind], list[Adoption]] = defaultdict(list)
    for year in sorted({scope.year for scope in batches}):
        units = {scope.unit_code for scope in batches if scope.year == year}
        for adoption in in_force(session, year=year, units=units):
            s = adoption.scope
            before[s.year, s.unit_code, s.kind].append(adoption)
    superseded: dict[Scope, tuple[int, ...]] = {}
    for scope, ids in sorted(
        batches.items(), key=lambda item: (item[0].year, item[0].unit_code, item[0].kind, item[0].part)
    ):
        old = [a for a in before[scope.year, scope.unit_code, scope.kind] if _speaks_for(a.scope.part, scope)]
        if len(old) == 1 and old[0].scope == scope and set(old[0].batch_ids) == set(ids):
            superseded[scope] = ()
            continue
        made = _new_adoption(session, scope, ids, reason=reason, by=by)
        for adoption in old:
            session.get_one(t.AdoptionRow, adoption.adoption_id).superseded_by = made
        superseded[scope] = tuple(sorted({batch for a in old for batch in a.batch_ids}))
    session.flush()
    return superseded


def _speaks_for(part: str, scope: Scope) -> bool:
    """Whether a snapshot in force is of the same rows: of one part, or one of the two of the whole. Projects are apart."""
    if part == scope.part or scope.kind.is_form:
        return part == scope.part
    return not part or not scope.part


def _new_adoption(session: Session, scope: Scope, batch_ids: Iterable[int], *, reason: str, by: str) -> int:
    row = t.AdoptionRow(
        year=scope.year,
        unit_code=scope.unit_code,
        kind=scope.kind.value,
        part=scope.part,
        reason=reason,
        by=by,
        adopted_at=datetime.now(UTC),
    )
    session.add(row)
    session.flush()
    session.add_all(t.AdoptionBatchRow(adoption_id=row.id, batch_id=batch) for batch in sorted(set(batch_ids)))
    return row.id


@dataclass(frozen=True)
class Reverted:
    """A scope whose earlier snapshot is in force again: the batches of it, none where there was no earlier one."""

    scope: Scope
    batch_ids: tuple[int, ...]


def revert(session: Session, batch_id: int, *, reason: str, by: str) -> list[Reverted]:
    """Bring back what stood before a batch, for every scope that it is in force for.

    Raises:
        UsageError: no such batch, or another one has superseded it: that one must be reverted first.
    """
    if session.get(t.BatchRow, batch_id) is None:
        raise UsageError(f"没有批次 {batch_id}", "批次号见 jixiao import 的输出，或 jixiao batches")
    links = sa.select(t.AdoptionBatchRow.adoption_id).where(t.AdoptionBatchRow.batch_id == batch_id)
    adoptions = list(
        session.scalars(sa.select(t.AdoptionRow).where(t.AdoptionRow.id.in_(links)).order_by(t.AdoptionRow.id))
    )
    standing = [row for row in adoptions if row.superseded_by is None]
    if not standing:
        raise UsageError(f"批次 {batch_id} 已不是现行数据{_by_whom(session, adoptions)}", "请先撤销取代它的批次")
    done = []
    for row in standing:
        scope = Scope(row.year, row.unit_code, Kind(row.kind), row.part)
        earlier = _with_batches(
            session, session.scalars(sa.select(t.AdoptionRow).where(t.AdoptionRow.superseded_by == row.id))
        )
        made = [_new_adoption(session, a.scope, a.batch_ids, reason=reason, by=by) for a in earlier] or [
            _new_adoption(session, scope, (), reason=reason, by=by)
        ]
        row.superseded_by = made[0]
        done += [Reverted(a.scope, a.batch_ids) for a in earlier] or [Reverted(scope, ())]
    session.flush()
    return done


def _by_whom(session: Session, adoptions: Sequence[t.AdoptionRow]) -> str:
    later = [row.superseded_by for row in adoptions if row.superseded_by is not None]
    query = sa.select(t.AdoptionBatchRow.batch_id).where(t.AdoptionBatchRow.adoption_id.in_(later))
    batches = sorted(set(session.scalars(query)))
    return f"：已被批次 {'、'.join(map(str, batches))} 取代" if batches else ""


def maturities(session: Session, batch_ids: Iterable[int]) -> dict[int, str]:
    """Batch → 快报, 决算, 批复, or empty."""
    return {
        batch: maturity
        for ids in chunks(sorted(set(batch_ids)))
        for batch, maturity in session.execute(
            sa.select(t.BatchRow.id, t.BatchRow.maturity).where(t.BatchRow.id.in_(ids))
        )
    }


# ── what a new snapshot changes ──────────────────────────────────────────────────────────────────────────────────────


class Previous:
    """What is in force for some units, read as far as it is asked for."""

    def __init__(self, session: Session, adoptions: Iterable[Adoption], folder: Path) -> None:
        self._session, self._folder = session, folder
        self._adoptions: dict[tuple[str, Kind], list[Adoption]] = defaultdict(list)
        for adoption in adoptions:
            self._adoptions[adoption.scope.unit_code, adoption.scope.kind].append(adoption)

    def batches(self, unit_code: str, kind: Kind, part: str) -> tuple[int, ...]:
        """The batches in force that a new snapshot of a scope would supersede."""
        scope = Scope(0, unit_code, kind, part)
        found = [a for a in self._adoptions.get((unit_code, kind), ()) if _speaks_for(a.scope.part, scope)]
        return tuple(sorted({batch for a in found for batch in a.batch_ids}))

    def ledger(self, batch_ids: Sequence[int], unit_code: str) -> pd.DataFrame:
        """The payments of a unit in some batches."""
        import pandas as pd

        files = self._session.scalars(
            sa.select(t.LedgerSnapshotRow.file).where(t.LedgerSnapshotRow.batch_id.in_(batch_ids))
        )
        frames = [snapshots.read_snapshot(self._folder / file, [unit_code]) for file in files]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(snapshots.COLUMNS))

    def lines(self, batch_ids: Sequence[int], unit_code: str) -> list[BudgetLine]:
        """The 预算行 of a unit in some batches."""
        query = sa.select(t.BudgetLineRow).where(
            t.BudgetLineRow.batch_id.in_(batch_ids), t.BudgetLineRow.unit_code == unit_code
        )
        return [loaded_line(row, Place(row=row.row)) for row in self._session.scalars(query)]

    def rows(self, table: type[Any], batch_ids: Sequence[int], unit_code: str) -> list[dict[str, Any]]:
        """The stored rows of one table of the store, as they were written."""
        query = sa.select(table).where(table.batch_id.in_(batch_ids), table.unit_code == unit_code)
        names = [column.key for column in sa.inspect(table).columns]
        return [{name: getattr(row, name) for name in names} for row in self._session.scalars(query)]


# How the rows of a kind are told apart; what is not named here is told apart by all that it says.
_KEYS: dict[type[t.Base], tuple[str, ...]] = {
    t.BudgetLineRow: ("name",),
    t.IndicatorRow: ("level1", "level2", "name"),
    t.KeyTaskRow: ("duty", "name"),
    t.FactRow: ("key",),
    t.NarrativeSectionRow: ("number",),
    t.ContactRow: ("owner",),
    t.BudgetAdjustmentRow: ("document_no", "line_name", "kind"),
    t.PerformanceFormRow: ("kind",),
}
_NOT_CONTENT = {"id", "batch_id", "unit_code", "row", "position", "indicator_id"}
_MONEY: dict[type[t.Base], str] = {t.BudgetLineRow: "executed_fen", t.BudgetAdjustmentRow: "amount_fen"}


def difference(previous: Previous, table: TableReading, unit_code: str, batch_ids: Sequence[int]) -> SnapshotDiff:
    """What the new rows of a unit change in those of some batches in force."""
    if table.ledger is not None:
        ledger = table.ledger
        return ledger_difference(previous.ledger(batch_ids, unit_code), ledger[ledger["unit_code"] == unit_code])
    new: dict[type[t.Base], list[dict[str, Any]]] = defaultdict(list)
    for row in table.rows:
        known: Any = row
        if getattr(known, "unit_code", "") == unit_code:
            into, values = stored_values(row)
            new[into].append(values)
    found = SnapshotDiff()
    for into, rows in new.items():
        old = previous.rows(into, batch_ids, unit_code)
        found = _sum(found, _rows_difference(into, old, rows))
    return found


def _rows_difference(
    table: type[t.Base], old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]
) -> SnapshotDiff:
    before, after = _by_key(table, old), _by_key(table, new)
    added = changed = vanished = 0
    fen: Counter[str] = Counter()
    examples = []
    for key in dict.fromkeys((*before, *after)):
        was, now = list(before.get(key, [])), list(after.get(key, []))
        same = Counter(content for content, _ in was) & Counter(content for content, _ in now)
        was, now = _without(was, same), _without(now, same)
        pairs = min(len(was), len(now))
        changed += pairs
        added += len(now) - pairs
        vanished += len(was) - pairs
        fen["changed"] += sum((b or 0) - (a or 0) for (_, a), (_, b) in zip(was, now, strict=False))
        fen["added"] += sum(money or 0 for _, money in now[pairs:])
        fen["vanished"] += sum(money or 0 for _, money in was[pairs:])
        if was:
            examples.append(f"{'变更' if now else '消失'}「{'·'.join(str(part) for part in key if part)}」")
    money = table in _MONEY
    return SnapshotDiff(
        added,
        changed,
        vanished,
        fen["added"] if money else None,
        fen["changed"] if money else None,
        fen["vanished"] if money else None,
        tuple(examples[:_SHOWN]),
    )


def _by_key(
    table: type[t.Base], rows: Iterable[Mapping[str, Any]]
) -> dict[tuple[object, ...], list[tuple[str, int | None]]]:
    made: dict[tuple[object, ...], list[tuple[str, int | None]]] = defaultdict(list)
    money = _MONEY.get(table)
    for row in rows:
        names = _KEYS.get(table, ())
        key = tuple(bare_name(str(row.get(name, ""))) for name in (*names, "project") if name in row)
        content = {name: value for name, value in row.items() if name not in _NOT_CONTENT}
        made[key].append(
            (json.dumps(content, ensure_ascii=False, sort_keys=True, default=str), row.get(money) if money else None)
        )
    return made


def _without(rows: list[tuple[str, int | None]], same: Counter[str]) -> list[tuple[str, int | None]]:
    left = Counter(same)
    kept = []
    for content, money in rows:
        if left[content] > 0:
            left[content] -= 1
        else:
            kept.append((content, money))
    return kept


def _sum(one: SnapshotDiff, other: SnapshotDiff) -> SnapshotDiff:
    def fen(a: int | None, b: int | None) -> int | None:
        return None if a is None and b is None else (a or 0) + (b or 0)

    return SnapshotDiff(
        one.added + other.added,
        one.changed + other.changed,
        one.vanished + other.vanished,
        fen(one.added_fen, other.added_fen),
        fen(one.changed_fen, other.changed_fen),
        fen(one.vanished_fen, other.vanished_fen),
        (*one.examples, *other.examples)[:_SHOWN],
    )


def ledger_difference(old: pd.DataFrame, new: pd.DataFrame) -> SnapshotDiff:
    """What changed between two ledgers of a unit, as multisets of payments: a payment is its voucher, line, amount and day.

    Rows that only one side has are one changed payment where both sides have one left of that voucher.
    """
    import pandas as pd

    sides = []
    for frame in (old, new):
        side = frame[list(_LEDGER_KEY)].copy()
        side["paid_on"] = pd.to_datetime(side["paid_on"]).astype("datetime64[s]")
        for name in ("voucher_no", "line_name"):
            side[name] = side[name].astype("str")
        side["time"] = side.groupby(list(_LEDGER_KEY), dropna=False, observed=True).cumcount()
        sides.append(side)
    merged = sides[0].merge(sides[1], how="outer", on=[*_LEDGER_KEY, "time"], indicator=True)
    gone = merged[merged["_merge"] == "left_only"].sort_values("voucher_no", kind="stable")
    come = merged[merged["_merge"] == "right_only"].sort_values("voucher_no", kind="stable")
    named = gone[gone["voucher_no"] != ""]
    pairs = named.merge(come, on="voucher_no", suffixes=("", "_new"))
    pairs = pairs[~pairs["voucher_no"].duplicated(keep=False)]
    changed = set(pairs["voucher_no"])
    vanished, added = gone[~gone["voucher_no"].isin(changed)], come[~come["voucher_no"].isin(changed)]
    examples = [f"变更凭证 {voucher}" for voucher in pairs["voucher_no"].head(_SHOWN)]
    examples += [
        f"消失凭证 {voucher}" if voucher else f"消失「{line}」的一笔"
        for voucher, line in vanished[["voucher_no", "line_name"]].head(_SHOWN).itertuples(index=False)
    ]
    return SnapshotDiff(
        len(added),
        len(pairs),
        len(vanished),
        int(added["amount_fen"].sum()),
        int((pairs["amount_fen_new"] - pairs["amount_fen"]).sum()),
        int(vanished["amount_fen"].sum()),
        tuple(examples[:_SHOWN]),
    )


@dataclass(frozen=True)
class BatchSummary:
    """A batch as people see it. ``in_force``: whether it speaks for at least one unit."""

    batch_id: int
    year: int
    units: tuple[str, ...]
    kind: Kind
    part: str
    rows: int
    total_fen: int | None
    maturity: str
    in_force: bool
    imported_at: datetime
    file: str


def summaries(session: Session, *, year: int | None = None, units: Sequence[str] = ()) -> list[BatchSummary]:
    """All batches, the newest first; of a year and of some units where these are given."""
    query = sa.select(t.BatchRow).order_by(t.BatchRow.id.desc())
    rows = list(session.scalars(query.where(t.BatchRow.year == year) if year else query))
    of_batch: dict[int, list[str]] = defaultdict(list)
    for batch, unit in session.execute(sa.select(t.BatchUnitRow.batch_id, t.BatchUnitRow.unit_code)):
        of_batch[batch].append(unit)
    standing = set(
        session.scalars(
            sa.select(t.AdoptionBatchRow.batch_id)
            .join(t.AdoptionRow, t.AdoptionRow.id == t.AdoptionBatchRow.adoption_id)
            .where(t.AdoptionRow.superseded_by.is_(None))
        )
    )
    return [
        BatchSummary(
            r.id, r.year, tuple(sorted(of_batch[r.id])), Kind(r.kind), r.project or r.fund, r.rows, r.total_fen, r.maturity,
            r.id in standing, r.imported_at, r.file_name,
        )
        for r in rows
        if not units or set(units) & set(of_batch[r.id])
    ]  # fmt: skip
