"""Corrections as data: applied only where the file holds the old value, and said so; stale where the source is mended."""

from __future__ import annotations

import pytest

from jixiao.domain.findings import Outcome
from jixiao.intake import read_inbox
from jixiao.intake.grids import delimited
from tests.fixtures.damage import YEAR, csv_bytes, execution, payments, with_cell, xlsx

HEAD = ["文件", "工作表", "行", "列", "原值", "新值", "原因", "更正人"]


def read(folder, files, *corrections, head=HEAD, name="corrections/一.csv"):
    for file, content in files.items():
        (folder / file).write_bytes(content)
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(csv_bytes([head, *corrections]))
    return {file.file: file for file in read_inbox([folder], year=YEAR).files}


def said(file):
    return [(f.code, f.place.row, f.place.column) for f in file.findings if f.code.startswith("CORRECTION")]


def test_a_cell_is_corrected_where_it_holds_the_old_value(tmp_path):
    found = read(
        tmp_path, {"a.csv": csv_bytes(payments())}, ["a.csv", "", 3, "F", "2468.50", "2500.00", "录入错误", "张三"]
    )
    file = found["a.csv"]
    assert said(file) == [("CORRECTION_APPLIED", 3, "F")]
    assert file.outcome is Outcome.ACCEPT_LOGGED
    before = read_inbox([tmp_path / "a.csv"], year=YEAR).files[0]
    assert file.control_total - before.control_total == 3150
    message = next(f.message for f in file.findings if f.code == "CORRECTION_APPLIED")
    for word in ("张三", "录入错误", "「2468.50」", "「2500.00」", "一.csv"):
        assert word in message
    assert [(c.row, c.old, c.new, c.by) for c in file.corrections] == [(3, "2468.50", "2500.00", "张三")]


@pytest.mark.parametrize("expected", ["2,468.50", "2468.5", " 2468.50 "])
def test_the_old_value_is_compared_as_a_number_too(tmp_path, expected):
    found = read(tmp_path, {"a.csv": csv_bytes(payments())}, ["a.csv", "", 3, "F", expected, "1", "录入错误", "张三"])
    assert said(found["a.csv"]) == [("CORRECTION_APPLIED", 3, "F")]


def test_a_mended_source_makes_the_correction_stale(tmp_path):
    mended = with_cell(payments(), 3, "F", "2500.00")
    found = read(
        tmp_path, {"a.csv": csv_bytes(mended)}, ["a.csv", "", 3, "F", "2468.50", "2500.00", "录入错误", "张三"]
    )
    file = found["a.csv"]
    assert said(file) == [("CORRECTION_STALE", 3, "F")]
    assert "已是新值" in next(f.message for f in file.findings if f.code == "CORRECTION_STALE")
    assert file.corrections == ()


def test_another_old_value_is_told_and_nothing_is_changed(tmp_path):
    found = read(tmp_path, {"a.csv": csv_bytes(payments())}, ["a.csv", "", 3, "F", "9.00", "8.00", "录入错误", "张三"])
    message = next(f.message for f in found["a.csv"].findings if f.code == "CORRECTION_STALE")
    assert "「2468.50」" in message
    assert "「9.00」" in message
    assert found["a.csv"].control_total == read_inbox([tmp_path / "a.csv"], year=YEAR).files[0].control_total


def test_a_sheet_of_a_workbook_is_named_and_a_number_stays_one(tmp_path):
    book = xlsx({"说明": [["本表单位：元"]], "执行": [["单位编码：770001"], *execution()]})
    rows = [["执行表.xlsx", "执行", 9, "E", "340000", "350000", "漏记", "李四"]]
    found = read(tmp_path, {"执行表.xlsx": book}, *rows)
    codes = {f.code for f in found["执行表.xlsx"].findings}
    assert "CORRECTION_APPLIED" in codes
    assert "SUM_MISMATCH" in codes  # 项目支出 no longer adds up: what follows sees the corrected cell


