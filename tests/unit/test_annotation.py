"""Annotated copies: the faulty cells coloured, with the comment, on a copy; the source stays as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook

from jixiao.intake import read_inbox
from jixiao.reports.annotation import annotate

HEAD = ["支付凭证号", "单位编码", "项目名称", "支付金额", "支付日期"]
ROWS = [
    ["1001", "770001", "网络运行维护", 600.5, "2022-03-05"],
    ["1002", "770001", "网络运行维护", "无", "2022-03-06"],
    ["1003", "770001", "=cmd|'/c calc'!A1", 10, "2022-02-30"],
]


def _workbook(path: Path) -> Path:
    book = Workbook()
    sheet = book.active
    sheet.append(HEAD)
    for row in ROWS:
        sheet.append(row)
    sheet["C4"].data_type = "s"
    sheet["A1"].number_format = "@"
    book.save(path)
    return path


def _csv(path: Path) -> Path:
    path.write_text("\n".join(",".join(map(str, row)) for row in [HEAD, *ROWS]), encoding="utf-8")
    return path


def _annotated(path: Path, folder: Path, name: str = ""):
    (file,) = read_inbox([path], year=2022).files
    return annotate(path, name or file.file, file.findings, folder)


@pytest.mark.parametrize(("make", "name"), [(_workbook, "明细.xlsx"), (_csv, "明细.csv")])
def test_each_faulty_cell_is_coloured_and_says_what_to_do(tmp_path, make, name):
    source = make(tmp_path / name)
    before = source.read_bytes()
    made = _annotated(source, tmp_path / "批注")
    assert source.read_bytes() == before
    assert made.marked == 2
    sheet = load_workbook(made.path).worksheets[0]
    for cell, said in (("D3", "无"), ("E4", "2022-02-30")):
        assert said in sheet[cell].comment.text
        assert "怎么改：" in sheet[cell].comment.text
        assert sheet[cell].fill.fgColor.rgb == "FFFFC7CE"
    assert sheet["D2"].comment is None
    assert sheet["C4"].data_type == "s"


def test_the_last_sheet_lists_every_finding_with_its_place(tmp_path):
    made = _annotated(_csv(tmp_path / "明细.csv"), tmp_path / "批注")
    rows = list(load_workbook(made.path)["核对结果"].iter_rows(values_only=True))
    assert rows[0] == ("级别", "工作表", "行", "列", "问题", "怎么改", "代码")
    assert [(row[2], row[3], row[6]) for row in rows[1:]] == [
        (3, "D", "REQUIRED_VALUE_EMPTY"),
        (4, "E", "BAD_DATE"),
    ]


def test_an_annotated_copy_handed_in_is_read_without_its_list(tmp_path):
    made = _annotated(_csv(tmp_path / "明细.csv"), tmp_path / "批注")
    (file,) = read_inbox([made.path], year=2022).files
    assert file.rows_accepted == 1
    assert file.rows_rejected == 2


@pytest.mark.parametrize("name", ["../../x.csv", "/etc/x.csv", "甲/乙.csv", ".."])
def test_no_copy_is_written_outside_the_folder(tmp_path, name):
    made = _annotated(_csv(tmp_path / "明细.csv"), tmp_path / "批注", name)
    assert made.path.resolve().is_relative_to((tmp_path / "批注").resolve())


def test_merged_cells_carry_the_comment_in_their_first_cell(tmp_path):
    path = _workbook(tmp_path / "明细.xlsx")
    book = load_workbook(path)
    book.active.merge_cells("D3:E3")
    book.save(path)
    made = _annotated(path, tmp_path / "批注")
    assert load_workbook(made.path).worksheets[0]["D3"].comment is not None


def test_where_nothing_is_to_be_mended_there_is_no_copy(tmp_path):
    path = tmp_path / "明细.csv"
    path.write_text("\n".join(",".join(map(str, row)) for row in [HEAD, ROWS[0]]), encoding="utf-8")
    assert _annotated(path, tmp_path / "批注") is None
    assert not (tmp_path / "批注").exists()
