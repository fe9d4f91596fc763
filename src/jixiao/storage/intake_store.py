"""Accepted tables into the store, a batch each, and back as the books of a unit. The caller owns the transaction."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from jixiao.domain.books import (
    Amount,
    BudgetLine,
    Contact,
    Fact,
    Indicator,
    KeyTask,
    Kind,
    LedgerTotal,
    NarrativeSection,
    Unit,
    UnitBooks,
    sheet_key,
)
from jixiao.domain.findings import Place
from jixiao.domain.money import MoneyUnit
from jixiao.storage import snapshots
from jixiao.storage import tables as t

if TYPE_CHECKING:
    import pandas as pd

    from jixiao.intake.inbox import TableReading


@dataclass(frozen=True)
class StoredBatch:
    batch_id: int
    kind: Kind
    units: tuple[str, ...]


@dataclass(frozen=True)
class InputBatch:
    """A batch as a run read it: under the file name of that run."""

    batch_id: int
    file: str
    sha256: str
    kind: Kind
    sheet: str
    year: int
    money_unit: str
    mapping: dict[str, str]
    heads: dict[str, str]


def known_units(session: Session) -> tuple[Unit, ...]:
    rows = session.scalars(sa.select(t.UnitRow).order_by(t.UnitRow.code))
    return tuple(Unit(r.code, r.name, r.parent_code, r.division_code) for r in rows)


def remember_units(session: Session, units: Iterable[Unit]) -> None:
    """Keep what is newly stated; a blank never wipes out what is known."""
    for unit in units:
        row = session.get(t.UnitRow, unit.code)
        if row is None:
            session.add(
                t.UnitRow(
                    code=unit.code, name=unit.name, parent_code=unit.parent_code, division_code=unit.division_code
                )
            )
            continue
        row.name = unit.name or row.name
        row.parent_code = unit.parent_code or row.parent_code
        row.division_code = unit.division_code or row.division_code
    session.flush()


def scope_sha256(units: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(units)).encode()).hexdigest()


def _amount(amount: Amount | None, name: str) -> dict[str, int | None]:
    return {f"{name}_fen": amount.fen if amount else None, f"{name}_places": amount.places if amount else None}


def _decimal(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _line(row: BudgetLine) -> dict[str, Any]:
    amounts = (row.original, row.carry_and_adjust, row.adjusted, row.executed)
    unit = next((a.unit for a in amounts if a is not None), MoneyUnit.YUAN)
    return {
        "position": row.position,
        "name": row.name,
        "level": row.level,
        "parent": row.parent,
        **_amount(row.original, "original"),
        **_amount(row.carry_and_adjust, "carry_and_adjust"),
        **_amount(row.adjusted, "adjusted"),
        **_amount(row.executed, "executed"),
        "money_unit": unit.value,
        "reported_rate": row.reported_rate,
        "reported_rate_pct": _decimal(row.reported_rate_pct),
        "rate_places": row.rate_places,
    }


def _indicator(row: Indicator) -> dict[str, Any]:
    texts = ("indicator_id", "position", "level1", "level2", "name", "target", "actual", "actual_source", "deviation")
    return {
        **{name: getattr(row, name) for name in texts},
        "reason": row.reason,
        "weight": _decimal(row.weight),
        "score": _decimal(row.score),
        "owner": row.owner,
        "standard": row.standard,
    }


def _values(row: object) -> tuple[type[t.Base], dict[str, Any]]:
    match row:
        case BudgetLine():
            return t.BudgetLineRow, _line(row)
        case Indicator():
            return t.IndicatorRow, _indicator(row)
        case KeyTask():
            return t.KeyTaskRow, {n: getattr(row, n) for n in ("position", "duty", "name", "content", "completion")}
        case Fact():
            return t.FactRow, {
                "key": row.key,
                "label": row.label,
                "value": f"{row.value:f}",
                "unit": row.unit,
                "basis": row.basis,
            }
        case NarrativeSection():
            return t.NarrativeSectionRow, {
                "number": row.number,
                "heading": row.heading,
                "paragraphs": list(row.paragraphs),
            }
        case Contact():
            return t.ContactRow, {
                "owner": row.owner,
                "email": row.email,
                "channel": row.channel,
                "duties": list(row.duties),
            }
        case _:
            raise TypeError(type(row).__name__)


def store_table(
    session: Session, table: TableReading, *, file: str, sha256: str, year: int, snapshots_folder: Path
) -> StoredBatch:
    """Store one accepted table. The same content, kind, year and scope again is the batch that exists."""
    units = tuple(sorted(table.scope_units))
    scope = scope_sha256(units)
    batch = session.scalar(
        sa.select(t.BatchRow).where(
            t.BatchRow.sha256 == sha256,
            t.BatchRow.kind == table.kind.value,
            t.BatchRow.sheet == table.sheet,
            t.BatchRow.year == year,
            t.BatchRow.scope_sha256 == scope,
        )
    )
    if batch is None:
        batch = t.BatchRow(
            file_name=file,
            sha256=sha256,
            kind=table.kind.value,
            sheet=table.sheet,
            year=year,
            scope_sha256=scope,
            header_row=table.header_row,
            rows=table.rows_accepted,
            rejected_rows=table.rows_rejected,
            excluded_rows=table.rows_excluded,
            mapping=dict(table.mapping),
            heads=dict(table.heads),
            money_unit=table.money_unit.value if table.money_unit else "",
            total_fen=table.total_fen,
            imported_at=datetime.now(UTC),
        )
        session.add(batch)
        session.flush()
        _store_rows(session, table, batch.id, snapshots_folder)
    _make_current(session, batch.id, table.kind, year, units)
    return StoredBatch(batch.id, table.kind, units)


def _store_rows(session: Session, table: TableReading, batch_id: int, snapshots_folder: Path) -> None:
    if table.kind is Kind.UNIT_REGISTER:
        return
    if table.ledger is not None:
        file, digest = snapshots.write_snapshot(table.ledger, snapshots_folder)
        session.add(
            t.LedgerSnapshotRow(
                batch_id=batch_id,
                file=file,
                sha256=digest,
                rows=len(table.ledger),
                total_fen=int(table.ledger["amount_fen"].sum()),
            )
        )
        return
    by_table: dict[type[t.Base], list[dict[str, Any]]] = defaultdict(list)
    for row in table.rows:
        into, values = _values(row)
        known: Any = row
        by_table[into].append({"batch_id": batch_id, "unit_code": known.unit_code, "row": known.place.row, **values})
    for into, rows in by_table.items():
        session.execute(sa.insert(into), rows)


def _make_current(session: Session, batch_id: int, kind: Kind, year: int, units: Sequence[str]) -> None:
    if not units:
        return
    session.execute(
        sa.update(t.BatchUnitRow)
        .where(t.BatchUnitRow.year == year, t.BatchUnitRow.kind == kind.value, t.BatchUnitRow.unit_code.in_(units))
        .values(current=False)
    )
    there = set(
        session.scalars(sa.select(t.BatchUnitRow.unit_code).where(t.BatchUnitRow.batch_id == batch_id)),
    )
    session.execute(
        sa.update(t.BatchUnitRow).where(t.BatchUnitRow.batch_id == batch_id).values(current=True),
    )
    fresh = [
        {"batch_id": batch_id, "unit_code": unit, "kind": kind.value, "year": year, "current": True}
        for unit in units
        if unit not in there
    ]
    if fresh:
        session.execute(sa.insert(t.BatchUnitRow), fresh)


def input_batches(session: Session, run_id: str) -> tuple[InputBatch, ...]:
    """The batches that a run read."""
    rows = session.execute(
        sa.select(t.RunInputRow.file_name, t.BatchRow)
        .join(t.BatchRow, t.BatchRow.id == t.RunInputRow.batch_id)
        .where(t.RunInputRow.run_id == run_id)
        .order_by(t.RunInputRow.id)
    )
    return tuple(
        InputBatch(b.id, file, b.sha256, Kind(b.kind), b.sheet, b.year, b.money_unit, dict(b.mapping), dict(b.heads))
        for file, b in rows
    )


def ledger_frame(
    session: Session, batches: Sequence[InputBatch], unit_codes: Sequence[str], snapshots_folder: Path
) -> list[tuple[InputBatch, pd.DataFrame]]:
    """The ledger rows of some units, a frame a batch."""
    files = {
        row.batch_id: row.file
        for row in session.scalars(
            sa.select(t.LedgerSnapshotRow).where(t.LedgerSnapshotRow.batch_id.in_([b.batch_id for b in batches]))
        )
    }
    return [
        (batch, snapshots.read_snapshot(snapshots_folder / files[batch.batch_id], unit_codes))
        for batch in batches
        if batch.batch_id in files
    ]


def _loaded_amount(fen: int | None, places: int | None, unit: str) -> Amount | None:
    return None if fen is None else Amount(fen, MoneyUnit(unit), places if places is not None else 2)


def _loaded_line(r: t.BudgetLineRow, place: Place) -> BudgetLine:
    return BudgetLine(
        unit_code=r.unit_code,
        name=r.name,
        level=r.level,
        parent=r.parent,
        position=r.position,
        original=_loaded_amount(r.original_fen, r.original_places, r.money_unit),
        carry_and_adjust=_loaded_amount(r.carry_and_adjust_fen, r.carry_and_adjust_places, r.money_unit),
        adjusted=_loaded_amount(r.adjusted_fen, r.adjusted_places, r.money_unit),
        executed=_loaded_amount(r.executed_fen, r.executed_places, r.money_unit),
        reported_rate=r.reported_rate,
        reported_rate_pct=None if r.reported_rate_pct is None else Decimal(r.reported_rate_pct),
        rate_places=r.rate_places,
        place=place,
    )


def _loaded_indicator(r: t.IndicatorRow, place: Place) -> Indicator:
    return Indicator(
        unit_code=r.unit_code,
        indicator_id=r.indicator_id,
        position=r.position,
        level1=r.level1,
        level2=r.level2,
        name=r.name,
        target=r.target,
        actual=r.actual,
        actual_source=r.actual_source,
        deviation=r.deviation,
        reason=r.reason,
        weight=None if r.weight is None else Decimal(r.weight),
        score=None if r.score is None else Decimal(r.score),
        owner=r.owner,
        standard=r.standard,
        place=place,
    )


def load_books(
    session: Session, run_id: str, unit_codes: Sequence[str], *, year: int, snapshots_folder: Path
) -> dict[str, UnitBooks]:
    """The books of some units as a run read them: one query a table for all of them."""
    batches = {batch.batch_id: batch for batch in input_batches(session, run_id)}
    units = {unit.code: unit for unit in known_units(session)}

    def rows_of(table: Any, *order: Any) -> Mapping[str, list[tuple[Any, Place]]]:
        found: dict[str, list[tuple[Any, Place]]] = defaultdict(list)
        query = sa.select(table).where(table.batch_id.in_(batches), table.unit_code.in_(unit_codes)).order_by(*order)
        for row in session.scalars(query):
            batch = batches[row.batch_id]
            found[row.unit_code].append((row, Place(batch.file, batch.sheet, row.row)))
        return found

    lines = rows_of(t.BudgetLineRow, t.BudgetLineRow.position)
    indicators = rows_of(t.IndicatorRow, t.IndicatorRow.position)
    tasks = rows_of(t.KeyTaskRow, t.KeyTaskRow.position)
    facts = rows_of(t.FactRow, t.FactRow.id)
    narrative = rows_of(t.NarrativeSectionRow, t.NarrativeSectionRow.number, t.NarrativeSectionRow.id)
    contacts = rows_of(t.ContactRow, t.ContactRow.row, t.ContactRow.id)
    ledger: dict[str, list[LedgerTotal]] = defaultdict(list)
    for batch, frame in ledger_frame(session, tuple(batches.values()), unit_codes, snapshots_folder):
        for total in snapshots.ledger_totals(frame, year=year, file=batch.file, sha256=batch.sha256):
            ledger[total.unit_code].append(total)
    hashes = {batch.file: batch.sha256 for batch in batches.values()}

    def hashes_of(code: str) -> dict[str, str]:
        """The files that this unit's rows come from, so that a city's books do not each carry the whole city's."""
        tables = (lines, indicators, tasks, facts, narrative, contacts)
        used = {place.file for rows in tables for _, place in rows.get(code, ())} | {
            x.first.file for x in ledger.get(code, ())
        }
        return {file: hashes[file] for file in sorted(used)}

    mappings = {sheet_key(b.file, b.sheet): b.mapping for b in batches.values()}

    def columns_of(*tables: Sequence[tuple[Any, Place]]) -> dict[str, dict[str, str]]:
        used = {sheet_key(place.file, place.sheet) for rows in tables for _, place in rows}
        return {key: mappings[key] for key in sorted(used)}

    return {
        code: UnitBooks(
            unit=units.get(code, Unit(code)),
            year=year,
            lines=tuple(_loaded_line(r, p) for r, p in lines.get(code, ())),
            ledger=tuple(ledger.get(code, ())),
            indicators=tuple(_loaded_indicator(r, p) for r, p in indicators.get(code, ())),
            tasks=tuple(
                KeyTask(code, r.position, r.duty, r.name, r.content, r.completion, p) for r, p in tasks.get(code, ())
            ),
            facts=tuple(
                Fact(code, r.key, r.label, Decimal(r.value), r.unit, r.basis, p) for r, p in facts.get(code, ())
            ),
            narrative=tuple(
                NarrativeSection(code, r.number, r.heading, tuple(r.paragraphs), p) for r, p in narrative.get(code, ())
            ),
            contacts=tuple(
                Contact(code, r.owner, r.email, r.channel, tuple(r.duties), p) for r, p in contacts.get(code, ())
            ),
            file_sha256=hashes_of(code),
            columns=columns_of(lines.get(code, ()), indicators.get(code, ())),
        )
        for code in unit_codes
    }
