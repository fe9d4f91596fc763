"""Cells gathered one by one into a grid: only filled ones take room, whatever a sheet says of its size.

For the readers that walk through XML or records themselves: ooxml.py, open_document.py, spreadsheet_xml.py, markup.py,
documents.py. Beyond the limits they stop with Refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from jixiao.intake.grids import limits
from jixiao.intake.grids.archives import Refused
from jixiao.intake.grids.grid import ERROR_VALUES, CellError, Grid, is_blank
from jixiao.intake.grids.number_formats import PLAIN, Look

# Places that rows of a sheet may take up to their last filled cell: empty ones share one object, a place is 8 bytes.
_PLACES_A_SHEET = 16_000_000
Range = tuple[int, int, int, int]


class SheetCells:
    """The cells of one sheet on their way into a grid. ``long`` are the places of texts beyond what a cell can hold."""

    def __init__(self, sheet: str, allowed: int) -> None:
        self.sheet = sheet
        self.long: list[tuple[int, int, int]] = []
        self.hidden_rows: set[int] = set()
        self.merged: list[Range] = []
        self._allowed = allowed
        self._rows: dict[int, list[object]] = {}
        self._places = 0
        self._percent: dict[tuple[int, int], int] = {}
        self._shown: dict[tuple[int, int], int] = {}
        self.count = 0

    def put(self, row: int, column: int, value: object, look: Look = PLAIN) -> None:
        """One cell, 0-based; blank ones are left out. Raises: Refused beyond the limits."""
        if isinstance(value, str):
            value = self._text(row, column, value)
        if value is None:
            return
        if not (0 <= row < limits.ROWS_A_SHEET and 0 <= column < limits.CELLS_A_ROW):
            raise Refused("行列数超过 Excel 的上限")
        cells = self._rows.setdefault(row, [])
        missing = column - len(cells)
        if missing < 0:
            cells[column] = value
        else:
            self._places += missing + 1
            if self._places > _PLACES_A_SHEET:
                raise Refused("行列数大得不合常理")
            cells.extend([""] * missing)
            cells.append(value)
        self.count += 1
        if self.count > self._allowed:
            raise Refused("单元格太多", too_large=True)
        if look.percent is not None:
            self._percent[row, column] = look.percent
        elif look.places and isinstance(value, (int, float)):
            self._shown[row, column] = look.places

    def _text(self, row: int, column: int, text: str) -> object:
        """A text as a cell holds it; None for a blank one."""
        if not text or (not text[0].isalnum() and is_blank(text)):
            return None
        if len(text) > limits.CELL_CHARACTERS:
            self.long.append((row, column, len(text)))
            return CellError(f"（{len(text)} 个字）")
        return CellError(text) if text in ERROR_VALUES else text

    def grid(self, *, hidden: bool = False, above: tuple[str, ...] = ()) -> Grid:
        """The sheet as it stands. Raises: Refused for merged ranges that cover it many times."""
        height = max(self._rows, default=-1) + 1
        rows: list[Sequence[object]] = [self._rows.get(row, ()) for row in range(height)]
        return Grid(
            sheet=self.sheet,
            rows=rows,
            hidden=hidden,
            hidden_rows=frozenset(row + 1 for row in self.hidden_rows if row in self._rows),
            merged=within(self.merged, rows),
            percent_cells=self._percent,
            shown_places=self._shown,
            above=above,
        )


def within(merged: Iterable[Range], rows: Sequence[Sequence[object]]) -> tuple[Range, ...]:
    """Merged ranges cut to where the sheet has cells, those of one cell left out.

    Raises: Refused where they cover the sheet again and again: ranges of an office do not overlap.
    """
    width = max(map(len, rows), default=0)
    kept: dict[Range, None] = {}
    covered = 0
    for first_row, first, last_row, last in merged:
        if first_row >= len(rows) or first >= width or (last_row <= first_row and last <= first):
            continue
        cut = (first_row, first, min(last_row, len(rows) - 1), max(first, min(last, width - 1)))
        if cut not in kept:
            kept[cut] = None
            covered += cut[2] - cut[0] + 1
        if covered > width * len(rows) + limits.AREA_ALWAYS:
            raise Refused("合并单元格互相重叠")
    return tuple(kept)
