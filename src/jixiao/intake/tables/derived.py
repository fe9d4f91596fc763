"""Columns that a sheet does not have and its cells hold: code and name in one cell, a 科目 code in a column each of 类, 款, 项.

They are put right of the sheet's own columns, so that all that reads a table by its columns reads them like any other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from jixiao.intake.grids.cells import cell_text
from jixiao.intake.grids.grid import Grid, is_blank
from jixiao.intake.tables.column_maps import ColumnMap, normalised_label

if TYPE_CHECKING:
    import pyarrow as pa

# [301002]某某局, 301002-某某局, 301002某某局; 301中学 is a name.
_CODE = r"\d{3,20}|\d{3}(?:[-.]\d{2,3}){1,3}"
_CODE_FIRST = re.compile(
    rf"(?:[(\[【]\s*(?P<a>{_CODE})\s*[)\]】][\s\-_—–:、.]*|(?P<b>{_CODE})[\s\-_—–:、.]+|(?P<c>\d{{6,20}}))(?P<name>[^\d\s\-_].*)"
)
_SUBJECT_FIRST = re.compile(r"[(\[【]?\s*(\d{3}(?:\d{2}){0,2})\s*[)\]】]?[\s\-_—–:、.]*([^\d\s\-_].*)")
_CODE_LAST = re.compile(r"(\D*[^\d\s\-_(\[【])\s*[(\[【](\d{3,20})[)\]】]")
_CODE_ALONE = re.compile(r"[(\[【]?\s*(\d{3,20})\s*[)\]】]?")
_SAMPLED = 60
# Totals, repeated heads and titles between the rows have no code: one cell in four is enough.
_JOINED_SHARE = 4
_LEAVES = ("类", "款", "项")
_NAME_LEAVES = frozenset({"名称", "科目名称", "项目"})
# Code columns beside the column of the same thing's name; a register's 上级 has a code alone.
_PAIRS = (("unit_code", "unit_name"), ("parent_code", ""))
SUBJECT_PAIRS = (("function_code", "function_name"), ("economic_code", "economic_name"))
_CLASS_DIGITS = 3


class How(StrEnum):
    """How a derived column is made of the cells of its sources."""

    CODE = "code"
    NAME = "name"
    SUBJECT_NAME = "subject_name"
    STEPS = "steps"


@dataclass(frozen=True)
class Derived:
    """A column made of others: the canonical name, the columns that it is made of, and how."""

    name: str
    sources: tuple[int, ...]
    how: How


def code_and_name(text: str) -> tuple[str, str]:
    """``[301002]某某局``, ``301002-某某局``, ``某某局（301002）`` → (301002, 某某局); without a code ("", the text)."""
    shown = unicodedata.normalize("NFKC", text).strip()
    if found := _CODE_FIRST.fullmatch(shown):
        return found["a"] or found["b"] or found["c"], found["name"].strip()
    if found := _CODE_LAST.fullmatch(shown):
        return found[2], found[1].strip()
    if found := _CODE_ALONE.fullmatch(shown):
        return found[1], ""
    return "", text


def subject_and_name(text: str) -> tuple[str, str]:
    """``2060301 机构运行``, ``206科学技术支出`` → code and name of a 科目; without a code ("", the text)."""
    found = _SUBJECT_FIRST.fullmatch(unicodedata.normalize("NFKC", text).strip())
    return (found[1], found[2].strip()) if found else ("", text)


def joined_columns(grid: Grid, head_row: int, columns: Mapping[str, int]) -> list[Derived]:
    """The code and name columns of a table whose cells hold both, in most of its first rows."""
    made: list[Derived] = []
    for code, name in _PAIRS:
        at = next((columns[c] for c in (code, name) if c in columns and _is_joined(grid, head_row, columns[c])), None)
        if at is None:
            continue
        if columns.get(code, at) == at:
            made.append(Derived(code, (at,), How.CODE))
        if name and columns.get(name, at) == at:
            made.append(Derived(name, (at,), How.NAME))
    for code, name in SUBJECT_PAIRS:
        at = columns.get(code)
        if at is not None and name not in columns and _is_joined(grid, head_row, at, subject_and_name):
            made.append(Derived(name, (at,), How.SUBJECT_NAME))
    return made


def holds_names(grid: Grid, head_row: int, at: int) -> bool:
    """Whether a column that may hold codes or names holds names without a code."""
    texts = _sample(grid, head_row, at)
    return bool(texts) and 2 * sum(any(c.isdigit() for c in text) for text in texts) < len(texts)


def _is_joined(grid: Grid, head_row: int, at: int, split: Callable[[str], tuple[str, str]] = code_and_name) -> bool:
    """Whether cells of a column hold a code and a name: most of those with a digit, and not one among many."""
    texts = _sample(grid, head_row, at)
    joined = sum(all(split(text)) for text in texts)
    numbered = sum(any(c.isdigit() for c in text) for text in texts)
    return 2 * joined > numbered and _JOINED_SHARE * joined >= len(texts) > 0


def _sample(grid: Grid, head_row: int, at: int) -> list[str]:
    cells = (row[at] for row in grid.rows[head_row + 1 : head_row + 1 + _SAMPLED] if at < len(row))
    return [cell_text(cell) for cell in cells if not is_blank(cell)]


def stepped_columns(column_map: ColumnMap, labels: Mapping[int, Sequence[str]]) -> tuple[list[Derived], dict[str, int]]:
    """A 科目 code in columns of its own for 类, 款 and 项, and the column of its name beside them where the map needs it."""
    levels = {index: ways[0].split("\n\n") for index, ways in labels.items()}
    leaves = {index: normalised_label(texts[-1]) for index, texts in levels.items()}
    for first in sorted(index for index, leaf in leaves.items() if leaf == _LEAVES[0]):
        run = [first + step for step, leaf in enumerate(_LEAVES) if leaves.get(first + step) == leaf]
        if len(run) < 2 or run != list(range(first, first + len(run))):
            continue
        kind = "economic" if any("经济" in text for text in levels[first]) else "function"
        known = {column.name for column in column_map.columns}
        if f"{kind}_code" not in known:
            continue
        beside = next((i for i, leaf in sorted(leaves.items()) if i > run[-1] and leaf in _NAME_LEAVES), None)
        named = {f"{kind}_name": beside} if beside is not None and f"{kind}_name" in known else {}
        return [Derived(f"{kind}_code", tuple(run), How.STEPS)], named
    return [], {}


def widened(grid: Grid, head_row: int, derived: Sequence[Derived]) -> Grid:
    """The grid with the derived columns at the right of its rows below the head. A stream gets them block by block."""
    if not derived or grid.stream is not None:
        return grid
    width = grid.width
    values = zip(*(_values(one, _cells(grid.rows[head_row + 1 :], one)) for one in derived), strict=True)
    below = [
        [*row, *[None] * (width - len(row)), *made] if row else row
        for row, made in zip(grid.rows[head_row + 1 :], values, strict=True)
    ]
    return replace(grid, rows=[*grid.rows[: head_row + 1], *below])


def derived_arrays(derived: Sequence[Derived], columns: Sequence[pa.Array]) -> list[pa.Array]:
    """The derived columns of one block of a stream."""
    import pyarrow as pa

    made = []
    for one in derived:
        if one.how is How.STEPS:
            cells: Any = zip(*(columns[at].to_pylist() for at in one.sources), strict=True)
            made.append(pa.array(list(_values(one, cells)), pa.string()))
            continue
        coded = columns[one.sources[0]].dictionary_encode()
        words = pa.array(list(_values(one, ((word,) for word in coded.dictionary.to_pylist()))), pa.string())
        made.append(words.take(coded.indices))
    return made


def _cells(rows: Iterable[Sequence[object]], one: Derived) -> Iterator[tuple[object, ...]]:
    for row in rows:
        yield tuple(row[at] if at < len(row) else None for at in one.sources)


def _values(one: Derived, cells: Iterable[tuple[object, ...]]) -> Iterator[str]:
    if one.how is How.STEPS:
        yield from _steps(cells)
        return
    split = subject_and_name if one.how is How.SUBJECT_NAME else code_and_name
    for (cell,) in cells:
        code, name = split(cell_text(cell))
        yield code if one.how is How.CODE else name


def _steps(cells: Iterable[tuple[object, ...]]) -> Iterator[str]:
    """206 | 01 | 01 → 2060101. A blank before a filled step repeats the row above; a step may print the whole code."""
    above: list[str] = []
    for row in cells:
        texts = ["".join(cell_text(cell).split()) for cell in row]
        filled = [at for at, text in enumerate(texts) if text]
        if not filled:
            yield ""
            continue
        own = [texts[at] or (above[at] if at < len(above) else "") for at in range(filled[-1] + 1)]
        if not all(text.isdigit() and text.isascii() for text in own):
            yield ""
            continue
        above = own
        code = ""
        for at, text in enumerate(own):
            step = text.zfill(2) if at else text.zfill(_CLASS_DIGITS)
            code = text if code and text.startswith(code) and len(text) > len(code) else code + step
        yield code
