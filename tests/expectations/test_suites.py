"""The suites judge what is plausible but odd: good rows pass, odd ones are told by unit, file, sheet and row."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expectations import runner
from expectations.catalogue import suites
from expectations.runner import judge_batch, judge_table
from expectations.suite import Check, Suite, WhenBlank, rows_where
from jixiao.domain.quality import CheckResult, FailingRow

YEAR = 2023
LIMITS = {
    "quality.payment.most_yuan": Decimal(10_000_000_000),
    "quality.rate.most_pct": Decimal(100),
    "quality.weight.most": Decimal(100),
}
SUITES = suites(LIMITS)
PLACE = {"unit_code": "00100", "file": "表.xlsx", "sheet": "明细"}
GOOD = {
    "payments": {"voucher_no": "P001", "line_name": "培训费", "amount_fen": 12_345, "paid_on": date(2023, 5, 6)},
    "budget_lines": {
        "name": "培训费",
        "level": 2,
        "original_fen": 100,
        "adjusted_fen": 200,
        "executed_fen": 150,
        "reported_rate_pct": 75.0,
    },
    "indicators": {
        "indicator_id": "i1",
        "level1": "产出",
        "name": "办件数量",
        "target": ">=10件",
        "actual": "12件",
        "actual_source": "台账",
        "deviation": "0.00%",
        "reason": "",
        "weight": 10.0,
    },
    "key_tasks": {"duty": "审批", "name": "窗口受理", "completion": "完成"},
}
NUMBERS = {
    "row": "Int64",
    "amount_fen": "Int64",
    "original_fen": "Int64",
    "adjusted_fen": "Int64",
    "executed_fen": "Int64",
    "reported_rate_pct": "Float64",
    "weight": "Float64",
}


def frame(table: str, *rows: dict[str, object]) -> pd.DataFrame:
    """Rows of ``table``: the good row, changed as each of ``rows`` says; the sheet's rows begin at 4."""
    stated = [PLACE | {"row": number} | GOOD[table] | row for number, row in enumerate(rows, start=4)]
    made = pd.DataFrame(stated)
    return made.astype({name: kind for name, kind in NUMBERS.items() if name in made})


def judged(table: str, *rows: dict[str, object]) -> dict[str, CheckResult]:
    return {result.expectation_id: result for result in judge_table(frame(table, *rows), SUITES[table], year=YEAR)}


def test_every_check_says_why_and_what_to_do_in_chinese_and_has_an_id_of_its_own() -> None:
    checks = [check for suite in SUITES.values() for check in suite.checks]
    assert len({check.expectation_id for check in checks}) == len(checks)
    for check in checks:
        assert any("\u4e00" <= letter <= "\u9fff" for letter in check.why), check.expectation_id
        assert any("\u4e00" <= letter <= "\u9fff" for letter in check.fix), check.expectation_id


@pytest.mark.parametrize("table", SUITES)
def test_a_unit_that_handed_in_a_table_without_a_row_is_told_by_the_guard(table: str) -> None:
    handed_in = {table: {"00100": "表.xlsx", "00200": "空表.xlsx"}}
    for rows in (frame(table, {}), frame(table, {"unit_code": "00300"})):
        units = handed_in[table].keys() - set(rows["unit_code"])
        guard, *_ = judge_batch({table: rows}, year=YEAR, limits=LIMITS, handed_in=handed_in).results
        assert (guard.expectation_id, guard.ran, guard.passed) == (f"{table}.table_has_rows", True, False)
        assert {row.unit_code: row.file for row in guard.failing} == {u: handed_in[table][u] for u in units}
    for frames in ({table: frame(table)}, {}):
        (guard,) = judge_batch(frames, year=YEAR, limits=LIMITS, handed_in=handed_in).results
        assert [row.unit_code for row in guard.failing] == ["00100", "00200"]


def test_the_guard_passes_where_every_unit_has_rows() -> None:
    handed_in = {"key_tasks": {"00100": "表.xlsx"}}
    guard, *_ = judge_batch(
        {"key_tasks": frame("key_tasks", {})}, year=YEAR, limits=LIMITS, handed_in=handed_in
    ).results
    assert (guard.ran, guard.passed, guard.failing) == (True, True, ())


