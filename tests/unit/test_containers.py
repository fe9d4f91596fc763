"""Bytes → grids: the same table in every container gives the same cells, with what each container says beside them."""

from __future__ import annotations

import random
import struct
from datetime import date, datetime, time, timedelta
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jixiao.intake.grids import archives, markup, number_formats, ooxml, workbooks
from jixiao.intake.grids.archives import Archive, Refused
from jixiao.intake.grids.grid import CellError, Content, FileContent, Grid
from jixiao.intake.grids.number_formats import Look, look_by_number, look_of, moment
from jixiao.intake.grids.reading import read_content
from tests.fixtures import damage
from tests.fixtures.containers import (
    MAIN,
    SPREADSHEET,
    biff,
    biff_cells,
    brt,
    compound,
    error_record,
    format_record,
    number_record,
    ods,
    ods_cell,
    ods_rows,
    record,
    row_record,
    row_xml,
    rows_xml,
    sheet_xml,
    spreadsheet_rows,
    spreadsheet_xml,
    word,
    word_cell,
    word_paragraph,
    word_table,
    xf_record,
    xls,
    xlsb,
    xlsx_parts,
    zipped,
)

TABLE = [["项目", "年初预算数", "执行率"], ["甲", 1234.5, 0.5], [None, -2.0, None], ["乙 & <丙>", 3.0, 1.0]]
SHEET = "xl/worksheets/sheet1.xml"


def read(blob: bytes, file: str = "a.xlsx") -> FileContent:
    if workbooks.is_container(blob):
        return workbooks.read_container(blob, file)
    assert markup.is_markup(blob)
    return markup.read_markup(blob, file)


def codes(content: FileContent) -> list[str]:
    return [finding.code for finding in content.findings]


def grid(blob: bytes, file: str = "a.xlsx") -> Grid:
    content = read(blob, file)
    assert content.content is Content.TABLES, content.findings
    return content.grids[0]


def cells(found: Grid) -> list[list[object]]:
    """The rows without the blanks at their ends, which containers keep or not."""
    rows = [[None if cell == "" else cell for cell in row] for row in found.rows]
    for row in rows:
        while row and row[-1] is None:
            row.pop()
    return rows


def plain(rows: list[list[object]]) -> list[list[object]]:
    return cells(Grid("", rows))


def book(*rows: str, after: str = "", before: str = "", formats: tuple[str | int, ...] = (), **more: object) -> bytes:
    xml = sheet_xml("".join(rows), after, before)
    return zipped(xlsx_parts({"Sheet1": xml}, formats=formats, **more))  # type: ignore[arg-type]


# ── the same table everywhere ────────────────────────────────────────────────────────────────────────────────────────

CONTAINERS = {
    "a.xlsx": book(rows_xml(TABLE)),
    "a.xlsb": xlsb(TABLE),
    "a.xls": xls(TABLE),
    "a.ods": ods(ods_rows(TABLE)),
    "a.xml": spreadsheet_xml(spreadsheet_rows(TABLE)),
}


@pytest.mark.parametrize("file", CONTAINERS)
def test_a_table_has_the_same_cells_in_every_container(file):
    content = read(CONTAINERS[file], file)
    assert (cells(content.grids[0]), codes(content)) == (plain(TABLE), [])


@pytest.mark.parametrize("file", CONTAINERS)
@pytest.mark.parametrize("suffix", [".csv", ".xls", ".xlsx", ".et", ".docx", ""])
def test_a_workbook_is_known_by_its_content(file, suffix, tmp_path):
    path = tmp_path / f"b{suffix}"
    path.write_bytes(CONTAINERS[file])
    content = read_content(path, path.name)
    assert cells(content.grids[0]) == plain(TABLE)
    expected = ["WPS_ET"] if suffix == ".et" else [] if suffix == Path(file).suffix else ["FILE_TYPE_MISMATCH"]
    assert codes(content) == expected


_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=6).filter(
    lambda text: (
        text.strip() == text and text and not text.startswith("<c") and "\ufffe" not in text and "\uffff" not in text
    )
)
_NUMBERS = st.integers(-(10**14), 10**14).map(lambda n: n / 100)
_TABLES = st.lists(st.lists(st.none() | _TEXTS | _NUMBERS, max_size=5), min_size=1, max_size=6)


@settings(deadline=None, max_examples=60)
@given(_TABLES)
def test_the_exact_reader_and_the_fast_one_give_the_same_cells(table):
    from python_calamine import CalamineWorkbook

    made = zipped(xlsx_parts({"Sheet1": sheet_xml(rows_xml(table))}))
    fast = workbooks._FastReader(made).grid("Sheet1", hidden=False)
    assert CalamineWorkbook
    exact = grid(made)
    texts = [[cell.strip() if isinstance(cell, str) else cell for cell in row] for row in exact.rows]
    assert fast is not None
    assert cells(Grid("", texts)) == cells(fast)


