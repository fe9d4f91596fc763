"""Corrections as data: ``corrections/*.csv`` in the inbox, a cell a row, applied only where the file holds what they expect.

They change the grid before any table is recognised, so that all that follows sees the corrected cell. Once the source is
mended, the old value is no longer there: the correction is stale, and said so.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.resources import files
from pathlib import Path, PurePosixPath

from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.intake.grids.cells import cell_text
from jixiao.intake.grids.delimited import whole
from jixiao.intake.grids.grid import CellError, Grid, file_rejected, is_blank, logged
from jixiao.intake.grids.reading import read_content
from jixiao.intake.tables.column_maps import normalised_label

FOLDERS = frozenset({"corrections", "更正", "更正单"})
_HASH_LEAST = 8
_HASH = re.compile(r"[0-9a-f]{8,64}")
_LETTERS = re.compile(r"[A-Za-z]{1,3}")
_HEAD_ROWS = 10
_COLUMNS_MOST = 16_384


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


@dataclass(frozen=True)
class AppliedCorrection:
    """A correction as it was applied to a file."""

    sheet: str
    row: int
    column: str
    old: str
    new: str
    reason: str
    by: str
    source: str


def is_correction_file(file: str) -> bool:
    """Whether a file of the inbox lies in a folder of corrections."""
    return any(part in FOLDERS for part in PurePosixPath(file).parts[:-1])


@cache
def _columns() -> dict[str, str]:
    """Comparable head → canonical column."""
    with (files("jixiao.intake.tables") / "columns_of_corrections.csv").open(encoding="utf-8") as lines:
        return {
            normalised_label(head): row["canonical_column"]
            for row in csv.DictReader(lines)
            for head in row["synonyms"].split("|")
        }


@cache
def _required() -> dict[str, str]:
    """Required column → its Chinese name."""
    with (files("jixiao.intake.tables") / "columns_of_corrections.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    return {row["canonical_column"]: row["synonyms"].split("|")[0] for row in rows if row["required"] == "yes"}


def read_corrections(path: Path, file: str) -> tuple[list[Correction], list[Finding]]:
    """The corrections of one file, and what is wrong with it. A broken row is left out, the others are kept.

    Raises:
        OSError: the file cannot be read.
    """
    content = read_content(path, file)
    if not content.grids:
        wrong = [f for f in content.findings if f.outcome is Outcome.REJECT_FILE]
        return [], wrong or [file_rejected(file, "KIND_UNKNOWN", "不是更正单，未采用", _FIX)]
    found: list[Correction] = []
    findings = [f for f in content.findings if f.outcome is not Outcome.ACCEPT]
    for grid in (whole(g) for g in content.grids):
        head = next(
            (i for i, row in enumerate(grid.rows[:_HEAD_ROWS]) if len(_heads(row)) >= len(_required()) // 2), None
        )
        if head is None:
            findings.append(
                file_rejected(file, "MISSING_COLUMN", f"找不到更正单的表头，未采用；需要的列：{_needed()}", _FIX)
            )
            continue
        columns = _heads(grid.rows[head])
        missing = [chinese for name, chinese in _required().items() if name not in columns]
        if missing:
            message = f"更正单缺少列「{'」「'.join(missing)}」，未采用；需要的列：{_needed()}"
            findings.append(file_rejected(file, "MISSING_COLUMN", message, _FIX, row=head + 1, sheet=grid.sheet))
            continue
        for number, row in enumerate(grid.rows[head + 1 :], start=head + 2):
            if all(is_blank(cell) for cell in row):
                continue
            texts = {name: cell_text(row[at]) if at < len(row) else "" for name, at in columns.items()}
            place = Place(file, grid.sheet, number)
            wrong_with = _wrong_with(texts)
            if wrong_with:
                findings.append(_refused(place, wrong_with))
                continue
            found.append(_correction(texts, place))
    return found, findings


_FIX = "请按「文件、工作表、行、列、原值、新值、原因、更正人」填写更正单"


def _needed() -> str:
    return "、".join(_required().values())


def _heads(row: Sequence[object]) -> dict[str, int]:
    """Canonical column → 0-based column of a row that may be the head."""
    found: dict[str, int] = {}
    for at, cell in enumerate(row):
        name = _columns().get(normalised_label(cell))
        if name:
            found.setdefault(name, at)
    return found


def _wrong_with(texts: Mapping[str, str]) -> str:
    """What keeps a row from being a correction; the expected value may be blank, for a cell that was left out."""
    for name, chinese in _required().items():
        if name not in {"expected", "new"} and not texts.get(name):
            return f"「{chinese}」是空的"
    if not texts["row"].isdecimal() or int(texts["row"]) < 1:
        return f"「行」写的是「{texts['row']}」，不是行号"
    if not _LETTERS.fullmatch(texts["column"]) or _index(texts["column"]) >= _COLUMNS_MOST:
        return f"「列」写的是「{texts['column']}」，不是列的字母"
    if texts["expected"] == texts["new"]:
        return "原值与新值相同"
    return ""


def _refused(place: Place, what: str) -> Finding:
    return Finding(
        code="CORRECTION_INVALID",
        severity=Severity.ERROR,
        place=place,
        message=f"{what}，这条更正未采用",
        fix=_FIX,
        outcome=Outcome.REJECT_ROW,
    )


def _correction(texts: Mapping[str, str], place: Place) -> Correction:
    return Correction(
        file=texts["file"],
        sheet=texts.get("sheet", ""),
        row=int(texts["row"]),
        column=texts["column"].upper(),
        expected=texts["expected"],
        new=texts["new"],
        reason=texts["reason"],
        by=texts["by"],
        place=place,
    )


def _index(letters: str) -> int:
    """``B`` → 1."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def is_meant(correction: Correction, file: str, sha256: str, batches: Mapping[str, str]) -> bool:
    """Whether a correction is of this file. ``batches``: number of a batch → hash of its file."""
    wanted = correction.file.strip().strip("《》")
    if wanted in {file, PurePosixPath(file).name}:
        return True
    lowered = wanted.lower()
    return (bool(_HASH.fullmatch(lowered)) and sha256.startswith(lowered)) or batches.get(wanted) == sha256


