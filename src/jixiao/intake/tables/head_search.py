"""Where a head stands: each row near the top, alone or with the rows below it, read as the head of each kind.

Which head of these is the table's is decided in heads.py, which column is which in matching.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from jixiao.domain.books import Kind
from jixiao.intake.grids.grid import Grid, is_blank
from jixiao.intake.tables.column_maps import Column, ColumnMap, column_maps, has_head_words
from jixiao.intake.tables.derived import Derived, joined_columns, stepped_columns
from jixiao.intake.tables.matching import Match, match, ways_to_read

# A head stands near the top; what lies deeper is data.
HEAD_SEARCH_ROWS = 60
COLUMNS_NEEDED = 2
LEVELS_MOST = 3


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
        return (self.found_required, self.match.known, -self.last_row, -self.height)


def maps_for(kind: Kind | None) -> list[ColumnMap]:
    """The column maps to look for; ``kind`` given: its own alone."""
    return [column_map for column_map in column_maps().values() if kind in {None, column_map.kind}]


def heads_in(grid: Grid, maps: Sequence[ColumnMap], rows: Iterable[int]) -> list[Head]:
    """All ways to read one of ``rows`` as the first row of a head."""
    return [head for row in rows for head in heads_at(grid, maps, row)]


def heads_at(grid: Grid, maps: Sequence[ColumnMap], row: int, *, words: int = 1) -> list[Head]:
    """The ways to read one row, and up to two below it, as a head that has at least so many known ``words``."""
    found = []
    for height in range(1, LEVELS_MOST + 1):
        names = head_labels(grid, row, height)
        if len(names) < COLUMNS_NEEDED or not has_head_words(names.values(), words):
            continue
        found += [head for column_map in maps if (head := read_head(grid, column_map, row, names, height)).columns]
    return found


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
