"""A grid: the raw cells of one sheet, and what a file turns out to be. Reading is in containers.py, delimited.py, markup.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from jixiao.domain.findings import Finding, Outcome, Place, Severity

if TYPE_CHECKING:
    from jixiao.intake.grids.stream import DelimitedStream

_LETTERS = 26
WORKBOOK_SUFFIXES = frozenset({".xlsx", ".xlsm", ".xls", ".et", ".ods", ".xlsb"})
TEXT_TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".tab"})
WORD_SUFFIXES = frozenset({".docx", ".doc", ".wps", ".docm"})
# A file with one of these names was meant as an input: what it holds instead is a fault, not a remark.
INPUT_SUFFIXES = WORKBOOK_SUFFIXES | TEXT_TABLE_SUFFIXES | WORD_SUFFIXES | {".md"}


@dataclass(frozen=True)
class CellError:
    """An error value of a spreadsheet, e.g. ``#REF!``, or a formula that was saved without its result."""

    text: str
    formula_without_value: bool = False

    def __str__(self) -> str:
        return self.text


# Error values as a sheet prints them: where a container has only their print, that is what they are.
ERROR_VALUES = frozenset({"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "#SPILL!", "#CALC!"})
_NOT_YET_A_VALUE = "#GETTING_DATA"


def is_error_value(text: str) -> bool:
    """Whether a text is an error that a sheet printed, as a CSV or a hand may have copied it."""
    shown = text.strip().upper()
    return shown in ERROR_VALUES or shown == _NOT_YET_A_VALUE


@dataclass(frozen=True)
class Grid:
    """One sheet as it stands: ``rows[0]`` is row 1 of Excel. Cells are str, float, int, bool, date, None or CellError.

    ``merged`` holds the merged ranges as (first row, first column, last row, last column), 0-based.
    ``percent_cells`` are cells whose number format shows a percentage, with its decimals; ``shown_places``
    cells whose format shows a fixed number of decimals. ``above`` are the paragraphs before a table of a Word file, its
    title among them. With a ``stream`` the rows are the first ones only: the file is read by column.
    """

    sheet: str
    rows: Sequence[Sequence[object]]
    hidden: bool = False
    hidden_rows: frozenset[int] = frozenset()
    merged: tuple[tuple[int, int, int, int], ...] = ()
    percent_cells: dict[tuple[int, int], int] = field(default_factory=dict)
    shown_places: dict[tuple[int, int], int] = field(default_factory=dict)
    above: tuple[str, ...] = ()
    stream: DelimitedStream | None = None

    @property
    def width(self) -> int:
        return max((len(row) for row in self.rows), default=0)


@dataclass(frozen=True)
class TextChapter:
    """A numbered chapter of a Word or Markdown text. ``paragraph`` is the 1-based number of its heading."""

    number: int
    heading: str
    paragraphs: tuple[str, ...]
    paragraph: int


class Content(StrEnum):
    """What the bytes of a file are, whatever its name says."""

    TABLES = "tables"
    TEXT = "text"
    NOTHING = "nothing"


@dataclass(frozen=True)
class FileContent:
    """What was read from one file: sheets, or chapters, or nothing with the finding that says why.

    ``preamble`` are the lines above the first chapter.
    """

    content: Content
    grids: tuple[Grid, ...] = ()
    chapters: tuple[TextChapter, ...] = ()
    preamble: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def column_letter(index: int) -> str:
    """0 → A, 25 → Z, 26 → AA."""
    letters = ""
    number = index + 1
    while number:
        number, rest = divmod(number - 1, _LETTERS)
        letters = chr(ord("A") + rest) + letters
    return letters


def is_blank(cell: object) -> bool:
    """Whether a cell shows nothing: empty, or white space alone (full-width blanks and zero-width marks too)."""
    if cell is None:
        return True
    if not isinstance(cell, str):
        return False
    return not cell.strip(" \t\r\n\v\f\u3000\xa0\u200b\ufeff")


def suffix_of(file: str) -> str:
    """The extension as it is compared: ``.xlsx``; empty where there is none."""
    return PurePosixPath(file).suffix.lower()


def file_rejected(
    file: str, code: str, message: str, fix: str, *, value: str = "", row: int | None = None, sheet: str = ""
) -> Finding:
    """The finding that keeps a whole file out. Here and everywhere in intake a message does not repeat its place."""
    return Finding(
        code=code,
        severity=Severity.ERROR,
        place=Place(file=file, sheet=sheet, row=row),
        message=message,
        fix=fix,
        value=value,
        outcome=Outcome.REJECT_FILE,
    )


def logged(code: str, place: Place, message: str, fix: str = "无需处理", *, value: str = "") -> Finding:
    """A remark: something was normalised or left aside, nothing is lost."""
    return Finding(
        code=code,
        severity=Severity.INFO,
        place=place,
        message=message,
        fix=fix,
        value=value,
        outcome=Outcome.ACCEPT_LOGGED,
    )


def file_skipped(file: str, why: str, fix: str = "如应导入，请另存为 .xlsx 或 .csv 再放入") -> Finding:
    """A file that is no input."""
    return logged("FILE_SKIPPED", Place(file=file), f"{why}，已略过", fix)


def file_corrupt(file: str, why: str) -> Finding:
    """A file that nobody can open; the mend names the format that its name asks for."""
    wanted = ".docx" if suffix_of(file) in WORD_SUFFIXES else ".xlsx"
    return file_rejected(
        file,
        "FILE_CORRUPT",
        f"打不开：{why}，未导入",
        f"请从原处重新导出；如加了密码，请去掉密码，用 WPS 或 Office 另存为 {wanted} 后再放入",
    )
