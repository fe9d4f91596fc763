"""Grid → table: how heads name columns, what stands above and below them, and which rows are data."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pytest

from jixiao.domain.books import Kind
from jixiao.domain.findings import Outcome
from jixiao.domain.money import MoneyUnit
from jixiao.intake import read_inbox
from jixiao.intake.grids.grid import Grid
from jixiao.intake.tables.bodies import RowClass, body, classify, clean_code, clean_name, units_of_row
from jixiao.intake.tables.column_maps import CellType, column_maps, normalised_label
from jixiao.intake.tables.derived import code_and_name
from jixiao.intake.tables.heads import read_sheet, read_sheets
from jixiao.intake.tables.matching import match
from jixiao.intake.tables.titles import title_of
from tests.fixtures.damage import UNIT, UNIT_NAME, YEAR, Rows, csv_bytes, execution, payments, xlsx

EXECUTION = column_maps()[Kind.BUDGET_EXECUTION]
PAYMENTS = column_maps()[Kind.PAYMENTS]
TITLE: list[object] = [f"单位编码：{UNIT}  单位名称：{UNIT_NAME}"]


def heads(column_map, *texts: str) -> dict[str, str]:
    """Canonical name → the head that it was found under."""
    found = match(column_map, {at: (text,) for at, text in enumerate(texts)})
    return {name: texts[at] for name, at in found.columns.items()}


def named(column_map, text: str) -> str:
    """The canonical name of one head; empty where it names none."""
    return next(iter(heads(column_map, text)), "")


def grid(*rows: Sequence[object], merged=(), hidden=()) -> Grid:
    return Grid("Sheet1", [list(row) for row in rows], merged=tuple(merged), hidden_rows=frozenset(hidden))


def table_of(sheet: Grid, kind: Kind | None = None):
    reading = read_sheet(sheet, "a.xlsx", kind)
    assert reading is not None
    assert reading.table is not None, reading.finding
    return reading.table


def read(tmp_path: Path, content: bytes, name: str = "a.xlsx"):
    (tmp_path / name).write_bytes(content)
    return read_inbox([tmp_path / name], year=YEAR).files[0]


def codes(file) -> set[str]:
    return {finding.code for finding in file.findings}


def finding(file, code: str):
    return next(f for f in file.findings if f.code == code)


# ------------------------------------------------------------------------------------------------ the names of columns


@pytest.mark.parametrize(
    "head",
    [
        "年初预算数",
        " 年 初 预 算 数 ",
        "年\n初\n预\n算\n数",
        "年初预算数（万元）",
        "年初预算数(单位：元)",
        "年初预算数（元，保留两位小数）",
        "年初预算数/万元",
        "年初预算数万元",
        "年初预算数①",
        "年初预算数（A）",
        "年初预算数A",
        "*年初预算数",
        "1.年初预算数",
        "（一）年初预算数",
        "年初-预算数",
        "年初（预算）数",
        "年初预算额",
        "年初预算金额",
        "年初预算合计",
        "2023年年初预算数",
        "本年年初预算数",
        "年初预算数：",
        "年初\u200b预算数",
    ],
)
def test_white_space_brackets_units_and_numbering_make_no_other_column(head):
    assert named(EXECUTION, head) == "original"


@pytest.mark.parametrize(
    ("head", "column"),
    [
        ("执行率%", "reported_rate"),
        ("执行率（%）", "reported_rate"),
        ("执行率F=E/D", "reported_rate"),
        ("执行率（⑤=④/③×100%）", "reported_rate"),
        ("1-9月执行数", "executed"),
        ("1—X月执行数", "executed"),
        ("截至6月底支出数", "executed"),
        ("2023年1-12月支出数", "executed"),
        ("当月支出数", "month_executed"),
        ("全年（调整）预算数", "adjusted"),
        ("全年调整预算数", "adjusted"),
        ("追加（减）数", "carry_and_adjust"),
    ],
)
def test_a_head_names_its_column_by_rules(head, column):
    assert named(EXECUTION, head) == column


@pytest.mark.parametrize(
    "head",
    [
        "全年执行数(其他)",  # another column than 全年执行数
        "9月支出数",  # of one month
        "上年执行数",
        "执行数偏差",
        "预计全年执行数",
        "全年预计执行数",
        "预算执行数说明",
        "结余",
        "执",
        "",
    ],
)
def test_a_head_that_only_resembles_one_names_no_column(head):
    assert named(EXECUTION, head) == ""


@pytest.mark.parametrize("head", ["PAY_CERT_NO", "pay_cert_no", "payCertNo", "Pay Cert No"])
def test_a_field_code_may_be_spelt_in_any_case(head):
    assert named(PAYMENTS, head) == "voucher_no"


def test_an_amount_applied_for_is_no_amount_paid():
    assert heads(PAYMENTS, "支付申请金额", "项目名称", "支付日期").keys() == {"project_name", "pay_date"}


def test_every_synonym_names_its_own_column():
    for column_map in column_maps().values():
        for column in column_map.columns:
            for synonym in column.synonyms:
                found = match(column_map, {0: (synonym,)})
                meant = found.ambiguous.get(0) or tuple(found.columns)
                assert column.name in meant, (column_map.kind, synonym)


def test_no_head_that_is_kept_is_read():
    for column_map in column_maps().values():
        for column in column_map.kept:
            assert column.cell_type is CellType.KEPT
            for synonym in column.synonyms:
                assert not match(column_map, {0: (synonym,)}).columns, (column_map.kind, synonym)


@pytest.mark.parametrize(
    ("texts", "meaning"),
    [
        (["年初预算数", "调整后预算数", "调整预算数"], "carry_and_adjust"),
        (["年初预算数", "调整预算数", "调整后预算金额"], "carry_and_adjust"),
        (["年初预算数", "追加追减数", "调整预算数"], "adjusted"),
    ],
)
def test_a_head_of_two_meanings_takes_the_one_that_no_clearer_head_has(texts, meaning):
    assert heads(EXECUTION, *texts)[meaning] == "调整预算数"


def test_a_head_of_two_meanings_is_noted():
    found = match(EXECUTION, {0: ("年初预算数",), 1: ("调整预算",), 2: ("执行数",)})
    assert set(found.ambiguous[1]) == {"adjusted", "carry_and_adjust"}
    assert 0 not in found.ambiguous


@pytest.mark.parametrize(
    ("texts", "columns"),
    [
        (["项目", "预算数", "执行数"], {"adjusted": "预算数"}),
        (["项目", "年初预算数", "预算数", "执行数"], {"original": "年初预算数", "adjusted": "预算数"}),
        (["项目", "预算数", "调整后预算数", "决算数"], {"original": "预算数", "adjusted": "调整后预算数"}),
    ],
)
def test_a_plain_budget_is_the_one_beside_the_other(texts, columns):
    found = heads(EXECUTION, *texts)
    assert {name: found[name] for name in columns} == columns


def test_the_year_that_is_reported_on_is_taken_beside_the_year_before():
    found = heads(EXECUTION, "项目", "2022年执行数", "2023年预算数", "2023年执行数")
    assert found["executed"] == "2023年执行数"


def test_a_field_of_the_system_implies_its_money_unit():
    table = table_of(grid(["AGENCY_CODE", "PRO_NAME", "PAY_AMT", "XPAY_DATE"], ["770001", "网络", "1", "2023-01-05"]))
    assert table.column_units == {"amount": "元"}


@pytest.mark.parametrize(
    ("cell", "unit"),
    [("支付金额（万元）", "万元"), ("支付金额\n单位：万元", "万元"), ("支付金额/元", "元"), ("支付金额", None)],
)
def test_the_money_unit_of_a_head(cell, unit):
    table = table_of(grid(["项目名称", cell, "支付日期"], ["网络", "1", "2023-01-05"]))
    assert table.column_units.get("amount") == unit


# ------------------------------------------------------------------------------------------------ heads of levels

LINE = ["网络运行维护", 100, 20, 120, 90]


def columns_of(sheet: Grid) -> dict[str, int]:
    return table_of(sheet, Kind.BUDGET_EXECUTION).columns


def test_a_group_completes_its_leaves():
    merged = [(0, 1, 0, 3)]
    sheet = grid(["项目", "预算数", None, None, "执行数"], [None, "年初", "调整", "调整后", None], LINE, merged=merged)
    columns = columns_of(sheet)
    assert (columns["original"], columns["adjusted"], columns["executed"]) == (1, 3, 4)


def test_a_group_in_a_text_without_merges_spans_the_blanks_beside_it():
    sheet = grid(["项目", "预算数", "", "执行情况", ""], ["", "年初", "调整后", "本月", "本年累计"], ["甲", 1, 1, 1, 1])
    table = table_of(sheet, Kind.BUDGET_EXECUTION)
    assert table.head_row == 1
    assert {n: table.columns[n] for n in ("original", "adjusted")} == {"original": 1, "adjusted": 2}


def test_a_unit_row_below_the_head_says_the_unit():
    table = table_of(
        grid(["项目", "年初预算数", "调整后预算数", "执行数"], ["", "万元", "万元", "元"], ["甲", 1, 1, 1])
    )
    assert (table.head_row, table.column_units) == (1, {"original": "万元", "adjusted": "万元", "executed": "元"})


def test_the_total_of_all_funds_is_taken_and_said_so(tmp_path):
    lines = execution()[1:]
    rows: Rows = [
        TITLE,
        ["项目", "一般公共预算财政拨款", None, None, None, "合计", None, None, None],
        [None, *execution()[0][1:5], *execution()[0][1:5]],
        *[[r[0], 1, 0, 1, 1, *r[1:5]] for r in lines],
    ]
    file = read(tmp_path, csv_bytes(rows), "a.csv")
    assert file.rows_accepted == len(lines)
    assert file.tables[0].mapping["executed"] == "I"
    said = finding(file, "TOTAL_SCOPE")
    assert "合计" in said.message
    assert "一般公共预算财政拨款" in said.message


def test_funds_below_each_amount_give_way_to_their_total(tmp_path):
    rows: Rows = [
        TITLE,
        ["项目", "年初预算数", None, "调整后预算数", None, "实际支出数", None],
        [None, *["合计", "其中：财政拨款"] * 3],
        *[[r[0], r[1], 1, r[3], 1, r[4], 1] for r in execution()[1:]],
    ]
    file = read(tmp_path, csv_bytes(rows), "a.csv")
    assert [file.tables[0].mapping[n] for n in ("original", "adjusted", "executed")] == ["B", "D", "F"]
    assert "TOTAL_SCOPE" in codes(file)


def test_funds_without_a_total_are_a_question(tmp_path):
    head = ["年初预算数", "调整后预算数", "实际支出数"]
    rows: Rows = [
        TITLE,
        ["项目", "一般公共预算财政拨款", None, None, "政府性基金", None, None],
        [None, *head, *head],
        ["甲", 1, 1, 1, 2, 2, 2],
    ]
    file = read(tmp_path, csv_bytes(rows), "a.csv")
    assert file.outcome is Outcome.ASK_USER
    assert "政府性基金" in finding(file, "AMBIGUOUS_COLUMN").message


# ------------------------------------------------------------------------------------------------ titles


@pytest.mark.parametrize(
    ("line", "unit"),
    [
        (["单位：万元"], "万元"),
        (["金额单位:人民币元"], "元"),
        ([None, None, "（万元）"], "万元"),
        (["单位:元（保留两位小数）"], "元"),
        (["部门预算执行情况表（万元）"], "万元"),
        (["金额单位", "万元"], "万元"),
        (["（单位：万元）"], "万元"),
        (["本表以万元为单位"], "万元"),
        (["单位：某某局"], ""),
    ],
)
def test_the_money_unit_of_a_title_line(line, unit):
    assert title_of(grid(line, ["项目"]), 1).money_unit == unit


@pytest.mark.parametrize(
    "line",
    [
        ["[770001]某市技术服务中心"],
        ["770001-某市技术服务中心"],
        ["单位：770001-某市技术服务中心"],
        ["编制单位：[770001]某市技术服务中心", None, "单位：万元"],
        ["填报单位（盖章）：某市技术服务中心（770001）"],
        ["预算单位：", "770001", "某市技术服务中心"],
        ["单位编码", "770001", "单位名称", "某市技术服务中心"],
        ["单位：某市技术服务中心  单位编码：770001"],
    ],
)
def test_the_unit_of_a_title_line(line):
    title = title_of(grid(line, ["项目"]), 1)
    assert (title.unit_code, title.unit_name) == (UNIT, UNIT_NAME)


@pytest.mark.parametrize(
    "line", ["单位：万元", "单位：人", "20231231-预算执行情况表", "2023年度部门预算执行情况表", "单位：%"]
)
def test_a_title_line_that_names_no_unit(line):
    title = title_of(grid([line], ["项目"]), 1)
    assert (title.unit_code, title.unit_name) == ("", "")


@pytest.mark.parametrize(
    "note", ["注：金额单位万元", "注：本表金额单位为万元。", "说明：以上数据以万元为单位", "金额单位：万元"]
)
def test_the_money_unit_of_a_note_below_the_table(note):
    table = table_of(grid(["项目", "调整后预算数", "执行数"], ["甲", 1, 1], [], [note]))
    assert table.title.money_unit == "万元"


# ------------------------------------------------------------------------------------------------ several tables

TASKS: Rows = [["任务名称", "主要内容", "完成情况"], ["培训", "培训三次", "完成"]]


def test_tables_below_each_other_are_read_apart(tmp_path):
    rows: Rows = [[f"{YEAR}年度部门自评"], TITLE, ["单位：元"], *execution(), [], ["重点任务完成情况"], *TASKS]
    file = read(tmp_path, xlsx(rows))
    assert [(t.kind, t.rows_accepted) for t in file.tables] == [
        (Kind.BUDGET_EXECUTION, len(execution()) - 1),
        (Kind.KEY_TASKS, 1),
    ]
    assert {code for t in file.tables for code in t.scope_units} == {UNIT}
    assert file.tables[1].header_row == len(rows) - 1


def test_what_the_first_title_says_holds_for_the_tables_below():
    rows = [TITLE, ["金额单位：万元"], *execution(), [], *TASKS]
    first, second = read_sheets(grid(*rows), "a.xlsx", None)
    assert (second.title.unit_code, second.title.money_unit) == (UNIT, "万元")
    assert first.table is not None
    assert second.table is not None
    assert second.table.title == second.title


def test_tables_side_by_side_are_read_apart(tmp_path):
    left = execution()
    right = [*TASKS, *[["", "", ""]] * (len(left) - len(TASKS))]
    file = read(tmp_path, xlsx([TITLE, *[[*a, None, *b] for a, b in zip(left, right, strict=True)]]))
    assert [(t.kind, t.rows_accepted) for t in file.tables] == [
        (Kind.BUDGET_EXECUTION, len(left) - 1),
        (Kind.KEY_TASKS, 1),
    ]
    assert file.tables[1].mapping["name"] == "H"


def test_a_head_that_repeats_itself_is_two_tables(tmp_path):
    rows: Rows = [
        TITLE,
        ["数据项", "数值", "数据项", "数值"],
        ["编制数", 20, "在职人数", 18],
        ["公用经费预算", 100, "公用经费支出", 90],
    ]
    file = read(tmp_path, xlsx(rows))
    assert sorted(fact.key for table in file.tables for fact in table.rows) == [
        "public_funds_budget",
        "public_funds_spent",
        "staff_in_post",
        "staff_posts",
    ]


def test_a_blank_column_within_a_table_parts_nothing(tmp_path):
    rows: Rows = [[*row[:3], None, *row[3:]] for row in execution()]
    file = read(tmp_path, xlsx([TITLE, *rows]))
    assert len(file.tables) == 1
    assert file.rows_accepted == len(execution()) - 1


def test_the_same_head_again_is_a_repeated_head(tmp_path):
    p = payments()
    file = read(tmp_path, csv_bytes([*p[:4], [], ["国库支付明细（续）"], p[0], *p[4:]]), "a.csv")
    assert len(file.tables) == 1
    assert "REPEATED_HEADER" in codes(file)


# ------------------------------------------------------------------------------------------------ code and name


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[770001]某某局", ("770001", "某某局")),
        ("770001-某某局", ("770001", "某某局")),
        ("770001 某某局", ("770001", "某某局")),
        ("770001某某局", ("770001", "某某局")),
        ("001-002 某某局", ("001-002", "某某局")),
        ("某某局（770001）", ("770001", "某某局")),
        ("770001", ("770001", "")),
        ("某某局", ("", "某某局")),
        ("301中学", ("", "301中学")),
        ("合计", ("", "合计")),
    ],
)
def test_code_and_name_in_one_cell(text, parts):
    assert code_and_name(text) == parts


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_unit_column_of_code_and_name_gives_both(tmp_path, kind):
    rows: Rows = [["支付凭证号", "预算单位", "项目名称", "支付金额", "支付日期"]]
    rows += [[r[0], f"{r[1]}-{r[2]}", r[3], r[5], r[6]] for r in payments()[1:]]
    content = csv_bytes(rows) if kind == "csv" else xlsx(rows)
    file = read(tmp_path, content, f"a.{kind}")
    table = file.tables[0]
    assert table.ledger["unit_code"].unique().tolist() == [UNIT]
    assert (table.mapping["unit_code"], table.mapping["unit_name"], table.mapping["amount"]) == ("B", "B", "D")


def test_a_big_ledger_with_code_and_name_in_one_cell_is_read_by_column(tmp_path, monkeypatch):
    from jixiao.intake.grids import delimited

    monkeypatch.setattr(delimited, "STREAM_FROM_BYTES", 0)
    rows: Rows = [["支付凭证号", "预算单位", "项目名称", "支付金额", "支付日期"]]
    rows += [[f"{n}", f"[{UNIT}]{UNIT_NAME}", "网络", "1.00", "2023-05-06"] for n in range(500)]
    file = read(tmp_path, csv_bytes(rows), "a.csv")
    assert file.tables[0].ledger["unit_code"].unique().tolist() == [UNIT]


def test_a_register_of_code_and_name_in_one_cell(tmp_path):
    rows: Rows = [["预算单位", "行政区划"], ["770001-某市技术服务中心", "320500"], ["770002-某市档案馆", "320500"]]
    file = read(tmp_path, csv_bytes(rows), "a.csv")
    assert [(unit.code, unit.name) for unit in file.tables[0].rows] == [
        ("770001", "某市技术服务中心"),
        ("770002", "某市档案馆"),
    ]


@pytest.mark.parametrize("whole_codes", [False, True])
def test_a_code_in_three_columns_is_one_code(whole_codes):
    steps = [["206", "", ""], ["206", "03", ""], ["206", "03", "01"], ["", "", "02"]]
    if whole_codes:
        steps = [["206", "", ""], ["206", "20603", ""], ["206", "20603", "2060301"], ["", "", "2060302"]]
    amounts = [[1, 1], [1, 1], [0.5, 0.5], [0.5, 0.5]]
    head = [
        ["功能分类科目编码", None, None, "科目名称", "调整后预算数", "执行数"],
        ["类", "款", "项", None, None, None],
    ]
    rows = [[*s, name, *a] for s, name, a in zip(steps, "甲乙丙丁", amounts, strict=True)]
    table = table_of(grid(*head, *rows, merged=[(0, 0, 0, 2)]))
    made = [row.text("function_code") for row in body(table, "a.xlsx").rows]
    assert made == ["206", "20603", "2060301", "2060302"]
    assert table.letter("function_code") == "A"


# ------------------------------------------------------------------------------------------------ rows


@pytest.mark.parametrize(
    ("row", "row_class"),
    [
        ([None, "", "　"], RowClass.BLANK),
        (["项目", "年初预算数", None, "执行数"], RowClass.HEAD),
        (["栏次", 1, 2, 3], RowClass.COLUMN_NUMBERS),
        (["续表"], RowClass.CONTINUED),
        (["2023年度部门预算执行情况表"], RowClass.TITLE),
        (["2023年度部门预算执行情况表（续）"], RowClass.TITLE),
        (["单位：万元"], RowClass.UNITS),
        ([None, "万元", "万元", "万元"], RowClass.UNITS),
        (["注：本表由系统生成"], RowClass.FOOTER),
        (["单位负责人：甲", "填表人：乙", "联系电话：12345"], RowClass.FOOTER),
        (["小计", 1, 1, 1], RowClass.TOTAL),
        (["备注：设备购置", 5, 5, 5], RowClass.DATA),
        (["合计", 1, 1, 1], RowClass.DATA),  # a line of its own in this table
        (["网络运行维护", 1, 1, 1], RowClass.DATA),
    ],
)
def test_what_a_row_is(row, row_class):
    table = table_of(
        grid(
            ["2023年度部门预算执行情况表"],
            ["单位：万元"],
            ["项目", "年初预算数", "调整后预算数", "执行数"],
            ["甲", 1, 1, 1],
        )
    )
    assert classify(table, row) is row_class


def test_both_rows_of_a_head_are_known_again():
    head = [["项目", "预算", None, "执行数"], [None, "年初预算数", "调整后预算数", None]]
    table = table_of(grid(*head, ["甲", 1, 1, 1], merged=[(0, 1, 0, 2)]))
    assert [classify(table, row) for row in head] == [RowClass.HEAD, RowClass.HEAD]


def test_blanks_outside_the_merged_cells_of_a_column_are_not_filled():
    rows = [
        ["单位编码", "项目名称", "支付金额", "支付日期"],
        [UNIT, "甲", 1, "2023-01-05"],
        [None, "乙", 2, "2023-01-05"],
        [None, "丙", 3, "2023-01-05"],
    ]
    merged = body(table_of(grid(*rows, merged=[(1, 0, 2, 0)])), "a.xlsx")
    assert [row.text("unit_code") for row in merged.rows] == [UNIT, UNIT, ""]
    bare = body(table_of(grid(*rows)), "a.xlsx")
    assert [row.text("unit_code") for row in bare.rows] == [UNIT, UNIT, UNIT]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("网络\u200b运行维护", "网络运行维护"),
        ("网络\n运行维护", "网络运行维护"),
        ("网络\u00a0运行 ", "网络运行"),
        ("Office\n365", "Office 365"),
        ("　网络", "网络"),
    ],
)
def test_a_name_without_what_people_do_not_see(text, clean):
    assert clean_name(text) == clean


def test_a_code_without_blanks_and_wide_digits():
    assert clean_code(" ７７０\u200b００１ ") == "770001"


def test_what_was_cleaned_is_said_once_a_column(tmp_path):
    rows = execution()
    rows[6][0], rows[7][0] = "网络\u200b运行维护", "设备购置 "
    file = read(tmp_path, xlsx([TITLE, *rows]))
    said = [f for f in file.findings if f.code == "TEXT_NORMALISED"]
    assert [(f.place.row, f.place.column) for f in said] == [(8, "A")]
    assert "2 格" in said[0].message
    assert [line.name for line in file.tables[0].rows][-2:] == ["网络运行维护", "设备购置"]
    assert file.outcome is Outcome.ACCEPT_LOGGED


def test_indented_names_are_not_said_to_be_cleaned(tmp_path):
    rows = execution()
    rows[6][0] = "　　网络运行维护"
    assert "TEXT_NORMALISED" not in codes(read(tmp_path, xlsx([TITLE, *rows])))


@pytest.mark.parametrize(
    ("row", "units"),
    [
        (["", "元", "万元", "%"], {1: "元", 2: "万元", 3: ""}),
        (["（万元）"], {0: "万元"}),
        (["人员经费", "元"], {}),
        ([1, "元"], {}),
        ([], {}),
    ],
)
def test_a_row_of_units(row, units):
    assert units_of_row(row) == units


# ------------------------------------------------------------------------------------------------ what is no input


@pytest.mark.parametrize(
    "title",
    [
        "收入支出决算总表",
        "Z01 收入支出决算总表(财决01表)",
        "一般公共预算财政拨款支出决算表",
        "财政拨款“三公”经费支出决算表",
        "部门收支总表",
        "资产负债表",
        "政府部门财务报告",
    ],
)
def test_a_known_table_that_is_no_input_is_refused_by_its_name(tmp_path, title):
    file = read(tmp_path, xlsx([[title], ["项目", "行次", "金额"], ["一、收入", 1, 10]]))
    assert (codes(file), file.outcome) == ({"WRONG_TABLE"}, Outcome.REJECT_FILE)


def test_a_table_that_has_all_its_columns_is_read_whatever_a_doubtful_title_says(tmp_path):
    file = read(tmp_path, xlsx([[f"{YEAR}年项目支出表"], TITLE, *execution()]))
    assert file.rows_accepted == len(execution()) - 1


def test_a_missing_column_is_named_with_synonyms_and_with_the_heads_that_are_there(tmp_path):
    rows = [row[:4] for row in execution()]
    said = finding(read(tmp_path, xlsx([TITLE, *rows])), "MISSING_COLUMN")
    assert "实际支出数" in said.message
    assert "全年执行数" in said.message
    assert "年初预算数" in said.value
    assert said.place.row == 2


# ------------------------------------------------------------------------------------------------ the maps themselves


def test_the_maps_hold_no_synonym_twice_in_one_column():
    for column_map in column_maps().values():
        for column in (*column_map.columns, *column_map.kept):
            assert len(column.synonyms) == len(set(column.synonyms)), (column_map.kind, column.name)


def test_two_columns_share_a_head_only_where_amounts_or_cells_tell_them_apart():
    shared = {
        (column_map.kind, text): {column.name for _, column in found}
        for column_map in column_maps().values()
        for text, found in column_map.meanings[0].items()
        if len(found) > 1
    }
    allowed = [
        {"adjusted", "carry_and_adjust"},
        {"original", "adjusted"},
        {"function_code", "function_name"},
        {"economic_code", "economic_name"},
    ]
    assert all(names in allowed for names in shared.values()), shared


def test_the_money_units_of_the_maps_are_units():
    for column_map in column_maps().values():
        for column in column_map.columns:
            assert {MoneyUnit(unit) for unit in column.money_units.values()} <= set(MoneyUnit)
            assert column.money_units.keys() <= {normalised_label(s) for s in column.synonyms}


def test_a_csv_of_field_codes_alone_is_a_ledger(tmp_path):
    made = io.StringIO()
    writer = csv.writer(made)
    writer.writerow(["PAY_CERT_NO", "agencyCode", "agency_name", "proName", "PAY_APP_AMT", "XPAY_AMT", "xpay_date"])
    writer.writerow(["1", UNIT, UNIT_NAME, "网络", "9.99", "1.50", "20230506"])
    file = read(tmp_path, made.getvalue().encode(), "a.csv")
    assert (file.tables[0].kind, file.control_total) == (Kind.PAYMENTS, 150)


def test_a_small_table_above_a_larger_one_is_not_taken_for_its_title(tmp_path):
    rows: Rows = [
        ["单位编码", "单位名称"],
        [UNIT, UNIT_NAME],
        [],
        ["单位编码", "科室", "邮箱"],
        [UNIT, "办公室", "a@b.cn"],
    ]
    file = read(tmp_path, xlsx(rows))
    assert [(t.kind, t.rows_accepted) for t in file.tables] == [(Kind.UNIT_REGISTER, 1), (Kind.CONTACTS, 1)]


@pytest.mark.parametrize("between", [[], [["栏次", "1", "2", "3"]], [[None]]])
def test_a_unit_row_counts_also_below_the_row_of_column_numbers(between):
    head = ["项目", "年初预算数", "调整后预算数", "执行数"]
    table = table_of(grid(head, *between, ["", "万元", "万元", "万元"], ["甲", 1, 1, 1]))
    assert table.column_units["executed"] == "万元"
    assert [row.text("line_name") for row in body(table, "a.xlsx").rows] == ["甲"]


@pytest.mark.parametrize(
    "title",
    [
        ["项目名称", "数字化", "金额", "100"],
        ["单位名称：某某局", "单位编码：770001"],
        ["填报单位", "某某局", "金额单位", "元"],
    ],
)
def test_lines_of_a_title_are_no_table(tmp_path, title):
    file = read(tmp_path, xlsx([title, TITLE, *execution()]))
    assert [t.kind for t in file.tables] == [Kind.BUDGET_EXECUTION]


def test_a_note_among_payments_is_no_payment(tmp_path):
    p = payments()
    rows: Rows = [p[0], *p[1:4], ["2023年国库支付明细"], p[0], *p[4:], ["注：1.以上为国库数据"], ["2.不含单位资金"]]
    file = read(tmp_path, csv_bytes(rows), "a.csv")
    assert (file.rows_accepted, file.rows_rejected) == (len(p) - 1, 0)
