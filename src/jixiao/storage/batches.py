"""Snapshots in force: which batches speak for a scope, what supersedes what, and the way back (ADR 0010).

A scope is year, unit, kind and part: the project of a form, or the 资金性质 of an export that states one alone. What is
adopted supersedes what was in force, in the caller's transaction; nothing is ever deleted. Writing batches is in
intake_store.py, comparing them in differences.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import InstrumentedAttribute, Session

from jixiao.domain.books import Kind
from jixiao.errors import StoreError, UsageError
from jixiao.storage import tables as t
from jixiao.storage.chunks import chunks

# Any number that no other program on the same server uses as its advisory lock.
_IMPORT_LOCK = int.from_bytes(b"jx-imp")
_SCOPES_SHOWN = 3


@dataclass(frozen=True, order=True)
class Scope:
    """What a snapshot is whole of."""

    year: int
    unit_code: str
    kind: Kind
    part: str = ""

    def speaks_for(self, other: Scope) -> bool:
        """Whether both are of the same rows: of one part, or one of them of the whole. Subjects of forms are apart."""
        if (self.year, self.unit_code, self.kind) != (other.year, other.unit_code, other.kind):
            return False
        return self.part == other.part or (not self.kind.is_form and not (self.part and other.part))

    @property
    def chinese(self) -> str:
        part = f"（{self.part}）" if self.part else ""
        return f"{self.year} 年度 {self.unit_code} {self.kind.chinese}{part}"


@dataclass(frozen=True)
class Adoption:
    """A snapshot in force: its number, its scope, its batches (none where what was there has been taken back)."""

    adoption_id: int
    scope: Scope
    batch_ids: tuple[int, ...]


def lock_imports(session: Session) -> None:
    """Let no other import in until this transaction ends: what is compared is what is superseded. Waits for its turn.

    Raises:
        StoreError: SQLite has waited as long as it waits, and another import still writes.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(_IMPORT_LOCK)))
        return
    try:  # takes SQLite's write lock, whatever it changes
        session.execute(sa.update(t.AdoptionRow).where(sa.false()).values(reason=""))
    except OperationalError as error:
        raise StoreError(
            "数据库正被另一个导入或运行占用，等了很久仍没有轮到，这次什么都没有入库", "等它结束后再运行一次"
        ) from error


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
    return [Adoption(row.id, _scope_of(row), tuple(sorted(batches[row.id]))) for row in found]


def _scope_of(row: t.AdoptionRow) -> Scope:
    return Scope(row.year, row.unit_code, Kind(row.kind), row.part)


def merged_parts(scopes: Iterable[Scope]) -> dict[Scope, Scope]:
    """Each scope of one import → the scope it is adopted under: beside tables of all funds, one of a single fund is part
    of the whole, so that no two snapshots in force speak for the same rows.
    """
    given = set(scopes)
    wholes = {scope for scope in given if not scope.part and not scope.kind.is_form}
    merged = {}
    for scope in given:
        whole = Scope(scope.year, scope.unit_code, scope.kind)
        merged[scope] = whole if whole in wholes else scope
    return merged


def adopt(
    session: Session,
    batches: Mapping[Scope, Sequence[int]],
    *,
    reason: str,
    by: str,
    also: Mapping[Scope, frozenset[str]] | None = None,
) -> dict[Scope, tuple[int, ...]]:
    """Put batches in force; returns the batches that each scope superseded. A set that is in force already stays so.

    ``also``: other parts whose rows a scope holds as well, so that it supersedes them, too.
    """
    before: dict[tuple[int, str, Kind], list[Adoption]] = defaultdict(list)
    for year in sorted({scope.year for scope in batches}):
        units = {scope.unit_code for scope in batches if scope.year == year}
        for adoption in in_force(session, year=year, units=units):
            s = adoption.scope
            before[s.year, s.unit_code, s.kind].append(adoption)
    superseded: dict[Scope, tuple[int, ...]] = {}
    fresh: list[_Fresh] = []
    for scope, ids in sorted(batches.items()):
        held = before[scope.year, scope.unit_code, scope.kind]
        parts = (also or {}).get(scope, frozenset())
        old = [a for a in held if scope.speaks_for(a.scope) or a.scope.part in parts]
        superseded[scope] = ()
        if len(old) == 1 and old[0].scope == scope and set(old[0].batch_ids) == set(ids):
            continue
        superseded[scope] = tuple(sorted({batch for a in old for batch in a.batch_ids} - set(ids)))
        fresh.append(_Fresh(scope, tuple(ids), tuple(a.adoption_id for a in old)))
    _write(session, fresh, reason=reason, by=by)
    return superseded


