"""Workbooks and Word files as containers: zip and OLE. Cells come from calamine; what it does not tell, from the XML.

Neighbours: grid.py holds the result, documents.py reads the paragraphs of a Word file.
"""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import PurePosixPath
from typing import Any

from jixiao.domain.findings import Finding, Place
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
    logged,
    suffix_of,
)

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
# A bomb unpacks to much more than any office's export: the limits of CONTRACT §3, FILE_CORRUPT.
_UNPACKED_LIMIT = 64 * 2**20
_RATIO_LIMIT = 50
# Beyond this many bytes a sheet's number formats are not looked up: ledgers do not need them.
_FORMAT_SCAN_LIMIT = 2 * 2**20
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_PERCENT_BUILTIN = {9: 0, 10: 2}


def is_container(blob: bytes) -> bool:
    return blob.startswith((_ZIP, _OLE))


def known_other_format(blob: bytes) -> str:
    """What a file is that holds no table, in words; empty if it may be text."""
    for magic, why in _OTHER_FORMATS:
        if blob.startswith(magic) and (magic != b"BM" or (len(blob) > _BMP_MIN_BYTES and b"\0" in blob[:32])):
            return why
    return ""


def read_container(blob: bytes, file: str) -> FileContent:
    """Read a zip or OLE file; whatever a damaged one provokes becomes FILE_CORRUPT."""
    if blob.startswith(_OLE):
        return _read_ole(blob, file)
    try:
        with zipfile.ZipFile(io.BytesIO(blob)) as archive:
            refusal = _refuse(archive, file)
            return FileContent(Content.NOTHING, findings=(refusal,)) if refusal else _read_zip(blob, file, archive)
    except Exception:  # noqa: BLE001 - BadZipFile, zlib.error, struct.error, lxml …
        return _corrupt(file, "内容损坏或未下载完整")


def _read_zip(blob: bytes, file: str, archive: zipfile.ZipFile) -> FileContent:
    names = set(archive.namelist())
    if "word/document.xml" in names:
        return _read_word(blob, file)
    if any(name.startswith("xl/workbook.") or name == "content.xml" for name in names):
        return _read_workbook(blob, file, archive)
    if suffix_of(file) in WORKBOOK_SUFFIXES | WORD_SUFFIXES:
        what = "文档" if suffix_of(file) in WORD_SUFFIXES else "工作簿"
        return _corrupt(file, f"压缩结构里没有{what}")
    return FileContent(Content.NOTHING, findings=(file_skipped(file, "是压缩包或其他格式，不是表格"),))


def _corrupt(file: str, why: str) -> FileContent:
    return FileContent(Content.NOTHING, findings=(file_corrupt(file, why),))


def _refuse(archive: zipfile.ZipFile, file: str) -> Finding | None:
    """The reasons not to open a zip at all: encrypted, damaged, a bomb, an XML part with a DOCTYPE."""
    unpacked = sum(info.file_size for info in archive.infolist())
    packed = sum(info.compress_size for info in archive.infolist())
    why = ""
    if any(info.flag_bits & 1 for info in archive.infolist()):
        why = "已加密"
    elif unpacked > _UNPACKED_LIMIT and unpacked > _RATIO_LIMIT * max(packed, 1):
        why = "解压后大得不合常理"
    else:
        for info in archive.infolist():
            if not info.filename.endswith((".xml", ".rels")):
                continue
            with archive.open(info) as part:
                if b"<!DOCTYPE" in part.read(4096).replace(b"\0", b"").upper():
                    why = f"部件 {info.filename} 含 DOCTYPE 声明，出于安全不予读取"
                    break
        else:
            damaged = archive.testzip()
            if damaged:
                why = f"部件 {damaged} 已损坏"
    return _corrupt(file, why).findings[0] if why else None


def _read_ole(blob: bytes, file: str) -> FileContent:
    """.xls and WPS .et by calamine; an encrypted package and old Word files are told apart for the message."""
    if "EncryptedPackage".encode("utf-16-le") in blob:
        return _corrupt(file, "文件已加密")
    if "WordDocument".encode("utf-16-le") in blob:
        finding = file_rejected(
            file,
            "KIND_UNKNOWN",
            "是旧版 Word 文件（.doc），读不了",
            "请用 WPS 或 Word 另存为 .docx 后再放入",
        )
        return FileContent(Content.NOTHING, findings=(finding,))
    return _read_workbook(blob, file, None)


def _type_findings(blob: bytes, file: str) -> tuple[Finding, ...]:
    suffix = PurePosixPath(file).suffix.lower()
    if suffix == ".et":
        return (logged("WPS_ET", Place(file=file), "是 WPS 表格（.et），已读取"),)
    actual = "xls 工作簿" if blob.startswith(_OLE) else "xlsx 工作簿"
    expected = {".xls"} if blob.startswith(_OLE) else {".xlsx", ".xlsm", ".xlsb", ".ods"}
    if suffix in expected:
        return ()
    message = f"扩展名是「{suffix or '无'}」，内容其实是 {actual}，已按内容读取"
    return (logged("FILE_TYPE_MISMATCH", Place(file=file), message),)


