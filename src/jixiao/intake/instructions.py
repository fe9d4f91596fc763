"""Tables by which people steer intake: answers to its questions (answers.py) and corrections of cells (corrections.py).

They come in any container and encoding that an export may come in; their columns are instruction_columns.csv.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from jixiao.domain.findings import Finding, Outcome, Place
from jixiao.intake.grids.cells import cell_text
from jixiao.intake.grids.delimited import whole
from jixiao.intake.grids.grid import FileContent, Grid, column_letter, file_rejected, is_blank
from jixiao.intake.grids.reading import read_content
from jixiao.intake.grids.stream import NotDecodable, decoded_copy
from jixiao.intake.tables.column_maps import normalised_label

# The head of a small table stands at its top, below a title or two.
_HEAD_SEARCH_ROWS = 20
_ENCODING = "gb18030"


@dataclass(frozen=True)
class InstructionRow:
    """One row: its place (column empty), its cells by canonical column, and the letters of the columns that are there."""

    place: Place
    cells: Mapping[str, object]
    letters: Mapping[str, str]

    def text(self, column: str) -> str:
        return cell_text(self.cells.get(column))

    def at(self, column: str) -> Place:
        """The cell of a column in this row."""
        return Place(self.place.file, self.place.sheet, self.place.row, self.letters.get(column, ""))


@dataclass(frozen=True)
class Instructions:
    """The rows of one file, and what was found on the way: a file whose head misses a column has none."""

    rows: tuple[InstructionRow, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class _Column:
    name: str
    synonyms: tuple[str, ...]
    required: bool


@cache
def _columns(table: str) -> tuple[_Column, ...]:
    with (files("jixiao.intake") / "instruction_columns.csv").open(encoding="utf-8") as lines:
        return tuple(
            _Column(row["canonical_column"], tuple(row["synonyms"].split("|")), row["required"] == "yes")
            for row in csv.DictReader(lines)
            if row["table"] == table
        )


def read_instructions(path: Path, file: str, table: str) -> Instructions:
    """Read a file of ``answers`` or ``corrections``; ``file`` is its name for messages. Blank rows are no rows.

    Raises:
        OSError: it cannot be read.
    """
    content = _content(path, file)
    if any(finding.outcome.rank >= Outcome.ASK_USER.rank for finding in content.findings):
        return Instructions(findings=content.findings)
    findings = list(content.findings)
    rows: list[InstructionRow] = []
    missing: Finding | None = None
    is_known = False
    for grid in map(whole, content.grids):
        head, columns = _head(grid, table)
        if head is not None:
            is_known = True
            rows += _rows(grid, file, head, columns)
        elif any(not is_blank(cell) for row in grid.rows for cell in row):
            missing = missing or _missing(grid, file, table, columns)
    if not is_known:
        nothing = file_rejected(file, "NO_DATA_ROWS", "里面没有表格，没有采用", "不需要的话请删除这个文件")
        findings.append(missing or nothing)
    return Instructions(tuple(rows), tuple(findings))


def _content(path: Path, file: str) -> FileContent:
    """What the file holds. Its heads are none of an export: where only they could tell the encoding, ours may be it."""
    content = read_content(path, file)
    if not any(finding.code == "ENCODING_DOUBTFUL" for finding in content.findings):
        return content
    try:
        plain = decoded_copy(path, _ENCODING)
    except NotDecodable:
        return content
    try:
        return read_content(plain, file)
    finally:
        plain.unlink(missing_ok=True)


def _head(grid: Grid, table: str) -> tuple[int | None, dict[str, int]]:
    """The row of the head and its columns; None with the nearest row's columns where a required one is missing."""
    nearest: dict[str, int] = {}
    for at, row in enumerate(grid.rows[:_HEAD_SEARCH_ROWS]):
        found = _matched(row, table)
        if all(column.name in found for column in _columns(table) if column.required):
            return at, found
        if len(found) > len(nearest):
            nearest = found
    return None, nearest


def _matched(row: Sequence[object], table: str) -> dict[str, int]:
    labels: dict[str, int] = {}
    for index, cell in enumerate(row):
        labels.setdefault(normalised_label(cell), index)
    found: dict[str, int] = {}
    for column in _columns(table):
        for synonym in column.synonyms:
            index = labels.get(normalised_label(synonym), -1)
            if index >= 0 and index not in found.values():
                found[column.name] = index
                break
    return found


def _rows(grid: Grid, file: str, head: int, columns: dict[str, int]) -> Iterator[InstructionRow]:
    letters = {name: column_letter(index) for name, index in columns.items()}
    for at in range(head + 1, len(grid.rows)):
        row = grid.rows[at]
        if all(is_blank(cell) for cell in row):
            continue
        cells = {name: row[index] if index < len(row) else None for name, index in columns.items()}
        yield InstructionRow(Place(file, grid.sheet, at + 1), cells, letters)


def _missing(grid: Grid, file: str, table: str, columns: dict[str, int]) -> Finding:
    lacking = [column for column in _columns(table) if column.required and column.name not in columns]
    named = "；".join(f"「{c.synonyms[0]}」（也认：{'、'.join(c.synonyms[1:4])}）" for c in lacking)
    return file_rejected(
        file,
        "MISSING_COLUMN",
        f"缺少列 {named}，整个文件没有采用",
        f"请补上「{lacking[0].synonyms[0]}」列后重新放入",
        sheet=grid.sheet,
    )
