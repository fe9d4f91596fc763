"""预算执行情况表 as offices print it: parents, parts, totals, units, ambiguous heads, rates, zero and negative budgets."""

from __future__ import annotations

import csv
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from jixiao.domain.books import Amount, BudgetLine, Kind
from jixiao.domain.findings import Outcome
from jixiao.domain.money import MoneyUnit
from jixiao.intake import FileReading, read_inbox
from jixiao.intake.grids.reading import read_content
from jixiao.intake.money_sizes import implausible_against
from jixiao.intake.rows.budget_columns import CHOICES
from jixiao.intake.rows.execution import read_execution
from jixiao.intake.rows.reader import ReadingOptions
from jixiao.intake.rows.units import UnitFinder, directory_of
from jixiao.intake.tables.heads import read_sheet

YEAR = 2023
CODE, NAME = "620011", "清水县水务局"
HEAD = ["项目", "年初预算数", "上年结转及追加追减", "调整预算数", "实际支出数", "执行率"]
SUBJECT_HEAD = ["科目编码", "科目名称", "年初预算数", "上年结转及追加追减", "调整预算数", "实际支出数"]
UNIT_HEAD = ["单位编码", "单位名称", *HEAD[:5]]


def sheet(path: Path, rows, *, merge=(), title=True, unit="元") -> Path:
    book = Workbook()
    above = [[f"单位名称：{NAME}  单位编码：{CODE}  金额单位：{unit}"]] if title else []
    for row in [*above, *rows]:
        book.active.append(list(row))
    for area in merge:
        book.active.merge_cells(area)
    book.save(path)
    return path


def one(path: Path, **options) -> FileReading:
    return read_inbox([path], year=YEAR, **options).files[0]


def read(folder: Path, rows, **options) -> FileReading:
    return one(sheet(folder / "执行.xlsx", rows, **options))


def codes(reading: FileReading) -> set[str]:
    return {finding.code for finding in reading.findings}


def finding(reading: FileReading, code: str):
    return next(f for f in reading.findings if f.code == code)


def lines(reading: FileReading) -> list[BudgetLine]:
    return [row for table in reading.tables for row in table.rows if isinstance(row, BudgetLine)]


def names(reading: FileReading) -> list[str]:
    return [line.name for line in lines(reading)]


def row(name: str, amount: float, *before: object) -> list[object]:
    """A line without adjustments, spent to nine tenths."""
    return [*before, name, amount, 0, amount, round(amount * 0.9, 2)]


# ------------------------------------------------------------------------------------------------ parents


SUBJECTS = [
    row("农林水支出", 1000, "213"),
    row("水利", 700, "21303"),
    row("水利工程建设", 400, "2130305"),
    row("防汛", 300, "2130314"),
    row("林业和草原", 300, "21302"),
    row("事业机构", 300, "2130204"),
]


@pytest.mark.parametrize("total", [None, "first", "last"])
def test_classes_and_sections_are_controls_of_the_items_below_them(tmp_path, total):
    rows = [*SUBJECTS]
    if total:
        rows.insert(0 if total == "first" else len(rows), row("合计", 1000, None))
    reading = read(tmp_path, [SUBJECT_HEAD, *rows])
    assert (codes(reading), reading.outcome) == ({"HIERARCHY_ROWS"}, Outcome.ACCEPT_LOGGED)
    assert sorted(set(names(reading)) - {"合计"}) == ["事业机构", "水利工程建设", "防汛"]
    assert sum(line.original.fen for line in lines(reading) if line.level == 2) == 100_000
    assert (reading.tables[0].rows_accepted, reading.tables[0].rows_excluded) == (3 + bool(total), 3)