def corrected(
    grids: Sequence[Grid], corrections: Iterable[Correction], file: str
) -> tuple[tuple[Grid, ...], list[AppliedCorrection], list[Finding]]:
    """The grids of a file with its corrections applied, those that were, and what is said of each."""
    made = list(grids)
    applied: list[AppliedCorrection] = []
    findings: list[Finding] = []
    for correction in corrections:
        at = _sheet_of(made, correction)
        if at is None:
            findings.append(_unmatched(correction, f"《{file}》没有工作表「{correction.sheet}」"))
            continue
        grid = made[at] = whole(made[at])
        place = Place(file, grid.sheet, correction.row, correction.column)
        row, column = correction.row - 1, _index(correction.column)
        if row >= len(grid.rows):
            findings.append(_unmatched(correction, f"《{file}》只有 {len(grid.rows)} 行"))
            continue
        cell = grid.rows[row][column] if column < len(grid.rows[row]) else None
        old = str(cell) if isinstance(cell, CellError) else cell_text(cell)
        if not _same(old, correction.expected):
            findings.append(_stale(correction, place, old))
            continue
        made[at] = _with_cell(grid, row, column, _typed(correction.new, cell))
        applied.append(
            AppliedCorrection(
                grid.sheet, correction.row, correction.column, old, correction.new, correction.reason, correction.by,
                correction.place.chinese,
            )
        )  # fmt: skip
        message = f"按更正单（{correction.place.chinese}，{correction.by}：{correction.reason}）由「{old}」改为「{correction.new}」"
        findings.append(
            replace(
                logged("CORRECTION_APPLIED", place, message, "请在源系统中也作同样的更正", value=old),
                expected=correction.new,
            )
        )
    return tuple(made), applied, findings


def _sheet_of(grids: Sequence[Grid], correction: Correction) -> int | None:
    if not correction.sheet:
        return 0 if len(grids) == 1 else None
    return next((at for at, grid in enumerate(grids) if grid.sheet == correction.sheet), None)


def _same(one: str, other: str) -> bool:
    """Whether two printed values are one: as text, or as numbers (1,200.00 = 1200)."""
    if one.strip() == other.strip():
        return True
    numbers = [_number(text) for text in (one, other)]
    return None not in numbers and numbers[0] == numbers[1]


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text.replace(",", "").strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _typed(new: str, old: object) -> object:
    """The new value as its cell holds values: a number where a number stood, else text."""
    if isinstance(old, (int, float)) and not isinstance(old, bool) and (number := _number(new)) is not None:
        return float(number)
    return new


def _with_cell(grid: Grid, row: int, column: int, value: object) -> Grid:
    rows = list(grid.rows)
    cells = list(rows[row])
    cells.extend([None] * (column + 1 - len(cells)))
    cells[column] = value
    rows[row] = cells
    return replace(grid, rows=rows)


def _stale(correction: Correction, place: Place, old: str) -> Finding:
    mended = _same(old, correction.new)
    what = (
        "源文件已是新值，这条更正可以删除"
        if mended
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
        fix="请核对更正单的文件、工作表和行号",
        value=f"{correction.file} {correction.sheet} {correction.column}{correction.row}".replace("  ", " "),
        outcome=Outcome.ACCEPT_WITH_WARNING,
    )


def never_matched(correction: Correction) -> Finding:
    """The finding on a correction whose file is not here."""
    return _unmatched(correction, f"收件中没有「{correction.file}」")
