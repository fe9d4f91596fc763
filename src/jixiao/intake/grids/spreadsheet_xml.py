"""XML Spreadsheet 2003 (``<?mso-application progid="Excel.Sheet"?>``), as treasury systems write it under the name .xls.

Cells without ss:Index follow the one before; ss:Type says what a value is, the style of a cell how it is printed. Other
markup: markup.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime

from jixiao.intake.grids import limits
from jixiao.intake.grids.archives import Refused
from jixiao.intake.grids.grid import CellError
from jixiao.intake.grids.markup_walk import Attributes, Walk, attribute, walk_xml
from jixiao.intake.grids.number_formats import PLAIN, Look, as_day, look_of
from jixiao.intake.grids.sheet_cells import SheetCells

SPACE = b"urn:schemas-microsoft-com:office:spreadsheet"
# Formats that the dialect names instead of writing their code.
_NAMED = {"Percent": Look(percent=2), "Fixed": Look(places=2), "Standard": Look(places=2), "Currency": Look(places=2)}
_VISIBLE = {"", "SheetVisible"}
_INDEX_DIGITS = 9


def read_sheets(pieces: Iterable[bytes], allowed: int) -> list[tuple[SheetCells, bool]]:
    """The sheets in their order, each with whether it is hidden.

    Raises:
        Refused: a DOCTYPE, more than the limits, no workbook.
        lxml.etree.LxmlError: no well-formed XML to its end.
    """
    walk = _BookWalk(allowed)
    walk_xml(pieces, walk)
    if not walk.is_workbook:
        raise Refused("里面没有工作簿")
    return walk.sheets


class _BookWalk(Walk):
    """Styles, then Worksheet → Table → Row → Cell → Data; Comment beside Data is no value."""

    def __init__(self, allowed: int) -> None:
        super().__init__()
        self.sheets: list[tuple[SheetCells, bool]] = []
        self.is_workbook = False
        self._allowed = allowed
        self._styles: dict[str, Look] = {}
        self._parents: dict[str, str] = {}
        self._style = ""
        self._cells: SheetCells | None = None
        self._hidden = False
        self._row = self._column = -1
        self._row_style = ""
        self._row_span = 0
        self._next_column = 0
        self._cell: Attributes | None = None
        self._kind = ""
        self._text: str | None = None
        self._in_comment = False

    def opened(self, name: str, attributes: Attributes) -> None:
        if name == "Workbook":
            self.is_workbook = True
        elif name == "Style":
            self._style = attribute(attributes, "ID")
            self._parents[self._style] = attribute(attributes, "Parent")
        elif name == "NumberFormat":
            code = attribute(attributes, "Format")
            self._styles[self._style] = _NAMED.get(code) or _look(code)
        elif name == "Worksheet":
            if len(self.sheets) >= limits.SHEETS_A_WORKBOOK:
                raise Refused("工作表多得不合常理")
            self._cells, self._hidden = SheetCells(attribute(attributes, "Name"), self._allowed), False
            self._row = -1
        elif name == "Visible" and self._cells is not None:
            self.listen()
        elif self._cells is not None:
            self._open_inside(self._cells, name, attributes)

    def _open_inside(self, cells: SheetCells, name: str, attributes: Attributes) -> None:
        if name == "Row":
            self._row = _index(attributes, self._row + 1)
            self._row_span = _number(attributes, "Span")
            self._next_column = 0
            self._row_style = attribute(attributes, "StyleID")
            if attribute(attributes, "Hidden") == "1" or attribute(attributes, "Height") == "0":
                cells.hidden_rows.add(self._row)
        elif name == "Cell":
            self._cell = dict(attributes)
            self._column = _index(attributes, self._next_column)
            self._text, self._kind, self._in_comment = None, "", False
            across, down = _number(attributes, "MergeAcross"), _number(attributes, "MergeDown")
            self._next_column = self._column + across + 1
            if across or down:
                cells.merged.append((self._row, self._column, self._row + down, self._column + across))
        elif name == "Comment":
            self._in_comment = True
        elif name == "Data" and self._cell is not None and not self._in_comment:
            self._kind = attribute(attributes, "Type")
            self.listen()

    def closed(self, name: str) -> None:
        cells = self._cells
        if cells is None:
            return
        if name == "Data" and self._cell is not None and not self._in_comment:
            self._text = self.heard()
        elif name == "Comment":
            self._in_comment = False
        elif name == "Cell" and self._cell is not None:
            self._put(cells, self._cell)
            self._cell = None
        elif name == "Row":
            self._row += self._row_span
        elif name == "Visible":
            self._hidden = self.heard().strip() not in _VISIBLE
        elif name == "Worksheet":
            self._allowed -= cells.count
            self.sheets.append((cells, self._hidden))
            self._cells = None

    def _put(self, cells: SheetCells, cell: Attributes) -> None:
        formula = attribute(cell, "Formula")
        if self._text is None:
            value: object = CellError(formula, formula_without_value=True) if formula else None
        else:
            value = _value(self._kind, self._text)
        look = self._look(attribute(cell, "StyleID") or self._row_style) if isinstance(value, float) else PLAIN
        cells.put(self._row, self._column, value, PLAIN if look.is_date else look)

    def _look(self, style: str) -> Look:
        for _ in range(limits.DEPTH):
            if style in self._styles or not style:
                break
            style = self._parents.get(style, "")
        return self._styles.get(style, PLAIN)


def _look(code: str) -> Look:
    return Look(is_date=True) if "Date" in code or "Time" in code else look_of(code)


def _value(kind: str, text: str) -> object:
    if kind == "Number":
        try:
            number = float(text)
        except ValueError:
            return text
        return number if math.isfinite(number) else CellError("#NUM!")
    if kind == "DateTime":
        try:
            return as_day(datetime.fromisoformat(text.strip().removesuffix("Z")))
        except ValueError:
            return text
    if kind == "Boolean":
        return text.strip() in {"1", "true"}
    return CellError(text or "#ERROR") if kind == "Error" else text


def _index(attributes: Attributes, otherwise: int) -> int:
    """The 0-based place that ss:Index states."""
    return max(_number(attributes, "Index") - 1, otherwise) if attribute(attributes, "Index") else otherwise


def _number(attributes: Attributes, name: str) -> int:
    text = attribute(attributes, name).strip()
    return min(int(text), 10**_INDEX_DIGITS) if text.isdecimal() and len(text) <= 2 * _INDEX_DIGITS else 0