def test_a_section_that_its_items_do_not_reach_refuses_the_file(tmp_path):
    rows = [list(r) for r in SUBJECTS]
    rows[3][5] = 250
    reading = read(tmp_path, [SUBJECT_HEAD, *rows])
    said = finding(reading, "SUM_MISMATCH")
    assert (reading.outcome, said.place.row, said.place.column) == (Outcome.REJECT_FILE, 4, "F")
    assert "「水利」" in said.message
    assert "下级 2 行合计 610 元" in said.message
    assert "相差 -20 元" in said.message


def test_projects_below_an_item_are_the_lines_and_the_item_is_their_control(tmp_path):
    rows = [
        *SUBJECTS[:2],
        row("水利工程建设", 400, "2130305"),
        row("大坝加固", 250, None),
        row("灌区改造", 150, None),
        row("防汛", 300, "2130314"),
        *SUBJECTS[4:],
        row("合计", 1000, None),
    ]
    reading = read(tmp_path, [SUBJECT_HEAD, *rows])
    assert reading.outcome is Outcome.ACCEPT_LOGGED
    assert names(reading) == ["大坝加固", "灌区改造", "防汛", "事业机构", "合计"]


def test_projects_that_name_their_item_in_another_column_stand_below_it(tmp_path):
    head = ["科目编码", "科目名称", "项目名称", *HEAD[1:5]]
    rows = [
        ["213", "农林水支出", *row("", 700)],
        ["2130305", "水利工程建设", *row("", 400)],
        ["2130305", "水利工程建设", *row("大坝加固", 250)],
        ["2130305", "水利工程建设", *row("灌区改造", 150)],
        ["2130314", "防汛", *row("堤防巡查", 300)],
    ]
    reading = read(tmp_path, [head, *rows])
    assert codes(reading) == {"HIERARCHY_ROWS"}
    assert names(reading) == ["大坝加固", "灌区改造", "堤防巡查"]


def test_projects_with_the_code_of_one_item_are_no_hierarchy(tmp_path):
    rows = [row("大坝加固", 250, "2130305"), row("灌区改造", 150, "2130305"), row("堤防巡查", 300, "2130314")]
    reading = read(tmp_path, [["功能科目编码", *HEAD[:5]], *rows])
    assert (reading.outcome, len(lines(reading))) == (Outcome.ACCEPT, 3)


def test_two_items_of_one_name_are_told_apart_by_their_codes(tmp_path):
    rows = [row("行政运行", 60, "2130101"), row("行政运行", 40, "2130301")]
    assert names(read(tmp_path, [SUBJECT_HEAD, *rows])) == ["2130101 行政运行", "2130301 行政运行"]


def test_a_code_and_a_name_in_one_cell_are_read_as_both(tmp_path):
    rows = [[f"{r[0]} {r[1]}", *r[2:]] for r in SUBJECTS]
    reading = read(tmp_path, [["预算科目", *SUBJECT_HEAD[2:]], *rows])
    assert names(reading) == ["水利工程建设", "防汛", "事业机构"]


def test_digits_that_belong_to_a_name_are_no_code(tmp_path):
    given = ["863计划配套", "301医院改造", "20231号工程", "2130399-其他", "3021号"]
    expected = [*given[:3], "其他", "3021号"]
    assert names(read(tmp_path, [HEAD[:5], *(row(name, 250) for name in given)])) == expected


@pytest.mark.parametrize(
    "marks",
    [
        ("(一)", "1.", "2.", "(二)", "(三)"),
        ("1、", "（1）", "（2）", "2、", "3、"),
        ("1.", "", "", "2.", "3."),
        ("", "  ", "  ", "", ""),
        ("　", "　　", "　　", "　", "　"),
    ],
)
def test_a_numbered_or_less_indented_row_that_the_rows_below_add_up_to_is_their_control(tmp_path, marks):
    rows = [("水利工程", 400), ("大坝加固", 250), ("灌区改造", 150), ("防汛", 300), ("抗旱", 60)]
    body = [row(f"{mark}{name}", amount) for mark, (name, amount) in zip(marks, rows, strict=True)]
    reading = read(tmp_path, [HEAD[:5], row("项目支出", 760), *body])
    assert codes(reading) == {"HIERARCHY_ROWS"}
    assert [line.name.strip("　 1234567890.、()（）一二三") for line in lines(reading)][1:] == [
        "大坝加固",
        "灌区改造",
        "防汛",
        "抗旱",
    ]