@pytest.mark.parametrize(
    "row",
    [
        ["没有的.csv", "", 3, "F", "1", "2", "错", "张三"],
        ["a.csv", "没有的表", 3, "F", "1", "2", "错", "张三"],
        ["a.csv", "", 999, "F", "1", "2", "错", "张三"],
    ],
    ids=["file", "sheet", "row"],
)
def test_a_correction_that_meets_nothing_is_told_in_its_own_file(tmp_path, row):
    found = read(tmp_path, {"a.csv": csv_bytes(payments())}, row)
    findings = [f for file in found.values() for f in file.findings if f.code == "CORRECTION_UNMATCHED"]
    assert [(f.place.file, f.place.row) for f in findings] == [("corrections/一.csv", 2)]


@pytest.mark.parametrize(
    ("row", "word"),
    [
        (["a.csv", "", "三", "F", "1", "2", "错", "张三"], "不是行号"),
        (["a.csv", "", 3, "第6列", "1", "2", "错", "张三"], "不是列的字母"),
        (["a.csv", "", 3, "F", "1", "2", "", "张三"], "「原因」是空的"),
        (["a.csv", "", 3, "F", "2", "2", "错", "张三"], "原值与新值相同"),
    ],
)
def test_a_row_that_says_too_little_is_left_out_and_the_others_are_applied(tmp_path, row, word):
    good = ["a.csv", "", 3, "F", "2468.50", "2500.00", "录入错误", "张三"]
    found = read(tmp_path, {"a.csv": csv_bytes(payments())}, row, good)
    notes = found["corrections/一.csv"]
    assert notes.outcome is Outcome.REJECT_ROW
    assert word in next(f.message for f in notes.findings if f.code == "CORRECTION_INVALID")
    assert said(found["a.csv"]) == [("CORRECTION_APPLIED", 3, "F")]


def test_english_heads_and_a_hash_do_as_well(tmp_path):
    import hashlib

    content = csv_bytes(payments())
    digest = hashlib.sha256(content).hexdigest()[:12]
    head = ["file", "sheet", "row", "column", "expected", "new", "reason", "by"]
    found = read(tmp_path, {"a.csv": content}, [digest, "", 3, "f", "2468.50", "2", "typo", "z"], head=head)
    assert said(found["a.csv"]) == [("CORRECTION_APPLIED", 3, "F")]


def test_a_missing_column_of_the_corrections_names_what_is_needed(tmp_path):
    found = read(tmp_path, {"a.csv": csv_bytes(payments())}, ["a.csv", 3, "F", "1"], head=["文件", "行", "列", "原值"])
    notes = found["corrections/一.csv"]
    assert notes.outcome is Outcome.REJECT_FILE
    assert "更正人" in notes.findings[0].message
    assert found["a.csv"].outcome is Outcome.ACCEPT


def test_a_ledger_read_as_a_stream_is_corrected_too(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "STREAM_FROM_BYTES", 0)
    found = read(tmp_path, {"a.csv": csv_bytes(payments())}, ["a.csv", "", 3, "F", "2468.50", "2500.00", "错", "张三"])
    assert said(found["a.csv"]) == [("CORRECTION_APPLIED", 3, "F")]
    assert found["a.csv"].rows_accepted == 8


def test_what_a_chinese_excel_saves_as_csv_is_read(tmp_path):
    (tmp_path / "a.csv").write_bytes(csv_bytes(payments()))
    (tmp_path / "更正").mkdir()
    rows = [HEAD, ["a.csv", "", 3, "F", "2468.50", "2500.00", "录入错误", "张三"]]
    (tmp_path / "更正" / "一.csv").write_bytes(csv_bytes(rows, "gb18030"))
    found = {file.file: file for file in read_inbox([tmp_path], year=YEAR).files}
    assert said(found["a.csv"]) == [("CORRECTION_APPLIED", 3, "F")]
    assert found["更正/一.csv"].outcome is Outcome.ACCEPT


def test_a_number_that_lost_its_zeros_is_corrected_to_a_code(tmp_path):
    rows = [[*row] for row in payments()]
    for row in rows[1:]:
        row[1] = 1002
    book = xlsx(rows)
    found = read(
        tmp_path,
        {"a.xlsx": book},
        *[["a.xlsx", "", n, "B", "1002", "001002", "丢了前导零", "张三"] for n in range(2, 10)],
    )
    assert found["a.xlsx"].tables[0].scope_units == ("001002",)