@dataclass(frozen=True)
class _Fresh:
    """An adoption to be written, and those it supersedes; ``restores`` and ``reverts`` where it is the way back."""

    scope: Scope
    batch_ids: tuple[int, ...]
    supersedes: tuple[int, ...]
    restores: int | None = None
    reverts: int | None = None


def _write(session: Session, fresh: Sequence[_Fresh], *, reason: str, by: str) -> None:
    """All of them with a statement a table: a city's import adopts thousands."""
    if not fresh:
        return
    now = datetime.now(UTC)
    rows = [
        t.AdoptionRow(
            year=one.scope.year,
            unit_code=one.scope.unit_code,
            kind=one.scope.kind.value,
            part=one.scope.part,
            reason=reason,
            by=by,
            adopted_at=now,
            restores=one.restores,
            reverts=one.reverts,
        )
        for one in fresh
    ]
    session.add_all(rows)
    session.flush()
    links = [
        {"adoption_id": row.id, "batch_id": batch}
        for row, one in zip(rows, fresh, strict=True)
        for batch in sorted(set(one.batch_ids))
    ]
    if links:
        session.execute(sa.insert(t.AdoptionBatchRow), links)
    # Of several that supersede one together (a fund in the place of the whole) the first is named.
    gone: dict[int, int] = {}
    for row, one in zip(rows, fresh, strict=True):
        for old in one.supersedes:
            gone.setdefault(old, row.id)
    if gone:
        session.execute(sa.update(t.AdoptionRow), [{"id": old, "superseded_by": new} for old, new in gone.items()])


# ── the way back ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Reverted:
    """A scope whose earlier snapshot is in force again: the batches of it, none where there was no earlier one.

    ``withdrawn``: the batches that were in force until now, the reverted one and its other parts.
    """

    scope: Scope
    batch_ids: tuple[int, ...]
    withdrawn: tuple[int, ...] = ()


def revert(session: Session, batch_id: int, *, reason: str, by: str) -> list[Reverted]:
    """Bring back what stood before a batch, for every scope that it was put in force for: all of them or none.

    Raises:
        UsageError: no such batch, or a later one has superseded it somewhere: that one must be reverted first.
    """
    if session.get(t.BatchRow, batch_id) is None:
        raise UsageError(f"没有批次 {batch_id}", "批次号见 jixiao import 的输出，或 jixiao batches")
    standing = _last_adoptions(session, batch_id)
    later = [row for row in standing if row.superseded_by is not None]
    if later or not standing:
        raise _superseded(session, batch_id, later)
    held = _with_batches(session, standing)
    fresh: list[_Fresh] = []
    done: list[Reverted] = []
    for row, adoption in zip(sorted(standing, key=lambda row: row.id), held, strict=True):
        root = row.restores or row.id
        rows = list(session.scalars(sa.select(t.AdoptionRow).where(t.AdoptionRow.superseded_by == root)))
        earlier = [a for a in _with_batches(session, rows) if a.batch_ids]
        restored = {r.id: r.restores or r.id for r in rows}
        _need_room(session, adoption, earlier)
        fresh += [
            _Fresh(a.scope, a.batch_ids, (row.id,), restores=restored[a.adoption_id], reverts=batch_id) for a in earlier
        ] or [_Fresh(adoption.scope, (), (row.id,), reverts=batch_id)]
        done += [Reverted(a.scope, a.batch_ids, adoption.batch_ids) for a in earlier] or [
            Reverted(adoption.scope, (), adoption.batch_ids)
        ]
    _write(session, fresh, reason=reason, by=by)
    return done


def _last_adoptions(session: Session, batch_id: int) -> list[t.AdoptionRow]:
    """The last time that a batch was put in force, of each unit: alone or, later, as a part of the whole."""
    links = sa.select(t.AdoptionBatchRow.adoption_id).where(t.AdoptionBatchRow.batch_id == batch_id)
    query = sa.select(t.AdoptionRow).where(t.AdoptionRow.id.in_(links)).order_by(t.AdoptionRow.id)
    return list({(row.year, row.unit_code, row.kind): row for row in session.scalars(query)}.values())