def test_numbering_that_the_amounts_do_not_bear_out_means_nothing(tmp_path):
    rows = [row("1.水利工程", 400), row("（1）大坝加固", 90), row("2.防汛", 300)]
    reading = read(tmp_path, [HEAD[:5], row("项目支出", 790), *rows])
    assert (reading.outcome, len(lines(reading))) == (Outcome.ACCEPT, 4)


def test_a_numbered_parent_wrong_in_one_phase_is_a_mismatch(tmp_path):
    rows = [row("1.水利工程", 400), row("（1）大坝加固", 250), row("（2）灌区改造", 150), row("2.防汛", 300)]
    rows[0][4] = 350
    total = row("项目支出", 700)
    total[4] = 620
    assert "SUM_MISMATCH" in codes(read(tmp_path, [HEAD[:5], total, *rows]))


def test_what_staff_costs_consist_of_is_part_of_them(tmp_path):
    rows = [
        row("合计", 100),
        row("一、基本支出", 100),
        row("（一）人员经费", 80),
        row("1.工资福利支出", 70),
        row("2.对个人和家庭的补助", 10),
        row("（二）公用经费", 20),
    ]
    reading = read(tmp_path, [HEAD[:5], *rows])
    assert names(reading) == ["合计", "一、基本支出", "（一）人员经费", "（二）公用经费"]


# ------------------------------------------------------------------------------------------------ 其中


@pytest.mark.parametrize(
    "parts", [[("其中：大坝加固", 90)], [("其中：大坝加固", 90), ("灌区改造", 120)], [("其中：大坝加固", 400)]]
)
def test_of_which_below_a_line_is_part_of_it(tmp_path, parts):
    rows = [row("项目支出", 700), row("水利工程", 400), *(row(*part) for part in parts), row("防汛", 300)]
    reading = read(tmp_path, [HEAD[:5], *rows])
    assert codes(reading) == {"HIERARCHY_ROWS"}
    assert names(reading) == ["项目支出", "水利工程", "防汛"]
    assert reading.tables[0].rows_excluded == len(parts)


def test_of_which_that_the_group_needs_for_its_sum_is_a_line(tmp_path):
    rows = [row("项目支出", 700), row("水利工程", 400), row("其中：防汛", 300)]
    reading = read(tmp_path, [HEAD[:5], *rows])
    assert (reading.outcome, len(lines(reading))) == (Outcome.ACCEPT, 3)


def test_of_which_below_a_group_is_its_first_line(tmp_path):
    rows = [row("项目支出", 700), row("其中：水利工程", 400), row("防汛", 300)]
    reading = read(tmp_path, [HEAD[:5], *rows])
    assert (reading.outcome, len(lines(reading))) == (Outcome.ACCEPT, 3)


# ------------------------------------------------------------------------------------------------ totals


def test_a_total_over_plain_rows_that_they_do_not_reach_refuses_the_file(tmp_path):
    rows = [row("大坝加固", 250), row("灌区改造", 150), row("合计", 700)]
    reading = read(tmp_path, [HEAD[:5], *rows])
    said = finding(reading, "CONTROL_TOTAL")
    assert (reading.outcome, said.place.row, said.place.column) == (Outcome.REJECT_FILE, 5, "B")
    assert (said.value, said.expected) == ("700 元", "400 元")