@settings(deadline=None, max_examples=40)
@given(_TABLES)
def test_every_container_gives_back_what_was_written(table):
    for made, file in ((xlsb(table), "a.xlsb"), (xls(table), "a.xls"), (ods(ods_rows(table)), "a.ods")):
        found = cells(grid(made, file))
        while found and not found[-1]:
            found.pop()
        expected = plain(table)
        while expected and not expected[-1]:
            expected.pop()
        assert found == [[c.strip() if isinstance(c, str) else c for c in row] for row in expected]


# ── big sheets ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _traces(blob: bytes) -> ooxml.Traces:
    workbook = ooxml.Workbook.of(Archive(blob))
    return ooxml.traces_of(workbook, workbook.sheets[0])


def test_a_look_at_a_plain_sheet_counts_its_cells_and_where_they_end():
    found = _traces(book(rows_xml(TABLE), row_xml(1200, [None] * 27 + [5]), shared=["x"]))
    assert (found.filled, found.last_row, found.last_column, found.is_plain) == (10 + 1, 1199, 27, True)


@pytest.mark.parametrize(
    "row",
    [
        '<row r="9"><c r="A9" t="e"><v>#REF!</v></c></row>',
        '<row r="9"><c r="A9"><f>1+1</f></c></row>',
        '<row r="9" hidden="1"><c r="A9"><v>1</v></c></row>',
        '<row r="9"><c><v>1</v></c></row>',
        '<row r="9"><c s="0" r="A9"><v>1</v></c></row>',
        '<row r="9"><c r="A9" s="1"><v>1</v></c></row>',
        f'<row r="9"><c r="A9" t="inlineStr"><is><t>{"长" * 40_000}</t></is></c></row>',
        f'<x:row xmlns:x="{MAIN}" r="9"><x:c r="A9"><x:v>1</x:v></x:c></x:row>',
        '<row r="9"><c r="A9"><v><![CDATA[1]]></v></c></row>',
    ],
)
def test_what_the_fast_reader_does_not_tell_is_seen(row):
    assert not _traces(book(rows_xml(TABLE), row, formats=("0.00%",))).is_plain


def test_blank_cells_with_a_format_do_not_stretch_a_sheet():
    blank = '<row r="900000"><c r="A900000" s="1"/><c r="ZZ900000" s="1"/></row>'
    found = _traces(book(rows_xml(TABLE), blank, formats=("0.00%",)))
    assert (found.is_plain, found.last_row, found.last_column) == (True, 3, 2)


def test_a_big_plain_sheet_and_a_small_one_are_read_alike(monkeypatch):
    rows = [*TABLE, *[["丁", float(n), n / 8] for n in range(500)]]
    shared = book(rows_xml(rows))
    exact = grid(shared)
    monkeypatch.setattr(workbooks, "_READ_EXACTLY_BYTES", 0)
    assert cells(grid(shared)) == cells(exact) == plain(rows)


# ── what an xlsx says beside its values ──────────────────────────────────────────────────────────────────────────────


def test_places_may_be_left_out_or_stand_in_any_order():
    odd = (
        '<row r="5"><c r="B5"><v>1</v></c></row><row r="2"><c r="C2"><v>2</v></c><c r="A2"><v>3</v></c></row>'
        "<row><c><v>4</v></c><c><v>5</v></c></row>"
    )
    assert cells(grid(book(odd))) == [[], [3.0, None, 2.0], [4.0, 5.0], [], [None, 1.0]]


def test_each_type_of_cell_is_what_the_sheet_shows():
    typed = (
        '<c t="s"><v>1</v></c>',
        '<c t="str"><f>A1</f><v></v></c>',
        '<c t="b"><v>1</v></c>',
        '<c t="d"><v>2023-03-05T00:00:00</v></c>',
        '<c t="e"><v>#REF!</v></c>',
        "<c><f>SUM(A1)</f></c>",
        '<c><f t="shared" si="0"/><v>7</v></c>',
        '<c t="inlineStr"><is><r><t>甲</t></r><r><t>乙</t></r><rPh sb="0" eb="1"><t>jia</t></rPh></is></c>',
        '<c t="zz"><v>99</v></c>',
        "<c><v>1e999</v></c>",
    )
    found = cells(grid(book(row_xml(1, typed), shared=["零", "一_x000D_二_xD800_"])))[0]
    assert found == [
        "一\r二_xD800_",
        None,
        True,
        date(2023, 3, 5),
        CellError("#REF!"),
        CellError("=SUM(A1)", formula_without_value=True),
        7.0,
        "甲乙",
        "99",
        CellError("#NUM!"),
    ]


