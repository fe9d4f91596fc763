"""Where a head stands: each row near the top, alone or with the rows below it, read as the head of each kind.

Which head of these is the table's is decided in heads.py, which column is which in matching.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from jixiao.domain.books import Kind
from jixiao.intake.grids.grid import Grid, is_blank
from jixiao.intake.tables.bodies import units_of_row
from jixiao.intake.tables.column_maps import CellType, Column, ColumnMap, column_maps, has_head_words, is_head_word
from jixiao.intake.tables.derived import SUBJECT_PAIRS, Derived, How, holds_names, joined_columns, stepped_columns
from jixiao.intake.tables.matching import Match, match, ways_to_read

# A head stands near the top; what lies deeper is data.
HEAD_SEARCH_ROWS = 60
COLUMNS_NEEDED = 2
LEVELS_MOST = 3
# 编制单位：某某局 belongs to the title, 其中：财政拨款 to a head.
_TITLE_MARK = re.compile(r"(?<!其中)[:：]\s*\S")
# A longer text is a sentence.
_HEAD_CHARACTERS_MOST = 60


@dataclass(frozen=True)
class Head:
    """A row, or up to three, read as the head of a kind. ``row`` is its first one, 0-based; ``names`` are all its heads."""

    kind: Kind
    row: int
    height: int
    match: Match
    columns: dict[str, int]
    names: dict[int, tuple[str, ...]]
    missing: tuple[Column, ...]
    required: int
    derived: tuple[Derived, ...] = field(default=(), compare=False)

    @property
    def last_row(self) -> int:
        return self.row + self.height - 1

    @property
    def labels(self) -> dict[int, str]:
        """The heads as printed, their levels with LEVEL between them."""
        return {index: ways[0] for index, ways in self.names.items()}

    @property
    def found_required(self) -> int:
        return self.required - len(self.missing)

    @property
    def rank(self) -> tuple[int, int, int, int]:
        """The fullest one; of these the first that ends, for the same head may be repeated below; of these the lowest."""
        return (self.found_required, self.known, -self.last_row, -self.height)

    @property
    def places(self) -> frozenset[int]:
        """Where its columns stand: a repeated head may be worded otherwise, it stands over the same columns."""
        return frozenset(self.columns.values()) | {one.sources[0] for one in self.derived}

    @property
    def known(self) -> int:
        """How many columns are known by their heads."""
        return self.match.known + sum(len(one.sources) for one in self.derived if one.how is How.STEPS)


def maps_for(kind: Kind | None) -> list[ColumnMap]:
    """The column maps to look for; ``kind`` given: its own alone."""
    return [column_map for column_map in column_maps().values() if kind in {None, column_map.kind}]


def heads_in(grid: Grid, maps: Sequence[ColumnMap], rows: range, *, words: int = 1) -> list[Head]:
    """All ways to read one of ``rows`` as the first row of a head that has at least so many known ``words``."""
    worded = rows_with_head_words(grid, range(rows.start, min(rows.stop + LEVELS_MOST, len(grid.rows))), words)
    return [
        head
        for row in rows
        for height in range(1, LEVELS_MOST + 1)
        if not worded.isdisjoint(range(row, row + height))
        for head in _heads_of(grid, maps, row, height, words)
    ]


def rows_with_head_words(grid: Grid, rows: Iterable[int], words: int) -> set[int]:
    """The rows in which at least so many cells are known column heads: cheap, and nearly all rows of data have none."""
    known: dict[str, bool] = {}
    found = set()
    for row in rows:
        count = 0
        for cell in grid.rows[row]:
            if type(cell) is not str or len(cell) > _HEAD_CHARACTERS_MOST:
                continue
            if cell not in known:
                known[cell] = bool(cell) and not cell.isdecimal() and is_head_word(cell)
            count += known[cell]
        if count >= words:
            found.add(row)
    return found


def _heads_of(grid: Grid, maps: Sequence[ColumnMap], row: int, height: int, words: int) -> list[Head]:
    if height > 1 and not _may_be_a_level(grid.rows[row]):
        return []
    names = head_labels(grid, row, height)
    if len(names) < COLUMNS_NEEDED or not has_head_words(names.values(), words):
        return []
    return [head for column_map in maps if (head := read_head(grid, column_map, row, names, height)).columns]


def _may_be_a_level(row: Sequence[object]) -> bool:
    """Whether a row may be the first of several levels: not a title, which stands alone or says 单位：某某局."""
    texts = [cell for cell in row if isinstance(cell, str) and not is_blank(cell)]
    return len(texts) >= COLUMNS_NEEDED and not any(_TITLE_MARK.search(text) for text in texts)


def read_head(grid: Grid, column_map: ColumnMap, row: int, names: dict[int, tuple[str, ...]], height: int) -> Head:
    """One way to read a head, as one kind."""
    made = match(column_map, names)
    columns = dict(made.columns)
    derived: list[Derived] = []
    if len(columns) >= COLUMNS_NEEDED:
        stepped, named = stepped_columns(column_map, names) if "function_code" not in columns else ([], {})
        columns |= {name: index for name, index in named.items() if name not in columns}
        last = row + height - 1
        known = {column.name for column in column_map.columns}
        for code, name in SUBJECT_PAIRS:
            at = columns.get(code, -1)
            either = made.ambiguous.get(at, ())
            if name in known - columns.keys() and name in either and holds_names(grid, last, at):
                columns[name] = columns.pop(code)
        derived = [*stepped, *(d for d in joined_columns(grid, last, columns) if d.name in known)]
    present = columns.keys() | {one.name for one in derived}
    needed = [c for c in column_map.columns if c.required or (c.required_unless and c.required_unless not in present)]
    return Head(
        kind=column_map.kind,
        row=row,
        height=height,
        match=made,
        columns=columns,
        names=names,
        missing=tuple(column for column in needed if column.name not in present),
        required=len(needed),
        derived=tuple(derived),
    )


def with_level_below(grid: Grid, column_map: ColumnMap, head: Head) -> Head:
    """The head with the row below it where that is a level of its own: words under the amounts, nothing under the names.

    Such a level changes no column: 合计 | 其中：财政拨款 below each amount.
    """
    below = grid.rows[head.last_row + 1] if head.last_row + 1 < len(grid.rows) else ()
    filled = {at: cell for at, cell in enumerate(below) if not is_blank(cell)}
    named = {index for name, index in head.columns.items() if column_map.column(name).cell_type is not CellType.MONEY}
    is_level = len(filled) >= COLUMNS_NEEDED and not filled.keys() & named
    is_words = all(isinstance(cell, str) and not any(c.isdigit() for c in cell) for cell in filled.values())
    if head.height == LEVELS_MOST or not is_level or not is_words or units_of_row(below):
        return head
    longer = read_head(grid, column_map, head.row, head_labels(grid, head.row, head.height + 1), head.height + 1)
    return longer if not longer.missing and longer.columns.keys() >= head.columns.keys() else head


# ── the texts of a head ──────────────────────────────────────────────────────────────────────────────────────────────


def head_labels(grid: Grid, row: int, height: int) -> dict[int, tuple[str, ...]]:
    """Column → the ways to read its head, the most exact first; see ``ways_to_read``."""
    levels = [list(cells) for cells in grid.rows[row : row + height]]
    if len(levels) < height:
        return {}
    if height == 1:
        return {i: (cell,) for i, cell in enumerate(levels[0]) if isinstance(cell, str) and not is_blank(cell)}
    width = max(len(cells) for cells in levels)
    for cells in levels:
        cells.extend([None] * (width - len(cells)))
    for number in reversed(range(height - 1)):
        _spread(grid, row + number, levels[number], levels[number + 1])
    labels: dict[int, tuple[str, ...]] = {}
    for index in range(width):
        column = [cells[index] for cells in levels]
        if any(not is_blank(cell) and not isinstance(cell, str) for cell in column[1:]):
            continue
        texts = [cell for cell in column if isinstance(cell, str) and not is_blank(cell)]
        if texts:
            labels[index] = ways_to_read(list(dict.fromkeys(texts)))
    return labels


def _spread(grid: Grid, row: int, cells: list[object], below: Sequence[object]) -> None:
    """A group's label over all its columns: by its merged range, or, in a text without such, over the blanks that follow."""
    ranges = [area for area in grid.merged if area[0] <= row <= area[2]]
    for first_row, first, _, last in ranges:
        if first_row == row and first < len(cells):
            for at in range(first, min(last + 1, len(cells))):
                cells[at] = cells[first]
    if ranges:
        return
    group: object = None
    for at, cell in enumerate(cells):
        if not is_blank(cell):
            group = cell if _is_text(below, at) else None
        elif _is_text(below, at):
            cells[at] = group
        else:
            group = None


def _is_text(row: Sequence[object], at: int) -> bool:
    return at < len(row) and isinstance(row[at], str) and not is_blank(row[at])
