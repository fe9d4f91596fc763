"""Corrections as data: ``corrections/*.csv`` in the inbox, a cell a row, applied only where the file holds what they expect.

They change the grid before any table is recognised, so that all that follows sees the corrected cell. Once the source is
mended, the old value is no longer there: the correction is stale, and said so. Their columns: instruction_columns.csv.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path, PurePosixPath

from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.intake.corrected_grids import changed_grid
from jixiao.intake.grids.cells import SIGNIFICANT_DIGITS, cell_text, percent_text
from jixiao.intake.grids.grid import CellError, Grid, logged
from jixiao.intake.instructions import InstructionRow, read_instructions
from jixiao.intake.rows.values import NotADate, NotANumber, read_date, read_quantity

FOLDERS = frozenset({"corrections", "更正", "更正单"})
_HASH = re.compile(r"[0-9a-f]{8,64}")
_LETTERS = re.compile(r"[A-Z]{1,3}")
# A sheet of Excel has so many columns; a longer text may have more rows, never more columns.
_COLUMNS_MOST = 16_384
_ROW = re.compile(r"[1-9]\d{0,8}(?:\.0)?")
# A number as a cell holds it; 001002 is a code.
_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")
_FIX = "请按「文件、工作表、行、列、原值、新值、原因、更正人」填写更正单"
# The expected old value is blank for a cell that was left out, the new one for a cell to be cleared.
_NEEDED = {"file": "文件", "row": "行", "column": "列", "reason": "原因", "by": "更正人"}


@dataclass(frozen=True)
class Correction:
    """One cell to be corrected. ``file`` is a file's name or path, its hash, or the number of a batch; ``row`` 1-based."""

    file: str
    sheet: str
    row: int
    column: str
    expected: str
    new: str
    reason: str
    by: str
    place: Place

    @property
    def cell(self) -> tuple[int, int]:
        """Row and column, 0-based."""
        return self.row - 1, _index(self.column)


@dataclass(frozen=True)
class AppliedCorrection:
    """A correction as it was applied to a file. ``source`` is where it is written; ``unit_code`` whose row it is in, empty
    where the cell is in no row of one unit: a title, a head, a rejected row.
    """

    sheet: str
    row: int
    column: str
    old: str
    new: str
    reason: str
    by: str
    source: str
    unit_code: str = ""


def is_correction_file(file: str) -> bool:
    """Whether a file of the inbox lies in a folder of corrections."""
    return any(part in FOLDERS for part in PurePosixPath(file).parts[:-1])


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def read_corrections(path: Path, file: str) -> tuple[list[Correction], list[Finding]]:
    """The corrections of one file, and what is wrong with it. A broken row is left out, the others are kept.

    Raises:
        OSError: the file cannot be read.
    """
    read = read_instructions(path, file, "corrections")
    found: list[Correction] = []
    findings = list(read.findings)
    for row in read.rows:
        if wrong := _wrong_with(row):
            findings.append(_refused(row.at(wrong[0]), wrong[1]))
        else:
            found.append(_correction(row))
    return found, findings


def _wrong_with(row: InstructionRow) -> tuple[str, str] | None:
    """The column that keeps a row from being a correction, and what is wrong there."""
    for name, chinese in _NEEDED.items():
        if not row.text(name):
            return name, f"「{chinese}」是空的"
    number, letters = _flat(row.text("row")), _flat(row.text("column")).upper()
    if not _ROW.fullmatch(number):
        return "row", f"「行」写的是「{row.text('row')}」，不是行号"
    if not _LETTERS.fullmatch(letters) or _index(letters) >= _COLUMNS_MOST:
        return "column", f"「列」写的是「{row.text('column')}」，不是列的字母"
    if row.text("old") == row.text("new"):
        return "new", "原值与新值相同"
    return None


def _refused(place: Place, what: str) -> Finding:
    return Finding(
        code="CORRECTION_INVALID",
        severity=Severity.ERROR,
        place=place,
        message=f"{what}，这条更正未采用",
        fix=_FIX,
        outcome=Outcome.REJECT_ROW,
    )


def _correction(row: InstructionRow) -> Correction:
    return Correction(
        file=row.text("file").strip("《》"),
        sheet=row.text("sheet"),
        row=int(_flat(row.text("row")).removesuffix(".0")),
        column=_flat(row.text("column")).upper(),
        expected=row.text("old"),
        new=row.text("new"),
        reason=row.text("reason"),
        by=row.text("by"),
        place=row.place,
    )


