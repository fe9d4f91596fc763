"""Accepted tables into the store, a batch each, and back as the books of a unit. The caller owns the transaction."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from jixiao.storage.chunks import chunks
from jixiao.storage.run_store import run_units

if TYPE_CHECKING:
    from jixiao.intake.inbox import TableReading


@dataclass(frozen=True)
class StoredBatch:
    batch_id: int
    kind: Kind
    units: tuple[str, ...]
    reading_sha256: str


@dataclass(frozen=True)
class InputBatch:
    """A batch as a run read it: under the file name of that run."""

    batch_id: int
    file: str
    sha256: str
    kind: Kind
    sheet: str
    mapping: dict[str, str]
    heads: dict[str, str]


def known_units(session: Session) -> tuple[Unit, ...]:
    """All units that a register, a ledger or a form ever named, in order of their codes."""
    rows = sorted(session.scalars(sa.select(t.UnitRow)), key=lambda row: row.code)
    return tuple(Unit(r.code, r.name, r.parent_code, r.division_code) for r in rows)


def remember_units(session: Session, units: Iterable[Unit]) -> None:
    """Keep what is newly stated; a blank never wipes out what is known."""
    stated = tuple(units)
    known = {
        row.code: row
        for codes in chunks([unit.code for unit in stated])
        for row in session.scalars(sa.select(t.UnitRow).where(t.UnitRow.code.in_(codes)))
    }
    for unit in stated:
        row = known.get(unit.code)
        if row is None:
            known[unit.code] = t.UnitRow(code=unit.code, name="", parent_code="", division_code="")
            row = known[unit.code]
            session.add(row)
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
    """Store one accepted table. The same content, read the same way for the same year and scope, is the batch that
    exists; a snapshot of it that was lost is written again.
    """
    content = _content_of(table)
    key = {
        "sha256": sha256,
        "kind": table.kind.value,
        "sheet": table.sheet,
        "year": year,
        "scope_sha256": scope_sha256(table.scope_units),
        "reading_sha256": content.sha256,
    }
    snapshot = (
        snapshots.write_snapshot(content.snapshot, content.snapshot_sha256, snapshots_folder)
        if content.snapshot
        else ""
    )
    batch_id = session.scalar(sa.select(t.BatchRow.id).filter_by(**key))
    if batch_id is None:
        batch = t.BatchRow(
            **key,
            file_name=file,
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
        batch_id = batch.id
        if snapshot and table.ledger is not None:
            session.add(
                t.LedgerSnapshotRow(
                    batch_id=batch_id,
                    file=snapshot,
                    sha256=content.snapshot_sha256,
                    rows=len(table.ledger),
                    total_fen=int(table.ledger["amount_fen"].sum()),
                )
            )
        for into, rows in content.rows.items():
            session.execute(sa.insert(into), [{"batch_id": batch_id, **row} for row in rows])
        if content.units:
            session.execute(
                sa.insert(t.BatchUnitRow), [{"batch_id": batch_id, "unit_code": unit} for unit in content.units]
            )
    return StoredBatch(batch_id, table.kind, content.units, content.sha256)


@dataclass(frozen=True)
class _Content:
    """What is kept of a table: rows by their table of the store, the ledger as a snapshot, and a hash over all of it."""

    rows: dict[type[t.Base], list[dict[str, Any]]]
    units: tuple[str, ...]
    sha256: str
    snapshot: bytes = b""
    snapshot_sha256: str = ""


def _content_of(table: TableReading) -> _Content:
    rows: dict[type[t.Base], list[dict[str, Any]]] = defaultdict(list)
    units = set(table.scope_units)
    snapshot, snapshot_sha256 = b"", ""
    if table.ledger is not None:
        snapshot, snapshot_sha256 = snapshots.snapshot_content(table.ledger)
        units |= {str(unit) for unit in table.ledger["unit_code"].unique()}
    elif table.kind is not Kind.UNIT_REGISTER:  # its units are kept by remember_units
        for row in table.rows:
            into, values = _values(row)
            known: Any = row
            rows[into].append({"unit_code": known.unit_code, "row": known.place.row, **values})
            units.add(known.unit_code)
    made = hashlib.sha256(snapshot_sha256.encode())
    read = [table.header_row, table.mapping, table.heads, table.money_unit.value if table.money_unit else ""]
    for part in (read, *(row for of_table in rows.values() for row in of_table)):
        made.update(json.dumps(part, ensure_ascii=False, sort_keys=True).encode("utf-8", "surrogatepass") + b"\0")
    return _Content(dict(rows), tuple(sorted(units)), made.hexdigest(), snapshot, snapshot_sha256)


def input_batches(session: Session, run_id: str, unit_codes: Sequence[str]) -> tuple[InputBatch, ...]:
    """The batches that a run read and that speak of one of some units, in the order of the run's files."""
    query = (
        sa.select(t.RunInputRow.id, t.RunInputRow.file_name, t.BatchRow)
        .join(t.BatchRow, t.BatchRow.id == t.RunInputRow.batch_id)
        .where(t.RunInputRow.run_id == run_id)
    )
    found: dict[int, tuple[str, t.BatchRow]] = {}
    for codes in chunks(unit_codes):
        of_units = sa.select(t.BatchUnitRow.batch_id).where(t.BatchUnitRow.unit_code.in_(codes))
        found |= {
            number: (file, batch) for number, file, batch in session.execute(query.where(t.BatchRow.id.in_(of_units)))
        }
    return tuple(
        InputBatch(b.id, file, b.sha256, Kind(b.kind), b.sheet, dict(b.mapping), dict(b.heads))
        for _, (file, b) in sorted(found.items(), key=lambda item: item[0])
    )