def _read_workbook(blob: bytes, file: str, archive: zipfile.ZipFile | None) -> FileContent:
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(blob))
        details = _SheetDetails.of(archive)
        grids = []
        for meta in workbook.sheets_metadata:
            if meta.typ != SheetTypeEnum.WorkSheet:
                continue
            sheet = workbook.get_sheet_by_name(meta.name)
            rows: list[list[object]] = list(sheet.to_python(skip_empty_area=False))
            merged = tuple((a, b, c, d) for (a, b), (c, d) in sheet.merged_cell_ranges or ())
            hidden = meta.visible != SheetVisibleEnum.Visible
            grids.append(details.complete(Grid(sheet=meta.name, rows=rows, hidden=hidden, merged=merged)))
    except PasswordError:
        return _corrupt(file, "文件已加密")
    except (CalamineError, UnicodeError, ValueError, KeyError, OSError):
        return _corrupt(file, "不是完整的工作簿，可能已损坏或未下载完整")
    return FileContent(Content.TABLES, tuple(grids), findings=_type_findings(blob, file))


def _read_word(blob: bytes, file: str) -> FileContent:
    from jixiao.intake.grids.documents import read_docx

    return read_docx(blob, file)


class _SheetDetails:
    """What calamine does not tell: error cells, formulas without a result, hidden rows, percent formats.

    Looked up in the sheet's XML only where a quick look finds a trace of it: a plain sheet costs one search.
    """

    def __init__(self, archive: zipfile.ZipFile | None, parts: dict[str, str], percent_styles: dict[int, int]) -> None:
        self._archive, self._parts, self._percent_styles = archive, parts, percent_styles

    @classmethod
    def of(cls, archive: zipfile.ZipFile | None) -> _SheetDetails:
        if archive is None or "xl/workbook.xml" not in archive.namelist():
            return cls(None, {}, {})
        targets = {
            relation.get("Id"): relation.get("Target") or "" for relation in _xml(archive, "xl/_rels/workbook.xml.rels")
        }
        parts = {}
        for sheet in _xml(archive, "xl/workbook.xml").iter(f"{_MAIN}sheet"):
            target = targets.get(sheet.get(_RELATION_ID), "")
            parts[sheet.get("name") or ""] = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        return cls(archive, parts, _percent_styles(archive))

    def complete(self, grid: Grid) -> Grid:
        name = self._parts.get(grid.sheet, "")
        if self._archive is None or name not in self._archive.namelist():
            return grid
        xml = self._archive.read(name)
        with_formats = bool(self._percent_styles) and len(xml) <= _FORMAT_SCAN_LIMIT
        if not (with_formats or b't="e"' in xml or b"hidden=" in xml or b"<f" in xml):
            return grid
        return self._with_xml(grid, xml)

    def _with_xml(self, grid: Grid, xml: bytes) -> Grid:
        from lxml import etree

        rows = [list(row) for row in grid.rows]
        hidden_rows: set[int] = set()
        percent: dict[tuple[int, int], int] = {}
        root = etree.fromstring(xml, etree.XMLParser(resolve_entities=False, huge_tree=True))
        for row in root.iter(f"{_MAIN}row"):
            if row.get("hidden") in {"1", "true"}:
                hidden_rows.add(int(row.get("r") or 0))
            for cell in row.iter(f"{_MAIN}c"):
                where = _cell_position(cell.get("r") or "")
                if where is None or where[0] >= len(rows):
                    continue
                style = cell.get("s")
                if style is not None and int(style) in self._percent_styles:
                    percent[where] = self._percent_styles[int(style)]
                found = _cell_error(cell)
                if found is None:
                    continue
                at_row = rows[where[0]]
                at_row.extend([""] * (where[1] + 1 - len(at_row)))
                at_row[where[1]] = found
        return Grid(
            sheet=grid.sheet,
            rows=rows,
            hidden=grid.hidden,
            hidden_rows=frozenset(hidden_rows),
            merged=grid.merged,
            percent_cells=percent,
        )


def _cell_error(cell: Any) -> CellError | None:
    value = cell.find(f"{_MAIN}v")
    text = "" if value is None else value.text or ""
    if cell.get("t") == "e":
        return CellError(text or "#ERROR")
    formula = cell.find(f"{_MAIN}f")
    if formula is not None and not text and cell.get("t") != "str" and cell.find(f"{_MAIN}is") is None:
        return CellError(f"={formula.text or ''}", formula_without_value=True)
    return None


def _cell_position(reference: str) -> tuple[int, int] | None:
    """``B7`` → (6, 1), 0-based."""
    found = re.fullmatch(r"([A-Z]{1,3})(\d+)", reference)
    if not found:
        return None
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(found[2]) - 1, column - 1


def _xml(archive: zipfile.ZipFile, name: str) -> Any:
    from lxml import etree

    return etree.fromstring(archive.read(name), etree.XMLParser(resolve_entities=False))


def _percent_styles(archive: zipfile.ZipFile) -> dict[int, int]:
    """Cell style → decimals of its percent format."""
    if "xl/styles.xml" not in archive.namelist():
        return {}
    root = _xml(archive, "xl/styles.xml")
    own = {int(fmt.get("numFmtId") or 0): fmt.get("formatCode") or "" for fmt in root.iter(f"{_MAIN}numFmt")}
    styles = {}
    formats = root.find(f"{_MAIN}cellXfs")
    for index, xf in enumerate(() if formats is None else formats):
        number = int(xf.get("numFmtId") or 0)
        if number in _PERCENT_BUILTIN:
            styles[index] = _PERCENT_BUILTIN[number]
        elif "%" in own.get(number, ""):
            shown = re.search(r"\.([0#?]+)\s*%", own[number])
            styles[index] = len(shown[1]) if shown else 0
    return styles