def test_the_same_cell_twice_is_corrected_once_and_the_second_is_told(tmp_path):
    first = ["a.csv", "", 3, "F", "2468.50", "2500.00", "录入错误", "张三"]
    second = ["a.csv", "", 3, "F", "2468.50", "2600.00", "录入错误", "李四"]
    found = read(tmp_path, {"a.csv": csv_bytes(payments())}, first, second)
    assert [c.new for c in found["a.csv"].corrections] == ["2500.00"]
    notes = found["corrections/一.csv"]
    assert [(f.code, f.place.row) for f in notes.findings] == [("CORRECTION_INVALID", 3)]
    counts = notes.counts.rows
    assert (counts.in_file, counts.accepted, counts.rejected) == (2, 1, 1)
    assert found["a.csv"].outcome is Outcome.ACCEPT_LOGGED


@pytest.mark.parametrize(("cell", "expected"), [(0.9767, "97.67%"), (0.9767, "0.9767"), ("2023-03-05", "2023/3/5")])
def test_the_old_value_may_be_written_as_it_shows(cell, expected, tmp_path):
    def as_percent(workbook):
        workbook.active["F2"].number_format = "0.00%"

    rows = execution()
    rows[1][5] = cell
    book = xlsx(rows, change=as_percent)
    found = read(tmp_path, {"a.xlsx": book}, ["a.xlsx", "", 2, "F", expected, "95.00%", "算错", "张三"])
    assert said(found["a.xlsx"]) == [("CORRECTION_APPLIED", 2, "F")]


def test_a_path_means_one_file_and_a_bare_name_any_file_of_that_name(tmp_path):
    for folder in ("甲", "乙"):
        (tmp_path / folder).mkdir()
    files = {"甲/a.csv": csv_bytes(payments()), "乙/a.csv": csv_bytes(payments(5))}
    found = read(tmp_path, files, ["乙/a.csv", "", 3, "F", "2468.50", "2500.00", "录入错误", "张三"])
    assert [said(found[name]) for name in files] == [[], [("CORRECTION_APPLIED", 3, "F")]]


def test_a_batch_is_named_by_its_number(tmp_path):
    import hashlib

    content = csv_bytes(payments())
    (tmp_path / "a.csv").write_bytes(content)
    (tmp_path / "corrections").mkdir()
    rows = [HEAD, ["批次12", "", 3, "F", "2468.50", "2500.00", "录入错误", "张三"]]
    (tmp_path / "corrections" / "b.csv").write_bytes(csv_bytes(rows))
    hashes = {"12": hashlib.sha256(content).hexdigest()}
    with_store = read_inbox([tmp_path], year=YEAR, batches=hashes).files
    assert said(with_store[0]) == [("CORRECTION_APPLIED", 3, "F")]
    assert [f.code for f in read_inbox([tmp_path], year=YEAR).files[1].findings] == ["CORRECTION_UNMATCHED"]


def test_a_big_ledger_stays_a_stream(tmp_path, monkeypatch):
    def never(_grid):
        raise AssertionError("read whole")

    monkeypatch.setattr(delimited, "STREAM_FROM_BYTES", 0)
    monkeypatch.setattr("jixiao.intake.corrected_grids.whole", never)
    rows = [["a.csv", "", n, "F", f"{(n - 1) * 1234}.50", "1.00", "错", "张三"] for n in range(2, 202)]
    found = read(tmp_path, {"a.csv": csv_bytes(payments(300))}, *rows)
    file = found["a.csv"]
    assert len(file.corrections) == 200
    assert file.tables[0].ledger["amount_fen"].head(200).tolist() == [100] * 200
    assert file.rows_accepted == 300


def test_a_stream_that_is_no_ledger_is_corrected_too(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "STREAM_FROM_BYTES", 0)
    rows = [
        ["单位编码", "项目", "年初预算数", "调整预算数", "实际支出数"],
        ["770001", "网络运行", "100.00", "100.00", "90.00"],
    ]
    found = read(tmp_path, {"b.csv": csv_bytes(rows)}, ["b.csv", "", 2, "E", "90", "95.00", "漏记", "张三"])
    assert found["b.csv"].tables[0].rows[0].executed.fen == 9500


