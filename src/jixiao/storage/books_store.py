"""What a run read, back as the books of its units. Writing is in intake_store.py."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

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


def loaded_line(r: t.BudgetLineRow, place: Place) -> BudgetLine:
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
        project=r.project,
        points=None if r.points is None else Decimal(r.points),
        score=None if r.score is None else Decimal(r.score),
        forecast=_loaded_amount(r.forecast_fen, r.forecast_places, r.money_unit),
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
        project=r.project,
        likelihood=r.likelihood,
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
            lines=tuple(loaded_line(r, p) for r, p in lines.get(code, ())),
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