def test_the_limits_are_the_rules_and_not_the_suites() -> None:
    stricter = {name: limit / 1000 for name, limit in LIMITS.items()}
    frames = {
        "payments": frame("payments", {"amount_fen": 10**9 + 1}),
        "budget_lines": frame("budget_lines", {}),
        "indicators": frame("indicators", {}),
    }
    odd = {r.expectation_id: r for r in judge_batch(frames, year=YEAR, limits=stricter).results if not r.passed}
    assert set(odd) == {"payments.amount_plausible", "budget_lines.rate_plausible", "indicators.weight_plausible"}
    assert "10,000,000 元" in odd["payments.amount_plausible"].why
    assert all(r.passed for r in judge_batch(frames, year=YEAR, limits=LIMITS).results)
    with pytest.raises(KeyError):
        judge_batch(frames, year=YEAR, limits={})


def test_a_blank_column_is_told_of_its_unit_whatever_units_share_the_batch() -> None:
    blank = [{"unit_code": "00200", "paid_on": None, "file": "乙.xlsx"}] * 2
    alone = judge_table(frame("payments", *blank), SUITES["payments"], year=YEAR)
    together = judge_table(frame("payments", {}, *blank), SUITES["payments"], year=YEAR)

    def not_run(results: tuple[CheckResult, ...]) -> list[tuple[str, list[str], list[str]]]:
        return [
            (r.expectation_id, [row.unit_code for row in r.failing], [row.file for row in r.failing])
            for r in results
            if not r.ran
        ]

    assert not_run(alone) == not_run(together) == [("payments.paid_in_year", ["00200"], ["乙.xlsx"])]
    ran = [r for r in together if r.expectation_id == "payments.paid_in_year" and r.ran]
    assert [r.passed for r in ran] == [True]


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.booleans()), min_size=1, max_size=8))
@settings(max_examples=15, deadline=None)
def test_what_is_said_of_a_unit_does_not_depend_on_the_others(rows: list[tuple[str, bool]]) -> None:
    def said(some: list[tuple[str, bool]], unit: str) -> list[tuple[object, ...]]:
        made = frame(
            "budget_lines", *[{"unit_code": u, "adjusted_fen": 200 if held else None, "row": 1} for u, held in some]
        )
        results = judge_table(made, SUITES["budget_lines"], year=YEAR)
        return [(r.expectation_id, r.ran, row) for r in results for row in r.failing if row.unit_code == unit]

    for unit in {u for u, _ in rows}:
        assert said(rows, unit) == said([row for row in rows if row[0] == unit], unit)


@pytest.mark.parametrize("table", SUITES)
def test_good_rows_pass_every_check(table: str) -> None:
    for result in judged(table, {}).values():
        assert result.ran, (result.expectation_id, result.error)
        assert result.passed, result.expectation_id
        assert result.failing == ()


@pytest.mark.parametrize(
    ("table", "odd", "expectation_id", "code", "value"),
    [
        ("payments", {"voucher_no": "  "}, "payments.voucher_no_present", "REQUIRED_VALUE_EMPTY", ""),
        ("payments", {"line_name": None}, "payments.line_name_present", "REQUIRED_VALUE_EMPTY", ""),
        ("payments", {"amount_fen": 0}, "payments.amount_not_zero", "EXPECTATION_FAILED", "0.00"),
        ("payments", {"amount_fen": 10**13}, "payments.amount_plausible", "EXPECTATION_FAILED", "100000000000.00"),
        ("payments", {"paid_on": None}, "payments.paid_on_present", "REQUIRED_VALUE_EMPTY", ""),
        ("payments", {"paid_on": date(2022, 12, 31)}, "payments.paid_in_year", "DATE_OUTSIDE_YEAR", "2022-12-31"),
        ("budget_lines", {"name": ""}, "budget_lines.name_present", "REQUIRED_VALUE_EMPTY", ""),
        ("budget_lines", {"original_fen": -1}, "budget_lines.original_not_negative", "EXPECTATION_FAILED", "-0.01"),
        ("budget_lines", {"adjusted_fen": -200}, "budget_lines.adjusted_not_negative", "EXPECTATION_FAILED", "-2.00"),
        ("budget_lines", {"executed_fen": -5}, "budget_lines.executed_not_negative", "EXPECTATION_FAILED", "-0.05"),
        ("budget_lines", {"executed_fen": 201}, "budget_lines.not_overspent", "OVERSPENT", "2.01"),
        ("budget_lines", {"adjusted_fen": 0}, "budget_lines.spent_on_a_base", "ZERO_BASE", "1.50"),
        ("budget_lines", {"reported_rate_pct": 101.5}, "budget_lines.rate_plausible", "EXPECTATION_FAILED", "101.5"),
        ("indicators", {"name": ""}, "indicators.name_present", "REQUIRED_VALUE_EMPTY", ""),
        ("indicators", {"target": ""}, "indicators.target_present", "REQUIRED_VALUE_EMPTY", ""),
        ("indicators", {"actual_source": ""}, "indicators.source_present", "EVIDENCE_MISSING", ""),
        ("indicators", {"weight": 100.5}, "indicators.weight_plausible", "EXPECTATION_FAILED", "100.5"),
        ("key_tasks", {"name": ""}, "key_tasks.name_present", "REQUIRED_VALUE_EMPTY", ""),
        ("key_tasks", {"completion": ""}, "key_tasks.completion_present", "REQUIRED_VALUE_EMPTY", ""),
        ("key_tasks", {"duty": ""}, "key_tasks.duty_present", "REQUIRED_VALUE_EMPTY", ""),
    ],
)
def test_an_odd_row_is_told_by_its_place_and_value(
    table: str, odd: dict[str, object], expectation_id: str, code: str, value: str
) -> None:
    result = judged(table, {}, odd | ({"name": "另一项"} if "name" not in odd and table == "indicators" else {}))[
        expectation_id
    ]
    assert (result.ran, result.passed, result.code) == (True, False, code)
    (row,) = result.failing
    unit = odd.get("unit_code", "00100")
    assert (row.unit_code, row.file, row.sheet, row.row, row.value) == (unit, "表.xlsx", "明细", 5, value)
    assert row.column