@pytest.mark.parametrize(("printed", "outcome"), [(150, Outcome.ACCEPT_LOGGED), (151, Outcome.REJECT_FILE)])
def test_a_subtotal_is_held_against_the_rows_since_some_row_above(tmp_path, printed, outcome):
    rows = [row("甲", 250), row("小计", 250), row("乙", 100), row("丙", 50), row("小计", printed), row("合计", 400)]
    assert read(tmp_path, [HEAD[:5], *rows]).outcome is outcome


def two_units(*, total: float = 700, code: object = None, name: object = None):
    return [
        UNIT_HEAD,
        ["620011", NAME, *row("合计", 400)],
        ["620011", NAME, *row("大坝加固", 250)],
        ["620011", NAME, *row("灌区改造", 150)],
        ["620012", "清水县气象局", *row("合计", 300)],
        ["620012", "清水县气象局", *row("人工影响天气", 300)],
        [code, name, *row("合计", total)],
    ]


def test_a_total_over_several_units_is_a_control_of_none_of_them(tmp_path):
    reading = read(tmp_path, two_units(), title=False)
    assert codes(reading) == {"TOTAL_ROW_SKIPPED"}
    assert [(line.unit_code, line.name) for line in lines(reading)] == [
        ("620011", "合计"),
        ("620011", "大坝加固"),
        ("620011", "灌区改造"),
        ("620012", "合计"),
        ("620012", "人工影响天气"),
    ]
    table = reading.tables[0]
    assert (table.rows_accepted, table.rows_rejected, table.rows_excluded) == (5, 0, 1)


def test_a_total_over_several_units_that_they_do_not_reach_refuses_the_file(tmp_path):
    reading = read(tmp_path, two_units(total=701), title=False)
    said = finding(reading, "CONTROL_TOTAL")
    assert (reading.outcome, said.place.row, said.unit_code) == (Outcome.REJECT_FILE, 7, "")


def test_a_total_over_several_units_is_not_judged_where_only_one_is_read(tmp_path):
    path = sheet(tmp_path / "a.xlsx", two_units(total=701), title=False)
    assert "CONTROL_TOTAL" not in codes(one(path, scope=frozenset({"620011"})))


def test_total_in_the_place_of_a_unit_is_no_unit(tmp_path):
    rows = two_units()
    rows[-1] = [None, "总计", None, *row("", 700)[1:]]
    reading = read(tmp_path, rows, title=False)
    assert (codes(reading), len(lines(reading))) == ({"TOTAL_ROW_SKIPPED"}, 5)


def test_the_last_total_of_merged_units_is_that_of_the_last_unit(tmp_path):
    rows = [
        UNIT_HEAD,
        ["620011", NAME, *row("大坝加固", 250)],
        [None, None, *row("合计", 250)],
        ["620012", "清水县气象局", *row("人工影响天气", 300)],
        [None, None, *row("合计", 300)],
    ]
    found = [("620011", 2), ("620012", 2)]
    for merge in (("A2:A3", "A4:A5"), ()):
        reading = read(tmp_path, rows, title=False, merge=merge)
        units = [line.unit_code for line in lines(reading)]
        assert [(code, units.count(code)) for code in sorted(set(units))] == found, merge
        assert "CONTROL_TOTAL" not in codes(reading)


# ------------------------------------------------------------------------------------------------ how a table prints


def printed(values, mode):
    return [float(Decimal(v).quantize(Decimal("0.01"), mode)) for v in values]


