"""预算指标明细: kinds and signs, what is rejected, and whether it adds up to the 预算执行情况表 beside it."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jixiao.domain.books import AdjustmentKind, BudgetAdjustment, Kind
from jixiao.domain.findings import Outcome
from jixiao.intake import FileReading, read_inbox
from jixiao.intake.rows.adjustments import adjustments_against_lines, kind_of, kind_words

YEAR = 2023
CODE = "620011"
HEAD = ["指标文号", "单位编码", "项目名称", "调整类型", "指标金额", "发文日期"]
LINES = [
    ["单位编码", "项目", "年初预算数", "上年结转及追加追减", "调整预算数", "实际支出数"],
    [CODE, "合计", "80.00", "15.00", "95.00", "90.00"],
    [CODE, "大坝加固", "50.00", "20.00", "70.00", "66.00"],
    [CODE, "灌区改造", "30.00", "-5.00", "25.00", "24.00"],
]


def issued(
    kind: str, amount: object, line: str = "大坝加固", *, number: str = "财预〔2023〕1号", day: object = "2023-03-15"
):
    return [number, CODE, line, kind, amount, day]


GOOD = [
    issued("年初预算", "50.00"),
    issued("年初预算", "30.00", "灌区改造"),
    issued("上年结转", "8.00", number="财预〔2023〕5号"),
    issued("追加", "12.00", number="财预〔2023〕9号"),
    issued("追减", "5.00", "灌区改造", number="财预〔2023〕12号"),
]


def text(path: Path, rows) -> Path:
    with path.open("w", encoding="utf-8", newline="") as target:
        csv.writer(target).writerows(rows)
    return path


def read(folder: Path, rows, *, unit: str = "") -> FileReading:
    above = [[f"金额单位：{unit}"]] if unit else []
    return read_inbox([text(folder / "指标.csv", [*above, HEAD, *rows])], year=YEAR).files[0]


def adjustments(reading: FileReading) -> list[BudgetAdjustment]:
    return [row for table in reading.tables for row in table.rows if isinstance(row, BudgetAdjustment)]


def codes(reading: FileReading) -> set[str]:
    return {finding.code for finding in reading.findings}


def finding(reading: FileReading, code: str):
    return next(f for f in reading.findings if f.code == code)


def test_every_row_keeps_its_document_its_words_and_its_place(tmp_path):
    reading = read(tmp_path, GOOD)
    assert reading.tables[0].kind is Kind.BUDGET_ADJUSTMENTS
    first = adjustments(reading)[0]
    assert (first.unit_code, first.document_no, first.line_name) == (CODE, "财预〔2023〕1号", "大坝加固")
    assert (first.kind, first.kind_text, first.amount_fen) == (AdjustmentKind.ORIGINAL, "年初预算", 5_000)
    assert (first.issued_on, first.place.row) == (date(2023, 3, 15), 2)


def test_a_reduction_printed_as_a_positive_figure_is_negative_and_said_so(tmp_path):
    reading = read(tmp_path, GOOD)
    assert [row.amount_fen for row in adjustments(reading)] == [5_000, 3_000, 800, 1_200, -500]
    said = finding(reading, "NEGATIVE_STYLE")
    assert (said.place.row, said.place.column, reading.outcome) == (6, "E", Outcome.ACCEPT_LOGGED)
    assert reading.tables[0].total_fen == 9_500


@pytest.mark.parametrize(
    ("kind", "printed", "meaning", "fen"),
    [
        ("追减", "-5", AdjustmentKind.REDUCTION, -500),
        ("追减", "（5.00）", AdjustmentKind.REDUCTION, -500),
        ("调减指标", "5", AdjustmentKind.REDUCTION, -500),
        ("调剂", "5", AdjustmentKind.TRANSFER, 500),
        ("调剂", "-5", AdjustmentKind.TRANSFER, -500),
        ("调剂（调出）", "-5", AdjustmentKind.TRANSFER, -500),
        ("调出", "5", AdjustmentKind.TRANSFER, -500),
        ("调入", "5", AdjustmentKind.TRANSFER, 500),
        ("年初预算数", "5", AdjustmentKind.ORIGINAL, 500),
        (" 上年 结转 ", "5", AdjustmentKind.CARRY_IN, 500),
        ("1.追加", "5", AdjustmentKind.ADDITION, 500),
        ("预备费动支", "5", AdjustmentKind.OTHER, 500),
    ],
)
def test_the_words_of_offices_mean_one_of_six_kinds(tmp_path, kind, printed, meaning, fen):
    reading = read(tmp_path, [issued(kind, printed)])
    (row,) = adjustments(reading)
    assert (row.kind, row.kind_text, row.amount_fen) == (meaning, kind.strip(), fen)
    assert ("ADJUSTMENT_KIND_UNKNOWN" in codes(reading)) == (meaning is AdjustmentKind.OTHER)


def test_every_word_of_the_list_is_read_as_its_own_kind():
    assert {word.kind for word in kind_words().values()} == set(AdjustmentKind)
    assert all(kind_of(text) == word for text, word in kind_words().items())


@pytest.mark.parametrize(
    ("rows", "code", "place"),
    [
        ([issued("追加", "—")], "REQUIRED_VALUE_EMPTY", (2, "E")),
        ([issued("追加", "")], "REQUIRED_VALUE_EMPTY", (2, "E")),
        ([issued("", "5")], "REQUIRED_VALUE_EMPTY", (2, "D")),
        ([issued("追加", "5", "")], "REQUIRED_VALUE_EMPTY", (2, "C")),
        ([issued("追加", "5", day="2023-02-30")], "BAD_DATE", (2, "F")),
        ([issued("追加", "#REF!")], "REQUIRED_VALUE_EMPTY", (2, "E")),
        ([issued("追加", "5"), issued("追加", "5")], "DUPLICATE_KEY", (3, "A")),
    ],
)
def test_what_a_row_needs_rejects_that_row_alone(tmp_path, rows, code, place):
    reading = read(tmp_path, [*rows, issued("追加", "7", number="财预〔2023〕30号")])
    said = finding(reading, code)
    assert (reading.outcome, (said.place.row, said.place.column)) == (Outcome.REJECT_ROW, place)
    assert (reading.rows_rejected, reading.rows_accepted) == (1, len(rows))


def test_the_same_line_twice_in_a_document_may_differ_in_another_column(tmp_path):
    head = [*HEAD, "经济分类"]
    rows = [[*issued("追加", "5"), "30201"], [*issued("追加", "5"), "30202"]]
    reading = read_inbox([text(tmp_path / "a.csv", [head, *rows])], year=YEAR).files[0]
    assert reading.rows_accepted == 2


def test_a_document_of_the_autumn_before_is_no_surprise_and_one_of_next_year_is(tmp_path):
    assert "DATE_OUTSIDE_YEAR" not in codes(read(tmp_path, [issued("年初预算", "5", day="2022-11-20")]))
    assert "DATE_OUTSIDE_YEAR" in codes(read(tmp_path, [issued("追加", "5", day="2024-01-20")]))


@pytest.mark.parametrize(
    ("total", "outcome"), [("95", "accept_logged"), ("105", "accept_logged"), ("90", "reject_file")]
)
def test_a_printed_total_is_that_of_the_signed_or_the_printed_figures(tmp_path, total, outcome):
    reading = read(tmp_path, [*GOOD, ["合计", "", "", "", total, ""]])
    assert reading.outcome.value == outcome
    if outcome == "reject_file":
        said = finding(reading, "CONTROL_TOTAL")
        assert (said.place.row, said.place.column, said.expected) == (7, "E", "95 元")


def test_whole_yuan_are_exact(tmp_path):
    rows = [issued("追加", "300", number=f"{n}号") for n in range(3)]
    assert read(tmp_path, [*rows, ["合计", "", "", "", "901", ""]]).outcome is Outcome.REJECT_FILE


def test_rounded_figures_reach_their_rounded_total(tmp_path):
    rows = [issued("追加", "3.33", number=f"{n}号") for n in range(3)]
    assert read(tmp_path, [*rows, ["合计", "", "", "", "10.00", ""]], unit="万元").outcome is Outcome.ACCEPT_LOGGED


# ------------------------------------------------------------------------------------------------ against the lines


def against(folder: Path, rows, lines=LINES):
    folder.mkdir(exist_ok=True)
    inbox = read_inbox([text(folder / "指标.csv", [HEAD, *rows]), text(folder / "执行.csv", lines)], year=YEAR)
    tables = [(file.file, table) for file in inbox.files for table in file.tables]
    return list(adjustments_against_lines(tables))


def test_indicators_that_add_up_to_the_table_say_nothing(tmp_path):
    assert against(tmp_path, GOOD) == []


def test_a_lost_indicator_is_named_with_line_column_and_difference(tmp_path):
    (said,) = against(tmp_path, GOOD[:3] + GOOD[4:])
    assert (said.code, said.outcome) == ("ADJUSTMENTS_MISMATCH", Outcome.ACCEPT_WITH_WARNING)
    assert (said.place.file, said.place.row, said.place.column, said.unit_code) == ("执行.csv", 3, "D", CODE)
    assert "「大坝加固」" in said.message
    assert (said.value, said.expected) == ("20 元", "8 元")
    assert "相差 -12 元" in said.message


def test_indicators_of_changes_alone_are_held_against_the_changes_alone(tmp_path):
    assert against(tmp_path, GOOD[2:]) == []


def test_a_line_in_another_name_is_one_fault_of_the_total_at_most(tmp_path):
    renamed = [[*row[:2], "大坝除险加固", *row[3:]] if row[2] == "大坝加固" else row for row in GOOD]
    assert against(tmp_path, renamed) == []
    (said,) = against(tmp_path, renamed[1:])
    assert (said.place.row, said.place.column) == (2, "C")


def test_numbering_does_not_part_a_line_from_its_indicators(tmp_path):
    lines = [[row[0], f"（1）{row[1]}" if row[1] == "大坝加固" else row[1], *row[2:]] for row in LINES]
    assert [said.place.row for said in against(tmp_path, GOOD[:3] + GOOD[4:], lines)] == [3]


def test_a_table_without_adjustments_is_held_against_all_indicators(tmp_path):
    lines = [[cell for at, cell in enumerate(row) if at != 3] for row in LINES]
    lines[0][3] = "调整后预算数"
    assert against(tmp_path, GOOD, lines) == []
    (said,) = against(tmp_path, GOOD[:4], lines)
    assert (said.place.row, said.value, said.expected) == (4, "25 元", "30 元")


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["年初预算", "上年结转", "追加", "追减", "调剂", "—", ""]),
            st.one_of(st.integers(-(10**9), 10**9), st.sampled_from(["", "无", "12,3", "5元"])),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_every_row_and_its_money_is_accepted_or_rejected(tmp_path, rows):
    reading = read(tmp_path, [issued(kind, amount, number=f"{n}号") for n, (kind, amount) in enumerate(rows)])
    tables = reading.tables
    accepted = sum(table.rows_accepted for table in tables)
    excluded = sum(table.rows_excluded for table in tables)
    assert accepted + reading.rows_rejected + excluded == len(rows)
    assert sum(row.amount_fen for row in adjustments(reading)) == sum(table.total_fen or 0 for table in tables)