def test_formats_say_percentages_dates_and_decimals():
    formats = ("0.00%", "yyyy-mm-dd", "#,##0.00", 31, 10, '0!.0,"万"')
    styled = [
        f'<c s="{style}"><v>{value}</v></c>' for style, value in enumerate((0.5, 44990, 10, 44990, 1, 12345), start=1)
    ]
    found = grid(book(row_xml(1, styled), formats=formats))
    assert cells(found) == [[0.5, date(2023, 3, 5), 10.0, date(2023, 3, 5), 1.0, 12345.0]]
    assert (found.percent_cells, found.shown_places) == ({(0, 0): 2, (0, 4): 2}, {(0, 2): 2})


@pytest.mark.parametrize("small", [True, False])
def test_dates_count_from_1904_where_the_workbook_says_so(small, monkeypatch):
    if not small:
        monkeypatch.setattr(workbooks, "_READ_EXACTLY_BYTES", 0)
    days = row_xml(1, ['<c s="1"><v>43528</v></c>', '<c s="2"><v>43528.5</v></c>'])
    found = grid(book(days, formats=(14, 31), book='<workbookPr date1904="1"/>'))
    assert cells(found) == [[date(2023, 3, 5), datetime.combine(date(2023, 3, 5), time(12))]]


def test_hidden_rows_are_those_that_hold_something():
    rows = [
        row_xml(1, ["甲"]),
        row_xml(2, [1], ' hidden="1"'),
        '<row r="3" hidden="true"/>',
        row_xml(4, [2], ' ht="0" customHeight="1"'),
    ]
    assert grid(book(*rows)).hidden_rows == {2, 4}


def test_merged_ranges_are_cut_to_the_sheet():
    after = '<mergeCells><mergeCell ref="A2:C3"/><mergeCell ref="B1"/><mergeCell ref="A1:XFD1"/><mergeCell ref="ZZ9:ZZ10"/></mergeCells>'
    assert grid(book(rows_xml(TABLE), after=after)).merged == ((1, 0, 2, 2), (0, 0, 0, 2))


def test_hidden_and_very_hidden_sheets_are_read_and_said():
    sheets = {name: sheet_xml(rows_xml([[name]])) for name in ("看得见", "藏", "很藏")}
    content = read(zipped(xlsx_parts(sheets, states={"藏": "hidden", "很藏": "veryHidden"})))
    assert [(g.sheet, g.hidden) for g in content.grids] == [("看得见", False), ("藏", True), ("很藏", True)]


def test_a_sheet_is_found_however_the_package_writes_it():
    strict = "http://purl.oclc.org/ooxml"
    made = xlsx_parts({"Sheet1": ""}, shared=["甲"])
    del made[SHEET]
    made["xl/workbook.xml"] = (
        f'<x:workbook xmlns:x="{strict}/spreadsheetml/main" xmlns:r="{strict}/officeDocument/relationships">'
        '<x:sheets><x:sheet name="S" sheetId="1" r:id="rId1"/></x:sheets></x:workbook>'
    )
    made["xl/_rels/workbook.xml.rels"] = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="rId1" Type="{strict}/officeDocument/relationships/worksheet" Target="/xl\\odd%20names\\S.XML"/>'
        f'<Relationship Id="rId2" Type="{strict}/officeDocument/relationships/sharedStrings" Target="SharedStrings.xml"/>'
        "</Relationships>"
    )
    made["xl/Odd names/s.xml"] = (
        f'<x:worksheet xmlns:x="{strict}/spreadsheetml/main"><x:sheetData><x:row r="1"><x:c r="A1" t="s"><x:v>0</x:v></x:c>'
        "</x:row></x:sheetData></x:worksheet>"
    )
    found = grid(zipped(made))
    assert (found.sheet, cells(found)) == ("S", [["甲"]])


def test_a_workbook_without_styles_or_in_utf16_is_read():
    made = xlsx_parts({"Sheet1": ""})
    del made["xl/styles.xml"]
    made[SHEET] = (
        '<?xml version="1.0" encoding="UTF-16"?>' + sheet_xml(row_xml(1, ["甲", '<c s="7"><v>1</v></c>']))
    ).encode("utf-16")
    assert cells(grid(zipped(made))) == [["甲", 1.0]]


