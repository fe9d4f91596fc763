"""What intake must not guess: another year, another unit, another money unit, lost zeros. Plain reading: test_intake.py."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from openpyxl import Workbook

from jixiao.domain.books import Kind, Unit
from jixiao.domain.findings import Outcome
from jixiao.domain.money import MoneyUnit
from jixiao.intake import FileReading, read_inbox
from jixiao.intake.rows.units import lost_zeros, same_unit_name
from jixiao.intake.tables.titles import stated_year
from tests.unit.test_intake import (
    CODE,
    EXEC_HEAD,
    FORM_HEAD,
    GOOD_LINES,
    NAME,
    PAY_HEAD,
    TITLE,
    YEAR,
    codes,
    execution,
    finding,
    form,
    ledger,
    named,
    one,
    payment,
    sheet,
    text,
)

LOST, FULL, OTHER = "1002", "001002", "001003"


def book(path: Path, **sheets: Sequence[Sequence[object]]) -> Path:
    made = Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        target = made.create_sheet(name)
        for row in rows:
            target.append(list(row))
    made.save(path)
    return path


def indicator(name: str, *, target: str = ">=1", actual: str = "1") -> list[str]:
    return ["产出", name, target, actual, "台账", "", ""]


def rows_of(reading: FileReading, kind: Kind) -> list:
    return [row for table in reading.tables if table.kind is kind for row in table.rows]


# ------------------------------------------------------------------------------------------------ one unit, several tables


def test_indicators_and_tasks_are_numbered_on_over_the_sheets_of_a_unit(tmp_path):
    path = book(
        tmp_path / "a.xlsx",
        共性=[TITLE, FORM_HEAD, indicator("甲"), indicator("乙")],
        个性=[TITLE, FORM_HEAD, indicator("丙")],
        任务=[TITLE, ["任务名称", "完成情况"], ["修志", "完成"]],
        任务续=[TITLE, ["任务名称", "完成情况"], ["编史", "完成"]],
    )
    reading = one(path)
    found = [(i.indicator_id, i.position, i.name) for i in rows_of(reading, Kind.INDICATORS)]
    assert found == [("001", 1, "甲"), ("002", 2, "乙"), ("003", 3, "丙")]
    assert [task.position for task in rows_of(reading, Kind.KEY_TASKS)] == [1, 2]


def test_ledgers_without_a_common_voucher_are_parts_and_with_one_two_versions(tmp_path):
    text(tmp_path / "1上半年.csv", ledger(payment("001", "1")))
    text(tmp_path / "2下半年.csv", ledger(payment("002", "2"), payment("003", "4")))
    text(tmp_path / "3补充.csv", ledger(payment("003", "4"), payment("004", "8")))
    text(tmp_path / "4无号.csv", ledger(payment("", "16")))
    inbox = read_inbox([tmp_path], year=YEAR)
    assert [codes(file) for file in inbox.files] == [set(), {"LEDGER_PARTS"}, {"DUPLICATE_SCOPE"}, {"DUPLICATE_SCOPE"}]
    assert sum(file.control_total or 0 for file in inbox.files) == 700
    assert "1上半年.csv" in finding(inbox.files[1], "LEDGER_PARTS").message


# ------------------------------------------------------------------------------------------------ parents of lines


def parents(reading: FileReading) -> dict[str, str]:
    return {line.name: line.parent for line in rows_of(reading, Kind.BUDGET_EXECUTION)}


def test_without_a_row_of_project_expenditure_projects_stand_below_the_total(tmp_path):
    reading = one(sheet(tmp_path / "a.xlsx", execution(*GOOD_LINES[:2], *GOOD_LINES[3:])))
    assert reading.outcome is Outcome.ACCEPT
    assert parents(reading) == {
        "预算总金额": "",
        "基本支出": "",
        "档案数字化": "预算总金额",
        "库房修缮": "预算总金额",
    }


def test_a_project_that_lacks_below_the_total_is_a_warning(tmp_path):
    reading = one(sheet(tmp_path / "a.xlsx", execution(*GOOD_LINES[:2], GOOD_LINES[3])))
    assert (codes(reading), reading.outcome) == ({"SUM_MISMATCH"}, Outcome.ACCEPT_WITH_WARNING)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["基本支出", "人员经费", "日常公用经费", "项目支出", "档案数字化", "库房修缮"], ["基本支出"] * 2),
        (["项目支出", "档案数字化", "库房修缮", "基本支出", "人员经费", "日常公用经费"], ["基本支出"] * 2),
        (["基本支出", "津贴", "办公费", "项目支出", "档案数字化", "库房修缮"], ["基本支出"] * 2),
        (["基本支出", "档案数字化", "库房修缮", "项目支出"], []),
    ],
)
def test_below_basic_expenditure_stand_staff_and_running_costs_alone(tmp_path, lines, expected):
    amounts = {"基本支出": 12, "项目支出": 10, "档案数字化": 6, "库房修缮": 4}
    rows = [["预算总金额", 22, 0, 22, 22, ""], *([name, n := amounts.get(name, 6), 0, n, n, ""] for name in lines)]
    reading = one(sheet(tmp_path / "a.xlsx", execution(*rows)))
    assert reading.outcome is Outcome.ACCEPT
    found = parents(reading)
    assert (found["档案数字化"], found["库房修缮"]) == ("项目支出", "项目支出")
    assert [found[name] for name in lines if name not in amounts] == expected


# ------------------------------------------------------------------------------------------------ facts


def facts(*rows: Sequence[object], unit: str = "") -> list[Sequence[object]]:
    head = [f"单位名称：{NAME}  单位编码：{CODE}  {f'金额单位：{unit}' if unit else ''}"]
    return [head, ["数据项", "数值", "计量单位", "口径"], *rows]


@pytest.mark.parametrize(
    ("value", "measure", "title", "fen"),
    [
        (100, "万元", "", 1_000_000),
        (1_000_000, "元", "万元", 1_000_000),
        (0.01, "亿元", "", 1_000_000),
        (100, "", "万元", 1_000_000),
        ("100万元", "", "", 1_000_000),
        (1_000_000, "", "", 1_000_000),
    ],
)
def test_money_facts_become_yuan(tmp_path, value, measure, title, fen):
    reading = one(sheet(tmp_path / "a.xlsx", facts(["政府采购预算数", value, measure, ""], unit=title)))
    (fact,) = rows_of(reading, Kind.UNIT_FACTS)
    assert (fact.value, fact.unit) == (Decimal(fen), "元")


def test_counts_and_percentages_keep_their_unit(tmp_path):
    rows = facts(["在职人数", 29, "人", ""], ["既定支付进度", 80, "%", ""], ["事业编制", 30, "名", ""], unit="万元")
    found = [(f.value, f.unit) for f in rows_of(one(sheet(tmp_path / "a.xlsx", rows)), Kind.UNIT_FACTS)]
    assert found == [(29, "人"), (80, "%"), (30, "名")]


@pytest.mark.parametrize(
    "row", [["在职人数", 29, "万元", ""], ["政府采购预算数", 3, "个", ""], ["政府采购预算数", "3万元", "元", ""]]
)
def test_a_unit_of_another_thing_rejects_the_fact_and_leaves_no_unit_out(tmp_path, row):
    reading = one(sheet(tmp_path / "a.xlsx", facts(row, ["事业编制", 30, "名", ""])))
    assert (codes(reading), reading.rows_accepted, reading.left_out_units) == ({"FACT_UNIT_UNCLEAR"}, 1, ())


def test_money_without_a_unit_beside_wan_is_said_to_be_read_as_yuan(tmp_path):
    rows = facts(["政府采购预算数", 100, "万元", ""], ["政府采购执行数", 95, "", ""])
    reading = one(sheet(tmp_path / "a.xlsx", rows))
    assert finding(reading, "FACT_UNIT_UNCLEAR").place.row == 4
    assert reading.rows_accepted == 2


# ------------------------------------------------------------------------------------------------ lost zeros


@pytest.mark.parametrize("with_register", [False, True])
@pytest.mark.parametrize("lost", [1002, "1002"])
def test_a_code_without_its_zeros_is_no_second_unit(tmp_path, lost, with_register):
    sheet(
        tmp_path / "支付.xlsx",
        ledger(["1", lost, NAME, "甲", 1, "2024-01-05"], ["2", lost, NAME, "甲", 2, "2024-01-06"]),
    )
    sheet(tmp_path / "自评.xlsx", form([f"单位名称：{NAME}  单位编码：{FULL}"]))
    if with_register:
        text(tmp_path / "名册.csv", [["单位编码", "单位名称"], [FULL, NAME]])
    inbox = read_inbox([tmp_path], year=YEAR)
    reading = named(inbox, "支付.xlsx")
    assert [unit.code for unit in inbox.units] == [FULL]
    assert (reading.outcome, reading.left_out_units) == (Outcome.REJECT_ROW, (FULL,))
    assert (finding(reading, "UNKNOWN_UNIT").value, FULL in finding(reading, "UNKNOWN_UNIT").fix) == (LOST, True)


def test_a_register_stored_as_numbers_names_the_codes_of_the_other_files(tmp_path):
    sheet(tmp_path / "名册.xlsx", [["单位编码", "单位名称"], [1002, NAME], [410008, "临河县史志办"]])
    text(tmp_path / "支付.csv", ledger(payment("1", "1", code=FULL)))
    inbox = read_inbox([tmp_path], year=YEAR)
    said = finding(named(inbox, "名册.xlsx"), "CODE_WAS_NUMBER")
    assert (said.value, said.expected, said.outcome) == (LOST, FULL, Outcome.ACCEPT_WITH_WARNING)
    assert named(inbox, "支付.csv").outcome is Outcome.ACCEPT
    assert [unit.code for unit in inbox.units] == [FULL, "410008"]


def test_a_short_code_with_another_name_is_a_unit_of_its_own(tmp_path):
    rows = [["1", LOST, "临河县史志办", "甲", "1", "2024-01-05"], ["2", FULL, NAME, "甲", "1", "2024-01-05"]]
    inbox = read_inbox([text(tmp_path / "a.csv", [PAY_HEAD, *rows])], year=YEAR)
    assert [unit.code for unit in inbox.units] == [FULL, LOST]
    assert inbox.files[0].outcome is Outcome.ACCEPT


def test_a_scope_without_its_zeros_is_asked_about(tmp_path):
    path = text(tmp_path / "a.csv", ledger(payment("1", "1", code=FULL)))
    inbox = read_inbox([path], year=YEAR, scope=frozenset({LOST}))
    assert f"是否 {FULL}？" in finding(inbox.files[0], "UNIT_OUT_OF_SCOPE").fix
    assert [unit.code for unit in inbox.units] == [FULL]


def test_rows_without_their_zeros_belong_to_the_scope_they_were_meant_for(tmp_path):
    path = sheet(tmp_path / "a.xlsx", ledger(["1", 1002, NAME, "甲", 1, "2024-01-05"]))
    reading = one(path, scope=frozenset({FULL}))
    assert (reading.outcome, reading.left_out_units) == (Outcome.REJECT_ROW, (FULL,))


@pytest.mark.parametrize(
    ("code", "longer", "expected"),
    [("1002", "001002", True), ("001002", "001002", False), ("1002", "201002", False), ("01002", "001002", True)],
)
def test_zeros_are_lost_at_the_front_alone(code, longer, expected):
    assert lost_zeros(code, longer) is expected


# ------------------------------------------------------------------------------------------------ money units


def small_ledger() -> list[Sequence[object]]:
    return ledger(
        payment("1", "110000.00", line="基本支出"),
        payment("2", "54000.00", line="档案数字化"),
        payment("3", "36000.00", line="库房修缮"),
    )


def lines_in(unit: str) -> list[Sequence[object]]:
    title = [f"单位名称：{NAME}  单位编码：{CODE}"]
    return [title, *([[f"金额单位：{unit}"]] if unit else []), EXEC_HEAD, *GOOD_LINES]


@pytest.mark.parametrize("unit", ["", "元"])
def test_figures_in_wan_that_say_yuan_or_nothing_are_a_question(tmp_path, unit):
    text(tmp_path / "支付.csv", small_ledger())
    sheet(tmp_path / "执行.xlsx", lines_in(unit))
    reading = named(read_inbox([tmp_path], year=YEAR), "执行.xlsx")
    assert (codes(reading), reading.outcome) == ({"UNIT_IMPLAUSIBLE"}, Outcome.ASK_USER)
    assert (reading.tables, reading.left_out_units) == ((), (CODE,))
    said = finding(reading, "UNIT_IMPLAUSIBLE")
    assert (said.place.column, "110000.00 元" in said.message, "--money-unit" in said.fix) == ("E", True, True)


@pytest.mark.parametrize(("unit", "given"), [("万元", None), ("", MoneyUnit.WAN)])
def test_figures_whose_unit_is_stated_rightly_are_no_question(tmp_path, unit, given):
    sheet(tmp_path / "执行.xlsx", lines_in(unit))
    inbox = read_inbox([tmp_path], year=YEAR, money_unit=given)
    text(
        tmp_path / "支付.csv",
        [*small_ledger()[:1], *[[*r[:4], r[4] if unit else "1", r[5]] for r in small_ledger()[1:]]],
    )
    assert inbox.files[0].outcome is Outcome.ACCEPT
    if unit:
        assert {f.outcome for f in read_inbox([tmp_path], year=YEAR).files} == {Outcome.ACCEPT}


def test_an_unlabelled_ledger_in_wan_beside_a_labelled_table_is_the_one_asked_about(tmp_path):
    text(tmp_path / "支付.csv", [PAY_HEAD, payment("1", "11", line="基本支出"), payment("2", "5.4")])
    sheet(tmp_path / "执行.xlsx", lines_in("万元"))
    inbox = read_inbox([tmp_path], year=YEAR)
    assert codes(named(inbox, "支付.csv")) == {"UNIT_IMPLAUSIBLE"}
    assert named(inbox, "执行.xlsx").outcome is Outcome.ACCEPT


def test_a_column_in_wan_beside_an_unlabelled_one_of_its_size_is_a_question(tmp_path):
    head = ["项目", "年初预算数（万元）", "调整后预算数（万元）", "实际支出数", "执行率"]
    rows = [
        TITLE[:0] or [f"单位名称：{NAME}  单位编码：{CODE}"],
        head,
        *([r[0], r[1], r[3], r[4], r[5]] for r in GOOD_LINES),
    ]
    reading = one(sheet(tmp_path / "a.xlsx", rows))
    assert (reading.outcome, finding(reading, "UNIT_IMPLAUSIBLE").place.column) == (Outcome.ASK_USER, "D")


# ------------------------------------------------------------------------------------------------ the year


@pytest.mark.parametrize(
    ("title", "year"),
    [
        ("2023年度", 2023),
        ("2023年", 2023),
        ("（2023年度）", 2023),
        ("二〇二三年度", 2023),
        ("2023年度  单位：万元", 2023),
        ("预算年度：2023", 2023),
        ("临河县2023年部门预算执行情况表", 2023),
        ("2023年度部门整体支出绩效自评表（汇总）", 2023),
        ("填报日期：2025年1月5日", None),
        ("截至2023年12月31日", None),
        ("2023-2025年规划任务表", None),
        ("2023年结转资金2024年使用情况表", None),
        ("2023年度统计公报汇编", None),
        ("上年（2023年度）数据", None),
        ("打印时间：2025-01-02", None),
    ],
)
def test_a_title_states_the_year_of_its_own_table_alone(title, year):
    assert stated_year(title) == year


@pytest.mark.parametrize("kind", ["dates", "column"])
def test_a_ledger_of_another_year_is_one_question(tmp_path, kind):
    days = [f"{YEAR - 1}-0{month}-05" if kind == "dates" else f"{YEAR}-0{month}-05" for month in range(1, 7)]
    rows = [[*payment(f"{i}", "1", day), YEAR - 1] for i, day in enumerate(days)]
    head = [*PAY_HEAD, "预算年度" if kind == "column" else "备用"]
    reading = one(text(tmp_path / "a.csv", [head, *rows]))
    assert [f.code for f in reading.findings] == ["PERIOD_MISMATCH"]
    assert (reading.outcome, reading.left_out_units) == (Outcome.ASK_USER, (CODE,))


def test_some_rows_of_another_budget_year_are_one_warning(tmp_path):
    rows = [[*payment(f"{i}", "1"), YEAR - 1 if i == 1 else YEAR] for i in range(3)]
    reading = one(text(tmp_path / "a.csv", [[*PAY_HEAD, "预算年度"], *rows]))
    assert (codes(reading), reading.rows_accepted) == ({"PERIOD_MISMATCH"}, 3)
    assert reading.outcome is Outcome.ACCEPT_WITH_WARNING


def test_a_narrative_of_another_year_is_a_question_that_leaves_no_unit_out(tmp_path):
    path = tmp_path / "自评报告.md"
    path.write_text(f"{NAME}2021年度自评报告\n\n一、预算部门名称：{NAME}\n二、部门概况\n内容\n", encoding="utf-8")
    reading = one(path, known=[Unit(CODE, NAME)])
    assert (codes(reading), reading.outcome, reading.left_out_units) == ({"PERIOD_MISMATCH"}, Outcome.ASK_USER, ())


# ------------------------------------------------------------------------------------------------ forms


def test_parts_of_an_indicator_without_target_and_points_are_no_indicators(tmp_path):
    rows = [
        TITLE,
        FORM_HEAD,
        indicator("数字化"),
        indicator("其中：本馆", target="", actual="10页"),
        indicator("其中：质检"),
    ]
    reading = one(sheet(tmp_path / "a.xlsx", rows))
    assert [i.name for i in rows_of(reading, Kind.INDICATORS)] == ["数字化", "其中：质检"]
    assert finding(reading, "SUBROW_EXCLUDED").value == "其中：本馆 10页"
    assert reading.tables[0].rows_excluded == 1


POINTS_HEAD = ["一级指标", "三级指标", "分值", "指标目标值", "指标完成值", "得分"]


@pytest.mark.parametrize(
    ("total", "column"),
    [
        (["总分", "", 100, "", "", 75], None),
        (["合计", "", 100, "", "", 85], "F"),
        (["总分", "", 90, "", "", 75], "C"),
        (["总分", "", "", "", "", ""], None),
    ],
)
def test_a_printed_total_of_points_is_held_against_its_rows(tmp_path, total, column):
    rows = [TITLE, POINTS_HEAD, ["产出", "甲", 50, "1", "1", 50], ["产出", "乙", 50, "1", "1", 25], total]
    reading = one(sheet(tmp_path / "a.xlsx", rows))
    assert [f.place.column for f in reading.findings if f.code == "SUM_MISMATCH"] == ([column] if column else [])
    assert reading.rows_accepted == 2


def test_subtotals_are_held_against_the_rows_since_the_last(tmp_path):
    rows = [["产出", "甲", 40, "1", "1", 40], ["小计", "", 40, "", "", 40], ["效益", "乙", 60, "1", "1", 50]]
    rows += [["小计", "", 60, "", "", 50], ["总分", "", 100, "", "", 90]]
    assert codes(one(sheet(tmp_path / "a.xlsx", [TITLE, POINTS_HEAD, *rows]))) == {"TOTAL_ROW_SKIPPED"}


@pytest.mark.parametrize("in_columns", [False, True])
def test_a_form_with_the_code_of_one_unit_and_the_name_of_another_is_refused(tmp_path, in_columns):
    text(tmp_path / "a支付.csv", ledger(payment("1", "1")))
    rows = form([f"单位名称：临河县史志办  单位编码：{CODE}"])
    if in_columns:
        rows = [["单位编码", "单位名称", *FORM_HEAD], [CODE, "临河县史志办", *indicator("甲")]]
    sheet(tmp_path / "b自评.xlsx", rows)
    reading = named(read_inbox([tmp_path], year=YEAR), "b自评.xlsx")
    assert (codes(reading), reading.outcome) == ({"CODE_NAME_CONFLICT"}, Outcome.REJECT_FILE)
    said = finding(reading, "CODE_NAME_CONFLICT")
    assert (NAME in said.message, "临河县史志办" in said.message, reading.left_out_units) == (True, True, (CODE,))


@pytest.mark.parametrize(
    "title",
    [
        f"单位名称：{NAME}（本级）  单位编码：{CODE}",
        f"填报部门：综合科  单位编码：{CODE}",
        f"单位名称：临河档案馆  单位编码：{CODE}",
    ],
)
def test_a_longer_shorter_or_broader_name_is_no_conflict(tmp_path, title):
    text(tmp_path / "a支付.csv", ledger(payment("1", "1")))
    sheet(tmp_path / "b自评.xlsx", form([title]))
    assert named(read_inbox([tmp_path], year=YEAR), "b自评.xlsx").outcome is Outcome.ACCEPT


def test_a_unit_renamed_in_most_files_is_no_conflict_with_what_the_store_knows(tmp_path):
    text(tmp_path / "a支付.csv", ledger(payment("1", "1")))
    sheet(tmp_path / "b自评.xlsx", form(TITLE))
    inbox = read_inbox([tmp_path], year=YEAR, known=[Unit(CODE, "旧河地区档案资料中心")])
    assert {file.outcome for file in inbox.files} == {Outcome.ACCEPT}
    assert [unit.name for unit in inbox.units] == [NAME]


@pytest.mark.parametrize(
    ("one_name", "other", "same"),
    [
        ("苏州市科技局", "苏州科技局", True),
        ("苏州市科技局（本级）", "苏州市科技局", True),
        ("临河市第一中学", "临河市第二中学", False),
        ("临河市水利站", "临河市文化站", False),
    ],
)
def test_a_short_name_is_told_from_another_name(one_name, other, same):
    assert same_unit_name(one_name, other) is same


# ------------------------------------------------------------------------------------------------ texts and broken files


@pytest.mark.parametrize("style", ["{}. {}", "（{}）{}", "第{}部分 {}"])
@pytest.mark.parametrize("suffix", [".docx", ".md"])
def test_chapters_in_another_numbering_are_known_by_their_subjects(tmp_path, style, suffix):
    numerals = "123" if "." in style else "一二三"
    subjects = ("部门概况", "主要做法", "存在的问题和改进措施")
    lines = [line for n, s in zip(numerals, subjects, strict=True) for line in (style.format(n, s), "内容。")]
    path = tmp_path / f"自评报告{suffix}"
    if suffix == ".docx":
        import docx

        document = docx.Document()
        for line in lines:
            document.add_paragraph(line)
        document.save(str(path))
    else:
        path.write_text("\n\n".join(lines), encoding="utf-8")
    sections = rows_of(one(path, known=[Unit(CODE, NAME)]), Kind.NARRATIVE)
    assert [(s.number, s.heading, s.paragraphs) for s in sections] == [
        (number, subject, ("内容。",)) for number, subject in enumerate(subjects, 1)
    ]


def test_a_numbered_list_of_something_else_says_what_a_narrative_needs(tmp_path):
    path = tmp_path / "说明.md"
    path.write_text("1. 打开文件\n2. 填写\n3. 保存\n", encoding="utf-8")
    said = finding(one(path), "FILE_SKIPPED")
    assert "一、预算部门名称" in said.fix
    assert ".xlsx" not in said.fix


def picture(path: Path) -> None:
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 500)


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("breakage", [picture, half])
def test_a_broken_table_leaves_its_unit_out_and_a_broken_text_does_not(tmp_path, breakage):
    import docx

    folder = tmp_path / "甲"
    sheet(folder / "支付.xlsx", ledger(payment("1", 1)))
    sheet(folder / "执行.xlsx", execution(*GOOD_LINES))
    document = docx.Document()
    document.add_paragraph("一、预算部门名称")
    document.save(str(folder / "报告.docx"))
    breakage(folder / "执行.xlsx")
    breakage(folder / "报告.docx")
    inbox = read_inbox([tmp_path], year=YEAR)
    table, report = named(inbox, "执行.xlsx"), named(inbox, "报告.docx")
    assert (codes(table), table.left_out_units) == ({"FILE_CORRUPT"}, (CODE,))
    assert (codes(report), report.left_out_units) == ({"FILE_CORRUPT"}, ())
    assert ".docx" in finding(report, "FILE_CORRUPT").fix
    for reading in (table, report):
        assert "Error" not in finding(reading, "FILE_CORRUPT").message
        assert "Bad" not in finding(reading, "FILE_CORRUPT").message


def test_a_picture_under_its_own_name_is_passed_over(tmp_path):
    picture(tmp_path / "a.png")
    assert (codes(one(tmp_path / "a.png")), one(tmp_path / "a.png").outcome) == (
        {"FILE_SKIPPED"},
        Outcome.ACCEPT_LOGGED,
    )


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([TITLE, ["科室", "负责事项"], ["办公室", "决策"]], "MISSING_COLUMN"),
        ([TITLE, ["任务名称", "主要内容"], ["修志", "三卷"]], "MISSING_COLUMN"),
        ([TITLE, ["任务名称", "完成情况"]], "NO_DATA_ROWS"),
    ],
)
def test_a_faulty_table_that_no_score_needs_leaves_no_unit_out(tmp_path, rows, code):
    text(tmp_path / "支付.csv", ledger(payment("1", "1")))
    sheet(tmp_path / "a.xlsx", rows)
    reading = named(read_inbox([tmp_path], year=YEAR), "a.xlsx")
    assert (codes(reading), reading.outcome, reading.left_out_units) == ({code}, Outcome.REJECT_FILE, ())


def test_a_deleted_row_that_was_rejected_stays_rejected(tmp_path):
    text(tmp_path / "名册.csv", [["单位编码", "单位名称"], [CODE, NAME]])
    rows = [[*payment("1", "1"), "否"], [*payment("2", "2", code="999999"), "否"], [*payment("3", "4"), "是"]]
    text(tmp_path / "支付.csv", [[*PAY_HEAD, "是否删除"], *rows])
    reading = named(read_inbox([tmp_path], year=YEAR), "支付.csv")
    assert reading.tables[0].ledger["voucher_no"].tolist() == ["1"]


def test_no_message_repeats_its_place(tmp_path):
    text(
        tmp_path / "支付.csv",
        ledger(payment("1", "无"), payment("2", "1", "2024-02-30"), payment("3", "￥1"), payment("4", "1")),
    )
    sheet(tmp_path / "执行.xlsx", execution(*GOOD_LINES[:-1]))
    sheet(tmp_path / "自评.xlsx", [["2021年度绩效自评表"], *form(TITLE)])
    picture(tmp_path / "b.xlsx")
    (tmp_path / "c.pdf").write_bytes(b"%PDF-1.4 x")
    found = [f for file in read_inbox([tmp_path], year=YEAR).files for f in file.findings]
    assert len({f.code for f in found}) >= 6
    for said in found:
        assert said.place.chinese not in said.message
        assert said.place.file not in said.message


def test_a_file_name_in_gbk_is_read_and_stored_as_people_wrote_it(tmp_path):
    import os

    from jixiao.intake.inbox import read_inbox

    name = "预算单位名册.csv".encode("gb18030")
    try:
        with open(os.fsencode(tmp_path) + b"/" + name, "wb") as file:  # noqa: PTH123 - a name that is no text
            file.write("单位编码,单位名称\n001,甲局\n".encode())
    except OSError:
        pytest.skip("这个文件系统不收非 UTF-8 的文件名")
    (read,) = read_inbox([tmp_path], year=2023).files
    assert read.file == "预算单位名册.csv"
    assert read.rows_accepted == 1
