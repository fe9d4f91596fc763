"""The sheets of an .xlsx from its XML: places, values, formats, hidden rows, merged ranges, formulas without a result.

``Workbook`` knows the parts; ``traces_of`` looks through a sheet without reading it, so that a plain big one may be given
to the fast reader (workbooks.py); ``read_sheet`` reads cell by cell, whatever the order, prefixes and namespaces.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from jixiao.intake.grids import limits
from jixiao.intake.grids.archives import Archive, Refused
from jixiao.intake.grids.grid import CellError
from jixiao.intake.grids.markup_walk import Attributes, Walk, local, pieces_of, walk_xml
from jixiao.intake.grids.number_formats import PLAIN, Look, as_day, look_by_number, moment
from jixiao.intake.grids.sheet_cells import Range, SheetCells

STANDARD_BOOK = "xl/workbook.xml"
_STANDARD_SHARED = "xl/sharedstrings.xml"
_PIECE = 4 * 2**20
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_REFERENCE = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})")
_COLUMN_LETTERS = 3
_TRUE = {"1", "true", "on"}
# Texts longer than this are few in an honest table: only they are counted against what cells may show in all.
_LONG_TEXT = 256


@dataclass(frozen=True)
class SheetPart:
    """A sheet of the workbook and the part that holds it."""

    name: str
    part: str
    hidden: bool


@dataclass
class Workbook:
    """What the parts beside the sheets say."""

    archive: Archive
    sheets: list[SheetPart]
    from_1904: bool
    is_standard: bool
    shared_part: str
    looks: list[Look]
    _shared: list[str] | None = field(default=None, repr=False)
    _shown: int = field(default=0, repr=False)

    @classmethod
    def of(cls, archive: Archive) -> Workbook:
        """Raises: Refused, lxml.etree.LxmlError."""
        book = _book_part(archive)
        relations = archive.relations(book)
        root = archive.tree(book)
        sheets = []
        from_1904 = False
        for element in root.iter():
            name = local(element.tag)
            if name == "workbookPr":
                from_1904 = (element.get("date1904") or "").lower() in _TRUE
            elif name == "sheet":
                kind, part = relations.get(_relation_id(element), ("", ""))
                if not part:
                    raise Refused(f"缺少工作表「{element.get('name') or ''}」的部件")
                if kind in {"worksheet", ""}:
                    hidden = (element.get("state") or "visible").lower() != "visible"
                    sheets.append(SheetPart(element.get("name") or "", part, hidden))
        if len(sheets) > limits.SHEETS_A_WORKBOOK:
            raise Refused("工作表多得不合常理")
        named = dict(relations.values())
        shared = named.get("sharedStrings", _STANDARD_SHARED)
        styles = named.get("styles", "xl/styles.xml")
        return cls(
            archive=archive,
            sheets=sheets,
            from_1904=from_1904,
            is_standard=book.lower() == STANDARD_BOOK and shared.lower() == _STANDARD_SHARED,
            shared_part=shared if shared in archive else "",
            looks=_looks(archive.tree(styles)) if styles in archive else [],
        )

    def shared(self) -> list[str]:
        """The shared texts, read once. Raises: Refused, lxml.etree.LxmlError."""
        if self._shared is None:
            walk = _SharedWalk()
            if self.shared_part:
                with self.archive.open(self.shared_part) as part:
                    walk_xml(pieces_of(part), walk)
            self._shared = walk.texts
        return self._shared

    def shared_text(self, index: str) -> str:
        """A shared text as a cell names it. Raises: Refused where there is none; beyond what cells may show in all."""
        shared = self.shared()
        if not index.strip().isdecimal() or int(index) >= len(shared):
            raise Refused("工作表引用的共享文字不存在")
        text = shared[int(index)]
        self._count_shown(text, uses=1)
        return text

    def shown(self, uses: Counter[bytes]) -> int:
        """Characters of the shared texts that cells show in all, by how often each is named. Raises: as above."""
        shared = self.shared()
        total = 0
        for index, times in uses.items():
            if int(index) >= len(shared):
                raise Refused("工作表引用的共享文字不存在")
            self._count_shown(shared[int(index)], uses=times)
            total += times * len(shared[int(index)])
        return total

    def _count_shown(self, text: str, *, uses: int) -> None:
        if len(text) > _LONG_TEXT:
            self._shown += uses * len(text)
            if self._shown > limits.TEXT_A_WORKBOOK:
                raise Refused("单元格的文字合计大得不合常理")

    def look(self, style: str | None) -> Look:
        if not style or not style.isdecimal():
            return self.looks[0] if self.looks and style is None else PLAIN
        return self.looks[int(style)] if int(style) < len(self.looks) else PLAIN


def _book_part(archive: Archive) -> str:
    """Where the workbook stands; by the package's own word, else at its usual place."""
    if "_rels/.rels" in archive:
        for kind, part in archive.relations("").values():
            if kind == "officeDocument" and part in archive:
                return part
    return STANDARD_BOOK


