"""What a run read, back as the books of its subjects: units and projects of them. Writing is in intake_store.py."""

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
    AdjustmentKind,
    Amount,
    BudgetAdjustment,
    BudgetLine,
    Contact,
    Fact,
    Indicator,
    KeyTask,
    Kind,
    LedgerTotal,
    NarrativeSection,
    PerformanceForm,
    Subject,
    Unit,
    UnitBooks,
    sheet_key,
)
from jixiao.domain.findings import Place
from jixiao.domain.money import MoneyUnit
from jixiao.domain.names import bare_name, project_names
from jixiao.domain.periods import form_of, is_evaluated
from jixiao.storage import snapshots
from jixiao.storage import tables as t
from jixiao.storage.chunks import chunks
from jixiao.storage.run_store import run_subjects, run_units, units_left_out


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
    """The batches that a run read and works on, and that speak of one of some units, in the order of the run's files."""
    period = session.get_one(t.RunRow, run_id).period
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
        if is_evaluated(Kind(b.kind), period)
    )


def files_by_subject(session: Session, run_id: str, unit_codes: Sequence[str]) -> dict[tuple[Subject, Kind], str]:
    """The first file of a run that holds a subject's table of a kind."""
    query = (
        sa.select(
            t.BatchUnitRow.unit_code, t.BatchRow.project, t.RunInputRow.kind, t.RunInputRow.file_name, t.RunInputRow.id
        )
        .join(t.RunInputRow, t.RunInputRow.batch_id == t.BatchUnitRow.batch_id)
        .join(t.BatchRow, t.BatchRow.id == t.BatchUnitRow.batch_id)
        .where(t.RunInputRow.run_id == run_id)
    )
    period = session.get_one(t.RunRow, run_id).period
    rows = [
        row for codes in chunks(unit_codes) for row in session.execute(query.where(t.BatchUnitRow.unit_code.in_(codes)))
    ]
    found: dict[tuple[Subject, Kind], str] = {}
    for unit, project, kind, file, _ in sorted(rows, key=lambda row: row[4]):
        if is_evaluated(Kind(kind), period):
            found.setdefault((Subject(unit, project), Kind(kind)), file)
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


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _loaded_form(r: t.PerformanceFormRow, place: Place) -> PerformanceForm:
    return PerformanceForm(
        unit_code=r.unit_code,
        kind=Kind(r.kind),
        project=r.project,
        project_code=r.project_code,
        department=r.department,
        implementer=r.implementer,
        title=r.title,
        period=r.period,
        filled_on=r.filled_on,
        goal_text=r.goal_text,
        result_text=r.result_text,
        problems=r.problems,
        measures=r.measures,
        grade=r.grade,
        total_weight=_decimal(r.total_weight),
        total_score=_decimal(r.total_score),
        execution_weight=_decimal(r.execution_weight),
        execution_score=_decimal(r.execution_score),
        place=place,
    )


def _loaded_adjustment(r: t.BudgetAdjustmentRow, place: Place) -> BudgetAdjustment:
    kind = AdjustmentKind(r.kind)
    return BudgetAdjustment(
        r.unit_code, r.document_no, r.line_name, kind, r.kind_text, r.amount_fen, r.issued_on, place
    )


class _RowsOfUnits:
    """The input rows of some units in a run, a query a table, each with its place under the run's file names.

    Rows stand in the order of the run's files and of their import; what a database calls order has no part in it.
    """

    def __init__(self, session: Session, batches: Sequence[InputBatch], unit_codes: Sequence[str]) -> None:
        self._session, self._units = session, unit_codes
        self._batches = {batch.batch_id: (rank, batch) for rank, batch in enumerate(batches)}

    def batch(self, row: Any) -> InputBatch:
        return self._batches[row.batch_id][1]

    def of(self, table: Any, position: Callable[[Any], Any] = lambda _: 0) -> _Rows:
        """By subject, in order of ``position``, then of file and row; rows that name no project are the unit's."""
        rows = [
            row
            for ids in chunks(tuple(self._batches))
            for codes in chunks(self._units)
            for row in self._session.scalars(
                sa.select(table).where(table.batch_id.in_(ids), table.unit_code.in_(codes))
            )
        ]
        rows.sort(key=lambda row: (position(row), self._batches[row.batch_id][0], row.id))
        found: dict[Subject, list[tuple[Any, Place]]] = defaultdict(list)
        for row in rows:
            batch = self.batch(row)
            subject = Subject(row.unit_code, getattr(row, "project", ""))
            found[subject].append((row, Place(batch.file, batch.sheet, row.row)))
        return found


_Rows = Mapping[Subject, list[tuple[Any, Place]]]


def _loaded_contacts(code: str, rows: Iterable[tuple[Any, Place]]) -> tuple[Contact, ...]:
    return tuple(Contact(code, r.owner, r.email, r.channel, tuple(r.duties), p) for r, p in rows)


def contacts_of(session: Session, run_id: str, unit_codes: Sequence[str]) -> dict[str, tuple[Contact, ...]]:
    """The contacts of some units as a run read them."""
    rows = _RowsOfUnits(session, input_batches(session, run_id, unit_codes), unit_codes).of(t.ContactRow)
    return {subject.unit_code: _loaded_contacts(subject.unit_code, of_unit) for subject, of_unit in rows.items()}