def _superseded(session: Session, batch_id: int, later: Sequence[t.AdoptionRow]) -> UsageError:
    by = sorted({row.superseded_by for row in later if row.superseded_by is not None})
    made = [
        row for ids in chunks(by) for row in session.scalars(sa.select(t.AdoptionRow).where(t.AdoptionRow.id.in_(ids)))
    ]
    if not later:
        return UsageError(f"批次 {batch_id} 没有作为现行数据用过，不需要撤销", "现行的批次见 jixiao batches")
    if all(row.reverts == batch_id for row in made):
        return UsageError(f"批次 {batch_id} 已经撤销过", "要重新采用，再导入一次这个文件")
    batches = sorted({batch for a in _with_batches(session, made) for batch in a.batch_ids})
    where = "；".join(_scope_of(row).chinese for row in later[:_SCOPES_SHOWN])
    more = f" 等 {len(later)} 处" if len(later) > _SCOPES_SHOWN else ""
    who = f"被批次 {'、'.join(map(str, batches))} 取代" if batches else "被撤销"
    return UsageError(
        f"批次 {batch_id} 已不是现行数据：{where}{more}已{who}",
        f"请先撤销批次 {'、'.join(map(str, batches))}" if batches else "现行的批次见 jixiao batches",
    )


def _need_room(session: Session, standing: Adoption, earlier: Sequence[Adoption]) -> None:
    """Nothing that is in force beside a batch may speak for the rows that come back: they would count twice.

    Raises:
        UsageError: another part has been put in force meanwhile.
    """
    scope = standing.scope
    beside = in_force(session, year=scope.year, units=[scope.unit_code], kinds=[scope.kind])
    in_the_way = sorted(
        {
            batch
            for a in beside
            if a.adoption_id != standing.adoption_id and any(a.scope.speaks_for(e.scope) for e in earlier)
            for batch in a.batch_ids
        }
    )
    if in_the_way:
        numbers = "、".join(map(str, in_the_way))
        raise UsageError(
            f"{scope.chinese}：此前的数据与现行批次 {numbers} 有一部分相同，恢复后会重复计算", f"请先撤销批次 {numbers}"
        )


# ── what people see of batches ───────────────────────────────────────────────────────────────────────────────────────


def maturities(session: Session, batch_ids: Iterable[int]) -> dict[int, str]:
    """Batch → 快报, 决算, 批复, or empty."""
    return _texts(session, t.BatchRow.maturity, batch_ids)


def hashes(session: Session, batch_ids: Iterable[int]) -> dict[int, str]:
    """Batch → the sha256 of its file."""
    return _texts(session, t.BatchRow.sha256, batch_ids)


def _texts(session: Session, column: InstrumentedAttribute[str], batch_ids: Iterable[int]) -> dict[int, str]:
    return {
        batch: text
        for ids in chunks(sorted(set(batch_ids)))
        for batch, text in session.execute(sa.select(t.BatchRow.id, column).where(t.BatchRow.id.in_(ids)))
    }


@dataclass(frozen=True)
class BatchSummary:
    """A batch as people see it. ``in_force``: whether it speaks for at least one unit; ``units_in_force``: for which."""

    batch_id: int
    year: int
    units: tuple[str, ...]
    kind: Kind
    part: str
    rows: int
    total_fen: int | None
    maturity: str
    in_force: bool
    units_in_force: tuple[str, ...]
    imported_at: datetime
    file: str
    sheet: str


def summaries(session: Session, *, year: int | None = None, units: Sequence[str] = ()) -> list[BatchSummary]:
    """All batches, the newest first; of a year and of some units where these are given."""
    query = sa.select(t.BatchRow).order_by(t.BatchRow.id.desc())
    rows = list(session.scalars(query.where(t.BatchRow.year == year) if year else query))
    of_batch: dict[int, set[str]] = defaultdict(set)
    for batch, unit in session.execute(sa.select(t.BatchUnitRow.batch_id, t.BatchUnitRow.unit_code)):
        of_batch[batch].add(unit)
    standing: dict[int, set[str]] = defaultdict(set)
    for batch, unit in session.execute(
        sa.select(t.AdoptionBatchRow.batch_id, t.AdoptionRow.unit_code)
        .join(t.AdoptionRow, t.AdoptionRow.id == t.AdoptionBatchRow.adoption_id)
        .where(t.AdoptionRow.superseded_by.is_(None))
    ):
        standing[batch].add(unit)
    return [
        BatchSummary(
            batch_id=r.id,
            year=r.year,
            units=tuple(sorted(of_batch[r.id])),
            kind=Kind(r.kind),
            part=r.project or r.fund,
            rows=r.rows,
            total_fen=r.total_fen,
            maturity=r.maturity,
            in_force=bool(standing[r.id]),
            units_in_force=tuple(sorted(standing[r.id])),
            imported_at=r.imported_at,
            file=r.file_name,
            sheet=r.sheet,
        )
        for r in rows
        if not units or set(units) & of_batch[r.id]
    ]
