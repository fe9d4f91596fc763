"""Workbooks and Word files as containers, zip and OLE: what a file is, which reader it is given to, what is said of it.

A zip is looked through first (archives.py). An .xlsx is read from its XML (ooxml.py), or, where it is big and plain, by
calamine; .xlsb and .xls by calamine with what it does not tell from the records (binary_records.py, ole.py); .ods by
open_document.py; Word files by documents.py. Formulas and macros are never run.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from jixiao.domain.findings import Finding
from jixiao.intake.grids import limits
from jixiao.intake.grids.archives import Archive, Refused
from jixiao.intake.grids.binary_records import BookRecords, SheetRecords, xls_records, xlsb_records
from jixiao.intake.grids.grid import (
    WORD_SUFFIXES,
    WORKBOOK_SUFFIXES,
    CellError,
    Content,
    FileContent,
    Grid,
    file_corrupt,
    file_rejected,
    file_skipped,
    suffix_of,
)
from jixiao.intake.grids.ole import CompoundFile
from jixiao.intake.grids.remarks import (
    file_too_large,
    links_ignored,
    macros_ignored,
    nothing,
    refusal,
    too_long,
    type_findings,
)
from jixiao.intake.grids.sheet_cells import within

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OTHER_FORMATS = (
    (b"\x89PNG", "是图片"),
    (b"\xff\xd8\xff", "是图片"),
    (b"GIF8", "是图片"),
    (b"BM", "是图片"),
    (b"%PDF", "是 PDF，不含可读取的表格数据"),
    (b"Rar!", "是压缩包，请先解压"),
    (b"7z\xbc\xaf", "是压缩包，请先解压"),
    (b"\x1f\x8b", "是压缩包，请先解压"),
    (b"SQLite format 3", "是数据库文件"),
)
_BMP_MIN_BYTES = 54
_STDERR = 2
# A sheet up to this size is read from its XML whatever it holds; a bigger one only where calamine does not tell all.
_READ_EXACTLY_BYTES = 4 * limits.MEBIBYTE
_TOO_MANY = "单元格太多"
# Excel before 97 wrote its records into a file of their own, without a compound file around them.
_BARE_BIFF = (b"\x09\x00\x04\x00", b"\x09\x02\x06\x00", b"\x09\x04\x06\x00")


def is_container(blob: bytes) -> bool:
    return blob.startswith((_ZIP, _OLE))


def known_other_format(blob: bytes) -> str:
    """What a file is that holds no table, in words; empty if it may be text."""
    for magic, why in _OTHER_FORMATS:
        if blob.startswith(magic) and (magic != b"BM" or (len(blob) > _BMP_MIN_BYTES and b"\0" in blob[:32])):
            return why
    return ""


def old_format(blob: bytes) -> str:
    """What a file is that only its own program still opens, in words; empty for any other."""
    if blob.startswith(_BARE_BIFF):
        return "是 Excel 4.0 或更早的格式，读不了"
    return "是 RTF 文档，不是表格" if blob.startswith(b"{\\rtf") else ""


def read_container(blob: bytes, file: str) -> FileContent:
    """Read a zip or OLE file; whatever a damaged one provokes becomes a finding."""
    try:
        return _read_ole(blob, file) if blob.startswith(_OLE) else _read_zip(Archive(blob), file)
    except Refused as refused:
        return nothing(refusal(file, refused))
    except MemoryError:
        return nothing(file_too_large(file, "内存不够"))
    except Exception:  # noqa: BLE001 - BadZipFile, zlib.error, struct.error, LxmlError, CalamineError …
        return nothing(file_corrupt(file, "内容损坏或未下载完整"))
    except BaseException as panic:
        if not _is_panic(panic):
            raise
        return nothing(file_corrupt(file, "内容损坏或未下载完整"))


def _is_panic(error: BaseException) -> bool:
    """Whether a reader in Rust gave up: that is no Exception of Python's."""
    return type(error).__name__ == "PanicException"


