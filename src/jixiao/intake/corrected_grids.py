"""Grids with some cells changed, held in memory or read as a stream. Which cells: corrections.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from jixiao.intake.grids.delimited import whole
from jixiao.intake.grids.grid import Grid
from jixiao.intake.grids.stream import Block, DelimitedStream


def changed_grid(grid: Grid, changes: Mapping[tuple[int, int], object]) -> Grid:
    """The grid with some cells changed: (row, column), 0-based → the new value. A stream stays one."""
    rows = list(grid.rows)
    for (row, column), value in changes.items():
        if row < len(rows):
            rows[row] = _with_value(rows[row], column, value)
    stream = grid.stream
    if stream is not None and changes:
        texts = {(row + 1, column): str(value) for (row, column), value in changes.items()}
        stream = CorrectedStream(
            stream.path, stream.delimiter, stream.width, stream.encoding, source=stream, changes=texts
        )
    return replace(grid, rows=rows, stream=stream)


def _with_value(row: Sequence[object], column: int, value: object) -> list[object]:
    cells = [*row, *[None] * (column + 1 - len(row))]
    cells[column] = value
    return cells


@dataclass(frozen=True)
class CorrectedStream(DelimitedStream):
    """A stream with some cells changed on the way: (1-based row, 0-based column) → the new text.

    ``source`` is held so that a temporary file of it lives as long.
    """

    source: DelimitedStream | None = None
    changes: Mapping[tuple[int, int], str] = field(default_factory=dict, hash=False)

    def blocks(self) -> Iterator[Block]:
        by_row: dict[int, dict[int, str]] = {}
        for (row, column), new in self.changes.items():
            by_row.setdefault(row, {})[column] = new
        for block in super().blocks():
            yield _changed_block(block, by_row)


def _changed_block(block: Block, by_row: Mapping[int, Mapping[int, str]]) -> Block:
    import numpy as np
    import pyarrow as pa

    for row in by_row.keys() & block.odd.keys():
        for column, new in by_row[row].items():
            block.odd[row] = [str(cell or "") for cell in _with_value(block.odd[row], column, new)]
    positions = np.isin(block.numbers, np.fromiter(by_row, dtype="int64")).nonzero()[0].tolist()
    new_at = {position: by_row[int(block.numbers[position])] for position in positions}
    columns = list(block.columns)
    for at in {column for cells in new_at.values() for column in cells}:
        texts = columns[at].to_pylist()
        for position, cells in new_at.items():
            texts[position] = cells.get(at, texts[position])
        columns[at] = pa.array(texts, pa.string())
    return replace(block, columns=columns)


def whole_corrected(grid: Grid) -> Grid:
    """The grid with all its rows, for a kind that is not read by column; corrected where its stream is."""
    made = whole(grid)
    if not isinstance(grid.stream, CorrectedStream):
        return made
    return changed_grid(made, {(row - 1, column): new for (row, column), new in grid.stream.changes.items()})