@pytest.mark.parametrize(
    ("mode", "words"),
    [(ROUND_DOWN, "截位的误差（本表的金额是截位的）"), (ROUND_HALF_UP, "四舍五入的误差（本表的金额是四舍五入的）")],
)
def test_the_message_says_how_the_table_shortens_its_figures(tmp_path, mode, words):
    exact = ["1.118", "1.118", "1.118", "1.118"]
    amounts = printed(exact, mode)
    total = printed([sum(map(Decimal, exact))], mode)[0]
    rows = [["项目支出", total, 0, total, total], *([f"项目{n}", a, 0, a, a] for n, a in enumerate(amounts))]
    assert read(tmp_path, [HEAD[:5], *rows], unit="万元").outcome is Outcome.ACCEPT
    rows[1][4] = round(rows[1][4] - 0.5, 2)
    said = finding(read(tmp_path, [HEAD[:5], *rows], unit="万元"), "SUM_MISMATCH")
    assert words in said.message


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    amounts=st.lists(st.integers(1, 10**9), min_size=1, max_size=6),
    mode=st.sampled_from([ROUND_DOWN, ROUND_HALF_UP]),
    places=st.integers(0, 4),
)
def test_figures_shortened_from_true_ones_never_contradict_each_other(tmp_path, amounts, mode, places):
    def shown(fen):
        return str((Decimal(fen) / 10**6).quantize(Decimal(1).scaleb(-places), mode))

    rows = [["项目支出", *([shown(sum(amounts)), "0", shown(sum(amounts)), "0"])]]
    rows += [[f"项目{n}", shown(a), "0", shown(a), "0"] for n, a in enumerate(amounts)]
    path = tmp_path / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as target:
        csv.writer(target).writerows([[f"单位编码：{CODE}", "", "单位：万元"], HEAD[:5], *rows])
    reading = one(path)
    assert reading.outcome is Outcome.ACCEPT
    assert len(lines(reading)) == len(rows)


# ------------------------------------------------------------------------------------------------ 调整预算数


AMBIGUOUS = ["项目", "年初预算数", "调整预算数", "实际支出数", "执行率"]


@pytest.mark.parametrize(
    ("rows", "column"),
    [
        ([["甲", 100, 120, 108, "90%"], ["乙", 50, 50, 45, "90%"]], "adjusted"),
        ([["甲", 100, 20, 108, "90%"], ["乙", 50, 0, 45, "90%"]], "carry_and_adjust"),
        ([["甲", 100, 80, 90, "50%"], ["乙", 50, 50, 45, "45%"]], "carry_and_adjust"),
        ([["甲", 100, 120, 108, None], ["乙", 50, 40, 39, None]], "adjusted"),
        ([["甲", 100, -20, 70, None], ["乙", 50, 30, 20, None]], "carry_and_adjust"),
        ([["甲", 100, 20, 108, None], ["乙", 50, 0, 45, None]], "carry_and_adjust"),
        ([["甲", 0, 20, 18, None]], "adjusted"),
        ([["甲", 100, 120, 132, "110%"], ["乙", 50, 50, 45, "90%"]], "adjusted"),
    ],
)
def test_what_an_ambiguous_head_means_is_decided_by_rates_and_amounts(tmp_path, rows, column):
    reading = read(tmp_path, [AMBIGUOUS, *rows])
    first = lines(reading)[0]
    assert getattr(first, column).fen == rows[0][2] * 100
    assert getattr(first, "adjusted" if column == "carry_and_adjust" else "carry_and_adjust") is None
    assert ("AMBIGUOUS_COLUMN" in codes(reading)) == (column == "carry_and_adjust")


@pytest.mark.parametrize(
    "rows",
    [
        [["甲", 100, 60, 50, None], ["乙", 50, 40, 30, None]],
        [["甲", 100, 120, 110, None], ["乙", 50, -10, 30, None]],
        [["甲", 100, 60, 0, None]],
    ],
)
def test_an_ambiguous_head_that_nothing_decides_is_a_question(tmp_path, rows):
    reading = read(tmp_path, [AMBIGUOUS, *rows])
    said = finding(reading, "AMBIGUOUS_COLUMN")
    assert (reading.outcome, said.place.row, said.place.column) == (Outcome.ASK_USER, 2, "C")
    assert "第 3 行「甲」" in said.message