def _read_zip(archive: Archive, file: str) -> FileContent:
    from jixiao.intake.grids import documents, open_document

    if "word/document.xml" in archive:
        content = documents.read_docx(archive, file)
    elif "xl/workbook.bin" in archive:
        content = _read_xlsb(archive, file)
    elif any(name.startswith("xl/") for name in archive.names):
        content = _read_xlsx(archive, file)
    elif "content.xml" in archive:
        content = open_document.read_ods(archive, file)
        if content.content is Content.TABLES:
            content = with_findings(content, type_findings(file, "ods 工作簿", {".ods"}))
    elif suffix_of(file) in WORKBOOK_SUFFIXES | WORD_SUFFIXES:
        what = "文档" if suffix_of(file) in WORD_SUFFIXES else "工作簿"
        return nothing(file_corrupt(file, f"压缩结构里没有{what}"))
    else:
        return nothing(file_skipped(file, "是压缩包或其他格式，不是表格"))
    return (
        with_findings(content, _left_alone(archive.names, file)) if content.content is not Content.NOTHING else content
    )


def with_findings(content: FileContent, more: tuple[Finding, ...]) -> FileContent:
    return replace(content, findings=(*content.findings, *more))


def _left_alone(names: frozenset[str], file: str) -> tuple[Finding, ...]:
    """What a zip holds besides cells that is never run or fetched, and said so."""
    findings = []
    if any(name.endswith("vbaproject.bin") for name in names) or any(
        name.startswith("xl/macrosheets/") for name in names
    ):
        findings.append(macros_ignored(file))
    if any(name.startswith(("xl/externallinks/", "xl/connections")) for name in names):
        findings.append(links_ignored(file))
    return tuple(findings)


# ── xlsx ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_xlsx(archive: Archive, file: str) -> FileContent:
    from jixiao.intake.grids import ooxml

    workbook = ooxml.Workbook.of(archive)
    left = limits.cells_allowed(len(archive.blob))
    fast = _FastReader(archive.blob)
    grids, findings = [], [*type_findings(file, "xlsx 工作簿", {".xlsx", ".xlsm"})]
    for sheet in workbook.sheets:
        if sheet.part not in archive:
            raise Refused(f"缺少工作表「{sheet.name}」的部件")
        grid = None
        if workbook.is_standard and archive.size(sheet.part) > _READ_EXACTLY_BYTES:
            traces = ooxml.traces_of(workbook, sheet)
            if traces.filled > left:
                raise Refused(_TOO_MANY, too_large=True)
            if traces.is_plain and traces.is_dense and workbook.shown(traces.shared_uses) <= limits.TEXT_COPIED:
                grid = fast.grid(sheet.name, hidden=sheet.hidden)
            left -= traces.filled if grid else 0
        if grid is None:
            cells = ooxml.read_sheet(workbook, sheet, left)
            left -= cells.count
            findings += too_long(file, sheet.name, cells.long)
            grid = cells.grid(hidden=sheet.hidden)
        grids.append(grid)
    return FileContent(Content.TABLES, tuple(grids), findings=tuple(findings))


class _FastReader:
    """calamine, for sheets of which it tells all there is; opened when the first one is wanted."""

    def __init__(self, blob: bytes) -> None:
        self._blob = blob
        self._book: Any = None

    def grid(self, name: str, *, hidden: bool) -> Grid | None:
        """None where it stumbles: the exact reader decides."""
        from python_calamine import CalamineError, CalamineWorkbook

        try:
            self._book = self._book or CalamineWorkbook.from_filelike(io.BytesIO(self._blob))
            sheet = self._book.get_sheet_by_name(name)
            rows: list[list[object]] = list(sheet.to_python(skip_empty_area=False))
        except (CalamineError, UnicodeError, ValueError, KeyError, OSError):
            return None
        except BaseException as panic:
            if not _is_panic(panic):
                raise
            return None
        if any(math.inf in row or -math.inf in row for row in rows):
            return None
        merged = within(((a, b, c, d) for (a, b), (c, d) in sheet.merged_cell_ranges or ()), rows)
        return Grid(sheet=name, rows=rows, hidden=hidden, merged=merged)


# ── xlsb, xls ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_xlsb(archive: Archive, file: str) -> FileContent:
    records = xlsb_records(archive, limits.UNPACKED)
    records.refuse_what_does_not_fit(limits.cells_allowed(len(archive.blob)))
    return FileContent(
        Content.TABLES, _by_records(archive.blob, records), findings=type_findings(file, "xlsb 工作簿", {".xlsb"})
    )