def test_a_chart_sheet_is_no_sheet():
    made = xlsx_parts({"Sheet1": sheet_xml(rows_xml(TABLE)), "图": "<chartsheet/>"})
    relations = str(made["xl/_rels/workbook.xml.rels"])
    made["xl/_rels/workbook.xml.rels"] = relations.replace(
        'worksheet" Target="worksheets/sheet2', 'chartsheet" Target="worksheets/sheet2'
    )
    assert [g.sheet for g in read(zipped(made)).grids] == ["Sheet1"]


def test_a_text_beyond_what_a_cell_holds_is_left_out_and_said():
    content = read(book(row_xml(1, ["甲", "长" * 32_768, "长" * 32_767])))
    [finding] = content.findings
    assert (finding.code, finding.place.sheet, finding.place.row, finding.place.column) == (
        "CELL_TOO_LONG",
        "Sheet1",
        1,
        "B",
    )
    assert isinstance(content.grids[0].rows[0][1], CellError)
    assert len(str(content.grids[0].rows[0][2])) == 32_767


@pytest.mark.parametrize(
    ("part", "code"),
    [("xl/vbaProject.bin", "MACROS_IGNORED"), ("xl/externalLinks/externalLink1.xml", "EXTERNAL_LINKS")],
)
def test_what_is_never_run_or_followed_is_said(part, code):
    content = read(zipped({**xlsx_parts({"Sheet1": sheet_xml(rows_xml(TABLE))}), part: b"x"}), "a.xlsm")
    assert (codes(content), cells(content.grids[0])) == ([code], plain(TABLE))


# ── zips ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_damaged_byte_anywhere_in_a_part_is_damage():
    made = bytearray(zipped(xlsx_parts({"Sheet1": sheet_xml(rows_xml(TABLE))}), method=0))
    made[bytes(made).index(b"<v>1234.5") + 4] ^= 1
    with pytest.raises(Refused):
        Archive(bytes(made))


def test_a_zip_with_bytes_behind_it_is_read_as_browsers_save_it():
    assert cells(grid(book(rows_xml(TABLE)) + b"\r\n")) == plain(TABLE)


def test_a_part_is_read_to_its_end_in_pieces(monkeypatch):
    monkeypatch.setattr(archives, "_PIECE", 7)
    assert cells(grid(book(rows_xml(TABLE)))) == plain(TABLE)


# ── xls, xlsb ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_xls_says_errors_hidden_rows_and_formats():
    body = biff_cells(TABLE) + error_record(4, 1, 0x17) + row_record(1, hidden=True) + row_record(60, hidden=True)
    formula = record(0x06, struct.pack("<HHH", 5, 0, 0) + b"\x02\0\x2a\0\0\0\xff\xff" + b"\0" * 8)
    body += formula + number_record(6, 0, 0.25, 1) + number_record(6, 1, 0.1, 2)
    own = format_record(164, "0.0%") + xf_record(0) + xf_record(164) + xf_record(2)
    found = grid(compound({"Workbook": biff({"一": body}, globals_=own)}), "a.xls")
    assert cells(found)[4:] == [[None, CellError("#REF!")], [CellError("#N/A")], [0.25, 0.1]]
    assert (found.hidden_rows, found.percent_cells, found.shown_places) == ({2}, {(6, 0): 1}, {(6, 1): 2})


def test_an_xls_with_macros_or_links_says_so():
    link = record(0x1AE, struct.pack("<HH", 1, 5) + b"\0other")
    made = compound({"Workbook": biff({"一": biff_cells(TABLE)}, globals_=link), "_VBA_PROJECT_CUR": b"x"})
    assert codes(read(made, "a.xls")) == ["MACROS_IGNORED", "EXTERNAL_LINKS"]


def test_an_xlsb_says_errors_and_hidden_rows():
    more = brt(0, struct.pack("<LLHBBBL", 6, 0, 300, 0, 0, 0, 0)) + brt(3, struct.pack("<LLB", 1, 0, 0x07))
    found = grid(xlsb(TABLE, hidden=frozenset({1}), more=more), "a.xlsb")
    assert (cells(found)[6], found.hidden_rows) == ([None, CellError("#DIV/0!")], {2})


@pytest.mark.parametrize(
    ("streams", "file", "code"),
    [
        ({"WordDocument": b"x"}, "a.doc", "KIND_UNKNOWN"),
        ({"WordDocument": b"x"}, "a.xls", "KIND_UNKNOWN"),
        ({"EncryptedPackage": b"x"}, "a.xlsx", "FILE_CORRUPT"),
        ({"Other": b"x"}, "a.et", "WPS_ET"),
        ({"Other": b"x"}, "a.xls", "FILE_CORRUPT"),
        ({"Other": b"x"}, "a.msg", "FILE_SKIPPED"),
    ],
)
def test_a_compound_file_without_a_workbook_asks_for_what_can_be_read(streams, file, code):
    assert codes(read(compound(streams), file)) == [code]


