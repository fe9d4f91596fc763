"""Markup under the name of a workbook: web pages, web archives (.mht), XML Spreadsheet 2003, flat OpenDocument.

Treasury systems write them as .xls. Pages are read here, sheets of XML in spreadsheet_xml.py and open_document.py; real
workbooks: workbooks.py. Nothing that a page refers to is fetched.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from jixiao.domain.findings import Finding
from jixiao.intake.grids import limits, open_document, spreadsheet_xml
from jixiao.intake.grids.archives import Refused
from jixiao.intake.grids.grid import (
    INPUT_SUFFIXES,
    Content,
    FileContent,
    file_corrupt,
    file_rejected,
    file_skipped,
    suffix_of,
)
from jixiao.intake.grids.markup_walk import Attributes, Walk, walk_html
from jixiao.intake.grids.number_formats import PLAIN, Look, look_of
from jixiao.intake.grids.remarks import nothing, refusal, too_long, type_findings
from jixiao.intake.grids.sheet_cells import SheetCells

_HEAD_BYTES = 65_536
_PIECE = 2**20
_HTML = re.compile(r"<(?:html|table|body|!doctype\s+html)[\s>]", re.IGNORECASE)
_ARCHIVE = re.compile(rb"^(?:[\w-]+:[^\n]*\n(?:[ \t][^\n]*\n)*)*?content-type:\s*multipart/", re.IGNORECASE)
_ARCHIVE_BYTES = 64 * limits.MEBIBYTE
_WORD_XML = b'progid="Word.Document"'
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)
_CHINESE = {"gb2312", "gbk", "gb18030", "gb_2312-80", "x-gbk", "cp936"}
_TABLE_TAGS = re.compile(rb"<(/?)table[\s>]", re.IGNORECASE)
_PAGE_END = re.compile(rb"</(?:html|body)\s*>\s*\Z", re.IGNORECASE)


def is_markup(blob: bytes) -> bool:
    """Whether the bytes are a page, a web archive, or sheets as XML."""
    head = _plain(blob[:_HEAD_BYTES])
    if bool(_ARCHIVE.match(head.lstrip())):
        return True
    return head.lstrip().startswith(b"<") and (_is_sheet_xml(head) or _WORD_XML in head or _is_page(head))


def _plain(head: bytes) -> bytes:
    """The first bytes as UTF-8, whatever their byte order mark says."""
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return head[len(mark) :].decode(encoding, "replace").encode()
    return head


def _is_page(head: bytes) -> bool:
    return bool(_HTML.search(head.decode("latin-1")))


def _is_sheet_xml(head: bytes) -> bool:
    return (spreadsheet_xml.SPACE in head or open_document.SPACE in head) and b"<html" not in head.lower()


def read_markup(blob: bytes, file: str) -> FileContent:
    """Read the tables of the page or the sheets of the XML workbook; what is damaged becomes a finding."""
    try:
        return _read(blob, file)
    except Refused as refused:
        return nothing(refusal(file, refused))
    except Exception:  # noqa: BLE001 - LxmlError, UnicodeError, what the mail parser raises
        return nothing(file_corrupt(file, "内容损坏或未下载完整"))


def _read(blob: bytes, file: str) -> FileContent:
    head = _plain(blob[:_HEAD_BYTES])
    if _WORD_XML in head:
        what, fix = "是 Word 2003 的 XML 文件，读不了", "请用 WPS 或 Word 另存为 .docx 后再放入"
        return nothing(file_rejected(file, "KIND_UNKNOWN", what, fix))
    if _is_sheet_xml(head) and spreadsheet_xml.SPACE in head:
        sheets = spreadsheet_xml.read_sheets(_pieces(blob), limits.cells_allowed(len(blob)))
        findings = list(type_findings(file, "XML 表格 2003", {".xml"}))
        for cells, _ in sheets:
            findings += too_long(file, cells.sheet, cells.long)
        grids = tuple(cells.grid(hidden=hidden) for cells, hidden in sheets)
        return FileContent(Content.TABLES, grids, findings=tuple(findings))
    if _is_sheet_xml(head):
        grids = open_document.read_tables(_pieces(blob), limits.cells_allowed(len(blob)))
        return FileContent(Content.TABLES, grids, findings=type_findings(file, "OpenDocument 表格", {".fods"}))
    if _ARCHIVE.match(head.lstrip()):
        tables = _archive_tables(blob)
        findings = list(type_findings(file, "网页归档（MHTML）", {".mht", ".mhtml"}))
    else:
        encoding = _encoding_of(blob, "")
        if not encoding:
            return nothing(_broken(blob, file))
        tables = _page_tables(blob, encoding)
        findings = list(type_findings(file, "网页（HTML）", {".html", ".htm"}))
    if tables:
        for number, table in enumerate(tables, start=1):
            table.cells.sheet = f"表{number}" if len(tables) > 1 else ""
            findings += too_long(file, table.cells.sheet, table.cells.long)
        grids = tuple(table.cells.grid(above=table.above) for table in tables)
        return FileContent(Content.TABLES, grids, findings=tuple(findings))
    reason = "是网页，里面没有表格（可能是登录或出错的页面，或数据在别的文件里）"
    meant = suffix_of(file) in INPUT_SUFFIXES
    return nothing((file_corrupt if meant else file_skipped)(file, reason))


def _pieces(blob: bytes) -> Iterator[bytes]:
    return (blob[at : at + _PIECE] for at in range(0, len(blob), _PIECE))


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _encoding_of(blob: bytes, said: str) -> str:
    """The encoding of a page: its mark, else UTF-8 where it holds, else what it states, else GB18030; empty: none holds."""
    for mark, encoding in _BOMS:
        if blob.startswith(mark):
            return encoding if _holds(blob, encoding) else ""
    found = _CHARSET.search(blob[:_HEAD_BYTES])
    stated = (found[1].decode("ascii") if found else said).lower()
    for encoding in ("utf-8", "gb18030" if stated in _CHINESE else stated, "gb18030"):
        if encoding and _holds(blob, encoding):
            return encoding
    return ""


def _holds(blob: bytes, encoding: str) -> bool:
    try:
        decoder = codecs.getincrementaldecoder(encoding)("strict")
        for piece in _pieces(blob):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except (UnicodeError, LookupError):
        return False
    return True


def _broken(blob: bytes, file: str) -> Finding:
    position = max(_first_break(blob, encoding) for encoding in ("utf-8", "gb18030"))
    return file_rejected(
        file,
        "ENCODING_BROKEN",
        "这一行的字节用 UTF-8、GB18030 都读不通，文件可能已损坏，未导入",
        "请从原系统重新导出",
        row=blob.count(b"\n", 0, position) + 1,
        value=blob[position : position + 8].hex(" "),
    )


def _first_break(blob: bytes, encoding: str) -> int:
    try:
        blob.decode(encoding)
    except UnicodeDecodeError as error:
        return error.start
    return len(blob)


def _page_tables(blob: bytes, encoding: str) -> list[_Table]:
    tags = [found[1] for found in _TABLE_TAGS.finditer(blob)]
    if tags.count(b"") > tags.count(b"/") and not _PAGE_END.search(blob[-_HEAD_BYTES:]):
        raise Refused("网页里的表格没有结尾，可能未下载完整")
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    walk = _PageWalk(limits.cells_allowed(len(blob)))
    walk_html((decoder.decode(piece) for piece in _pieces(blob)), walk)
    return [table for table in walk.tables if table.reads_as_one]


def _archive_tables(blob: bytes) -> list[_Table]:
    """The tables of all pages of a web archive, in its order."""
    import email
    import email.policy

    if len(blob) > _ARCHIVE_BYTES:
        raise Refused("文件太大", too_large=True)
    tables: list[_Table] = []
    for part in email.message_from_bytes(blob.lstrip(), policy=email.policy.compat32).walk():
        if part.get_content_type() == "text/html":
            page = part.get_payload(decode=True)
            assert isinstance(page, bytes)
            encoding = _encoding_of(page, part.get_content_charset() or "")
            if not encoding:
                raise Refused("网页的编码读不通")
            tables += _page_tables(page, encoding)
    return tables


# What begins a new line of a cell, and what is no text of it.
_LINES = {"br", "p", "div", "li", "h1", "h2", "h3", "h4", "h5", "h6", "caption", "tr", "td", "th"}
_MUTE = {"script", "style", "select", "textarea", "head", "noscript", "xml"}
_INVISIBLE = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_FORMAT = re.compile(r"mso-number-format\s*:\s*(\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^'\\\\]|\\\\.)*'|[^;]+)", re.IGNORECASE)
_NUMBER = re.compile(r"-?[\d,]+(?:\.\d+)?%?")
_EXCEL_FORMATS = {"percent": Look(percent=2), "fixed": Look(places=2), "standard": Look(places=2)}
_ABOVE_LINES = 50
# Places that spans may cover in all: each is marked as taken.
_SPANNED = 8_000_000
# Tables inside one another: layouts of old pages have three or four.
_NESTED = 30


@dataclass
class _Table:
    """A table of a page while it passes by."""

    cells: SheetCells
    above: tuple[str, ...]
    row: int = -1
    column: int = 0
    across: int = 1
    down: int = 1
    text: list[str] | None = None
    attributes: Attributes = field(default_factory=dict)
    taken: dict[int, int] = field(default_factory=dict)
    spanned: int = 0
    holds_another: bool = False
    lines: list[str] = field(default_factory=list)
    rows_filled: int = 0
    filled_here: int = 0

    @property
    def reads_as_one(self) -> bool:
        """A table that only lays out the page is none: text in it stands above the tables inside."""
        return self.cells.count > 0 and (not self.holds_another or self.rows_filled >= 2)


class _PageWalk(Walk):
    """table → tr → td, th. Spanned cells are written once, in their first place, as a workbook holds merged cells."""

    def __init__(self, allowed: int) -> None:
        super().__init__()
        self.tables: list[_Table] = []
        self._allowed = allowed
        self._open: list[_Table] = []
        self._text: list[str] = []
        self._muted = 0

    def start(self, tag: str, attributes: Attributes) -> None:
        # A page leaves much unclosed: only tables inside tables are counted.
        self.opened(tag, attributes)

    def end(self, tag: str) -> None:
        self.closed(tag)

    def data(self, text: str) -> None:
        if self._muted:
            return
        table = self._open[-1] if self._open else None
        if table is not None and table.text is not None:
            table.text.append(text)
        elif table is None:
            self._text.append(text)

    def opened(self, name: str, attributes: Attributes) -> None:
        if name in _MUTE:
            self._muted += 1
        elif name in _LINES:
            self.data("\n")
        table = self._open[-1] if self._open else None
        if name == "table":
            self._open_table(table)
        elif table is None:
            return
        elif name == "tr":
            self._open_row(table, attributes)
        elif name in {"td", "th"}:
            if table.row < 0:
                self._open_row(table, {})
            self._open_cell(table, attributes)
        elif name == "input" and attributes.get("type", "text").lower() in {"text", "number", ""}:
            self.data(attributes.get("value") or "")

    def closed(self, name: str) -> None:
        if name in _MUTE:
            self._muted -= 1
        elif name in {"p", "div", "li"}:
            self.data("\n")
        table = self._open[-1] if self._open else None
        if table is None:
            return
        if name in {"td", "th"}:
            self._close_cell(table)
        elif name == "table":
            self._close_cell(table)
            table.rows_filled += table.filled_here > 1
            self._open.pop()
            self._text.clear()

    def _open_table(self, outer: _Table | None) -> None:
        if len(self._open) >= _NESTED:
            raise Refused("表格层层嵌套，不合常理")
        if len(self.tables) >= limits.ENTRIES:
            raise Refused("表格多得不合常理")
        if outer is None:
            above = _lines("".join(self._text))[-_ABOVE_LINES:]
        else:
            outer.holds_another = True
            above = [*outer.above, *outer.lines, *_lines("".join(outer.text or ()))][-_ABOVE_LINES:]
        made = _Table(SheetCells("", self._allowed), tuple(above))
        self.tables.append(made)
        self._open.append(made)

    def _open_row(self, table: _Table, attributes: Attributes) -> None:
        self._close_cell(table)
        table.row += 1
        table.column = 0
        table.rows_filled += table.filled_here > 1
        table.filled_here = 0
        if _INVISIBLE.search(attributes.get("style") or ""):
            table.cells.hidden_rows.add(table.row)

    def _open_cell(self, table: _Table, attributes: Attributes) -> None:
        self._close_cell(table)
        while table.taken.get(table.column, 0) > table.row:
            table.column += 1
        table.across, table.down = _span(attributes, "colspan"), _span(attributes, "rowspan")
        table.spanned += table.across * (table.down > 1)
        if table.spanned > _SPANNED:
            raise Refused("跨行跨列的单元格大得不合常理")
        table.text, table.attributes = [], dict(attributes)

    def _close_cell(self, table: _Table) -> None:
        if table.text is None:
            return
        text = "\n".join(_lines("".join(table.text)))
        table.text = None
        value, look = _value(table.attributes, text)
        before = table.cells.count
        table.cells.put(table.row, table.column, value, look)
        self._allowed -= table.cells.count - before
        table.filled_here += table.cells.count - before
        if text:
            table.lines.append(text)
            del table.lines[:-_ABOVE_LINES]
        last_row, last = table.row + table.down - 1, table.column + table.across - 1
        if table.down > 1 or table.across > 1:
            table.cells.merged.append((table.row, table.column, last_row, last))
        if table.down > 1:
            for column in range(table.column, min(last + 1, limits.CELLS_A_ROW)):
                table.taken[column] = last_row + 1
        table.column = last + 1


def _lines(text: str) -> list[str]:
    """Text as a page shows it: blanks in a row are one, empty lines none."""
    return [line for line in (" ".join(line.split()) for line in text.split("\n")) if line]


def _span(attributes: Attributes, name: str) -> int:
    text = (attributes.get(name) or "1").strip()
    return min(max(int(text), 1), limits.SPAN) if text.isdecimal() and text.isascii() and len(text) <= 18 else 1


def _value(attributes: Attributes, text: str) -> tuple[object, Look]:
    """What a cell holds: its print, or the number behind it (x:num, sdval) where the print is a rounded one."""
    behind = attributes.get("x:num") or attributes.get("sdval") or ""
    if not behind or not _NUMBER.fullmatch(text):
        return text, PLAIN
    percent = text.endswith("%")
    try:
        exact, printed = Decimal(behind), Decimal(text.rstrip("%").replace(",", ""))
        number = float(behind)
    except (InvalidOperation, ValueError):
        return text, PLAIN
    if not exact.is_finite() or (printed / 100 if percent else printed) == exact:
        return text, PLAIN
    return number, _look(attributes, text, percent=percent)


def _look(attributes: Attributes, text: str, *, percent: bool) -> Look:
    """How the print looks; by its style, else by itself."""
    found = _FORMAT.search(attributes.get("style") or "")
    if found:
        code = re.sub(r"\\(.)", r"\1", found[1].strip().strip("\"'"))
        look = _EXCEL_FORMATS.get(code.lower()) or look_of(code)
        if (look.percent is not None) == percent:
            return look
    places = len(text.rstrip("%").partition(".")[2])
    return Look(percent=places) if percent else PLAIN