def _relation_id(element: Any) -> str:
    return next((v for k, v in element.attrib.items() if local(k) == "id" and "relationships" in k), "")


def _looks(root: Any) -> list[Look]:
    """Cell style → its look."""
    own = {
        int(fmt.get("numFmtId")): fmt.get("formatCode") or ""
        for fmt in root.iter("{*}numFmt")
        if (fmt.get("numFmtId") or "").isdecimal()
    }
    formats = next(iter(root.iter("{*}cellXfs")), ())
    numbers = [xf.get("numFmtId") or "0" for xf in formats if local(xf.tag) == "xf"]
    return [look_by_number(int(number), own) if number.isdecimal() else PLAIN for number in numbers]


# ── looking through ──────────────────────────────────────────────────────────────────────────────────────────────────

# What the fast reader does not tell, or not as a sheet shows it: errors, dates as text, hidden rows.
_TELLING_CELL = re.compile(rb' t="[ed]"')
_TELLING_ROW = re.compile(rb'<row[^>]* (?:hidden=|r="0|ht="0)')
_MAIN = (b"openxmlformats.org/spreadsheetml/", b"oclc.org/ooxml/spreadsheetml/")
_USUAL_MAIN = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_SHARED_USE = re.compile(rb't="s"[^>]*>\s*<v>\s*([0-9]+)')
_UTF8_HEAD = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:\?xml(?![^>]*encoding=(?![\"'][uU][tT][fF]-?8))|worksheet)")
_HEAD_BYTES = 65_536
# ``<c r="XFD1048576"`` and no more: what is looked at behind each ``<``.
_CELL_HEAD = 16


@dataclass
class Traces:
    """What a quick look at a sheet's part gives. ``is_plain``: the fast reader tells all there is to tell."""

    filled: int = 0
    last_row: int = -1
    last_column: int = -1
    spaces: int = 0
    is_plain: bool = True
    shared_uses: Counter[bytes] = field(default_factory=Counter)

    @property
    def is_dense(self) -> bool:
        """Whether the sheet's area is in proportion to its cells: the fast reader allots a place for each."""
        area = (self.last_row + 1) * (self.last_column + 1)
        return area <= limits.AREA_ALWAYS + limits.AREA_A_CELL * self.filled


def traces_of(workbook: Workbook, sheet: SheetPart) -> Traces:
    """Look through a sheet in pieces: how many cells are filled, how far they lie, what only ``read_sheet`` can read."""
    telling = [look.percent is not None or (workbook.from_1904 and look.is_date) for look in workbook.looks]
    styles = "|".join(str(at) for at, tells in enumerate(telling) if tells)
    told_by_style = re.compile(rf'<c [^>]*s="(?:{styles})"(?:[^>]*[^>/])?>'.encode()) if styles else None
    found = Traces()
    rest = b""
    with workbook.archive.open(sheet.part) as part:
        while piece := part.read(_PIECE):
            if not rest and not found.filled:
                found.is_plain &= bool(_UTF8_HEAD.match(piece)) and _USUAL_MAIN in piece[:_HEAD_BYTES]
            xml = rest + piece
            cut = max(xml.rfind(b"<"), 0)
            rest, xml = xml[cut:], xml[:cut]
            _look_at(xml, told_by_style, found)
            if len(rest) > limits.CELL_CHARACTERS:
                found.is_plain = False
    found.is_plain &= rest.strip() == b"</worksheet>"
    return found


def _look_at(xml: bytes, told_by_style: re.Pattern[bytes] | None, found: Traces) -> None:
    found.filled += xml.count(b"</v>") + xml.count(b"</is>")
    if not found.is_plain:
        return
    found.spaces += sum(xml.count(space) for space in _MAIN)
    telling = [_TELLING_CELL, _TELLING_ROW, *([told_by_style] if told_by_style else [])]
    if found.spaces > 1 or any(pattern.search(xml) for pattern in telling) or has_long_run(xml):
        found.is_plain = False
        return
    last_row, last_column, is_plain = _extent(xml)
    found.last_row, found.last_column = max(found.last_row, last_row), max(found.last_column, last_column)
    found.is_plain &= is_plain
    found.shared_uses.update(_SHARED_USE.findall(xml))


def _extent(xml: bytes) -> tuple[int, int, bool]:
    """The last row and column that a cell names (0-based), and whether each cell names its place and holds no formula."""
    import numpy as np

    marks = np.frombuffer(xml + b"\0" * _CELL_HEAD, dtype=np.uint8)
    tags = np.flatnonzero(marks == ord("<"))
    kinds, behind = marks[tags + 1], marks[tags + 2]
    names = np.isin(behind, np.frombuffer(b" >/\t\r\n", dtype=np.uint8))
    cells = tags[(kinds == ord("c")) & names]
    if b"/>" in xml and len(cells):  # blank cells with a format are no cells to the fast reader
        ends = np.append(np.flatnonzero(marks == ord(">")), len(xml))
        cells = cells[marks[ends[np.searchsorted(ends, cells)] - 1] != ord("/")]
    is_plain = not bool(((kinds == ord("!")) | ((kinds == ord("f")) & names)).any())
    for offset, mark in enumerate(b' r="', start=2):
        is_plain &= bool((marks[cells + offset] == mark).all())
    if not is_plain or not len(cells):
        return -1, -1, is_plain
    row, column = np.zeros(len(cells), dtype=np.int64), np.zeros(len(cells), dtype=np.int64)
    reading = np.ones(len(cells), dtype=bool)
    for offset in range(6, _CELL_HEAD):
        mark = marks[cells + offset].astype(np.int64)
        letters = reading & (mark >= ord("A")) & (mark <= ord("Z")) & (row == 0)
        digits = reading & (mark >= ord("0")) & (mark <= ord("9")) & (column > 0)
        column[letters] = column[letters] * 26 + mark[letters] - ord("A") + 1
        row[digits] = row[digits] * 10 + mark[digits] - ord("0")
        reading = letters | digits
        is_plain &= offset > 6 or bool(letters.all())
    return int(row.max()) - 1, int(column.max()) - 1, is_plain and bool((row > 0).all())


def has_long_run(xml: bytes) -> bool:
    """Whether a text without a tag is so long that a cell may hold more than it can: looked at by steps of half of it."""
    step = limits.CELL_CHARACTERS // 2
    return any(xml.find(b"<", at, at + step) < 0 for at in range(0, len(xml) - step, step))


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def read_sheet(workbook: Workbook, sheet: SheetPart, allowed: int) -> SheetCells:
    """A sheet cell by cell. ``allowed`` is how many filled cells it may have.

    Raises:
        Refused: beyond the limits, a shared text that is not there.
        lxml.etree.LxmlError: no well-formed XML.
    """
    walk = _SheetWalk(workbook, SheetCells(sheet.name, allowed))
    with workbook.archive.open(sheet.part) as part:
        walk_xml(pieces_of(part), walk)
    if not walk.is_sheet:
        raise Refused(f"工作表「{sheet.name}」的部件不是工作表")
    return walk.cells


class _SheetWalk(Walk):
    """The elements of a sheet: row, c with v, f, is; mergeCell. Millions pass by: what ``Walk`` does in two calls is one here."""

    def __init__(self, workbook: Workbook, cells: SheetCells) -> None:
        super().__init__()
        self.cells = cells
        self.is_sheet = False
        self._workbook = workbook
        self._row = self._column = -1
        self._row_digits = ""
        self._cell: Attributes | None = None
        self._text = ""
        self._formula: str | None = None
        self._inline: list[str] | None = None
        self._readings = 0

    def start(self, tag: str, attributes: Attributes) -> None:
        self.deeper()
        name = local(tag)
        if name == "c":
            self._cell = attributes
            self._text, self._formula, self._inline = "", None, None
            self._step(attributes.get("r") or "")
        elif self._cell is not None:
            if name in {"v", "t", "f"}:
                self.listen()
            elif name == "is":
                self._inline = []
            elif name == "rPh":
                self._readings += 1
        else:
            self.opened(name, attributes)

    def opened(self, name: str, attributes: Attributes) -> None:
        if name == "row":
            said = attributes.get("r") or ""
            self._row = int(said) - 1 if said.isdecimal() and int(said) > 0 else self._row + 1
            self._row_digits = str(self._row + 1)
            self._column = -1
            if _is_hidden(attributes):
                self.cells.hidden_rows.add(self._row)
        elif name == "mergeCell":
            if found := _range(attributes.get("ref") or ""):
                self.cells.merged.append(found)
        elif name == "worksheet":
            self.is_sheet = True

    def end(self, tag: str) -> None:
        self.higher()
        if self._cell is None:
            return
        name = local(tag)
        if name == "v":
            self._text = self.heard()
        elif name == "c":
            self._put(self._cell)
            self._cell = None
        elif name == "t":
            if self._inline is not None and not self._readings:
                self._inline.append(self.heard())
        elif name == "f":
            self._formula = self.heard()
        elif name == "rPh":
            self._readings -= 1

    def _step(self, reference: str) -> None:
        """To where a cell stands: by its reference, else right of the one before it."""
        digits = self._row_digits
        if digits and reference.endswith(digits) and (letters := reference[: -len(digits)]).isalpha():
            self._column = _index_of(letters)
            return
        found = _REFERENCE.fullmatch(reference)
        if found and int(found[2]) > 0:
            self._row, self._column = int(found[2]) - 1, column_index(found[1])
            self._row_digits = found[2]
        else:
            self._column += 1

    def _put(self, cell: Attributes) -> None:
        value = self._value(cell.get("t") or "n")
        look = PLAIN
        if isinstance(value, float):
            look = self._workbook.look(cell.get("s"))
            if look.is_date:
                value = moment(value, look, from_1904=self._workbook.from_1904)
        self.cells.put(self._row, self._column, value, look)

    def _value(self, kind: str) -> object:
        text = self._text
        if kind == "e":
            return CellError(text or "#ERROR")
        if self._inline is not None:
            return _unescaped("".join(self._inline))
        if not text:
            no_result = self._formula is not None and kind != "str"
            return CellError(f"={self._formula}", formula_without_value=True) if no_result else None
        read = _KINDS.get(kind)
        if kind == "s":
            return self._workbook.shared_text(text)
        return read(text) if read else _unescaped(text)


class _SharedWalk(Walk):
    """The shared texts: si with t, or runs r with t; readings above characters (rPh) are no text."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._runs: list[str] = []
        self._readings = 0

    def opened(self, name: str, attributes: Attributes) -> None:  # noqa: ARG002 - the walk gives them
        if name == "si":
            self._runs = []
        elif name == "t":
            self.listen()
        self._readings += name == "rPh"

    def closed(self, name: str) -> None:
        if name == "t":
            text = self.heard()
            if not self._readings:
                self._runs.append(text)
        elif name == "si":
            self.texts.append(_unescaped("".join(self._runs)))
        self._readings -= name == "rPh"


def _range(reference: str) -> Range | None:
    first, _, last = reference.partition(":")
    one, other = _REFERENCE.fullmatch(first), _REFERENCE.fullmatch(last or first)
    if not one or not other:
        return None
    top, left, bottom, right = int(one[2]) - 1, column_index(one[1]), int(other[2]) - 1, column_index(other[1])
    return min(top, bottom), min(left, right), max(top, bottom), max(left, right)


@lru_cache(maxsize=limits.CELLS_A_ROW)
def _index_of(letters: str) -> int:
    """As ``column_index``; beyond the last column of a sheet for what is no column."""
    return column_index(letters) if letters.isascii() and len(letters) <= _COLUMN_LETTERS else limits.CELLS_A_ROW


def column_index(letters: str) -> int:
    """``A`` → 0, ``AA`` → 26."""
    column = 0
    for letter in letters.upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1


def _is_hidden(row: Attributes) -> bool:
    """Hidden, filtered out, or of no height."""
    height = row.get("ht")
    return (row.get("hidden") or "").lower() in _TRUE or (height is not None and _number(height) == 0)


def _number(text: str) -> object:
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else CellError("#NUM!")


def _truth(text: str) -> object:
    return text.strip().lower() in _TRUE


def _iso_moment(text: str) -> object:
    try:
        return as_day(datetime.fromisoformat(text.strip().removesuffix("Z")))
    except ValueError:
        return text


_KINDS: dict[str, Callable[[str], object]] = {"n": _number, "b": _truth, "d": _iso_moment}


def _unescaped(text: str) -> str:
    """``_x000D_`` is how a part writes a character that XML cannot hold; halves of a surrogate pair stay as written."""
    return _ESCAPED.sub(_character, text) if "_x" in text else text


def _character(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return found[0] if 0xD800 <= code <= 0xDFFF else chr(code)