@pytest.mark.parametrize(("answer", "column"), list(CHOICES.items()))
def test_an_answer_says_what_an_ambiguous_head_means(tmp_path, answer, column):
    path = sheet(tmp_path / "a.xlsx", [AMBIGUOUS, ["甲", 100, 60, 50, None], ["乙", 50, 40, 30, None]])
    assert answer in finding(one(path), "AMBIGUOUS_COLUMN").expected
    (grid,) = read_content(path, "a.xlsx").grids
    table = read_sheet(grid, "a.xlsx", None).table
    options = ReadingOptions(year=YEAR, meanings={"调整预算数": column})
    read = read_execution(table, UnitFinder(directory_of([], {CODE}), "a.xlsx", table.title, frozenset()), options)
    assert [getattr(line, column).fen for line in read.rows] == [6_000, 4_000]


@pytest.mark.parametrize("beside", ["上年结转及追加追减", "调整后预算数"])
def test_a_head_beside_the_other_column_is_not_ambiguous(tmp_path, beside):
    head = ["项目", "年初预算数", beside, "调整预算数", "实际支出数"]
    values = [100, 20, 120] if beside == "上年结转及追加追减" else [100, 120, 20]
    (line,) = lines(read(tmp_path, [head, ["甲", *values, 90]]))
    assert (line.adjusted.fen, line.carry_and_adjust.fen) == (12_000, 2_000)


# ------------------------------------------------------------------------------------------------ budgets and spending


@pytest.mark.parametrize(
    ("amounts", "code"),
    [
        ((0, 0, 0, 5), "ZERO_BASE"),
        ((10, 0, 10, 11, "110%"), "OVERSPENT"),
        ((10, -10, 0, 5), "ZERO_BASE"),
        ((10, -10, None, 5), "ZERO_BASE"),
        ((10, -15, -5, 0), "NEGATIVE_BUDGET"),
        ((100, 0, 100, 111), "OVERSPENT"),
        ((None, None, None, 5), None),
        ((0, 0, 0, 0), None),
        ((0, 0, 0, -5), None),
        ((10, 0, 10, 10), None),
    ],
)
def test_a_budget_of_zero_is_not_a_blank_one(tmp_path, amounts, code):
    reading = read(tmp_path, [HEAD, ["大坝加固", *amounts]])
    assert codes(reading) == ({code} if code else set())
    assert reading.outcome is (Outcome.ACCEPT_WITH_WARNING if code else Outcome.ACCEPT)
    assert len(lines(reading)) == 1


def test_an_overspent_line_says_its_rate(tmp_path):
    said = finding(read(tmp_path, [HEAD[:5], ["光纤租赁", 100, 0, 100, 110]]), "OVERSPENT")
    assert (said.place.row, said.place.column) == (3, "E")
    assert "「光纤租赁」执行率 110.00%" in said.message
    assert "需填写超支原因" in said.message


@pytest.mark.parametrize("mark", ["—", "无", "/", "不适用", "－"])
def test_a_placeholder_is_not_applicable_in_an_optional_amount_and_missing_in_a_required_one(tmp_path, mark):
    reading = read(tmp_path, [HEAD[:5], ["甲", 10, mark, 10, 9], ["乙", mark, 5, 5, 4]])
    first, second = lines(reading)
    assert (reading.outcome, first.carry_and_adjust, second.original) == (Outcome.ACCEPT, None, None)
    reading = read(tmp_path, [HEAD[:5], ["甲", 10, 0, 10, mark], ["乙", 0, 5, 5, 4]])
    said = finding(reading, "REQUIRED_VALUE_EMPTY")
    assert (reading.outcome, said.place.row, said.place.column) == (Outcome.REJECT_ROW, 3, "E")


def test_a_blank_beside_a_budget_is_missing_and_a_blank_column_was_not_filled_in(tmp_path):
    reading = read(tmp_path, [HEAD[:5], ["甲", 10, 0, 10, None], ["乙", 5, 0, 5, 4]])
    assert (reading.outcome, names(reading)) == (Outcome.REJECT_ROW, ["乙"])
    reading = read(tmp_path, [HEAD[:5], ["甲", 10, 0, 10, None], ["乙", 5, 0, 5, None]])
    assert (reading.outcome, [line.executed for line in lines(reading)]) == (Outcome.ACCEPT_WITH_WARNING, [None, None])


