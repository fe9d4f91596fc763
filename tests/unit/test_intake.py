"""Reading of an inbox: each test draws a small file as an office would hand it in, and says what must come of it."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path

import pytest
from openpyxl import Workbook
from openpyxl.utils import get_column_letter

from jixiao.domain.books import Kind, Unit
from jixiao.domain.findings import Outcome
from jixiao.domain.money import MoneyUnit
from jixiao.intake import FileReading, InboxReading, read_inbox

YEAR = 2024
CODE, NAME = "410007", "临河县档案馆"
PAY_HEAD = ["支付凭证号", "单位编码", "单位名称", "项目名称", "支付金额", "支付日期"]
EXEC_HEAD = ["项目", "年初预算数", "上年结转及追加追减", "调整预算数", "实际支出数", "执行率"]
FORM_HEAD = ["类别", "指标名称", "指标目标值", "指标完成值", "完成值来源", "偏差情况", "原因分析"]
TITLE = [f"单位名称：{NAME}   单位编码：{CODE}   金额单位：元"]


def sheet(path: Path, rows: Sequence[Sequence[object]], *, merge: Sequence[str] = (), name: str = "Sheet1") -> Path:
    book = Workbook()
    book.active.title = name
    for row in rows:
        book.active.append(list(row))
    for area in merge:
        book.active.merge_cells(area)
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)
    return path


def text(path: Path, rows: Sequence[Sequence[object]], *, encoding: str = "utf-8-sig") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding=encoding, newline="") as target:
        csv.writer(target).writerows(rows)
    return path


def one(path: Path, **options) -> FileReading:
    return read_inbox([path], year=YEAR, **options).files[0]


def named(inbox: InboxReading, name: str) -> FileReading:
    return next(file for file in inbox.files if file.file.endswith(name))


def codes(reading: FileReading) -> set[str]:
    return {finding.code for finding in reading.findings}


def finding(reading: FileReading, code: str):
    return next(f for f in reading.findings if f.code == code)


def payment(
    number: str, amount: object, day: object = "2024-03-15", line: str = "档案数字化", code: str = CODE
) -> list:
    return [number, code, NAME, line, amount, day]


def ledger(*rows: Sequence[object], head: Sequence[str] = PAY_HEAD) -> list[Sequence[object]]:
    return [head, *rows]


def execution(*lines: Sequence[object], unit: str = "万元") -> list[Sequence[object]]:
    return [[f"单位名称：{NAME}  单位编码：{CODE}"], [f"金额单位：{unit}"], EXEC_HEAD, *lines]


GOOD_LINES = [
    ["预算总金额", 20.4, 1.1, 21.5, 20, "93.02%"],
    ["基本支出", 10.4, 1.1, 11.5, 11, "95.65%"],
    ["项目支出", 10, 0, 10, 9, "90.00%"],
    ["档案数字化", 6, 0, 6, 5.4, "90.00%"],
    ["库房修缮", 4, 0, 4, 3.6, "90.00%"],
]


# ------------------------------------------------------------------------------------------------ head and body


@pytest.mark.parametrize("blank_column", [False, True])
@pytest.mark.parametrize("titles", [0, 1, 4])
def test_the_head_is_found_below_any_number_of_title_lines_and_beside_blank_columns(tmp_path, titles, blank_column):
    rows = [[f"{YEAR}年度支付情况"], ["打印时间：2025-01-02"], TITLE, []][:titles] + ledger(payment("001", "12.50"))
    rows = [["", *row] for row in rows] if blank_column else rows
    reading = one(sheet(tmp_path / "a.xlsx", rows))
    assert reading.outcome is Outcome.ACCEPT
    table = reading.tables[0]
    assert (table.kind, table.header_row, table.total_fen) == (Kind.PAYMENTS, titles + 1, 1250)
    assert table.mapping["amount"] == ("F" if blank_column else "E")


def test_the_order_and_the_wording_of_columns_do_not_matter(tmp_path):
    head = ["付款日期", "支付金额\n（元）", "预算项目", "*单位代码", "支 付 凭 证 号"]
    reading = one(text(tmp_path / "a.csv", [head, ["2024/3/5", "8", "档案数字化", CODE, "0001"]]))
    frame = reading.tables[0].ledger
    assert frame.loc[0, ["unit_code", "voucher_no", "line_name", "amount_fen"]].tolist() == [
        CODE,
        "0001",
        "档案数字化",
        800,
    ]
    assert str(frame.loc[0, "paid_on"].date()) == "2024-03-05"


def test_column_numbers_continuations_repeated_heads_footers_and_totals_are_no_data(tmp_path):
    rows = ledger(
        ["栏次", 1, 2, 3, 4, 5],
        payment("001", 10),
        ["续表"],
        PAY_HEAD,
        payment("002", 2.5),
        ["合  计", "", "", "", 12.5, ""],
    )
    reading = one(sheet(tmp_path / "a.xlsx", [*rows, [], ["填表人：甲"], ["注：本表由系统导出"]]))
    assert reading.rows_accepted == 2
    assert codes(reading) == {"REPEATED_HEADER", "TOTAL_ROW_SKIPPED"}
    assert reading.control_total == 1250


def test_a_printed_total_that_the_rows_do_not_reach_refuses_the_file(tmp_path):
    reading = one(text(tmp_path / "a.csv", ledger(payment("001", "10.00"), ["合计", "", "", "", "99.00", ""])))
    assert reading.outcome is Outcome.REJECT_FILE
    assert reading.tables == ()
    assert reading.left_out_units == (CODE,)
    said = finding(reading, "CONTROL_TOTAL")
    assert (said.place.row, said.place.column, said.value, said.expected) == (3, "E", "99.00", "10.00")


def test_merged_unit_cells_are_filled_down(tmp_path):
    rows = ledger(payment("001", 1), ["002", None, None, "库房修缮", 2, "2024-05-01"])
    reading = one(sheet(tmp_path / "a.xlsx", rows, merge=["B2:B3", "C2:C3"]))
    assert reading.tables[0].ledger["unit_code"].tolist() == [CODE, CODE]
    assert codes(reading) == {"FILL_DOWN"}


def test_a_head_over_two_rows_tells_columns_of_one_name_apart(tmp_path):
    rows = [
        TITLE,
        ["项目", "预算", "", "", "支出", ""],
        ["", "年初预算数", "预算调整数", "调整后预算数", "实际支出数", "执行率"],
        *GOOD_LINES,
    ]
    reading = one(sheet(tmp_path / "a.xlsx", rows, merge=["B2:D2", "E2:F2", "A2:A3"]))
    assert reading.rows_accepted == len(GOOD_LINES)
    assert reading.tables[0].header_row == 3


def test_a_missing_column_is_named_with_its_synonyms_and_the_columns_present(tmp_path):
    reading = one(sheet(tmp_path / "a.xlsx", [TITLE, EXEC_HEAD[:4], *[row[:4] for row in GOOD_LINES]]))
    said = finding(reading, "MISSING_COLUMN")
    assert reading.outcome is Outcome.REJECT_FILE
    assert "实际支出数" in said.message
    assert "年初预算数" in said.value
    assert said.place.row == 2
    assert reading.left_out_units == (CODE,)


def test_a_ledger_without_its_amount_is_not_taken_for_a_register(tmp_path):
    reading = one(
        text(tmp_path / "a.csv", [PAY_HEAD[:4] + PAY_HEAD[5:], ["1", CODE, NAME, "档案数字化", "2024-01-05"]])
    )
    assert codes(reading) == {"MISSING_COLUMN"}


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([["甲", "乙"], ["1", "2"]], "KIND_UNKNOWN"),
        ([[f"{YEAR}年度收入支出决算总表"], ["项目", "行次", "金额"], ["一、收入", "1", "10"]], "WRONG_TABLE"),
        ([PAY_HEAD], "NO_DATA_ROWS"),
        ([PAY_HEAD, [], ["注：无"]], "NO_DATA_ROWS"),
    ],
)
def test_what_is_no_input_table_is_refused_with_a_reason(tmp_path, rows, code):
    reading = one(text(tmp_path / "a.csv", rows))
    assert (codes(reading), reading.outcome) == ({code}, Outcome.REJECT_FILE)


def test_a_task_whose_text_names_another_table_is_still_a_task(tmp_path):
    rows = [TITLE, ["任务名称", "完成情况"], ["编制收入支出决算总表", "完成"]]
    reading = one(sheet(tmp_path / "a.xlsx", rows))
    assert [task.name for task in reading.tables[0].rows] == ["编制收入支出决算总表"]


# ------------------------------------------------------------------------------------------------ bytes


@pytest.mark.parametrize(
    ("encoding", "code"),
    [("utf-8", None), ("utf-8-sig", None), ("gb18030", "ENCODING_GB18030"), ("utf-16", "ENCODING_UTF16")],
)
def test_a_csv_is_read_in_each_encoding_offices_use(tmp_path, encoding, code):
    reading = one(text(tmp_path / "a.csv", ledger(payment("001", "1.00")), encoding=encoding))
    assert reading.rows_accepted == 1
    assert codes(reading) == ({code} if code else set())


def test_bytes_that_no_encoding_explains_name_their_row(tmp_path):
    path = text(tmp_path / "a.csv", ledger(payment("001", "1.00")), encoding="gb18030")
    path.write_bytes(path.read_bytes() + b"\xff\xff\xfe\x81,\r\n")
    reading = one(path)
    assert (reading.outcome, finding(reading, "ENCODING_BROKEN").place.row) == (Outcome.REJECT_FILE, 3)


def test_an_encoding_that_shows_no_known_head_is_a_question(tmp_path):
    reading = one(text(tmp_path / "a.csv", [["憑證", "單位"], ["一", "二"]], encoding="big5"))
    assert (codes(reading), reading.outcome) == ({"ENCODING_DOUBTFUL"}, Outcome.ASK_USER)


def test_a_file_is_known_by_its_content_not_by_its_extension(tmp_path):
    source = sheet(tmp_path / "a.xlsx", ledger(payment("001", 1)))
    named_csv = source.rename(tmp_path / "a.csv")
    assert (one(named_csv).rows_accepted, codes(one(named_csv))) == (1, {"FILE_TYPE_MISMATCH"})
    as_text = text(tmp_path / "b.txt", ledger(payment("001", 1)))
    assert one(as_text).rows_accepted == 1


def test_a_web_page_that_calls_itself_xls_is_read(tmp_path):
    rows = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in ledger(payment("001", "1,200.50"))
    )
    path = tmp_path / "a.xls"
    path.write_bytes(f"<html><table><tr><td colspan=6>支付明细</td></tr>{rows}</table></html>".encode("gb18030"))
    reading = one(path)
    assert (reading.control_total, "FILE_TYPE_MISMATCH" in codes(reading)) == (120_050, True)


def test_an_xml_spreadsheet_that_calls_itself_xls_is_read(tmp_path):
    rows = "".join(
        "<Row>" + "".join(f'<Cell><Data ss:Type="String">{cell}</Data></Cell>' for cell in row) + "</Row>"
        for row in ledger(payment("001", "8"))
    )
    spaces = "urn:schemas-microsoft-com:office:spreadsheet"
    path = tmp_path / "a.xls"
    path.write_text(
        f'<?xml version="1.0"?><Workbook xmlns="{spaces}" xmlns:ss="{spaces}"><Worksheet ss:Name="明细"><Table>{rows}</Table>'
        "</Worksheet></Workbook>",
        encoding="utf-8",
    )
    assert (one(path).control_total, one(path).tables[0].sheet) == (800, "明细")


def broken_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def broken_words(path: Path) -> None:
    path.write_text("这不是工作簿", encoding="utf-8")


def broken_doctype(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = "xl/worksheets/sheet1.xml"
    parts[name] = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]>' + parts[name]
    with zipfile.ZipFile(path, "w") as archive:
        for part, content in parts.items():
            archive.writestr(part, content)


def broken_empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("breakage", [broken_half, broken_words, broken_doctype, broken_empty])
def test_a_broken_workbook_is_one_clear_refusal_and_the_others_are_read(tmp_path, breakage):
    text(tmp_path / NAME / "支付.csv", ledger(payment("001", "1.00")))
    breakage(sheet(tmp_path / NAME / "执行.xlsx", execution(*GOOD_LINES)))
    inbox = read_inbox([tmp_path], year=YEAR)
    broken = named(inbox, "执行.xlsx")
    assert (codes(broken), broken.outcome, broken.left_out_units) == ({"FILE_CORRUPT"}, Outcome.REJECT_FILE, (CODE,))
    assert named(inbox, "支付.csv").rows_accepted == 1


def test_what_is_no_input_is_passed_over_with_a_remark(tmp_path):
    (tmp_path / "图.png").write_bytes(b"\x89PNG\r\n\x1a\n123")
    (tmp_path / "说明.txt").write_text("请各科室按时填报。", encoding="utf-8")
    (tmp_path / "README.md").write_text("# 说明\n\n1. 放文件\n", encoding="utf-8")
    (tmp_path / "~$表.xlsx").write_bytes(b"x")
    (tmp_path / ".DS_Store").write_bytes(b"x")
    (tmp_path / "link.csv").symlink_to("/etc/passwd")
    inbox = read_inbox([tmp_path], year=YEAR)
    assert len(inbox.files) == 6
    assert all(codes(file) == {"FILE_SKIPPED"} and file.outcome is Outcome.ACCEPT_LOGGED for file in inbox.files)


# ------------------------------------------------------------------------------------------------ money, dates, codes


@pytest.mark.parametrize(
    ("printed", "fen", "code"),
    [
        ("60000.00", 6_000_000, None),
        (60000.00000000001, 6_000_000, None),
        (0.1 + 0.2, 30, None),
        ("￥ 60,000.00 ", 6_000_000, "NUMBER_NORMALISED"),
        ("３３１，３００．００", 33_130_000, "NUMBER_NORMALISED"),
        ("115 200.00", 11_520_000, "NUMBER_NORMALISED"),
        ("38,727元", 3_872_700, "NUMBER_NORMALISED"),
        ("（1,234.50）", -123_450, "NEGATIVE_STYLE"),
        ("310.00-", -31_000, "NEGATIVE_STYLE"),
        (-310, -31_000, None),
        (38727.0009, 3_872_700, "SUB_CENT"),
        ("-0.019", -1, "SUB_CENT"),
        (0, 0, None),
    ],
)
def test_an_amount_is_read_to_the_fen(tmp_path, printed, fen, code):
    reading = one(sheet(tmp_path / "a.xlsx", ledger(payment("001", printed))))
    assert reading.tables[0].ledger["amount_fen"].tolist() == [fen]
    assert codes(reading) == ({code} if code else set())


@pytest.mark.parametrize("printed", ["", "—", "无", "约三万", "12,34", "1e3"])
def test_an_amount_that_is_none_rejects_its_row_alone(tmp_path, printed):
    reading = one(text(tmp_path / "a.csv", ledger(payment("001", printed), payment("002", "5"))))
    said = finding(reading, "REQUIRED_VALUE_EMPTY")
    assert (reading.outcome, reading.rows_accepted, reading.rows_rejected) == (Outcome.REJECT_ROW, 1, 1)
    assert (said.place.row, said.place.column, said.unit_code) == (2, "E", CODE)
    assert "001" in said.message
    assert reading.left_out_units == (CODE,)


def test_amounts_in_wan_become_yuan(tmp_path):
    head = [*PAY_HEAD[:4], "支付金额(万元)", "支付日期"]
    reading = one(sheet(tmp_path / "a.xlsx", ledger(payment("001", 3.8727), head=head)))
    assert (reading.tables[0].money_unit, reading.control_total) == (MoneyUnit.WAN, 3_872_700)


def test_the_user_may_state_the_money_unit_where_no_table_does(tmp_path):
    path = text(tmp_path / "a.csv", ledger(payment("001", "1.5")))
    assert one(path, money_unit=MoneyUnit.WAN).control_total == 1_500_000
    assert one(path).control_total == 150


def test_wan_beside_unlabelled_yuan_is_a_question(tmp_path):
    head = [*PAY_HEAD[:4], "金额（单位:万元）", "支付日期", "其中：中央资金"]
    rows = [[*payment("001", 6), 60000], [*payment("002", 33.13), 331300]]
    reading = one(sheet(tmp_path / "a.xlsx", ledger(*rows, head=head)))
    assert (codes(reading), reading.outcome) == ({"MIXED_UNITS"}, Outcome.ASK_USER)
    assert reading.tables == ()


@pytest.mark.parametrize(
    "day",
    [
        "2024-03-05",
        "2024/3/5",
        "2024.3.5",
        "20240305",
        "2024年3月5日",
        datetime.combine(date(2024, 3, 5), time()),
        date(2024, 3, 5),
        45356.0,
        "45356",
    ],
)
def test_a_date_is_read_in_each_usual_writing(tmp_path, day):
    frame = one(sheet(tmp_path / "a.xlsx", ledger(payment("001", 1, day)))).tables[0].ledger
    assert str(frame.loc[0, "paid_on"].date()) == "2024-03-05"


def test_the_thirtieth_of_february_rejects_its_row_and_another_year_is_a_warning(tmp_path):
    rows = ledger(payment("001", "1", "2024-02-30"), payment("002", "2", "2025-01-05"), payment("003", "3", ""))
    reading = one(text(tmp_path / "a.csv", [*rows, payment("004", "4")]))
    assert finding(reading, "BAD_DATE").place.row == 2
    assert f"{YEAR}-03-15" in finding(reading, "BAD_DATE").fix
    assert finding(reading, "DATE_OUTSIDE_YEAR").place.row == 3
    assert reading.rows_accepted == 3
    assert reading.tables[0].ledger["paid_on"].isna().tolist() == [False, True, False]


def test_codes_are_text_and_long_numbers_are_refused(tmp_path):
    rows = ledger(["001", 410007, NAME, "档案数字化", 1, "2024-01-05"])
    reading = one(sheet(tmp_path / "a.xlsx", rows))
    assert (reading.tables[0].ledger["unit_code"].tolist(), codes(reading)) == ([CODE], {"CODE_WAS_NUMBER"})
    reading = one(sheet(tmp_path / "b.xlsx", ledger([20240000000000012, CODE, NAME, "档案数字化", 1, "2024-01-05"])))
    assert (codes(reading), reading.outcome) == ({"CODE_PRECISION_LOST"}, Outcome.REJECT_FILE)


def test_a_voucher_twice_is_rejected_once_but_two_details_of_one_voucher_stay(tmp_path):
    rows = ledger(payment("001", "1"), payment("001", "1"), payment("001", "2"))
    reading = one(text(tmp_path / "a.csv", rows))
    assert (finding(reading, "DUPLICATE_KEY").place.row, reading.control_total) == (3, 300)


def test_personal_columns_are_not_kept(tmp_path):
    head = [*PAY_HEAD, "收款人全称", "收款人账号", "证件号码"]
    reading = one(text(tmp_path / "a.csv", ledger([*payment("001", "1"), "张三", "622202", "3205"], head=head)))
    assert codes(reading) == {"PERSONAL_DATA_DROPPED"}
    assert "张三" not in reading.tables[0].ledger.to_csv() + str(reading.findings)


def test_hostile_texts_stay_texts(tmp_path):
    line = "=cmd|'/c calc'!A1 <b>&{{7*7}}\x01"
    frame = one(text(tmp_path / "a.csv", ledger(payment("@1", "1", line=line)))).tables[0].ledger
    assert frame.loc[0, ["voucher_no", "line_name"]].tolist() == ["@1", line]


# ------------------------------------------------------------------------------------------------ 预算执行情况表


def lines_of(reading: FileReading):
    return reading.tables[0].rows


def test_lines_have_levels_parents_and_the_precision_of_their_column(tmp_path):
    lines = lines_of(one(sheet(tmp_path / "a.xlsx", execution(*GOOD_LINES))))
    assert [(line.name, line.level, line.parent) for line in lines] == [
        ("预算总金额", 0, ""),
        ("基本支出", 1, ""),
        ("项目支出", 1, ""),
        ("档案数字化", 2, "项目支出"),
        ("库房修缮", 2, "项目支出"),
    ]
    total = lines[0]
    assert (total.original.fen, total.original.places, total.original.unit) == (20_400_000, 1, MoneyUnit.WAN)
    assert (total.reported_rate, total.reported_rate_pct, total.rate_places) == ("93.02%", Decimal("93.02"), 2)
    assert {line.carry_and_adjust.places for line in lines} == {1}


def test_numbering_and_of_which_do_not_change_the_level(tmp_path):
    rows = [
        [f"{mark}{row[0]}", *row[1:]] for mark, row in zip(["", "一、", "二、", "其中：", ""], GOOD_LINES, strict=True)
    ]
    lines = lines_of(one(sheet(tmp_path / "a.xlsx", execution(*rows))))
    assert [line.level for line in lines] == [0, 1, 1, 2, 2]


def test_truncated_amounts_are_no_contradiction_but_a_wrong_sum_is(tmp_path):
    seed_like = [
        ["合计", 3.33, 0, 3.33, 2.0, "60.00%"],
        ["基本支出", 1.11, 0, 1.11, 1.0, "90.09%"],
        ["项目支出", 2.22, 0, 2.22, 0.99, "44.59%"],
        ["甲", 1.11, 0, 1.11, 0.49, "44.14%"],
        ["乙", 1.11, 0, 1.11, 0.49, "44.14%"],
    ]
    assert one(sheet(tmp_path / "a.xlsx", execution(*seed_like))).outcome is Outcome.ACCEPT
    seed_like[4][4] = 0.39
    reading = one(sheet(tmp_path / "b.xlsx", execution(*seed_like)))
    said = finding(reading, "SUM_MISMATCH")
    assert reading.outcome is Outcome.REJECT_FILE
    assert (said.place.row, said.place.column, said.value, said.expected) == (6, "E", "0.99 万元", "0.88 万元")


def test_an_amount_that_breaks_the_identity_rejects_its_line(tmp_path):
    rows = [list(row) for row in GOOD_LINES]
    rows[4][3] = 4.5
    reading = one(sheet(tmp_path / "a.xlsx", execution(*rows)))
    assert (reading.outcome, codes(reading)) == (Outcome.REJECT_ROW, {"IDENTITY"})
    assert [line.name for line in lines_of(reading)] == ["预算总金额", "基本支出", "项目支出", "档案数字化"]


def test_a_line_overspent_by_the_very_difference_is_one_fault(tmp_path):
    rows = [list(row) for row in GOOD_LINES]
    rows[3][4], rows[2][4], rows[0][4] = 6.4, 9.6, 20.6
    reading = one(sheet(tmp_path / "a.xlsx", execution(*rows)))
    assert reading.outcome is Outcome.ACCEPT_WITH_WARNING
    assert finding(reading, "OVERSPENT").place.row == 7


def test_error_cells_reject_an_amount_but_not_a_rate(tmp_path):
    rows = [list(row) for row in GOOD_LINES]
    rows[3][5], rows[4][4] = "#DIV/0!", "#REF!"
    reading = one(sheet(tmp_path / "a.xlsx", execution(*rows)))
    errors = [f for f in reading.findings if f.code == "CELL_ERROR"]
    assert [(f.place.row, f.place.column, f.outcome) for f in errors] == [
        (7, "F", Outcome.ACCEPT_LOGGED),
        (8, "E", Outcome.REJECT_ROW),
    ]
    assert lines_of(reading)[3].reported_rate == ""


def test_a_formula_without_its_result_rejects_the_row(tmp_path):
    rows = [list(row) for row in GOOD_LINES]
    rows[4][4] = "=1+2"
    assert "FORMULA_NO_VALUE" in codes(one(sheet(tmp_path / "a.xlsx", execution(*rows))))


def test_blank_is_not_zero(tmp_path):
    rows = [list(row) for row in GOOD_LINES]
    rows[4][2], rows[3][2] = None, 0
    line, other = lines_of(one(sheet(tmp_path / "a.xlsx", execution(*rows))))[4:2:-1]
    assert line.carry_and_adjust is None
    assert other.carry_and_adjust.fen == 0


def test_rates_in_three_scales_are_read_by_their_amounts(tmp_path):
    rows = [list(row) for row in GOOD_LINES]
    rows[0][5], rows[1][5], rows[3][5], rows[4][5] = 0.9302, 95.65, 0.9, 90
    reading = one(sheet(tmp_path / "a.xlsx", execution(*rows)))
    assert [line.reported_rate for line in lines_of(reading)] == ["93.02%", "95.65%", "90.00%", "90.00%", "90.00%"]
    assert codes(reading) == {"RATE_SCALE"}


def test_a_computed_rate_is_printed_with_two_decimals(tmp_path):
    rows = [list(row) for row in GOOD_LINES]
    for row in rows:
        row[5] = row[4] / row[3]
    lines = lines_of(one(sheet(tmp_path / "a.xlsx", execution(*rows))))
    assert [line.reported_rate for line in lines] == ["93.02%", "95.65%", "90.00%", "90.00%", "90.00%"]


def test_of_month_and_cumulative_columns_the_cumulative_is_taken(tmp_path):
    rows = [TITLE, ["项目", "本月数", "本年累计数"], ["合计", 3, 20], ["基本支出", 1, 11]]
    reading = one(sheet(tmp_path / "a.xlsx", rows))
    assert codes(reading) == {"PERIOD_BASIS"}
    assert [line.executed.fen for line in lines_of(reading)] == [2000, 1100]


# ------------------------------------------------------------------------------------------------ other kinds


def test_indicators_keep_their_texts_to_the_letter(tmp_path):
    rows = [
        TITLE,
        ["一级指标", "二级指标", "三级指标", "年度指标值", "实际完成值", "分值", "得分", "责任科室"],
        ["产出", "数量", " 馆藏 数字化 ", "≥15000页", 15200, 10, 9.5, "技术科"],
        [None, None, "指标2：", None, None, None, None, None],
        [None, "质量", "合格率", "100%", "99.5%", 5, None, None],
        ["效益", None, "利用人次", ">=300", "—", None, None, None],
        ["总分", None, None, None, None, 15, 9.5, None],
    ]
    reading = one(sheet(tmp_path / "a.xlsx", rows, merge=["A3:A5"]))
    assert [
        (i.indicator_id, i.level1, i.level2, i.name, i.target, i.actual, i.weight, i.score)
        for i in reading.tables[0].rows
    ] == [
        ("001", "产出", "数量", "馆藏 数字化", "≥15000页", "15200", Decimal(10), Decimal("9.5")),
        ("002", "产出", "质量", "合格率", "100%", "99.5%", Decimal(5), None),
        ("003", "效益", "", "利用人次", ">=300", "—", None, None),
    ]


def test_a_percent_cell_is_the_text_the_sheet_shows(tmp_path):
    path = sheet(tmp_path / "a.xlsx", [TITLE, FORM_HEAD, ["过程", "执行率", 1, 42 / 43, "账", "-2.33%", ""]])
    from openpyxl import load_workbook

    book = load_workbook(path)
    book.active["C3"].number_format, book.active["D3"].number_format = "0%", "0.00%"
    book.save(path)
    (indicator,) = one(path).tables[0].rows
    assert (indicator.target, indicator.actual) == ("100%", "97.67%")


@pytest.mark.parametrize(
    "rows",
    [
        [
            TITLE,
            ["数据项", "数值", "计量单位", "口径"],
            ["事业编制", 43, "名", "年末"],
            ["在职人员数", "42人", "", ""],
            ["球场", 1, "", ""],
        ],
        [["单位编码", "单位名称", "编制数", "在职人数（人）"], [CODE, NAME, 43, 42]],
    ],
)
def test_facts_are_read_from_the_long_and_the_wide_form(tmp_path, rows):
    facts = one(sheet(tmp_path / "a.xlsx", rows)).tables[0].rows
    assert [(f.unit_code, f.key, f.value) for f in facts] == [
        (CODE, "staff_posts", Decimal(43)),
        (CODE, "staff_in_post", Decimal(42)),
    ]


def test_an_office_with_a_bad_or_no_address_keeps_its_duties(tmp_path):
    rows = [
        ["单位编码", "科室", "邮箱", "渠道", "负责事项"],
        [CODE, "办公室", "a@example.org", "", "决策、过程，效益;满意度"],
        [CODE, "技术科", "b@example.org\r\nBcc: x@example.org", "", ""],
        [CODE, "库房", "没有", "", "馆藏"],
        [CODE, "保卫科", "", "", ""],
        [CODE, "", "c@example.org", "", ""],
    ]
    reading = one(text(tmp_path / "a.csv", rows))
    first, *others = reading.tables[0].rows
    assert (first.duties, first.channel) == (("决策", "过程", "效益", "满意度"), "mail")
    assert [(c.owner, c.email, c.duties) for c in others] == [
        ("技术科", "b@example.org Bcc: x@example.org", ()),
        ("库房", "没有", ("馆藏",)),
        ("保卫科", "", ()),
    ]
    assert [(f.place.row, f.outcome) for f in reading.findings if f.code == "CONTACT_INVALID"] == [
        (3, Outcome.ACCEPT_WITH_WARNING),
        (4, Outcome.ACCEPT_WITH_WARNING),
        (5, Outcome.ACCEPT_WITH_WARNING),
        (6, Outcome.REJECT_ROW),
    ]
    assert reading.left_out_units == ()


@pytest.mark.parametrize("suffix", [".docx", ".md"])
def test_chapters_are_numbered_headings_and_sub_numbers_are_text(tmp_path, suffix):
    paragraphs = [
        f"{NAME}整体支出绩效自评报告",
        f"一、预算部门名称：{NAME}",
        "二、年度履职目标完成情况：",
        "1.数字化：完成15200页。",
        "（一）细目",
        "一、这句话只是正文里的编号，不是新的一章。",
        "三、部门概况",
        "在职42人。",
    ]
    path = tmp_path / f"自评报告{suffix}"
    if suffix == ".docx":
        import docx

        document = docx.Document()
        for paragraph in paragraphs:
            document.add_paragraph(paragraph)
        document.save(str(path))
    else:
        path.write_text(
            "\n\n".join(f"# {p}" if p[1] == "、" and p[0] in "二三" else p for p in paragraphs), encoding="utf-8"
        )
    sections = one(path, known=[Unit(CODE, NAME)]).tables[0].rows
    assert [(s.number, s.heading, len(s.paragraphs)) for s in sections] == [
        (1, "预算部门名称", 1),
        (2, "年度履职目标完成情况", 3),
        (3, "部门概况", 1),
    ]
    assert {s.unit_code for s in sections} == {CODE}


# ------------------------------------------------------------------------------------------------ units and scope


def form(*title: Sequence[object]) -> list[Sequence[object]]:
    return [*title, FORM_HEAD, ["产出", "数字化", ">=1", "1", "台账", "0%", ""]]


def test_the_unit_is_found_in_title_folder_or_register(tmp_path):
    text(
        tmp_path / "名册.csv",
        [["单位编码", "单位名称", "行政区划"], [CODE, NAME, "410100"], ["410008", "临河县史志办", "410100"]],
    )
    sheet(tmp_path / "甲" / "1.xlsx", form([f"编制单位：{NAME}"]))
    sheet(tmp_path / "410008" / "2.xlsx", form())
    sheet(tmp_path / "临河县史志办" / "任务.xlsx", [["任务名称", "完成情况"], ["修志", "完成"]])
    sheet(tmp_path / "3.xlsx", form())
    inbox = read_inbox([tmp_path], year=YEAR)
    assert named(inbox, "1.xlsx").tables[0].scope_units == (CODE,)
    assert named(inbox, "2.xlsx").tables[0].scope_units == ("410008",)
    assert named(inbox, "任务.xlsx").tables[0].scope_units == ("410008",)
    assert (codes(named(inbox, "3.xlsx")), named(inbox, "3.xlsx").outcome) == ({"UNKNOWN_UNIT"}, Outcome.REJECT_FILE)
    assert [(u.code, u.division_code) for u in inbox.units] == [(CODE, "410100"), ("410008", "410100")]


def test_the_only_unit_known_owns_what_states_no_unit_unless_another_is_named(tmp_path):
    text(tmp_path / "支付.csv", ledger(payment("001", "1")))
    sheet(tmp_path / "自评.xlsx", form())
    sheet(tmp_path / "他人任务.xlsx", [["单位名称：某某不相干单位"], ["任务名称", "完成情况"], ["修志", "完成"]])
    inbox = read_inbox([tmp_path], year=YEAR)
    assert named(inbox, "自评.xlsx").tables[0].scope_units == (CODE,)
    assert codes(named(inbox, "他人任务.xlsx")) == {"UNKNOWN_UNIT"}


def test_a_lost_leading_zero_is_named_not_mended(tmp_path):
    text(tmp_path / "名册.csv", [["单位编码", "单位名称"], ["001002", "某某局"], [CODE, NAME]])
    text(tmp_path / "支付.csv", ledger(["1", "1002", "某某局", "甲", "1", "2024-01-05"], payment("2", "5")))
    reading = named(read_inbox([tmp_path], year=YEAR), "支付.csv")
    assert (reading.outcome, reading.rows_accepted) == (Outcome.REJECT_ROW, 1)
    assert "001002" in finding(reading, "UNKNOWN_UNIT").message


def test_a_code_with_the_name_of_another_code_is_rejected(tmp_path):
    text(tmp_path / "名册.csv", [["单位编码", "单位名称"], ["410008", "临河县史志办"], [CODE, NAME]])
    text(tmp_path / "支付.csv", ledger(payment("1", "1", code="410008"), payment("2", "5")))
    reading = named(read_inbox([tmp_path], year=YEAR), "支付.csv")
    assert finding(reading, "CODE_NAME_CONFLICT").place.row == 2


def test_rows_outside_the_scope_are_left_out_and_a_file_of_them_is_refused(tmp_path):
    both = text(
        tmp_path / "a.csv",
        ledger(payment("1", "1"), payment("2", "5", code="410008"), payment("3", "无", code="410008")),
    )
    reading = one(both, scope=frozenset({CODE}))
    assert (codes(reading), reading.control_total, reading.tables[0].rows_excluded) == ({"ROWS_EXCLUDED"}, 100, 2)
    reading = one(both, scope=frozenset({"999999"}))
    assert (codes(reading), reading.outcome) == ({"UNIT_OUT_OF_SCOPE"}, Outcome.REJECT_FILE)


def test_the_same_file_twice_is_read_once_and_two_versions_are_a_conflict(tmp_path):
    text(tmp_path / "a.csv", ledger(payment("1", "1")))
    text(tmp_path / "b.csv", ledger(payment("1", "1")))
    text(tmp_path / "c.csv", ledger(payment("1", "2")))
    inbox = read_inbox([tmp_path], year=YEAR)
    assert [codes(file) for file in inbox.files] == [set(), {"DUPLICATE_FILE"}, {"DUPLICATE_SCOPE"}]
    assert [file.rows_accepted for file in inbox.files] == [1, 0, 0]


def test_two_sheets_with_the_same_rows_are_read_once(tmp_path):
    book = Workbook()
    for name in ("源数据", "视图数据"):
        target = book.create_sheet(name)
        for row in ledger(payment("1", 1)):
            target.append(row)
    del book["Sheet"]
    book.save(tmp_path / "a.xlsx")
    reading = one(tmp_path / "a.xlsx")
    assert (codes(reading), reading.rows_accepted) == ({"DUPLICATE_SHEET"}, 1)


def test_several_kinds_may_stand_in_one_workbook_beside_sheets_that_are_none(tmp_path):
    book = Workbook()
    for name, rows in (
        ("支付", ledger(payment("1", 1))),
        ("执行", execution(*GOOD_LINES)),
        ("填表说明", [["本表由各科室填写"]]),
    ):
        target = book.create_sheet(name)
        for row in rows:
            target.append(row)
    book.save(tmp_path / "a.xlsx")
    reading = one(tmp_path / "a.xlsx")
    assert [table.kind for table in reading.tables] == [Kind.PAYMENTS, Kind.BUDGET_EXECUTION]
    assert reading.outcome is Outcome.ACCEPT_LOGGED


def test_the_title_of_another_year_is_a_question(tmp_path):
    reading = one(sheet(tmp_path / "a.xlsx", [["2021年度绩效自评表"], *form(TITLE)]))
    assert (reading.outcome, reading.tables, reading.left_out_units) == (Outcome.ASK_USER, (), (CODE,))
    said = finding(reading, "PERIOD_MISMATCH")
    assert (said.value, said.expected, said.place.row) == ("2021", str(YEAR), 1)


def test_hidden_rows_are_read_and_said_so(tmp_path):
    from openpyxl import load_workbook

    path = sheet(tmp_path / "a.xlsx", ledger(payment("1", 1), payment("2", 2)))
    book = load_workbook(path)
    book.active.row_dimensions[3].hidden = True
    book.save(path)
    reading = one(path)
    assert (finding(reading, "HIDDEN_ROWS").place.row, reading.rows_accepted) == (3, 2)


def test_a_column_letter_beyond_z_is_told_as_excel_shows_it(tmp_path):
    head = [*(f"备用{i}" for i in range(30)), *PAY_HEAD]
    reading = one(text(tmp_path / "a.csv", [head, [*[""] * 30, *payment("1", "无")]]))
    assert finding(reading, "REQUIRED_VALUE_EMPTY").place.column == get_column_letter(30 + 5)


@pytest.mark.parametrize(
    "line",
    [
        f"编制单位：{NAME}  2024年12月31日  单位：万元",
        f"填报单位（盖章）：{NAME}",
        f"预算部门名称:{CODE} {NAME}",
        f"单位名称：{NAME}（盖章）",
    ],
)
def test_a_title_line_states_the_unit_in_the_usual_ways(tmp_path, line):
    text(tmp_path / "名册.csv", [["单位编码", "单位名称"], [CODE, NAME], ["410008", "临河县史志办"]])
    sheet(tmp_path / "1.xlsx", form([line]))
    assert named(read_inbox([tmp_path], year=YEAR), "1.xlsx").tables[0].scope_units == (CODE,)


def test_a_label_and_its_value_may_stand_in_two_cells(tmp_path):
    reading = one(sheet(tmp_path / "1.xlsx", form(["单位编码", CODE, "单位名称", NAME])))
    assert reading.tables[0].scope_units == (CODE,)


def test_two_columns_without_a_known_fact_are_no_table_of_facts(tmp_path):
    reading = one(text(tmp_path / "a.csv", [["项目", "金额"], ["茶叶", "3"]]), scope=frozenset({CODE}))
    assert ("KIND_UNKNOWN" in codes(reading), reading.outcome) == (True, Outcome.REJECT_FILE)


def test_a_rejected_row_shows_the_columns_that_no_map_knows(tmp_path):
    head = [*PAY_HEAD, "经办科室", "收款人"]
    reading = one(text(tmp_path / "a.csv", ledger([*payment("1", "无"), "技术科", "张三"], head=head)))
    assert finding(reading, "REQUIRED_VALUE_EMPTY").extra == {"经办科室": "技术科"}


def test_carry_in_and_adjustments_in_two_columns_are_added(tmp_path):
    head = ["项目", "年初预算数", "上年结转数", "当年追加追减数", "调整后预算数", "全年执行数"]
    rows = [TITLE, head, ["合计", "100.00", "5.00", "-2.50", "102.50", "99.005"]]
    reading = one(text(tmp_path / "a.csv", rows))
    (total,) = lines_of(reading)
    assert (total.carry_and_adjust.fen, total.carry_and_adjust.places) == (250, 2)
    assert (codes(reading), total.executed.fen) == ({"SUB_CENT"}, 9900)


def test_a_table_in_thousands_is_refused_not_misread(tmp_path):
    reading = one(sheet(tmp_path / "a.xlsx", execution(*GOOD_LINES, unit="千元")))
    assert (codes(reading), reading.outcome) == ({"MONEY_UNIT_UNSUPPORTED"}, Outcome.REJECT_FILE)


@pytest.mark.parametrize("column", [3, 4])
def test_text_in_a_required_amount_of_a_line_rejects_it_and_its_sums_are_not_judged(tmp_path, column):
    rows = [list(row) for row in GOOD_LINES]
    rows[3][column] = "—"
    reading = one(sheet(tmp_path / "a.xlsx", execution(*rows)))
    assert (codes(reading), reading.rows_accepted) == ({"REQUIRED_VALUE_EMPTY"}, 4)
    assert reading.left_out_units == (CODE,)


def test_a_line_without_a_name_is_rejected_and_subtotals_are_left_aside(tmp_path):
    rows = [*GOOD_LINES, ["小计", 10, 0, 10, 9, ""], [None, 1, 0, 1, 1, ""]]
    reading = one(sheet(tmp_path / "a.xlsx", execution(*rows)))
    assert codes(reading) == {"TOTAL_ROW_SKIPPED", "REQUIRED_VALUE_EMPTY"}


def test_amounts_of_a_line_in_other_styles_are_normalised(tmp_path):
    rows = [list(row) for row in GOOD_LINES]
    rows[0][2], rows[3][4] = "￥1.1", "5.4 "
    rows.append(["退回", 0, 0, 0, "（0.0）", "无"])
    assert codes(one(text(tmp_path / "a.csv", execution(*rows)))) == {"NUMBER_NORMALISED", "NEGATIVE_STYLE"}


@pytest.mark.parametrize(
    ("rates", "shown"), [((0.95, 1, 0.5), ["95%", "100%", "50%"]), ((95, 100, 50), ["95%", "100%", "50%"])]
)
def test_a_column_of_one_scale_is_read_without_the_amounts(tmp_path, rates, shown):
    rows = [[name, None, None, None, None, rate] for name, rate in zip(["甲", "乙", "丙"], rates, strict=True)]
    rows[0][3], rows[0][4] = 100, 95
    reading = one(sheet(tmp_path / "a.xlsx", [TITLE, EXEC_HEAD, *rows]))
    assert [line.reported_rate for line in lines_of(reading)] == shown


def test_two_execution_tables_of_one_unit_in_one_workbook_are_a_conflict(tmp_path):
    book = Workbook()
    for name, last in (("一", 3.6), ("二", 3.61)):
        target = book.create_sheet(name)
        for row in execution(*GOOD_LINES[:4], ["库房修缮", 4, 0, 4, last, ""]):
            target.append(list(row))
    book.save(tmp_path / "a.xlsx")
    assert "DUPLICATE_SCOPE" in codes(one(tmp_path / "a.xlsx"))


def test_a_register_says_which_of_its_rows_cannot_be_used(tmp_path):
    rows = [
        ["单位编码", "单位名称", "上级编码"],
        [CODE, NAME, "410"],
        ["", "无编码", ""],
        [CODE, NAME, ""],
        [410009, "临河县博物馆", 410],
    ]
    inbox = read_inbox([sheet(tmp_path / "a.xlsx", rows)], year=YEAR)
    assert codes(inbox.files[0]) == {"REQUIRED_VALUE_EMPTY", "DUPLICATE_KEY", "CODE_WAS_NUMBER"}
    assert [(u.code, u.parent_code) for u in inbox.units] == [(CODE, "410"), ("410009", "410")]


def test_a_register_in_the_folder_of_one_unit_does_not_shut_out_the_others(tmp_path):
    text(tmp_path / "甲" / "名册.csv", [["单位编码", "单位名称"], [CODE, NAME]])
    text(tmp_path / "乙" / "支付.csv", ledger(["1", "410008", "临河县史志办", "修志", "1", "2024-01-05"]))
    inbox = read_inbox([tmp_path], year=YEAR)
    assert [unit.code for unit in inbox.units] == [CODE, "410008"]
    assert named(inbox, "支付.csv").rows_accepted == 1


def test_error_values_and_words_in_indicators_and_facts_are_told(tmp_path):
    rows = [
        TITLE,
        [*FORM_HEAD, "分值"],
        ["产出", "甲", "#REF!", "1", "", "", "", 5],
        ["产出", "乙", ">=1", "1", "", "", "", "五分"],
        ["产出", None, ">=1", "1", "", "", "", 5],
        ["产出", "#NAME?", ">=1", "1", "", "", "", 5],
    ]
    reading = one(sheet(tmp_path / "a.xlsx", rows))
    assert [(f.code, f.place.row) for f in reading.findings] == [
        ("CELL_ERROR", 3),
        ("NUMBER_UNREADABLE", 4),
        ("REQUIRED_VALUE_EMPTY", 5),
        ("CELL_ERROR", 6),
    ]
    assert [i.name for i in reading.tables[0].rows] == ["乙"]
    facts = [
        TITLE,
        ["数据项", "数值"],
        ["编制数", "四十三"],
        ["在职人数", "#REF!"],
        ["公益性编制", None],
        ["三公经费", "—"],
    ]
    reading = one(sheet(tmp_path / "b.xlsx", facts))
    assert [(f.code, f.place.row) for f in reading.findings] == [
        ("REQUIRED_VALUE_EMPTY", 3),
        ("CELL_ERROR", 4),
    ]


def test_deleted_rows_are_not_paid(tmp_path):
    rows = ledger([*payment("1", "1"), "0"], [*payment("2", "5"), "1"], head=[*PAY_HEAD, "是否删除"])
    reading = one(text(tmp_path / "a.csv", rows))
    assert (reading.control_total, codes(reading)) == (100, {"ROWS_EXCLUDED"})


def test_a_kind_that_the_user_states_is_the_only_one_looked_for(tmp_path):
    path = text(tmp_path / "a.csv", ledger(payment("1", "1")))
    assert one(path, kind=Kind.PAYMENTS).rows_accepted == 1
    assert "KIND_UNKNOWN" in codes(one(path, kind=Kind.KEY_TASKS))


def test_an_encrypted_workbook_and_an_old_word_file_ask_for_another_format(tmp_path):
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
    (tmp_path / "a.xlsx").write_bytes(ole + "EncryptedPackage".encode("utf-16-le"))
    (tmp_path / "b.doc").write_bytes(ole + "WordDocument".encode("utf-16-le"))
    (tmp_path / "c.et").write_bytes(ole)
    inbox = read_inbox([tmp_path], year=YEAR)
    assert [codes(file) for file in inbox.files] == [{"FILE_CORRUPT"}, {"KIND_UNKNOWN"}, {"FILE_CORRUPT"}]


def test_hostile_markup_is_refused_and_wide_spans_are_bounded(tmp_path):
    doctype = '<!DOCTYPE x [<!ENTITY a "aaaa">]>'
    spaces = 'xmlns="urn:schemas-microsoft-com:office:spreadsheet"'
    (tmp_path / "a.xls").write_text(f"<?xml version='1.0'?>{doctype}<Workbook {spaces}/>", encoding="utf-8")
    (tmp_path / "b.xls").write_text("<table><tr><td colspan=99999999>甲</td></tr></table>", encoding="utf-8")
    inbox = read_inbox([tmp_path], year=YEAR)
    assert "FILE_CORRUPT" in codes(inbox.files[0])
    assert inbox.files[1].outcome is Outcome.REJECT_FILE


def test_a_ledger_of_names_alone_is_given_to_the_units_that_bear_them(tmp_path):
    text(tmp_path / "名册.csv", [["单位编码", "单位名称"], [CODE, NAME], ["410008", "临河县史志办"]])
    head = ["支付凭证号", "预算单位", "项目名称", "支付金额", "支付日期"]
    rows = [
        head,
        ["1", NAME, "甲", "1", "2024-01-05"],
        ["2", "临河县史志办", "乙", "2", "2024-01-05"],
        ["3", "不知名", "丙", "3", ""],
    ]
    reading = named(read_inbox([text(tmp_path / "支付.csv", rows).parent], year=YEAR), "支付.csv")
    assert reading.tables[0].ledger["unit_code"].tolist() == [CODE, "410008"]
    assert finding(reading, "UNKNOWN_UNIT").place.row == 4


def test_files_of_other_units_are_passed_over_where_the_scope_is_fed(tmp_path):
    sheet(tmp_path / "甲.xlsx", form(TITLE))
    sheet(tmp_path / "乙.xlsx", form(["单位名称：临河县史志办  单位编码：410008"]))
    inbox = read_inbox([tmp_path], year=YEAR, scope=frozenset({CODE}))
    assert [file.outcome for file in inbox.files] == [Outcome.ACCEPT_LOGGED, Outcome.ACCEPT]