def test_a_spent_amount_on_a_zero_base_is_not_called_overspent_too() -> None:
    results = judged("budget_lines", {"adjusted_fen": 0, "executed_fen": 1}, {})
    assert results["budget_lines.not_overspent"].passed
    assert not results["budget_lines.spent_on_a_base"].passed


def test_two_equal_rows_of_one_unit_are_both_told_but_not_equal_rows_of_two_units() -> None:
    same = judged("indicators", {}, {}, {"unit_code": "00200"})["indicators.row_unique"]
    assert [row.row for row in same.failing] == [4, 5]
    other_target = judged("indicators", {}, {"target": ">=20件"})["indicators.row_unique"]
    assert other_target.passed


def test_a_unit_that_states_no_source_at_all_is_told_once() -> None:
    rows = [{"name": f"指标{n}", "actual_source": "", "unit_code": "00200"} for n in range(3)]
    result = judged("indicators", {}, *rows)["indicators.source_present"]
    assert [(row.unit_code, row.row) for row in result.failing] == [("00200", 5)]


def test_a_critical_check_closes_the_units_of_its_failing_rows_alone() -> None:
    rows = ({}, {"unit_code": "00200", "adjusted_fen": -1}, {"unit_code": "00200", "adjusted_fen": -2})
    result = judged("budget_lines", *rows)["budget_lines.adjusted_not_negative"]
    assert result.critical
    assert result.closes == ("00200",)


def test_a_form_without_weights_is_not_applicable_and_a_ledger_without_dates_is_not_a_pass() -> None:
    assert "indicators.weight_plausible" not in judged("indicators", {"weight": None})
    without_dates = judged("payments", {"paid_on": None}, {"paid_on": None})["payments.paid_in_year"]
    assert (without_dates.ran, without_dates.passed) == (False, False)
    assert "支付日期" in without_dates.error


def test_a_table_nobody_handed_in_has_no_checks_and_each_other_is_validated_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    answers = runner._answers
    monkeypatch.setattr(runner, "_answers", lambda f, table, e: asked.append(table) or answers(f, table, e))
    units = [{"unit_code": f"{n:05d}", "name": f"指标{n}"} for n in range(200)]
    frames = {
        "payments": frame("payments", *[{"unit_code": u["unit_code"]} for u in units]),
        "budget_lines": frame("budget_lines", *[{"unit_code": u["unit_code"]} for u in units]),
        "indicators": frame("indicators", *units),
        "key_tasks": frame("key_tasks"),
    }
    judgement = judge_batch(frames, year=YEAR, limits=LIMITS)
    assert judgement.validations == {"payments": 1, "budget_lines": 1, "indicators": 1}
    assert asked == ["payments", "budget_lines", "indicators"]
    assert {result.table for result in judgement.results} == set(asked)
    assert all(result.passed for result in judgement.results)


def _suite(*checks: Check) -> Suite:
    return Suite(table="key_tasks", chinese="年度重点任务表", subject="name", texts=("name",), checks=checks)


def _check(name: str, build: object, **stated: object) -> Check:
    return Check(
        expectation_id=name, why="为什么", fix="怎么改", column="name", column_name="名称", build=build, **stated
    )