@pytest.mark.parametrize("head", [b"\x09\x02\x06\x00\x00\x00\x10\x00", b"{\\rtf1\\ansi"])
def test_formats_that_only_their_own_program_opens_ask_for_another(head, tmp_path):
    (tmp_path / "a.xls").write_bytes(head + b"\0" * 100)
    [finding] = read_content(tmp_path / "a.xls", "a.xls").findings
    assert (finding.code, ".xlsx" in finding.fix) == ("KIND_UNKNOWN", True)


# ── ods ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_ods_says_errors_percentages_hidden_rows_and_merged_ranges():
    percent = '<table:table-cell office:value-type="percentage" office:value="0.97674"><text:p>97.67%</text:p></table:table-cell>'
    error = (
        '<table:table-cell table:formula="of:=1/0" office:value-type="string" calcext:value-type="error">'
        "<text:p>#DIV/0!</text:p></table:table-cell>"
    )
    day = '<table:table-cell office:value-type="date" office:date-value="2023-03-05"><text:p>3月5日</text:p></table:table-cell>'
    note = '<table:table-cell office:value-type="string"><office:annotation><text:p>批注</text:p></office:annotation><text:p>甲<text:s/>乙</text:p><text:p>丙</text:p></table:table-cell>'
    wide = ods_cell("宽", 'table:number-columns-spanned="2" table:number-rows-spanned="2"')
    covered = '<table:covered-table-cell office:value-type="float" office:value="9"/>'
    body = (
        f'<table:table-row>{percent}{error}{day}{note}</table:table-row><table:table-row table:visibility="filter">{wide}{covered}</table:table-row>'
        f"<table:table-row>{covered}{covered}{ods_cell(1)}</table:table-row>"
    )
    found = grid(ods(body), "a.ods")
    assert cells(found) == [[0.97674, CellError("#DIV/0!"), date(2023, 3, 5), "甲 乙\n丙"], ["宽"], [None, None, 1.0]]
    assert (found.percent_cells, found.hidden_rows, found.merged) == ({(0, 0): 2}, {2}, ((1, 0, 2, 1),))


def test_repeated_cells_and_rows_are_written_out():
    twice = ods_cell(1, 'table:number-columns-repeated="2"')
    body = f'<table:table-row table:number-rows-repeated="2">{twice}</table:table-row>'
    assert cells(grid(ods(body), "a.ods")) == [[1.0, 1.0], [1.0, 1.0]]


# ── XML Spreadsheet 2003 ─────────────────────────────────────────────────────────────────────────────────────────────


def test_an_xml_spreadsheet_keeps_gaps_types_and_merged_ranges():
    styles = (
        '<Style ss:ID="p"><NumberFormat ss:Format="0.0%"/></Style><Style ss:ID="q" ss:Parent="p"/>'
        '<Style ss:ID="n"><NumberFormat ss:Format="Fixed"/></Style><Style ss:ID="d"><NumberFormat ss:Format="Short Date"/></Style>'
    )
    table = (
        '<Column ss:Hidden="1"/><Row ss:Index="2"><Cell ss:Index="2" ss:MergeAcross="1" ss:MergeDown="1"><Data ss:Type="String">宽</Data></Cell>'
        '<Cell ss:StyleID="q"><Data ss:Type="Number">0.5</Data></Cell></Row>'
        '<Row ss:Hidden="1"><Cell><Data ss:Type="DateTime">2023-03-05T00:00:00.000</Data></Cell>'
        '<Cell ss:Index="4"><Data ss:Type="Boolean">1</Data><Comment><Data>批注</Data></Comment></Cell>'
        '<Cell><Data ss:Type="Error">#REF!</Data></Cell><Cell ss:Formula="=RC[-1]"/>'
        '<Cell ss:Formula="=1+1" ss:StyleID="n"><Data ss:Type="Number">2</Data></Cell></Row>'
        '<Row ss:Index="5" ss:Span="1"><Cell><Data ss:Type="String"><B>富</B>文本&#10;二</Data></Cell></Row>'
        "<Row><Cell ss:StyleID='d'><Data ss:Type='Number'>7</Data></Cell></Row>"
    )
    found = grid(spreadsheet_xml(table, styles=styles), "a.xls")
    assert cells(found) == [
        [],
        [None, "宽", None, 0.5],
        [date(2023, 3, 5), None, None, True, CellError("#REF!"), CellError("=RC[-1]", formula_without_value=True), 2.0],
        [],
        ["富文本\n二"],
        [],
        [7.0],
    ]
    assert (found.hidden_rows, found.merged) == ({3}, ((1, 1, 2, 2),))
    assert (found.percent_cells, found.shown_places) == ({(1, 3): 1}, {(2, 6): 2})


