"""Corrections of cells as they were applied, kept with the batch that was read so. Reading and applying: intake/corrections.py."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from jixiao.domain.findings import Place
from jixiao.intake.corrections import AppliedCorrection
from jixiao.storage import tables as t
from jixiao.storage.chunks import chunks


@dataclass(frozen=True)
class KeptCorrection:
    """A correction that a run was computed with. ``unit_code`` is empty where the cell is in no row of one unit; then it
    holds for all units of its table.
    """

    place: Place
    unit_code: str
    old: str
    new: str
    reason: str
    by: str
    source: str


def keep_corrections(session: Session, batch_id: int, corrections: Iterable[AppliedCorrection]) -> None:
    """Keep the corrections of a new batch."""
    rows = [{"batch_id": batch_id, **asdict(correction)} for correction in corrections]
    if rows:
        session.execute(sa.insert(t.CorrectionRow), rows)


def corrections_of(session: Session, run_id: str, unit_codes: Sequence[str]) -> tuple[KeptCorrection, ...]:
    """The corrections that some units of a run were computed with, in the order of its files, sheets and rows."""
    query = (
        sa.select(t.RunInputRow.id, t.RunInputRow.file_name, t.CorrectionRow)
        .join(t.CorrectionRow, t.CorrectionRow.batch_id == t.RunInputRow.batch_id)
        .join(t.BatchUnitRow, t.BatchUnitRow.batch_id == t.RunInputRow.batch_id)
        .where(t.RunInputRow.run_id == run_id)
        .where(sa.or_(t.CorrectionRow.unit_code == "", t.CorrectionRow.unit_code == t.BatchUnitRow.unit_code))
    )
    found = {
        (position, row.sheet, row.row, row.column, row.id): KeptCorrection(
            Place(file, row.sheet, row.row, row.column),
            row.unit_code,
            row.old,
            row.new,
            row.reason,
            row.by,
            row.source,
        )
        for codes in chunks(unit_codes)
        for position, file, row in session.execute(query.where(t.BatchUnitRow.unit_code.in_(codes)))
    }
    return tuple(found[key] for key in sorted(found))


def hashes_of_batches(session: Session) -> dict[str, str]:
    """Number of a batch, as people write it → sha256 of its file: a correction may name its file so."""
    return {str(batch): sha256 for batch, sha256 in session.execute(sa.select(t.BatchRow.id, t.BatchRow.sha256))}