def test_a_line_without_any_amount_is_left_out_and_named(tmp_path):
    rows = [["二、项目支出", None, None, None, None], row("大坝加固", 250), ["灌区改造", None, None, None, None]]
    reading = read(tmp_path, [HEAD[:5], *rows])
    assert (codes(reading), names(reading)) == ({"ROWS_EXCLUDED"}, ["大坝加固"])
    assert "灌区改造" in finding(reading, "ROWS_EXCLUDED").message
    assert reading.tables[0].rows_excluded == 2


def test_a_broken_identity_says_what_was_added_and_the_difference(tmp_path):
    said = finding(read(tmp_path, [HEAD[:5], ["甲", 100, 20, 130, 90], row("乙", 5)]), "IDENTITY")
    assert "年初预算 100 元 ＋ 结转及追加追减 20 元 ＝ 120 元" in said.message
    assert "相差 -10 元" in said.message
    assert said.outcome is Outcome.REJECT_ROW


def test_an_item_with_the_name_of_another_item_is_rejected(tmp_path):
    rows = [row("水利工程建设", 400, "2130305"), row("防汛", 300, "2130315"), row("抗旱", 50, "2130315")]
    reading = read(tmp_path, [SUBJECT_HEAD, *rows])
    said = finding(reading, "CODE_NAME_CONFLICT")
    assert (reading.outcome, said.place.row, said.place.column, said.value) == (Outcome.REJECT_ROW, 4, "A", "2130315")
    assert "「抗旱」" in said.message


def test_a_code_of_no_class_is_a_remark(tmp_path):
    reading = read(tmp_path, [SUBJECT_HEAD, row("某事", 400, "2980305")])
    assert (codes(reading), reading.outcome) == ({"CODE_UNKNOWN"}, Outcome.ACCEPT_LOGGED)


# ------------------------------------------------------------------------------------------------ rates


def test_rates_in_four_writings_are_read_by_their_amounts(tmp_path):
    rows = [
        ["甲", 100, 0, 100, 95.09, 0.9509],
        ["乙", 100, 0, 100, 95.09, 95.09],
        ["丙", 100, 0, 100, 95.09, "95.09％"],
        ["丁", 100, 0, 100, 95.09, "950.9‰"],
        ["戊", 100, 0, 100, 95.09, "#DIV/0!"],
    ]
    reading = read(tmp_path, [HEAD, *rows])
    assert [line.reported_rate_pct for line in lines(reading)] == [Decimal("95.09")] * 4 + [None]
    assert codes(reading) == {"RATE_SCALE", "CELL_ERROR"}
    assert reading.outcome is Outcome.ACCEPT_LOGGED


def test_rates_of_several_units_are_one_column(tmp_path):
    rows = [
        ["620011", NAME, "甲", 100, 0, 100, 95, 0.95],
        ["620012", "清水县气象局", "乙", 100, 0, 100, 95, "95%"],
    ]
    assert codes(read(tmp_path, [["单位编码", "单位名称", *HEAD], *rows], title=False)) == {"RATE_SCALE"}


# ------------------------------------------------------------------------------------------------ money units


def previous(name: str, yuan: int) -> BudgetLine:
    amount = Amount(yuan * 100)
    return BudgetLine(CODE, name, 2, "项目支出", 1, amount, None, amount, amount)