def test_a_correction_belongs_to_the_unit_of_its_row_and_to_its_table(tmp_path):
    rows = payments()
    rows[4][1] = rows[4][2] = ""
    rows[4][1], rows[4][2] = "770002", "另一单位"
    title = [["2023年支付明细"], *rows]
    found = read(
        tmp_path,
        {"a.csv": csv_bytes(title)},
        ["a.csv", "", 6, "F", "4936.50", "1.00", "错", "张三"],
        ["a.csv", "", 1, "A", "2023年支付明细", "2023年国库支付明细", "标题", "李四"],
    )
    table = found["a.csv"].tables[0]
    assert [(c.row, c.unit_code) for c in table.corrections] == [(6, "770002"), (1, "")]
    units = {f.place.row: f.unit_code for f in found["a.csv"].findings if f.code == "CORRECTION_APPLIED"}
    assert units == {6: "770002", 1: ""}


def test_corrections_are_kept_with_the_batch_and_make_it_another_one(tmp_path):
    from sqlalchemy.orm import Session

    from jixiao.cycle import import_files
    from jixiao.storage import tables as t
    from jixiao.storage.engine import open_engine

    url = f"sqlite:///{tmp_path / 'x.db'}"
    inbox = tmp_path / "in"
    inbox.mkdir()
    (inbox / "a.csv").write_bytes(csv_bytes(payments()))
    _, (first,) = import_files([inbox], year=YEAR, database_url=url, var=str(tmp_path))
    (inbox / "corrections").mkdir()
    row = ["a.csv", "", 3, "H", "第2笔", "设备尾款", "用途写错", "张三"]  # a column that no row keeps
    (inbox / "corrections" / "b.csv").write_bytes(csv_bytes([HEAD, row]))
    _, (second, _) = import_files([inbox], year=YEAR, database_url=url, var=str(tmp_path), yes=True)
    _, (third, _) = import_files([inbox], year=YEAR, database_url=url, var=str(tmp_path), yes=True)
    assert first.batch_ids != second.batch_ids == third.batch_ids
    with Session(open_engine(url)) as session:
        (kept,) = session.query(t.CorrectionRow).all()
    assert (kept.batch_id, kept.row, kept.column, kept.old, kept.new) == (
        second.batch_ids[0],
        3,
        "H",
        "第2笔",
        "设备尾款",
    )
    assert (kept.unit_code, kept.by, kept.reason) == ("770001", "张三", "用途写错")


def test_a_run_knows_the_corrections_of_its_units_and_is_another_run_for_them(tmp_path):
    from datetime import date

    from sqlalchemy.orm import Session

    from jixiao.application import EvaluationRequest
    from jixiao.cycle import import_inbox
    from jixiao.storage.corrections import corrections_of
    from jixiao.storage.engine import open_engine

    url = f"sqlite:///{tmp_path / 'x.db'}"
    inbox = tmp_path / "in"
    inbox.mkdir()
    rows = payments()
    rows[4][1], rows[4][2] = "770002", "另一单位"
    (inbox / "a.csv").write_bytes(csv_bytes([["2023年支付明细"], *rows]))
    request = EvaluationRequest(
        YEAR, str(inbox), str(tmp_path / "out"), url, as_of=date(2024, 1, 31), var=str(tmp_path)
    )
    plain = import_inbox(request).run_id
    corrections = [
        ["a.csv", "", 3, "F", "1234.50", "1235.00", "少录五角", "张三"],
        ["a.csv", "", 6, "F", "4936.50", "4937.00", "少录五角", "张三"],
        ["a.csv", "", 1, "A", "2023年支付明细", "2023年国库支付明细", "标题", "李四"],
    ]
    (inbox / "corrections").mkdir()
    (inbox / "corrections" / "b.csv").write_bytes(csv_bytes([HEAD, *corrections]))
    run = import_inbox(request).run_id
    assert run != plain
    assert import_inbox(request).run_id == run
    with Session(open_engine(url)) as session:
        assert corrections_of(session, plain, ["770001", "770002"]) == ()
        kept = {unit: corrections_of(session, run, [unit]) for unit in ("770001", "770002", "990001")}
    assert [(c.place.row, c.old, c.new) for c in kept["770001"]] == [
        (1, "2023年支付明细", "2023年国库支付明细"),
        (3, "1234.50", "1235.00"),
    ]
    assert [(c.place.row, c.by, c.reason) for c in kept["770002"]] == [(1, "李四", "标题"), (6, "张三", "少录五角")]
    assert kept["990001"] == ()
