"""OpenDocument sheets (.ods, .fods): the elements of content.xml → grids.

Read by ourselves: calamine gives neither error values nor percentages nor hidden rows of them, and one repeated cell may
stand for a million.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from jixiao.intake.grids import limits
from jixiao.intake.grids.archives import Archive, Refused
from jixiao.intake.grids.cells import decimal_of_float, rounded
from jixiao.intake.grids.grid import WORD_SUFFIXES, CellError, Content, FileContent, Grid, file_rejected, suffix_of
from jixiao.intake.grids.markup_walk import Attributes, Walk, local, pieces_of, walk_xml
from jixiao.intake.grids.number_formats import PLAIN, Look, as_day
from jixiao.intake.grids.sheet_cells import SheetCells

SPACE = b"urn:oasis:names:tc:opendocument:xmlns:office"
_SPREADSHEET = b"opendocument.spreadsheet"
_HIDDEN_ROWS = {"collapse", "filter"}
_SHOWN_NUMBER = re.compile(r"-?[\d,]+(?:\.(\d+))?")
_CELLS = {"table-cell", "covered-table-cell"}
_NUMBERS = {"float", "percentage", "currency"}
_EXTENSION = "calcext"


def read_ods(archive: Archive, file: str) -> FileContent:
    """Raises: Refused, lxml.etree.LxmlError."""
    if "META-INF/manifest.xml" in archive and b"encryption-data" in archive.read("META-INF/manifest.xml"):
        raise Refused("文件已加密")
    if "mimetype" in archive and _SPREADSHEET not in archive.read("mimetype"):
        finding = file_rejected(
            file,
            "KIND_UNKNOWN",
            "是 OpenDocument 文档，不是表格，读不了",
            f"请用 WPS 或 Office 另存为 {'.docx' if suffix_of(file) in {*WORD_SUFFIXES, '.odt'} else '.xlsx'} 后再放入",
        )
        return FileContent(Content.NOTHING, findings=(finding,))
    with archive.open("content.xml") as part:
        return FileContent(Content.TABLES, read_tables(pieces_of(part), limits.cells_allowed(len(archive.blob))))


def read_tables(pieces: Iterable[bytes], allowed: int) -> tuple[Grid, ...]:
    """The sheets of a content.xml, or of a flat document. Raises: Refused, lxml.etree.LxmlError."""
    walk = _ContentWalk(allowed)
    walk_xml(pieces, walk)
    if not walk.is_spreadsheet:
        raise Refused("里面没有工作表")
    return tuple(walk.grids)


class _ContentWalk(Walk):
    """table → table-row → table-cell → p. Repeated blank cells and rows only move on; notes and shapes are no text."""

    def __init__(self, allowed: int) -> None:
        super().__init__()
        self.grids: list[Grid] = []
        self.is_spreadsheet = False
        self._allowed = allowed
        self._hidden_styles: set[str] = set()
        self._style = ""
        self._cells: SheetCells | None = None
        self._hidden = False
        self._tables = 0
        self._aside = 0
        self._row = self._column = 0
        self._row_repeats = 1
        self._line: list[tuple[int, int, object, Look]] = []
        self._cell: Attributes | None = None
        self._paragraphs: list[str] = []

    def opened(self, name: str, attributes: Attributes) -> None:
        if name in {"annotation", "shapes", "tracked-changes"}:
            self._aside += 1
        elif self._aside:
            return
        elif name == "spreadsheet":
            self.is_spreadsheet = True
        elif name == "style":
            self._style = _of(attributes, "name")
        elif name == "table-properties" and _of(attributes, "display") == "false":
            self._hidden_styles.add(self._style)
        elif name == "table":
            self._open_table(attributes)
        elif self._cells is not None and self._tables == 1:
            self._open_inside(name, attributes)

    def _open_table(self, attributes: Attributes) -> None:
        self._tables += 1
        if self._tables > 1 or not self.is_spreadsheet:
            return
        if len(self.grids) >= limits.SHEETS_A_WORKBOOK:
            raise Refused("工作表多得不合常理")
        self._cells = SheetCells(_of(attributes, "name"), self._allowed)
        self._hidden = _of(attributes, "style-name") in self._hidden_styles
        self._row = 0

    def _open_inside(self, name: str, attributes: Attributes) -> None:
        assert self._cells is not None
        if name == "table-row":
            self._row_repeats = _count(attributes, "number-rows-repeated")
            self._column, self._line = 0, []
            if _of(attributes, "visibility") in _HIDDEN_ROWS:
                last = min(self._row + self._row_repeats, limits.ROWS_A_SHEET)
                self._cells.hidden_rows.update(range(self._row, last))
        elif name in _CELLS:
            self._cell, self._paragraphs = dict(attributes), []
        elif self._cell is not None:
            if name == "p":
                self.listen()
            elif self.hears and name in {"s", "tab", "line-break"}:
                self.data("\n" if name == "line-break" else " ")

    def closed(self, name: str) -> None:
        if name in {"annotation", "shapes", "tracked-changes"}:
            self._aside -= 1
        elif self._aside:
            return
        elif name == "table":
            self._tables -= 1
            if self._tables == 0 and self._cells is not None:
                self._allowed -= self._cells.count
                self.grids.append(self._cells.grid(hidden=self._hidden))
                self._cells = None
        elif self._cells is not None and self._tables == 1:
            self._close_inside(name)

    def _close_inside(self, name: str) -> None:
        assert self._cells is not None
        if name == "p" and self.hears:
            self._paragraphs.append(self.heard())
        elif name in _CELLS and self._cell is not None:
            self._close_cell(self._cell, covered=name == "covered-table-cell")
            self._cell = None
        elif name == "table-row":
            for row in range(self._row, self._row + self._row_repeats) if self._line else ():
                for first, last, value, look in self._line:
                    for column in range(first, last):
                        self._cells.put(row, column, value, look)
            self._row += self._row_repeats

    def _close_cell(self, cell: Attributes, *, covered: bool) -> None:
        assert self._cells is not None
        repeats = _count(cell, "number-columns-repeated")
        value, look = (None, PLAIN) if covered else _value(cell, "\n".join(self._paragraphs))
        if value is not None and value != "":
            self._line.append((self._column, self._column + repeats, value, look))
        down, across = _count(cell, "number-rows-spanned"), _count(cell, "number-columns-spanned")
        if down > 1 or across > 1:
            self._cells.merged.append((self._row, self._column, self._row + down - 1, self._column + across - 1))
        self._column += repeats


def _value(cell: Attributes, text: str) -> tuple[object, Look]:
    kind, number = _of(cell, "value-type"), _of(cell, "value")
    formula = _of(cell, "formula")
    if any(local(key) == "value-type" and _EXTENSION in key and said == "error" for key, said in cell.items()):
        return CellError(text or "#ERROR"), PLAIN
    if formula and not kind and not text:
        return CellError(formula if formula.startswith("=") else f"={formula}", formula_without_value=True), PLAIN
    if number and kind in _NUMBERS:
        return _figure(number, text, percent=kind == "percentage")
    if kind == "date":
        return _day(_of(cell, "date-value"), text), PLAIN
    return _of(cell, "boolean-value") == "true" if kind == "boolean" else text or _of(cell, "string-value"), PLAIN


def _figure(number: str, text: str, *, percent: bool) -> tuple[object, Look]:
    try:
        read = float(number)
    except ValueError:
        return text, PLAIN
    return (read, _shown(read, text, percent=percent)) if math.isfinite(read) else (CellError("#NUM!"), PLAIN)


def _day(stated: str, text: str) -> object:
    try:
        return as_day(datetime.fromisoformat(stated.removesuffix("Z")))
    except ValueError:
        return text


def _shown(number: float, text: str, *, percent: bool) -> Look:
    """How the number is printed, by the print beside it: 97.67% has two decimals. A print in other units says nothing."""
    found = _SHOWN_NUMBER.fullmatch(text.strip().rstrip("%"))
    places = len(found[1] or "") if found else 0
    if percent:
        return Look(percent=places)
    if not found or not places:
        return PLAIN
    shown = rounded(decimal_of_float(number), places)
    return Look(places=places) if shown == Decimal(found[0].replace(",", "")) else PLAIN


def _of(attributes: Attributes, name: str) -> str:
    """An attribute of the format itself: extensions repeat its names."""
    return next((value for key, value in attributes.items() if local(key) == name and _EXTENSION not in key), "")


def _count(attributes: Attributes, name: str) -> int:
    said = _of(attributes, name)
    return max(1, int(said)) if said.isdecimal() and len(said) <= 9 else 1
