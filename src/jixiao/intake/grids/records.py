"""Delimited text → rows of cells: which delimiter, where a record ends, a quote that swallowed rows. Which file: delimited.py."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from jixiao.intake.tables.column_maps import known_head_words

DELIMITERS = "\t,;|"
SNIFF_CHARACTERS = 8192
HEAD_WORDS_NEEDED = 2
# ``sep=;``: the line by which Excel is told the delimiter. It shows no such line, so rows count from the next one.
_SEP_LINE = re.compile(r'\ufeff*"?sep=([^\r\n"])"?[^\S\r\n]*(?:\r\n|\r|\n)', re.IGNORECASE)
_LINE_ENDS = re.compile(r"\r\n|\r|\n")
# In so wide a table a line with as many delimiters inside one cell is a row that a quote has swallowed, and no prose.
_WIDE = 5
_CELL_CHARACTERS_MOST = 2**31 - 1


@dataclass(frozen=True)
class Layout:
    """How a delimited text is to be cut. ``begin`` characters before the first row are none of the table's."""

    delimiter: str
    begin: int = 0


def layout_of(text: str) -> Layout | None:
    """The layout of a text by its first lines: as ``sep=`` says, else the delimiter that shows the most known heads.

    None where no delimiter stands there.
    """
    told = _SEP_LINE.match(text)
    if told:
        return Layout(told[1], told.end())
    head = text[:SNIFF_CHARACTERS]
    counts = {mark: head.count(mark) for mark in DELIMITERS if mark in head}
    if not counts:
        return None
    words = {mark: known_head_words(records(head, Layout(mark))) for mark in counts} if len(counts) > 1 else {}
    return Layout(max(counts, key=lambda mark: (words.get(mark, 0), counts[mark])))


def records(text: str, layout: Layout) -> list[list[str]]:
    """The rows of a text: a quoted line break stays inside its cell. Marks of the byte order and NULs are cut."""
    csv.field_size_limit(_CELL_CHARACTERS_MOST)
    plain = text[layout.begin :].lstrip("\ufeff").replace("\0", "")
    return list(csv.reader(io.StringIO(plain, newline=""), delimiter=layout.delimiter))


def looks_like_a_table(text: str) -> bool:
    """Whether known column heads stand near the top."""
    return head_words(text)[0] >= HEAD_WORDS_NEEDED


def head_words(text: str) -> tuple[int, int]:
    """How many known column heads stand near the top, and how many of them in Chinese."""
    layout = layout_of(text)
    if layout is None:
        return 0, 0
    rows = records(text[: layout.begin + SNIFF_CHARACTERS], layout)
    chinese = [[cell if any(is_han(mark) for mark in cell) else "" for cell in row] for row in rows]
    return known_head_words(rows), known_head_words(chinese)


def is_han(mark: str) -> bool:
    """Whether a character is a Chinese one, common or rare."""
    return "\u3400" <= mark <= "\u9fff" or mark >= "\U00020000"


def swallowed_at(rows: Sequence[Sequence[str]], delimiter: str, width: int) -> int | None:
    """The 0-based position of the first row with whole rows in one of its cells: a quote there was never closed."""
    return next((at for at, row in enumerate(rows) if has_swallowed(row, delimiter, width)), None)


def has_swallowed(row: Sequence[str], delimiter: str, width: int) -> bool:
    """Whether a cell of the row holds whole rows of a table of ``width`` columns.

    Line breaks in a cell are nothing unusual. A line in it with as many delimiters as a row has is; in a narrow table,
    where prose may have as many, the row must miss or exceed cells besides.
    """
    if width < _WIDE and len(row) == width:
        return False
    least = max(width - 1, 1)
    return any(
        line.count(delimiter) >= least
        for cell in row
        if "\n" in cell or "\r" in cell
        for line in _LINE_ENDS.split(cell)[1:]
    )
