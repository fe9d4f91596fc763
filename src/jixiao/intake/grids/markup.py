"""Tables that web systems write as HTML or XML Spreadsheet 2003 under the name .xls. Real workbooks: containers.py."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

from jixiao.domain.findings import Place
from jixiao.intake.grids.grid import Content, FileContent, Grid, file_corrupt, logged

_HEAD_BYTES = 4096
_SPREADSHEET = "{urn:schemas-microsoft-com:office:spreadsheet}"
_HTML = re.compile(rb"<(?:html|table|!doctype\s+html)[\s>]", re.IGNORECASE)
# What a cell may span at most: a page that says more is damaged or hostile.
_SPAN_LIMIT = 1000


def is_markup(blob: bytes) -> bool:
    """Whether the bytes are an HTML page or an XML Spreadsheet 2003."""
    head = blob[:_HEAD_BYTES].lstrip(b"\xef\xbb\xbf \r\n\t")
    return head.startswith(b"<") and (_is_spreadsheet(head) or bool(_HTML.search(head)))


def _is_spreadsheet(head: bytes) -> bool:
    return b"schemas-microsoft-com:office:spreadsheet" in head and b"<html" not in head.lower()


def read_markup(blob: bytes, file: str) -> FileContent:
    """Read the tables of the page or the sheets of the XML workbook."""
    from lxml import etree

    spreadsheet = _is_spreadsheet(blob[:_HEAD_BYTES])
    try:
        grids = _spreadsheet_grids(blob) if spreadsheet else _html_grids(blob)
    except (etree.LxmlError, ValueError):
        return FileContent(Content.NOTHING, findings=(file_corrupt(file, "内容损坏"),))
    what = "XML 表格 2003" if spreadsheet else "网页（HTML）"
    suffix = PurePosixPath(file).suffix.lower() or "无"
    message = f"扩展名是「{suffix}」，内容其实是 {what}，已按内容读取"
    return FileContent(Content.TABLES, grids, findings=(logged("FILE_TYPE_MISMATCH", Place(file=file), message),))


def _spreadsheet_grids(blob: bytes) -> tuple[Grid, ...]:
    from lxml import etree

    if b"<!DOCTYPE" in blob[:_HEAD_BYTES].upper():
        raise ValueError("DOCTYPE")
    root = etree.fromstring(blob, etree.XMLParser(resolve_entities=False, no_network=True, recover=False))
    grids = []
    for sheet in root.iter(f"{_SPREADSHEET}Worksheet"):
        rows: list[list[object]] = []
        for row in sheet.iter(f"{_SPREADSHEET}Row"):
            at = _number(row, "Index") - 1
            rows += [[] for _ in range(max(0, min(at - len(rows), _SPAN_LIMIT)))]
            rows.append(_spreadsheet_row(row))
        grids.append(Grid(sheet=sheet.get(f"{_SPREADSHEET}Name") or "", rows=rows))
    return tuple(grids)


def _spreadsheet_row(row: Any) -> list[object]:
    cells: list[object] = []
    for cell in row.iter(f"{_SPREADSHEET}Cell"):
        at = _number(cell, "Index") - 1
        cells += [""] * max(0, min(at - len(cells), _SPAN_LIMIT))
        value = cell.find(f"{_SPREADSHEET}Data")
        cells.append("" if value is None else "".join(value.itertext()))
        cells += [""] * min(_number(cell, "MergeAcross"), _SPAN_LIMIT)
    return cells


def _number(element: Any, name: str) -> int:
    text = element.get(f"{_SPREADSHEET}{name}") or "0"
    return int(text) if text.isdecimal() else 0


def _html_grids(blob: bytes) -> tuple[Grid, ...]:
    from lxml import etree, html

    try:
        blob.decode("utf-8")
        encoding = "utf-8"
    except UnicodeDecodeError:
        encoding = "gb18030"
    root = html.fromstring(blob, parser=etree.HTMLParser(encoding=encoding, no_network=True))
    tables = [table for table in root.iter("table") if table.find(".//table") is None]
    return tuple(Grid(sheet="", rows=_html_rows(table)) for table in tables)


def _html_rows(table: Any) -> list[list[object]]:
    """Rows with spanned cells written once, in their first place, as a workbook holds merged cells."""
    rows: list[list[object]] = []
    taken: dict[tuple[int, int], bool] = {}
    for row_at, row in enumerate(table.iter("tr")):
        cells: list[object] = []
        for cell in row.iterchildren("td", "th"):
            while (row_at, len(cells)) in taken:
                cells.append("")
            across, down = _span(cell, "colspan"), _span(cell, "rowspan")
            for below in range(1, down):
                for beside in range(across):
                    taken[row_at + below, len(cells) + beside] = True
            cells.append(" ".join("".join(cell.itertext()).split()))
            cells += [""] * (across - 1)
        rows.append(cells)
    return rows


def _span(cell: Any, name: str) -> int:
    text = cell.get(name) or "1"
    return min(max(int(text), 1), _SPAN_LIMIT) if text.isdecimal() else 1