def test_sheets_of_an_xml_spreadsheet_may_be_hidden():
    options = '<WorksheetOptions xmlns="urn:schemas-microsoft-com:office:excel"><Visible>SheetHidden</Visible></WorksheetOptions>'
    more = f'<Worksheet ss:Name="第二张"><Table>{spreadsheet_rows([["甲"]])}</Table></Worksheet>'
    content = read(spreadsheet_xml(spreadsheet_rows(TABLE), options=options, more=more), "a.xls")
    assert [(g.sheet, g.hidden) for g in content.grids] == [("Sheet1", True), ("第二张", False)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gb18030"])
def test_an_xml_spreadsheet_may_have_another_encoding(encoding):
    text = spreadsheet_xml(spreadsheet_rows(TABLE)).decode()
    stated = text.replace('version="1.0"?', f'version="1.0" encoding="{encoding.removesuffix("-sig")}"?', 1)
    assert cells(grid(stated.encode(encoding), "a.xls")) == plain(TABLE)


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def page(body: str, head: str = "") -> bytes:
    return f"<html><head>{head}</head><body>{body}</body></html>".encode()


def test_spanned_cells_stand_in_their_first_place():
    found = grid(
        page(
            "<table><tr><th rowspan=2>项目<th colspan='2'>金额</tr><tr><td>预算<td>执行</tr>"
            "<tr style='display:none'><td>甲<td>1<td>2</table>"
        ),
        "a.xls",
    )
    assert cells(found) == [["项目", "金额"], [None, "预算", "执行"], ["甲", "1", "2"]]
    assert (found.merged, found.hidden_rows) == (((0, 0, 1, 0), (0, 1, 0, 2)), {3})


def test_the_text_of_a_cell_is_what_a_page_shows():
    found = grid(
        page(
            "<style>td{mso:x}</style><table><tr><td>执行率<br>(%)</td><td> A&nbsp;&amp;&nbsp;B&#20803; </td>"
            "<td><p>一</p><p>二</p></td><td><script>var x</script><input value='7'></td><td>#REF!</td></tr></table>"
        ),
        "a.xls",
    )
    assert cells(found) == [["执行率\n(%)", "A & B元", "一\n二", "7", CellError("#REF!")]]


@pytest.mark.parametrize(
    ("cell", "value", "percent"),
    [
        ('<td x:num="0.97674">97.67%</td>', 0.97674, {(0, 0): 2}),
        ('<td x:num="1234.5">1,234.50</td>', "1,234.50", {}),
        ('<td x:num="1234.567">1,235</td>', 1234.567, {}),
        ('<td x:num="1002">001002</td>', "001002", {}),
        ('<td x:num="44990">2023-03-05</td>', "2023-03-05", {}),
        ("<td x:num>301002</td>", "301002", {}),
        ('<td style=\'mso-number-format:"0\\.0%"\' x:num="0.97674">97.7%</td>', 0.97674, {(0, 0): 1}),
    ],
)
def test_the_number_behind_a_rounded_print_counts(cell, value, percent):
    found = grid(page(f"<table><tr>{cell}</tr></table>"), "a.xls")
    assert (cells(found), found.percent_cells) == ([[value]], percent)


def test_tables_that_only_lay_out_a_page_stand_above_those_inside():
    inner = "<table><tr><td>项目<td>金额</tr><tr><td>甲<td>1</tr></table>"
    layout = f"<h3>预算执行情况表</h3><table><tr><td>单位：万元</td></tr><tr><td>{inner}</td></tr></table>"
    other = "<p>第二张</p><table><tr><td>a<td>b</tr></table><table></table>"
    first, second = read(page(layout + other), "a.xls").grids
    assert (cells(first), first.above) == ([["项目", "金额"], ["甲", "1"]], ("预算执行情况表", "单位：万元"))
    assert (cells(second), second.above, first.sheet, second.sheet) == ([["a", "b"]], ("第二张",), "表1", "表2")


@pytest.mark.parametrize(
    ("encoding", "stated"),
    [("utf-8", "gb2312"), ("gb18030", "gb2312"), ("gb18030", ""), ("utf-16", ""), ("utf-8-sig", ""), ("big5", "big5")],
)
def test_a_page_is_read_in_its_encoding(encoding, stated):
    rows = [["項目", "金額"]]
    made = page(
        f"<table><tr><td>{rows[0][0]}<td>{rows[0][1]}</table>", f"<meta charset={stated}>" if stated else ""
    ).decode()
    assert cells(grid(made.encode(encoding), "a.xls")) == rows


def test_a_page_that_no_encoding_explains_is_refused_with_its_row():
    made = page("<table>\n<tr><td>\xff\xfe\xfa中</td></tr></table>").replace("\xff\xfe\xfa".encode(), b"\xff\xfe\xfa")
    [finding] = read(made, "a.xls").findings
    assert (finding.code, finding.place.row) == ("ENCODING_BROKEN", 2)


@pytest.mark.parametrize(("file", "code"), [("a.xls", "FILE_CORRUPT"), ("a.html", "FILE_SKIPPED")])
def test_a_page_without_a_table_is_no_table(file, code):
    assert codes(read(page("<h1>请登录</h1><frameset></frameset>"), file)) == [code]


def test_a_page_that_ends_inside_its_table_was_not_downloaded_whole():
    assert codes(read(b"<html><table><tr><td>\xe7\x94\xb2</td></tr><tr><td>1", "a.xls")) == ["FILE_CORRUPT"]


@pytest.mark.parametrize("transfer", ["base64", "quoted-printable"])
def test_the_pages_of_a_web_archive_are_read(transfer):
    made = MIMEMultipart("related")
    made["From"] = "<Saved by WPS>"
    for text in ("<html><frameset></frameset></html>", "<html><table><tr><td>甲<td>1</tr></table></html>"):
        part = MIMEText(text, "html", "gb2312" if transfer == "base64" else "utf-8")
        made.attach(part)
    content = read(made.as_bytes(), "a.xls")
    assert (cells(content.grids[0]), codes(content)) == ([["甲", "1"]], ["FILE_TYPE_MISMATCH"])


# ── Word ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

FORM = [["项目名称", "年初预算数", "全年执行数", "执行率"], ["甲", "1", "2", "3"]]


def test_a_table_of_word_is_a_grid_with_the_paragraphs_above_it():
    body = "".join(word_paragraph(t) for t in ("部门整体自评表", "", "单位：万元"))
    content = read(word(body + word_table(FORM) + word_paragraph("第二张") + word_table([["a", "b"]])), "a.docx")
    assert [(g.sheet, g.above) for g in content.grids] == [
        ("表1", ("部门整体自评表", "单位：万元")),
        ("表2", ("第二张",)),
    ]
    assert cells(content.grids[0]) == FORM


def test_merged_cells_of_word_stand_in_their_first_place():
    down = '<w:vMerge w:val="restart"/>'
    rows = [
        FORM[0],
        [word_cell("宽", '<w:gridSpan w:val="2"/>' + down), "1", word_cell("长", down)],
        [word_cell("", '<w:gridSpan w:val="2"/><w:vMerge/>'), "2", word_cell("", '<w:vMerge w:val="continue"/>')],
        ["甲", word_cell("乙", down), "3", "4"],
        ["丙", word_cell("丁", down), "5", "6"],
    ]
    found = grid(word(word_table(rows)), "a.docx")
    assert cells(found)[1:] == [
        ["宽", None, "1", "长"],
        [None, None, "2"],
        ["甲", "乙", "3", "4"],
        ["丙", "丁", "5", "6"],
    ]
    assert sorted(found.merged) == [(1, 0, 2, 1), (1, 3, 2, 3)]


def test_a_word_file_may_hold_tables_and_chapters():
    body = word_paragraph("某局自评报告") + word_paragraph("一、部门概况") + word_paragraph("正文。") + word_table(FORM)
    content = read(word(body), "a.docx")
    assert (content.content, len(content.grids), content.preamble) == (Content.TABLES, 1, ("某局自评报告",))
    assert [(c.number, c.heading, c.paragraphs) for c in content.chapters] == [(1, "部门概况", ("正文。",))]


def test_a_plain_table_in_a_report_is_part_of_its_text():
    chapters = "".join(word_paragraph(t) for t in ("一、部门概况", "正文。", "二、预算执行", "如下表。"))
    content = read(word(chapters + word_table(FORM)), "a.docx")
    assert (content.content, content.grids, len(content.chapters)) == (Content.TEXT, (), 2)


def test_the_text_of_a_paragraph_is_what_stays_after_revision():
    contents = (
        '<w:sdt><w:sdtPr><w:docPartObj><w:docPartGallery w:val="Table of Contents"/></w:docPartObj></w:sdtPr>'
        f"<w:sdtContent>{word_paragraph('五、目录')}</w:sdtContent></w:sdt>"
    )
    revised = (
        "<w:p><w:r><w:t>一、</w:t></w:r><w:ins><w:r><w:t>概况</w:t></w:r></w:ins><w:del><w:r><w:delText>旧</w:delText></w:r></w:del>"
        "<w:moveFrom><w:r><w:t>移走</w:t></w:r></w:moveFrom><w:hyperlink><w:r><w:t>链</w:t><w:tab/></w:r></w:hyperlink>"
        "<w:r><w:drawing><w:txbxContent><w:p><w:r><w:t>框</w:t></w:r></w:p></w:txbxContent></w:drawing></w:r></w:p>"
    )
    control = f"<w:sdt><w:sdtContent>{word_paragraph('控件里的正文')}</w:sdtContent></w:sdt>"
    content = read(word(contents + revised + control), "a.docx")
    assert [(c.heading, c.paragraphs) for c in content.chapters] == [("概况链", ("控件里的正文",))]


def test_a_table_inside_a_table_of_word_is_one_of_its_own():
    inner = word_table(FORM)
    outer = f"<w:tbl><w:tr><w:tc>{word_paragraph('外')}{inner}</w:tc></w:tr></w:tbl>"
    content = read(word(outer), "a.docx")
    assert [cells(g) for g in content.grids] == [[["外"]], FORM]


# ── formats ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("code", "look"),
    [
        ("General", Look()),
        ("G/通用格式", Look()),
        ("@", Look()),
        ("0", Look(places=0)),
        ("0.00", Look(places=2)),
        ("#,##0.00;[Red]-#,##0.00", Look(places=2)),
        ('_ ¥* #,##0.00_ ;_ ¥* -#,##0.00_ ;_ ¥* "-"??_ ;_ @_ ', Look(places=2)),
        ("[$￥-804]#,##0.0", Look(places=1)),
        ("0.##", Look(places=0)),
        ("0%", Look(percent=0)),
        ("0.00%;[Red]-0.00%", Look(percent=2)),
        ('0.0"%"', Look(places=1)),
        ("0.00E+00", Look()),
        ("# ?/?", Look()),
        ("0.00,,", Look()),
        ("0!.0,", Look()),
        ('0!.0000"万元"', Look(places=0)),
        ("yyyy-mm-dd", Look(is_date=True)),
        ('yyyy"年"m"月"d"日";@', Look(is_date=True)),
        ("[$-804]aaaa;@", Look()),
        ("[DBNum1][$-804]m月d日", Look(is_date=True)),
        ("[h]:mm", Look(is_date=True, is_elapsed=True)),
        ('0"days"', Look(places=0)),
        ("", Look()),
    ],
)
def test_a_format_code_says_how_a_number_is_printed(code, look):
    assert look_of(code) == look