def _read_ole(blob: bytes, file: str) -> FileContent:
    """.xls and WPS .et; an encrypted package and old Word files are told apart for the message."""
    try:
        compound = CompoundFile(blob)
    except Refused:
        # Cut off before its own tables; its names may still stand in it.
        return nothing(_without_workbook(_names_seen(blob), file))
    names = compound.names
    book = next((name for name in ("Workbook", "Book", "WORKBOOK", "BOOK") if name in names), "")
    if not book:
        return nothing(_without_workbook(names, file))
    records = xls_records(compound.stream(book))
    records.refuse_what_does_not_fit(limits.cells_allowed(len(blob)))
    findings = [*type_findings(file, "xls 工作簿", {".xls"})]
    if names & {"_VBA_PROJECT_CUR", "_VBA_PROJECT", "VBA"}:
        findings.append(macros_ignored(file))
    if records.links:
        findings.append(links_ignored(file))
    return FileContent(Content.TABLES, _by_records(blob, records), findings=tuple(findings))


def _names_seen(blob: bytes) -> frozenset[str]:
    return frozenset(name for name in ("EncryptedPackage", "WordDocument") if name.encode("utf-16-le") in blob)


def _without_workbook(names: frozenset[str], file: str) -> Finding:
    """What is said of a compound file that holds no workbook."""
    if "EncryptedPackage" in names:
        return file_corrupt(file, "文件已加密")
    if "WordDocument" in names:
        what, fix = "是旧版 Word 文件（.doc），读不了", "请用 WPS 或 Word 另存为 .docx 后再放入"
        return file_rejected(file, "KIND_UNKNOWN", what, fix)
    if suffix_of(file) == ".et" and names:
        what, fix = "是旧版 WPS 表格，读不了，未导入", "请在 WPS 中打开，另存为 .xlsx 后再放入"
        return file_rejected(file, "WPS_ET", what, fix)
    if suffix_of(file) in WORKBOOK_SUFFIXES | WORD_SUFFIXES:
        return file_corrupt(file, "里面没有完整的工作簿，可能已损坏或未下载完整")
    return file_skipped(file, "不是表格")


@contextmanager
def _muted_panics() -> Iterator[None]:
    """Rust writes a panic and its stack to stderr by itself; what it means is said in a finding instead."""
    try:
        saved = os.dup(_STDERR)
    except OSError:  # there is no stderr
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, _STDERR)
        yield
    finally:
        os.dup2(saved, _STDERR)
        os.close(saved)
        os.close(nowhere)


def _by_records(blob: bytes, records: BookRecords) -> tuple[Grid, ...]:
    """The sheets as calamine reads them, with what the records say beside the values. Raises: CalamineError …"""
    from python_calamine import CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

    with _muted_panics():
        try:
            book = CalamineWorkbook.from_filelike(io.BytesIO(blob))
        except PasswordError:
            raise Refused("文件已加密") from None
        sheets = [
            (meta, sheet, list(sheet.to_python(skip_empty_area=False)))
            for meta in book.sheets_metadata
            if meta.typ == SheetTypeEnum.WorkSheet
            for sheet in [book.get_sheet_by_name(meta.name)]
        ]
    said = {sheet.name: sheet for sheet in records.sheets}
    grids = []
    for meta, sheet, read in sheets:
        rows: list[list[object]] = read
        beside = said.get(meta.name) or SheetRecords(meta.name)
        if beside.filled and not rows:
            raise Refused(f"工作表「{meta.name}」读不全")
        for (row, column), error in beside.errors.items():
            if row < len(rows):
                rows[row].extend([""] * (column + 1 - len(rows[row])))
                rows[row][column] = CellError(error)
        filled = {number for number in beside.hidden_rows if number < len(rows) and any(c != "" for c in rows[number])}
        merged = within(((a, b, c, d) for (a, b), (c, d) in sheet.merged_cell_ranges or ()), rows)
        grids.append(
            Grid(
                sheet=meta.name,
                rows=rows,
                hidden=meta.visible != SheetVisibleEnum.Visible,
                hidden_rows=frozenset(number + 1 for number in filled),
                merged=merged,
                percent_cells=beside.percent,
                shown_places=beside.places,
            )
        )
    return tuple(grids)
