"""What the records of .xls (BIFF) and .xlsb say beside the values: how far the cells lie, errors, formats, hidden rows.

The values themselves come from calamine (workbooks.py), which allots a place for each cell between the first and the
last, and a copy of each text that a cell shows: whether that fits is found out here first.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from jixiao.intake.grids import limits
from jixiao.intake.grids.archives import Archive, Refused
from jixiao.intake.grids.number_formats import PLAIN, Look, look_by_number

_ERRORS = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A"}
_UNKNOWN_ERROR = "#ERROR"
_BROKEN = "内容不完整，可能已损坏或未下载完整"

# ── what both give ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class SheetRecords:
    """A sheet by its records: extents of its filled cells (0-based), and what stands in single cells."""

    name: str
    filled: int = 0
    last_row: int = -1
    last_column: int = -1
    hidden_rows: set[int] = field(default_factory=set)
    errors: dict[tuple[int, int], str] = field(default_factory=dict)
    percent: dict[tuple[int, int], int] = field(default_factory=dict)
    places: dict[tuple[int, int], int] = field(default_factory=dict)
    shared_uses: Counter[int] = field(default_factory=Counter)

    def see(self, row: int, column: int) -> None:
        self.filled += 1
        self.last_row = max(self.last_row, row)
        self.last_column = max(self.last_column, column)

    def see_number(self, row: int, column: int, look: Look) -> None:
        self.see(row, column)
        if look.percent is not None:
            self.percent[row, column] = look.percent
        elif look.places:
            self.places[row, column] = look.places

    @property
    def is_dense(self) -> bool:
        area = (self.last_row + 1) * (self.last_column + 1)
        return area <= limits.AREA_ALWAYS + limits.AREA_A_CELL * self.filled


@dataclass
class BookRecords:
    """A workbook by its records. ``lengths`` are those of its shared texts."""

    sheets: list[SheetRecords] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    links: bool = False

    def refuse_what_does_not_fit(self, allowed: int) -> None:
        """Raises: Refused for more cells, area or text than is read."""
        if sum(sheet.filled for sheet in self.sheets) > allowed:
            raise Refused("单元格太多", too_large=True)
        if not all(sheet.is_dense for sheet in self.sheets):
            raise Refused("行列数大得不合常理")
        shown = 0
        for sheet in self.sheets:
            for index, uses in sheet.shared_uses.items():
                if index >= len(self.lengths):
                    raise Refused("工作表引用的共享文字不存在")
                shown += uses * self.lengths[index]
        if shown > limits.TEXT_COPIED:
            raise Refused("单元格的文字合计大得不合常理")


# ── .xls ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

_BOF, _EOF, _CONTINUE, _FILEPASS = 0x809, 0x0A, 0x3C, 0x2F
_BOUNDSHEET, _FORMAT, _XF, _SST, _SUPBOOK = 0x85, 0x41E, 0xE0, 0xFC, 0x1AE
_ROW, _NUMBER, _RK, _MULRK, _LABELSST = 0x208, 0x203, 0x27E, 0xBD, 0xFD
_FORMULA, _BOOLERR = 0x06, 0x205
_OTHER_CELLS = {0x204, 0xD6, _LABELSST, _BOOLERR}
_BIFF8 = 0x600
_FORMULA_ERROR = 2
_ROW_HIDDEN = 0x20
_CELL = struct.Struct("<3H")
_OWN_LINKS = (b"\x01\x04", b"\x01\x3a")


def xls_records(stream: bytes) -> BookRecords:
    """The records of a Workbook or Book stream. Raises: Refused for an encrypted one, or one that is cut off."""
    walk = _XlsWalk()
    for at, kind, body in _xls_records(stream):
        walk.see(at, kind, body)
    if not walk.starts or len(walk.book.sheets) < len(walk.starts):
        raise Refused(_BROKEN)
    walk.book.lengths = _sst_lengths(walk.shared)
    return walk.book


class _XlsWalk:
    """The records in their order: those of the whole workbook first, which say where each sheet begins, then the sheets."""

    def __init__(self) -> None:
        self.book = BookRecords()
        self.starts: dict[int, str] = {}
        self.shared: list[bytes] = []
        self._own: dict[int, str] = {}
        self._looks: list[Look] = []
        self._version = _BIFF8
        self._sheet: SheetRecords | None = None
        self._depth = 0
        self._in_shared = False

    def see(self, at: int, kind: int, body: bytes) -> None:
        if kind == _BOF:
            self._begin(at, body)
        elif kind == _EOF:
            self._depth -= 1
            self._sheet = self._sheet if self._depth > 0 else None
        elif kind == _FILEPASS:
            raise Refused("文件已加密")
        elif self._sheet is None:
            self._see_global(kind, body)
        elif self._depth == 1:
            _see_xls_cell(self._sheet, kind, body, self._looks)

    def _begin(self, at: int, body: bytes) -> None:
        self._depth += 1
        if self._depth > 1:  # a chart inside a sheet
            return
        if at in self.starts:
            self._sheet = SheetRecords(self.starts[at])
            self.book.sheets.append(self._sheet)
        elif not self.starts:
            self._version = int.from_bytes(body[:2], "little")

    def _see_global(self, kind: int, body: bytes) -> None:
        self._in_shared = kind == _SST or (kind == _CONTINUE and self._in_shared)
        if self._in_shared:
            self.shared.append(body)
        elif kind == _BOUNDSHEET and len(body) > 8:
            self.starts[int.from_bytes(body[:4], "little")] = _xls_name(body[6:], self._version)
        elif kind == _FORMAT:
            self._own[int.from_bytes(body[:2], "little")] = _xls_format(body[2:], self._version)
        elif kind == _XF:
            self._looks.append(look_by_number(int.from_bytes(body[2:4], "little"), self._own))
        elif kind == _SUPBOOK:
            self.book.links |= len(body) > 4 and body[2:4] not in _OWN_LINKS


def _xls_records(stream: bytes) -> Iterator[tuple[int, int, bytes]]:
    at, end = 0, len(stream)
    header = struct.Struct("<HH")
    while at + 4 <= end:
        kind, size = header.unpack_from(stream, at)
        if kind == 0 and size == 0:  # the padding behind the last sheet
            return
        if at + 4 + size > end:
            raise Refused(_BROKEN)
        yield at, kind, stream[at + 4 : at + 4 + size]
        at += 4 + size


def _see_xls_cell(sheet: SheetRecords, kind: int, body: bytes, looks: list[Look]) -> None:  # noqa: C901 - one branch a record
    if kind == _ROW:
        if len(body) >= 14 and body[12] & _ROW_HIDDEN:
            sheet.hidden_rows.add(int.from_bytes(body[:2], "little"))
        return
    if len(body) < _CELL.size:
        return
    row, column, style = _CELL.unpack_from(body)
    if kind in {_NUMBER, _RK}:
        sheet.see_number(row, column, _look(looks, style))
    elif kind == _MULRK:
        for number in range((len(body) - 6) // 6):
            style = int.from_bytes(body[4 + 6 * number : 6 + 6 * number], "little")
            sheet.see_number(row, column + number, _look(looks, style))
    elif kind == _FORMULA and len(body) >= 14:
        _see_xls_formula(sheet, row, column, body, _look(looks, style))
    elif kind in _OTHER_CELLS:
        sheet.see(row, column)
        if kind == _LABELSST:
            sheet.shared_uses[int.from_bytes(body[6:10], "little")] += 1
        elif kind == _BOOLERR and body[7:8] == b"\1":
            sheet.errors[row, column] = _ERRORS.get(body[6], _UNKNOWN_ERROR)


def _see_xls_formula(sheet: SheetRecords, row: int, column: int, body: bytes, look: Look) -> None:
    """A formula by the result that was saved: a number, or by its mark a text, a truth value, an error."""
    if body[12:14] != b"\xff\xff":
        sheet.see_number(row, column, look)
        return
    sheet.see(row, column)
    if body[6] == _FORMULA_ERROR:
        sheet.errors[row, column] = _ERRORS.get(body[8], _UNKNOWN_ERROR)


def _look(looks: list[Look], style: int) -> Look:
    return looks[style] if style < len(looks) else PLAIN


def _xls_name(body: bytes, version: int) -> str:
    length = body[0]
    if version < _BIFF8:
        return body[1 : 1 + length].decode("gb18030", "replace")
    wide = body[1] & 1
    return body[2 : 2 + length * (1 + wide)].decode("utf-16-le" if wide else "latin-1", "replace")


def _xls_format(body: bytes, version: int) -> str:
    if version < _BIFF8:
        return body[1 : 1 + body[0]].decode("gb18030", "replace") if body else ""
    if len(body) < 3:
        return ""
    length, flags = struct.unpack_from("<HB", body)
    wide = flags & 1
    return body[3 : 3 + length * (1 + wide)].decode("utf-16-le" if wide else "latin-1", "replace")


def _sst_lengths(segments: list[bytes]) -> list[int]:
    """The lengths of the shared texts. A text may go on in the next segment, which then begins with its own width."""
    if not segments:
        return []
    lengths: list[int] = []
    number, at = 0, 8
    while True:
        while number < len(segments) and at >= len(segments[number]):
            at -= len(segments[number])
            number += 1
        if number >= len(segments) or at + 3 > len(segments[number]):
            return lengths
        length, flags = struct.unpack_from("<HB", segments[number], at)
        lengths.append(length)
        at += 3
        behind = 0
        if flags & 8:
            behind += 4 * int.from_bytes(segments[number][at : at + 2], "little")
            at += 2
        if flags & 4:
            behind += int.from_bytes(segments[number][at : at + 4], "little")
            at += 4
        left, width = length, 1 + (flags & 1)
        while left:
            here = min(left, max(0, len(segments[number]) - at) // width)
            left -= here
            at += here * width
            if left:
                number, at = number + 1, 1
                if number >= len(segments) or not segments[number]:
                    return lengths
                width = 1 + (segments[number][0] & 1)
        at += behind


# ── .xlsb ────────────────────────────────────────────────────────────────────────────────────────────────────────────

_B_ROW, _B_BLANK, _B_ERROR, _B_TEXT_SHARED, _B_FORMULA_ERROR = 0, 1, 3, 7, 11
_B_NUMBERS = {2, 5, 9}
_B_CELLS = range(1, 12)
_B_SHEET, _B_FORMAT, _B_XF, _B_BEGIN_XFS, _B_END_XFS, _B_TEXT = 156, 44, 47, 617, 618, 19
_B_END_SHEET = 130
_B_ROW_HIDDEN = 0x10


def xlsb_records(archive: Archive, most: int) -> BookRecords:
    """The records of an .xlsb. Raises: Refused for missing or broken parts."""
    book = BookRecords()
    relations = archive.relations("xl/workbook.bin")
    looks = _xlsb_looks(archive, most)
    for kind, body in _xlsb_records(archive.read("xl/workbook.bin")):
        if kind == _B_SHEET:
            relation, at = _wide_text(body, 8)
            name, _ = _wide_text(body, at)
            what, part = relations.get(relation, ("", ""))
            if what == "worksheet":
                book.sheets.append(_xlsb_sheet(name, archive.read(part, most), looks))
    if "xl/sharedstrings.bin" in archive:
        book.lengths = [
            int.from_bytes(body[1:5], "little")
            for kind, body in _xlsb_records(archive.read("xl/sharedStrings.bin", most))
            if kind == _B_TEXT
        ]
    return book


def _xlsb_sheet(name: str, part: bytes, looks: list[Look]) -> SheetRecords:
    sheet = SheetRecords(name)
    row = 0
    kind = -1
    for kind, body in _xlsb_records(part):
        if kind == _B_ROW and len(body) >= 12:
            row = int.from_bytes(body[:4], "little")
            if body[11] & _B_ROW_HIDDEN:
                sheet.hidden_rows.add(row)
        elif kind in _B_CELLS and kind != _B_BLANK and len(body) >= 8:
            column = int.from_bytes(body[:4], "little")
            if kind in _B_NUMBERS:
                style = int.from_bytes(body[4:7], "little")
                sheet.see_number(row, column, _look(looks, style))
                continue
            sheet.see(row, column)
            if kind == _B_TEXT_SHARED:
                sheet.shared_uses[int.from_bytes(body[8:12], "little")] += 1
            elif kind in {_B_ERROR, _B_FORMULA_ERROR}:
                sheet.errors[row, column] = _ERRORS.get(body[8] if len(body) > 8 else -1, _UNKNOWN_ERROR)
    if kind != _B_END_SHEET:
        raise Refused(_BROKEN)
    return sheet


def _xlsb_looks(archive: Archive, most: int) -> list[Look]:
    own: dict[int, str] = {}
    looks: list[Look] = []
    inside = False
    for kind, body in _xlsb_records(archive.read("xl/styles.bin", most)) if "xl/styles.bin" in archive else ():
        if kind == _B_FORMAT:
            own[int.from_bytes(body[:2], "little")] = _wide_text(body, 2)[0]
        elif kind in {_B_BEGIN_XFS, _B_END_XFS}:
            inside = kind == _B_BEGIN_XFS
        elif kind == _B_XF and inside:
            looks.append(look_by_number(int.from_bytes(body[2:4], "little"), own))
    return looks


def _xlsb_records(part: bytes) -> Iterator[tuple[int, bytes]]:
    at, end = 0, len(part)
    while at < end:
        kind = part[at]
        at += 1
        if kind & 0x80 and at < end:
            kind = (kind & 0x7F) | (part[at] & 0x7F) << 7
            at += 1
        size = shift = 0
        while at < end and shift <= 21:
            byte = part[at]
            at += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        if at + size > end:
            raise Refused(_BROKEN)
        yield kind, part[at : at + size]
        at += size


def _wide_text(body: bytes, at: int) -> tuple[str, int]:
    """A text with its length before it, and where it ends."""
    length = int.from_bytes(body[at : at + 4], "little")
    end = at + 4 + 2 * length
    return body[at + 4 : end].decode("utf-16-le", "replace"), end
