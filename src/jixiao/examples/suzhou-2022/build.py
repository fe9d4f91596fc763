# ruff: noqa: INP001  (a script beside its data: the folder is named after the example, not after a module)
"""Build the inbox of the example 苏州市科技服务中心 2022 from the tables in ``source/``: the same bytes each time.

Run ``python src/jixiao/examples/suzhou-2022/build.py [FOLDER]`` after a change in ``source/``; without FOLDER it renews
``inbox/`` beside this file. What is published and what is filled in stands in README.md; the copying of the
inbox for a user is ``jixiao.examples.write_inbox``; that build and inbox agree is held by tests/unit/test_examples.py.
"""

from __future__ import annotations

import csv
import re
import sys
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from openpyxl import Workbook
from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from docx.document import Document as DocumentObject
    from openpyxl.worksheet.worksheet import Worksheet

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "source"
UNIT_LINE = "单位名称：苏州市科技服务中心  单位编码：301002"
YEAR = "2022年度"
TYPEFACE = "宋体"

# Containers carry clocks; an example must not.
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_DOCUMENT_TIME = datetime(2023, 3, 1, tzinfo=UTC)
_DOCUMENT_TIME_TEXT = b"2023-03-01T00:00:00Z"
_CORE_TIMES = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*(?=</dcterms:)")

_THIN = Side(style="thin", color="FF808080")
_BOX = Border(left=_THIN, right=_THIN, top=_THIN, bottom=_THIN)
_HEAD_FILL = PatternFill("solid", fgColor="FFEAF1F8")


def read_table(name: str) -> tuple[list[str], list[list[str]]]:
    """Return head and rows of ``source/<name>``; every cell is text, to the letter."""
    with (SOURCE / name).open(encoding="utf-8", newline="") as stream:
        head, *rows = csv.reader(stream)
    return head, rows


def write_text(cell: Cell, text: str) -> None:
    """Write ``text`` as text: ``=100%`` is a target here, never a formula, and 301002 a code, never a number."""
    if text:
        cell.value = text
        cell.data_type = "s"
        if text.startswith("="):
            cell.quotePrefix = True


def write_money(cell: Cell, text: str) -> None:
    """Write an amount as a number that shows as many decimals as ``text`` does."""
    cell.value = Decimal(text)


def write_fen(cell: Cell, text: str) -> None:
    cell.value = Decimal(text)
    cell.number_format = "#,##0.00"


def write_date(cell: Cell, text: str) -> None:
    cell.value = date.fromisoformat(text)
    cell.number_format = "yyyy-mm-dd"


def lay_out(
    *,
    sheet: Worksheet,
    titles: Sequence[str],
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    writers: dict[str, Callable[[Cell, str], None]],
    widths: Sequence[int],
    merged_column: int | None = None,
) -> None:
    """Fill ``sheet`` as an office prints it: title lines over the whole width, one head row, boxed cells.

    ``writers`` maps a head to the way its cells are written, text where it is not named. In ``merged_column``
    (1-based) equal neighbours become one merged cell, as in the published forms.
    """
    for row, title in enumerate(titles, start=1):
        title_cell = sheet.cell(row, 1, title)
        title_cell.font = Font(name=TYPEFACE, size=14 if row == 1 else 10, bold=row == 1)
        title_cell.alignment = Alignment(horizontal="center" if row == 1 else "left", vertical="center")
        sheet.merge_cells(start_row=row, end_row=row, start_column=1, end_column=len(head))
    head_row = len(titles) + 1
    for column, (label, width) in enumerate(zip(head, widths, strict=True), start=1):
        head_cell = sheet.cell(head_row, column, label)
        head_cell.font = Font(name=TYPEFACE, size=10, bold=True)
        head_cell.fill = _HEAD_FILL
        head_cell.border = _BOX
        head_cell.alignment = Alignment(horizontal="center", vertical="center", wrap_text=True)
        sheet.column_dimensions[get_column_letter(column)].width = width
    for row, values in enumerate(rows, start=head_row + 1):
        for column, (label, value) in enumerate(zip(head, values, strict=True), start=1):
            body_cell = sheet.cell(row, column)
            assert isinstance(body_cell, Cell)  # nothing is merged yet
            body_cell.font = Font(name=TYPEFACE, size=10)
            body_cell.border = _BOX
            body_cell.alignment = Alignment(vertical="center", wrap_text=True)
            if not (column == merged_column and row > head_row + 1 and rows[row - head_row - 2][column - 1] == value):
                writers.get(label, write_text)(body_cell, value)
    if merged_column is not None:
        first = head_row + 1
        for _, group in groupby(row[merged_column - 1] for row in rows):
            last = first + len(list(group)) - 1
            if last > first:
                sheet.merge_cells(start_row=first, end_row=last, start_column=merged_column, end_column=merged_column)
            first = last + 1
    sheet.freeze_panes = f"A{head_row + 1}"


def sealed(container: bytes) -> bytes:
    """Return an Office file's bytes without its clocks: parts sorted, stored, dated 1980, fixed core properties.

    Stored, not deflated: compressed bytes differ from one zlib to the next.
    """
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(container)) as given, zipfile.ZipFile(out, "w") as target:
        for name in sorted(given.namelist()):
            part = given.read(name)
            if name == "docProps/core.xml":
                part = _CORE_TIMES.sub(rb"\g<1>" + _DOCUMENT_TIME_TEXT, part)
            entry = zipfile.ZipInfo(name, date_time=_ZIP_EPOCH)
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            target.writestr(entry, part)
    return out.getvalue()