def _good_check(name: str = "good") -> Check:
    return _check(name, lambda gxe: gxe.ExpectColumnValuesToNotBeNull(column="name"))


@pytest.mark.parametrize(
    "build",
    [
        pytest.param(lambda gxe: gxe.ExpectColumnValuesToBeBetween(column="nowhere", min_value=0), id="no such column"),
        pytest.param(lambda gxe: gxe.NoSuchExpectation(column="name"), id="no such expectation"),
        pytest.param(
            lambda gxe: gxe.ExpectColumnValuesToNotBeNull(column="name", row_condition=rows_where("nowhere") > 0),
            id="a condition on no such column",
        ),
    ],
)
def test_a_check_that_raises_did_not_run_and_the_others_did(build: object) -> None:
    suite = _suite(_good_check("before"), _check("broken", build), _good_check("after"))
    rows = frame("key_tasks", {}, {"name": ""})
    before, broken, after = judge_table(rows, suite, year=YEAR)
    assert (broken.ran, broken.passed) == (False, False)
    assert broken.error
    assert "\n" not in broken.error
    assert [(r.ran, [row.row for row in r.failing]) for r in (before, after)] == [(True, [5]), (True, [5])]


def test_a_validation_that_breaks_as_a_whole_is_repeated_check_by_check(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = runner._answers

    def breaks(rows: pd.DataFrame, table: str, expectations: tuple[object, ...]) -> object:
        names = [expectation.meta["check"] for expectation in expectations]
        if "broken" in names:
            raise KeyError("metric")
        return answers(rows, table, expectations)

    monkeypatch.setattr(runner, "_answers", breaks)
    good, broken = judge_table(frame("key_tasks", {}), _suite(_good_check(), _good_check("broken")), year=YEAR)
    assert (good.ran, good.passed) == (True, True)
    assert (broken.ran, broken.passed, broken.error) == (False, False, "KeyError：'metric'")


def test_a_preparation_that_breaks_leaves_no_check_as_passed() -> None:
    without = frame("indicators", {}).drop(columns="actual_source")
    results = judge_table(without, SUITES["indicators"], year=YEAR)
    assert {(result.ran, result.passed) for result in results} == {(False, False)}


def test_a_column_without_values_is_no_pass_unless_the_check_says_so() -> None:
    def over_weight(when: WhenBlank) -> tuple[CheckResult, ...]:
        check = _check(
            "weight",
            lambda gxe: gxe.ExpectColumnValuesToBeBetween(column="weight", min_value=0),
            needs=("weight",),
            when_blank=when,
        )
        return judge_table(frame("indicators", {"weight": None}), _suite(check), year=YEAR)

    assert [r.ran for r in over_weight(WhenBlank.NOT_RUN)] == [False]
    assert over_weight(WhenBlank.NOT_APPLICABLE) == ()
    assert [r.passed for r in over_weight(WhenBlank.CHECK_ANYWAY)] == [True]


HOSTILE = [
    "<&>",
    "{{7*7}}",
    "=cmd|' /C calc'!A0",
    "a\x00b\x1b",
    "\u202e反",
    "'; DROP TABLE x;--",
    "名" * 5000,
    "😀",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_only_texts(text: str) -> None:
    (row,) = judged("indicators", {}, {"name": text, "target": "", "actual": text, "reason": text})[
        "indicators.target_present"
    ].failing
    assert row == FailingRow("00100", "表.xlsx", "明细", 5, text, "指标目标值", "")


def test_every_failing_row_is_told_however_many_and_in_order() -> None:
    rows = [{"voucher_no": "", "unit_code": f"{n % 7:05d}"} for n in range(3000)]
    failing = judged("payments", {}, *rows)["payments.voucher_no_present"].failing
    assert len(failing) == 3000
    assert all((a.unit_code, a.row) <= (b.unit_code, b.row) for a, b in pairwise(failing))


def test_the_callers_frame_and_its_index_are_left_alone() -> None:
    rows = frame("payments", {}, {"voucher_no": ""}).set_axis(["x", "y"])
    before = rows.copy(deep=True)
    judge_batch({"payments": rows}, year=YEAR, limits=LIMITS)
    pd.testing.assert_frame_equal(rows, before)


def test_the_framework_writes_no_file_and_reports_to_nobody(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    judge_batch({"payments": frame("payments", {})}, year=YEAR, limits=LIMITS)
    assert list(tmp_path.iterdir()) == []