def files_by_unit(session: Session, run_id: str, unit_codes: Sequence[str]) -> dict[tuple[str, Kind], str]:
    """The first file of a run that holds a unit's table of a kind."""
    query = (
        sa.select(t.BatchUnitRow.unit_code, t.RunInputRow.kind, t.RunInputRow.file_name, t.RunInputRow.id)
        .join(t.RunInputRow, t.RunInputRow.batch_id == t.BatchUnitRow.batch_id)
        .where(t.RunInputRow.run_id == run_id)
    )
    rows = [
        row for codes in chunks(unit_codes) for row in session.execute(query.where(t.BatchUnitRow.unit_code.in_(codes)))
    ]
    found: dict[tuple[str, Kind], str] = {}
    for unit, kind, file, _ in sorted(rows, key=lambda row: row[3]):
        found.setdefault((unit, Kind(kind)), file)
    return found


def ledger_rows(
    session: Session, batches: Sequence[InputBatch], unit_codes: Sequence[str], snapshots_folder: Path
) -> list[snapshots.LedgerRows]:
    """The ledger rows of some units, of each batch that has a snapshot; each snapshot is opened once.

    Raises:
        StoreError: a snapshot is gone.
    """
    files = {
        batch_id: file
        for ids in chunks([b.batch_id for b in batches if b.kind is Kind.PAYMENTS])
        for batch_id, file in session.execute(
            sa.select(t.LedgerSnapshotRow.batch_id, t.LedgerSnapshotRow.file).where(
                t.LedgerSnapshotRow.batch_id.in_(ids)
            )
        )
    }
    return [
        snapshots.LedgerRows(
            batch.file, batch.sha256, snapshots.read_snapshot(snapshots_folder / files[batch.batch_id], unit_codes)
        )
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


class _RowsOfUnits:
    """The input rows of some units in a run, a query a table, each with its place under the run's file names.

    Rows stand in the order of the run's files and of their import; what a database calls order has no part in it.
    """

    def __init__(self, session: Session, batches: Sequence[InputBatch], unit_codes: Sequence[str]) -> None:
        self._session, self._units = session, unit_codes
        self._batches = {batch.batch_id: (rank, batch) for rank, batch in enumerate(batches)}

    def of(self, table: Any, position: Callable[[Any], Any] = lambda _: 0) -> Mapping[str, list[tuple[Any, Place]]]:
        """By unit, in order of ``position``, then of file and row."""
        rows = [
            row
            for ids in chunks(tuple(self._batches))
            for codes in chunks(self._units)
            for row in self._session.scalars(
                sa.select(table).where(table.batch_id.in_(ids), table.unit_code.in_(codes))
            )
        ]
        rows.sort(key=lambda row: (position(row), self._batches[row.batch_id][0], row.id))
        found: dict[str, list[tuple[Any, Place]]] = defaultdict(list)
        for row in rows:
            batch = self._batches[row.batch_id][1]
            found[row.unit_code].append((row, Place(batch.file, batch.sheet, row.row)))
        return found


def _loaded_contacts(code: str, rows: Iterable[tuple[Any, Place]]) -> tuple[Contact, ...]:
    return tuple(Contact(code, r.owner, r.email, r.channel, tuple(r.duties), p) for r, p in rows)


def contacts_of(session: Session, run_id: str, unit_codes: Sequence[str]) -> dict[str, tuple[Contact, ...]]:
    """The contacts of some units as a run read them."""
    rows = _RowsOfUnits(session, input_batches(session, run_id, unit_codes), unit_codes).of(t.ContactRow)
    return {code: _loaded_contacts(code, of_unit) for code, of_unit in rows.items()}


def load_books(
    session: Session,
    run_id: str,
    unit_codes: Sequence[str],
    *,
    year: int,
    batches: Sequence[InputBatch],
    ledgers: Sequence[snapshots.LedgerRows] = (),
) -> dict[str, UnitBooks]:
    """The books of some units as a run read them: one query a table for all of them.

    ``batches`` from ``input_batches``, ``ledgers`` from ``ledger_rows``; without these nothing was paid.
    """
    units = {unit.code: unit for unit in run_units(session, run_id, unit_codes)}
    rows = _RowsOfUnits(session, batches, unit_codes)
    lines = rows.of(t.BudgetLineRow, lambda row: row.position)
    indicators = rows.of(t.IndicatorRow, lambda row: row.position)
    tasks = rows.of(t.KeyTaskRow, lambda row: row.position)
    facts = rows.of(t.FactRow)
    narrative = rows.of(t.NarrativeSectionRow, lambda row: row.number)
    contacts = rows.of(t.ContactRow)
    ledger: dict[str, list[LedgerTotal]] = defaultdict(list)
    for total in snapshots.ledger_totals(ledgers, year=year):
        ledger[total.unit_code].append(total)
    hashes = {batch.file: batch.sha256 for batch in batches}

    def hashes_of(code: str) -> dict[str, str]:
        """The files that this unit's rows come from, so that a city's books do not each carry the whole city's."""
        tables = (lines, indicators, tasks, facts, narrative, contacts)
        used = {place.file for rows in tables for _, place in rows.get(code, ())} | {
            x.first.file for x in ledger.get(code, ())
        }
        return {file: hashes[file] for file in sorted(used)}

    mappings = {sheet_key(b.file, b.sheet): b.mapping for b in batches}

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
            contacts=_loaded_contacts(code, contacts.get(code, ())),
            file_sha256=hashes_of(code),
            columns=columns_of(lines.get(code, ()), indicators.get(code, ())),
        )
        for code in unit_codes
    }