def load_books(
    session: Session,
    run_id: str,
    unit_codes: Sequence[str],
    *,
    year: int,
    batches: Sequence[InputBatch],
    ledgers: Sequence[snapshots.LedgerRows] = (),
    also: Iterable[Subject] = (),
) -> dict[Subject, UnitBooks]:
    """The books of what a run is to evaluate of some units, and of ``also``, in order: one query a table for all.

    ``batches`` from ``input_batches``, ``ledgers`` from ``ledger_rows``; without these nothing was paid. The ledger of
    a project is what is booked under its name.
    """
    shelf = _Shelf(session, run_id, unit_codes, year=year, batches=batches, ledgers=ledgers)
    wanted = {*run_subjects(session, run_id, unit_codes), *also}
    return {subject: shelf.books(subject) for subject in sorted(wanted)}


class _Shelf:
    """All rows of some units, from which the books of each subject are taken."""

    def __init__(
        self,
        session: Session,
        run_id: str,
        unit_codes: Sequence[str],
        *,
        year: int,
        batches: Sequence[InputBatch],
        ledgers: Sequence[snapshots.LedgerRows],
    ) -> None:
        self._year = year
        self._form_kind = form_of(session.get_one(t.RunRow, run_id).period)
        self._units = {unit.code: unit for unit in run_units(session, run_id, unit_codes)}
        rows = self._rows = _RowsOfUnits(session, batches, unit_codes)
        self._forms = rows.of(t.PerformanceFormRow)
        self._lines = rows.of(t.BudgetLineRow, lambda row: row.position)
        self._indicators = rows.of(t.IndicatorRow, lambda row: row.position)
        self._tasks = rows.of(t.KeyTaskRow, lambda row: row.position)
        self._facts = rows.of(t.FactRow)
        self._narrative = rows.of(t.NarrativeSectionRow, lambda row: row.number)
        self._contacts = rows.of(t.ContactRow)
        self._adjustments = rows.of(t.BudgetAdjustmentRow)
        self._ledger: dict[str, list[LedgerTotal]] = defaultdict(list)
        for total in snapshots.ledger_totals(ledgers, year=year):
            self._ledger[total.unit_code].append(total)
        self._hashes = {batch.file: batch.sha256 for batch in batches}
        # A ledger for which its unit was left out misses rows: no project is held against it.
        files = {batch.file for batch in batches if batch.kind is Kind.PAYMENTS}
        self._broken_ledger = {left.unit_code for left in units_left_out(session, run_id) if left.file in files}

    def books(self, subject: Subject) -> UnitBooks:
        code = subject.unit_code
        whole = Subject(code)
        form = self._form(subject)
        lines = self._own_lines(subject)
        indicators = self._indicators.get(subject, [])
        contacts = self._contacts.get(whole, [])
        ledger = self._ledger_of(subject, form)
        of_unit = [self._tasks, self._facts, self._narrative] if not subject.project else []
        tasks, facts, narrative = (rows.get(whole, []) for rows in of_unit) if of_unit else ([], [], [])
        adjustments = [_loaded_adjustment(r, p) for r, p in self._adjustments.get(whole, [])]
        used = {place.file for rows in (lines, indicators, tasks, facts, narrative, contacts) for _, place in rows}
        used |= {total.first.file for total in ledger} | ({form.place.file} if form and form.place.file else set())
        return UnitBooks(
            unit=self._units.get(code, Unit(code)),
            year=self._year,
            lines=tuple(loaded_line(r, p) for r, p in lines),
            ledger=ledger,
            indicators=tuple(_loaded_indicator(r, p) for r, p in indicators),
            tasks=tuple(KeyTask(code, r.position, r.duty, r.name, r.content, r.completion, p) for r, p in tasks),
            facts=tuple(Fact(code, r.key, r.label, Decimal(r.value), r.unit, r.basis, p) for r, p in facts),
            narrative=tuple(NarrativeSection(code, r.number, r.heading, tuple(r.paragraphs), p) for r, p in narrative),
            contacts=_loaded_contacts(code, contacts),
            form=form,
            adjustments=tuple(a for a in adjustments if self._is_about(subject, form, a.line_name)),
            # The files of these rows alone, so that a city's books do not each carry the whole city's.
            file_sha256={file: self._hashes[file] for file in sorted(used)},
            columns=self._columns(*lines, *indicators),
        )

    def _form(self, subject: Subject) -> PerformanceForm | None:
        found = self._forms.get(subject, [])
        if found:
            return _loaded_form(*found[0])
        return PerformanceForm(subject.unit_code, self._form_kind, subject.project) if subject.project else None

    def _own_lines(self, subject: Subject) -> list[tuple[Any, Place]]:
        """The lines of a subject. Where a unit handed in the 预算执行情况表, the fund lines of its form say no more."""
        rows = self._lines.get(subject, [])
        tables = [(row, place) for row, place in rows if not self._rows.batch(row).kind.is_form]
        return tables or rows

    def _ledger_of(self, subject: Subject, form: PerformanceForm | None) -> tuple[LedgerTotal, ...]:
        totals = self._ledger.get(subject.unit_code, [])
        if subject.project and subject.unit_code in self._broken_ledger:
            return ()
        return tuple(total for total in totals if self._is_about(subject, form, total.line_name))

    @staticmethod
    def _is_about(subject: Subject, form: PerformanceForm | None, name: str) -> bool:
        if not subject.project:
            return True
        return bare_name(name) in project_names(subject.project, form.project_code if form else "")

    def _columns(self, *rows: tuple[Any, Place]) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for row, place in rows:
            found.setdefault(sheet_key(place.file, place.sheet), {}).update(self._rows.batch(row).mapping)
        return dict(sorted(found.items()))
