"""Accepted tables into the store, a batch each, and back as the books of a unit. The caller owns the transaction."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from jixiao.domain.books import (
    Amount,
    BudgetAdjustment,
    BudgetLine,
    Contact,
    Fact,
    Indicator,
    KeyTask,
    Kind,
    NarrativeSection,
    PerformanceForm,
    Unit,
)
from jixiao.domain.money import MoneyUnit
from jixiao.storage import snapshots
from jixiao.storage import tables as t
from jixiao.storage.chunks import chunks
from jixiao.storage.corrections import keep_corrections

if TYPE_CHECKING:
    from jixiao.intake.readings import TableReading


@dataclass(frozen=True)
class StoredBatch:
    """A batch in the store; ``is_new`` false where the same content was imported before, at ``imported_at``.

    ``part``: see batches.Scope. ``maturity``: 快报, 决算, 批复 or empty.
    """

    batch_id: int
    kind: Kind
    units: tuple[str, ...]
    reading_sha256: str
    part: str = ""
    maturity: str = ""
    imported_at: datetime | None = None
    is_new: bool = True


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
        "project": row.project,
        "points": _decimal(row.points),
        "score": _decimal(row.score),
        **_amount(row.forecast, "forecast"),
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
        "project": row.project,
        "likelihood": row.likelihood,
    }


def _form(row: PerformanceForm) -> dict[str, Any]:
    texts = ("project", "project_code", "department", "implementer", "title", "period", "filled_on", "goal_text")
    points = ("total_weight", "total_score", "execution_weight", "execution_score")
    return {
        "kind": row.kind.value,
        **{name: getattr(row, name) for name in (*texts, "result_text", "problems", "measures", "grade")},
        **{name: _decimal(getattr(row, name)) for name in points},
    }


def _adjustment(row: BudgetAdjustment) -> dict[str, Any]:
    texts = ("document_no", "line_name", "kind_text", "amount_fen", "issued_on")
    return {"kind": row.kind.value, **{name: getattr(row, name) for name in texts}}


def stored_values(row: object) -> tuple[type[t.Base], dict[str, Any]]:  # noqa: PLR0911 - one case a kind of row
    """The table of the store that a typed row goes to, and its values there."""
    match row:
        case BudgetLine():
            return t.BudgetLineRow, _line(row)
        case Indicator():
            return t.IndicatorRow, _indicator(row)
        case PerformanceForm():
            return t.PerformanceFormRow, _form(row)
        case BudgetAdjustment():
            return t.BudgetAdjustmentRow, _adjustment(row)
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
    session: Session,
    table: TableReading,
    *,
    file: str,
    sha256: str,
    year: int,
    snapshots_folder: Path,
    maturity: str = "",
    announce: Callable[[str], None] | None = None,
) -> StoredBatch:
    """Store one accepted table. The same content, read the same way for the same year and scope, is the batch that
    exists; a snapshot of it that was lost is written again.

    ``maturity`` is what a person says of the figures, also of a batch that exists; empty: as the table says.
    ``announce`` hears the name of each new snapshot file before it is there (pending.py).
    """
    content = _content_of(table, snapshots_folder, announce)
    key = {
        "sha256": sha256,
        "kind": table.kind.value,
        "sheet": table.sheet,
        "year": year,
        "scope_sha256": scope_sha256(table.scope_units),
        "reading_sha256": content.sha256,
    }
    batch = session.scalar(sa.select(t.BatchRow).filter_by(**key))
    is_new = batch is None
    if batch is not None:
        batch.maturity = maturity or batch.maturity
    else:
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
            fund=table.fund,
            project=table.project,
            maturity=maturity or table.maturity,
        )
        session.add(batch)
        session.flush()
        if kept := content.snapshot:
            session.add(
                t.LedgerSnapshotRow(
                    batch_id=batch.id, file=kept.file, sha256=kept.sha256, rows=kept.rows, total_fen=kept.total_fen
                )
            )
        for into, rows in content.rows.items():
            session.execute(sa.insert(into), [{"batch_id": batch.id, **row} for row in rows])
        if content.units:
            session.execute(
                sa.insert(t.BatchUnitRow), [{"batch_id": batch.id, "unit_code": unit} for unit in content.units]
            )
        keep_corrections(session, batch.id, table.corrections)
    return StoredBatch(
        batch.id,
        table.kind,
        content.units,
        content.sha256,
        part=part_of(table),
        maturity=batch.maturity,
        imported_at=batch.imported_at,
        is_new=is_new,
    )


@dataclass(frozen=True)
class _Content:
    """What is kept of a table: rows by their table of the store, the ledger as a snapshot, and a hash over all of it."""

    rows: dict[type[t.Base], list[dict[str, Any]]]
    units: tuple[str, ...]
    sha256: str
    snapshot: snapshots.Snapshot | None = None


def part_of(table: TableReading) -> str:
    """What of its unit a table is whole of, see batches.Scope: a monitoring form speaks of one period of its subject."""
    if table.kind is Kind.MONITORING_FORM:
        heads = [row for row in table.rows if isinstance(row, PerformanceForm)]
        return " ".join(text for text in (table.project, heads[0].period if heads else "") if text)
    return table.project or table.fund


def units_of(table: TableReading) -> frozenset[str]:
    """The units that a table speaks of."""
    units = set(table.scope_units)
    if table.ledger is not None:
        units |= {str(unit) for unit in table.ledger["unit_code"].unique()}
    elif table.kind is not Kind.UNIT_REGISTER:  # its units are kept by remember_units
        known: Any = table.rows
        units |= {row.unit_code for row in known}
    return frozenset(units)


def _content_of(table: TableReading, snapshots_folder: Path, announce: Callable[[str], None] | None = None) -> _Content:
    rows: dict[type[t.Base], list[dict[str, Any]]] = defaultdict(list)
    snapshot = None
    if table.ledger is not None:
        snapshot = snapshots.write_snapshot(table.ledger, snapshots_folder, announce=announce)
    elif table.kind is not Kind.UNIT_REGISTER:
        for row in table.rows:
            into, values = stored_values(row)
            known: Any = row
            rows[into].append({"unit_code": known.unit_code, "row": known.place.row, **values})
    made = hashlib.sha256((snapshot.sha256 if snapshot else "").encode())
    read = [table.header_row, table.mapping, table.heads, table.money_unit.value if table.money_unit else ""]
    corrected = [[c.sheet, c.row, c.column, c.old, c.new, c.reason, c.by] for c in table.corrections]
    for part in (read, *corrected, *(row for of_table in rows.values() for row in of_table)):
        made.update(
            json.dumps(part, ensure_ascii=False, sort_keys=True, default=str).encode("utf-8", "surrogatepass") + b"\0"
        )
    return _Content(dict(rows), tuple(sorted(units_of(table))), made.hexdigest(), snapshot)