def test_formats_known_by_number_are_looked_up():
    assert [look_by_number(n, {176: "0.0%"}) for n in (0, 9, 10, 14, 31, 57, 4, 176, 999)] == [
        Look(),
        Look(percent=0),
        Look(percent=2),
        *[Look(is_date=True)] * 3,
        Look(places=2),
        Look(percent=1),
        Look(),
    ]


@pytest.mark.parametrize(
    ("serial", "from_1904", "found"),
    [
        (44990.0, False, date(2023, 3, 5)),
        (43528.0, True, date(2023, 3, 5)),
        (1.0, False, date(1900, 1, 1)),
        (61.0, False, date(1900, 3, 1)),
        (44990.75, False, datetime.combine(date(2023, 3, 5), time(18))),
        (-1.0, False, -1.0),
        (1e12, False, 1e12),
    ],
)
def test_a_serial_number_is_a_day_in_its_epoch(serial, from_1904, found):
    assert moment(serial, Look(is_date=True), from_1904=from_1904) == found


def test_a_duration_is_no_day():
    assert moment(1.5, Look(is_date=True, is_elapsed=True), from_1904=False) == timedelta(hours=36)
    assert number_formats.moment(0.5, Look(is_date=True), from_1904=False) == time(12)


# ── damage ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("file", [*CONTAINERS, "a.html", "a.docx"])
def test_a_file_cut_anywhere_or_with_bytes_changed_never_raises(file, tmp_path):
    whole = {"a.html": damage.html(damage.payments()), "a.docx": word(word_table(FORM))} | CONTAINERS
    chance = random.Random(file)
    path = tmp_path / file
    for _ in range(150):
        made = bytearray(whole[file])
        if chance.random() < 0.3:
            del made[chance.randrange(len(made)) :]
        for _ in range(chance.randrange(6)):
            if made:
                made[chance.randrange(len(made))] = chance.randrange(256)
        path.write_bytes(bytes(made))
        read_content(path, file)


def test_the_space_of_the_dialect_is_the_one_in_use():
    assert SPREADSHEET.encode() in spreadsheet_xml("")