@pytest.mark.parametrize(
    ("before", "asked"),
    [
        ([("大坝加固", 2_500_000), ("灌区改造", 1_400_000)], True),
        ([("大坝加固", 240), ("灌区改造", 150)], False),
        ([], False),
    ],
)
def test_lines_a_ten_thousandth_of_the_previous_snapshot_are_a_question(tmp_path, before, asked):
    reading = read(tmp_path, [HEAD[:5], row("大坝加固", 250), row("灌区改造", 150)])
    found = list(implausible_against("a.xlsx", reading.tables[0], lines=[previous(*line) for line in before]))
    assert [f.code for f in found] == ["UNIT_IMPLAUSIBLE"] * asked
    assert all(f.outcome is Outcome.ASK_USER and f.place.row == 3 and f.place.column == "D" for f in found)


@pytest.mark.parametrize(("fen", "asked"), [(12_345_600_00, True), (123_456_00, False), (1_200_00, False)])
def test_payments_a_ten_thousandth_of_the_previous_ledger_are_a_question(tmp_path, fen, asked):
    rows = [["支付凭证号", "单位编码", "项目名称", "支付金额", "支付日期"]]
    rows += [[f"{n}", CODE, name, amount, "2023-05-06"] for n, (name, amount) in enumerate([("甲", 1234), ("乙", 56)])]
    reading = read(tmp_path, rows, title=False)
    (table,) = reading.tables
    assert table.kind is Kind.PAYMENTS
    found = list(implausible_against("a.xlsx", table, paid={(CODE, "甲"): fen, (CODE, "乙"): fen // 22}))
    assert [f.code for f in found] == ["UNIT_IMPLAUSIBLE"] * asked


def test_amounts_in_wan_are_what_they_were_in_yuan(tmp_path):
    yuan = read(tmp_path, [HEAD[:5], row("大坝加固", 250_000), row("灌区改造", 150_000)])
    wan = read(tmp_path, [HEAD[:5], row("大坝加固", 25), row("灌区改造", 15)], unit="万元")
    assert [line.adjusted.fen for line in lines(yuan)] == [line.adjusted.fen for line in lines(wan)]
    assert lines(wan)[0].adjusted.unit is MoneyUnit.WAN


# ------------------------------------------------------------------------------------------------ nothing is lost


CELLS = st.one_of(
    st.integers(-50, 10**6),
    st.decimals(0, 10**5, places=2).map(str),
    st.sampled_from([None, "", "—", "无", "12,345.60", "（30）", "#REF!", "五万"]),
)
NAMES = st.sampled_from(
    [
        "合计",
        "基本支出",
        "项目支出",
        "人员经费",
        "（一）水利",
        "1.大坝",
        "（1）坝顶",
        "其中：坝基",
        "  灌区",
        "防汛",
        "",
        None,
        "2130314 防汛",
    ]
)
CODES = st.sampled_from(["213", "21303", "2130305", "2130314", "", None, "99"])


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(CODES, NAMES, CELLS, CELLS, CELLS, CELLS), min_size=1, max_size=10))
def test_every_row_is_accepted_rejected_or_excluded(tmp_path, rows):
    path = tmp_path / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as target:
        csv.writer(target).writerows([["科目编码", *HEAD[:5]], *rows])
    reading = one(path, scope=frozenset({CODE}))
    filled = sum(any(cell not in {None, ""} for cell in row) for row in rows)
    skipped = sum("小计" in str(row) for row in rows)
    if not reading.tables:
        assert reading.outcome in {Outcome.REJECT_FILE, Outcome.ASK_USER} or not filled
        return
    (table,) = reading.tables
    assert table.rows_accepted + table.rows_rejected + table.rows_excluded == filled - skipped


def test_a_column_whose_meaning_was_found_is_named_so_in_the_mapping(tmp_path):
    reading = read(tmp_path, [AMBIGUOUS, ["甲", 100, 20, 108, "90%"], ["乙", 50, 0, 45, "90%"]])
    assert reading.tables[0].mapping == {
        "line_name": "A",
        "original": "B",
        "carry_and_adjust": "C",
        "executed": "D",
        "reported_rate": "E",
    }