def new_workbook(sheet_title: str) -> tuple[Workbook, Worksheet]:
    workbook = Workbook()
    workbook.properties.creator = "jixiao 示例"
    workbook.properties.created = _DOCUMENT_TIME.replace(tzinfo=None)
    sheet = workbook.active
    assert sheet is not None
    sheet.title = sheet_title
    return workbook, sheet


def saved(workbook: Workbook) -> bytes:
    stream = BytesIO()
    workbook.save(stream)
    return sealed(stream.getvalue())


def payments() -> bytes:
    """国库支付明细: an export without title lines, one voucher a row, in 元."""
    head, rows = read_table("payments.csv")
    workbook, sheet = new_workbook("支付明细")
    lay_out(
        sheet=sheet,
        titles=(),
        head=head,
        rows=rows,
        writers={"支付金额": write_fen, "支付日期": write_date},
        widths=(18, 10, 20, 32, 13, 13, 9, 15, 12, 10, 42),
    )
    return saved(workbook)


def budget_execution() -> bytes:
    """部门预算执行情况表: the published figures in 万元, as printed; rates as text."""
    head, rows = read_table("budget.csv")
    workbook, sheet = new_workbook("预算执行情况")
    lay_out(
        sheet=sheet,
        titles=("部门预算执行情况表", UNIT_LINE, f"{YEAR}  单位：万元"),
        head=head,
        rows=rows,
        writers=dict.fromkeys(head[1:-1], write_money),
        widths=(34, 15, 22, 15, 15, 11),
    )
    return saved(workbook)


def indicators() -> bytes:
    """整体支出绩效自评表: the 69 published indicators to the letter."""
    head, rows = read_table("indicators.csv")
    workbook, sheet = new_workbook("部门整体自评表")
    lay_out(
        sheet=sheet,
        titles=("部门整体支出绩效自评表", UNIT_LINE, YEAR),
        head=head,
        rows=rows,
        writers={},
        widths=(9, 42, 14, 14, 26, 11, 40),
        merged_column=1,
    )
    return saved(workbook)


def key_tasks() -> bytes:
    """年度重点任务: the 22 published tasks to the letter."""
    head, rows = read_table("key_tasks.csv")
    workbook, sheet = new_workbook("年度重点任务")
    lay_out(
        sheet=sheet,
        titles=("年度重点任务", UNIT_LINE, YEAR),
        head=head,
        rows=rows,
        writers={},
        widths=(24, 48, 34, 60),
        merged_column=1,
    )
    return saved(workbook)


def unit_facts() -> bytes:
    """基础数据表: only what the report itself states."""
    head, rows = read_table("facts.csv")
    workbook, sheet = new_workbook("基础数据")
    lay_out(
        sheet=sheet,
        titles=("基础数据表", UNIT_LINE, YEAR),
        head=head,
        rows=rows,
        writers={"数值": write_money},
        widths=(20, 10, 10, 60),
    )
    return saved(workbook)


def contacts() -> bytes:
    """责任人通讯录: CSV with BOM, as a spreadsheet writes it."""
    return b"\xef\xbb\xbf" + (SOURCE / "contacts.csv").read_bytes()


def _lighten(document: DocumentObject) -> None:
    """Drop what the blank document of python-docx carries and no page here uses: nine tenths of its bytes."""
    for style in list(document.styles.element.findall(qn("w:style"))):
        if style.get(qn("w:type")) == "table" and style.get(qn("w:default")) != "1":
            document.styles.element.remove(style)
    for relation_id, relation in list(document.part.rels.items()):
        if relation.reltype.endswith(("/stylesWithEffects", "/customXml")):
            document.part.rels.pop(relation_id)
    for relation_id, relation in list(document.part.package.rels.items()):
        if relation.reltype.endswith("/thumbnail"):
            document.part.package.rels.pop(relation_id)


def narrative() -> bytes:
    """自评报告文字: the published chapters 一 to 六. ``# `` is the title, ``## `` a chapter, other lines paragraphs."""
    document = Document()
    properties = document.core_properties
    properties.author = properties.last_modified_by = "jixiao 示例"
    properties.comments = ""
    properties.title = "部门整体支出预算绩效自评报告"
    properties.created = properties.modified = _DOCUMENT_TIME
    for style_name in ("Normal", "Heading 1", "Title"):
        style = document.styles[style_name]
        style.font.name = TYPEFACE
        style.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), TYPEFACE)
    _lighten(document)
    in_chapters = False
    for line in filter(None, (SOURCE / "narrative.md").read_text(encoding="utf-8").splitlines()):
        mark, _, text = line.partition(" ") if line.startswith("#") else ("", "", line)
        in_chapters = in_chapters or mark == "##"
        paragraph = document.add_paragraph(text, style={"#": "Title", "##": "Heading 1"}.get(mark, "Normal"))
        if not in_chapters:
            paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    stream = BytesIO()
    document.save(stream)
    return sealed(stream.getvalue())


FILES: dict[str, Callable[[], bytes]] = {
    "国库支付明细.xlsx": payments,
    "部门预算执行情况表.xlsx": budget_execution,
    "整体支出绩效自评表.xlsx": indicators,
    "年度重点任务.xlsx": key_tasks,
    "自评报告文字.docx": narrative,
    "基础数据表.xlsx": unit_facts,
    "责任人通讯录.csv": contacts,
}


def build(folder: Path) -> list[Path]:
    """Write the inbox files into ``folder`` and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, content in FILES.items():
        path = folder / name
        path.write_bytes(content())
        written.append(path)
    return written


if __name__ == "__main__":
    for built in build(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "inbox"):
        sys.stdout.write(f"{built.name}\n")