def _flat(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()


def _index(letters: str) -> int:
    """``B`` → 1."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def is_meant(correction: Correction, file: str, sha256: str, batches: Mapping[str, str]) -> bool:
    """Whether a correction is of this file. ``batches``: number of a batch → hash of its file."""
    wanted = correction.file
    if wanted in {file, PurePosixPath(file).name}:
        return True
    if _HASH.fullmatch(wanted.lower()) and sha256.startswith(wanted.lower()):
        return True
    return batches.get(wanted.removeprefix("批次").strip(), "") == sha256


# ── applying ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def corrected(
    grids: Sequence[Grid], corrections: Iterable[Correction], file: str
) -> tuple[tuple[Grid, ...], list[AppliedCorrection], list[Finding]]:
    """The grids of a file with its corrections applied, those that were, and what is said of each."""
    findings: list[Finding] = []
    wanted: dict[int, dict[tuple[int, int], Correction]] = {}
    for correction in corrections:
        at = _sheet_of(grids, correction)
        if at is None:
            findings.append(_unmatched(correction, _no_sheet(grids, correction, file)))
            continue
        first = wanted.setdefault(at, {}).setdefault(correction.cell, correction)
        if first is not correction:
            findings.append(_refused(correction.place, f"与{first.place.chinese}更正的是同一格"))
    made = list(grids)
    applied: list[AppliedCorrection] = []
    for at, cells in wanted.items():
        changes: dict[tuple[int, int], object] = {}
        held = _rows_held(made[at], [correction.row for correction in cells.values()])
        for cell, correction in cells.items():
            found = _held_value(made[at], held, correction, file)
            if isinstance(found, Finding):
                findings.append(found)
                continue
            changes[cell] = _typed(correction.new, found.cell)
            applied.append(_applied(correction, made[at].sheet, found.text))
            findings.append(
                _say_applied(correction, Place(file, made[at].sheet, correction.row, correction.column), found.text)
            )
        made[at] = changed_grid(made[at], changes)
    return tuple(made), applied, findings


def _sheet_of(grids: Sequence[Grid], correction: Correction) -> int | None:
    named = [at for at, grid in enumerate(grids) if grid.sheet == correction.sheet]
    return 0 if len(grids) == 1 and not correction.sheet else named[0] if len(named) == 1 else None


def _no_sheet(grids: Sequence[Grid], correction: Correction, file: str) -> str:
    if not grids:
        return f"《{file}》里没有可以更正的表格"
    names = "、".join(f"「{grid.sheet}」" for grid in grids)
    if not correction.sheet:
        return f"《{file}》有 {len(grids)} 张工作表（{names}），没有写明是哪一张"
    return f"《{file}》没有工作表「{correction.sheet}」（有：{names}）"


def _rows_held(grid: Grid, numbers: Sequence[int]) -> Mapping[int, Sequence[object]]:
    """Rows by their 1-based numbers, as far as the grid has them."""
    if grid.stream is not None:
        return grid.stream.rows(numbers)
    return {number: grid.rows[number - 1] for number in numbers if number <= len(grid.rows)}


@dataclass(frozen=True)
class _Held:
    """What a cell holds, and as it shows."""

    cell: object
    text: str


def _held_value(grid: Grid, held: Mapping[int, Sequence[object]], correction: Correction, file: str) -> _Held | Finding:
    """What the cell holds where it is what the correction expects, else the finding that says why nothing is corrected."""
    row, column = correction.cell
    if correction.row not in held:
        return _unmatched(correction, f"《{file}》没有第 {correction.row} 行")
    if column >= (grid.stream.width if grid.stream else grid.width):
        return _unmatched(correction, f"《{file}》没有 {correction.column} 列")
    cells = held[correction.row]
    cell = cells[column] if column < len(cells) else None
    text = str(cell) if isinstance(cell, CellError) else cell_text(cell)
    shown = percent_text(cell, grid.percent_cells[row, column]) if (row, column) in grid.percent_cells else text
    if not (_same(text, correction.expected) or _same(shown, correction.expected)):
        return _stale(correction, Place(file, grid.sheet, correction.row, correction.column), text)
    return _Held(cell, text)


def _same(one: str, other: str) -> bool:
    """Whether two printed values are one: as text, as numbers (1,200.00 = 1200) or as dates."""
    a, b = _flat(one), _flat(other)
    if a == b:
        return True
    if not a or not b:
        return False
    try:
        return read_quantity(a) == read_quantity(b)
    except NotANumber:
        pass
    try:
        return read_date(a) == read_date(b)
    except (NotADate, OverflowError):
        return False


def _typed(new: str, old: object) -> object:
    """The new value as its cell holds values: a number where a number stood and the new one loses nothing by it."""
    text = _flat(new)
    is_number = isinstance(old, (int, float)) and not isinstance(old, bool) and bool(_PLAIN_NUMBER.fullmatch(text))
    if is_number and len(Decimal(text).as_tuple().digits) <= SIGNIFICANT_DIGITS:
        return float(text)
    return new


# ── what is said ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _applied(correction: Correction, sheet: str, old: str) -> AppliedCorrection:
    return AppliedCorrection(
        sheet=sheet,
        row=correction.row,
        column=correction.column,
        old=old,
        new=correction.new,
        reason=correction.reason,
        by=correction.by,
        source=correction.place.chinese,
    )


def _say_applied(correction: Correction, place: Place, old: str) -> Finding:
    message = f"按更正单（{correction.place.chinese}，{correction.by}：{correction.reason}）由「{old}」改为「{correction.new}」"
    said = logged("CORRECTION_APPLIED", place, message, "请在源系统中也作同样的更正", value=old)
    return replace(said, expected=correction.new)


def _stale(correction: Correction, place: Place, old: str) -> Finding:
    what = (
        f"源文件已是新值「{old}」（更正单写的原值是「{correction.expected}」），这条更正可以删除"
        if _same(old, correction.new)
        else f"现在是「{old}」，不是更正单写的「{correction.expected}」，没有更正"
    )
    return Finding(
        code="CORRECTION_STALE",
        severity=Severity.WARNING,
        place=place,
        message=f"更正单（{correction.place.chinese}）已过时：{what}",
        fix="请删除或改正这条更正",
        value=old,
        expected=correction.expected,
        outcome=Outcome.ACCEPT_WITH_WARNING,
    )


def _unmatched(correction: Correction, why: str) -> Finding:
    return Finding(
        code="CORRECTION_UNMATCHED",
        severity=Severity.WARNING,
        place=correction.place,
        message=f"{why}，这条更正没有用上",
        fix="请核对更正单的文件、工作表、行和列",
        value=f"{correction.file} {correction.sheet} {correction.column}{correction.row}".replace("  ", " "),
        outcome=Outcome.ACCEPT_WITH_WARNING,
    )


def never_matched(correction: Correction) -> Finding:
    """The finding on a correction whose file is not here."""
    return _unmatched(correction, f"收件中没有「{correction.file}」")
