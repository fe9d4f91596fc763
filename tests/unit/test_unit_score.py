"""A unit's points: weights from the form or the rule set, the books' value where they refute the report, a trace each."""

from decimal import Decimal

import pytest

from jixiao.domain.evaluation import ScoreStatus
from jixiao.scoring.points import decided_grade, grade_of
from jixiao.scoring.unit_score import EXECUTION_ROW_ID, score_unit
from tests.fixtures.books import books, indicator, indicators, paid, rules


def evaluation(*rows, region="", **parts):
    return score_unit(books(indicators=rows, **parts), rules(region)).evaluation


def by_name(made, name):
    return next(s for s in made.scores if s.indicator.name == name)


def test_a_form_without_points_gets_the_default_weights_of_its_first_levels():
    made = evaluation(
        indicator("计划健全性", "健全", "健全", level1="决策", position=1),
        indicator("执行规范性", "规范", "规范", level1="过程", position=2),
        indicator("培训人次", ">=100人次", "80人次", level1="履职", position=3),
        indicator("培训场次", ">=4场次", "4场次", level1="履职", position=4),
    )
    # 决策 10、过程 30、履职 35 of 75 used points, shared out to 100.
    assert [s.weight for s in made.scores] == [Decimal("13.34"), Decimal("40.00"), Decimal("23.33"), Decimal("23.33")]
    assert by_name(made, "培训人次").points == Decimal("18.66")
    assert made.score == Decimal("95.33")
    assert made.grade == "优"
    assert made.default_share_pct == Decimal(100)


def test_an_unknown_first_level_makes_all_weights_equal():
    made = evaluation(*indicators(("a", "健全", "健全"), ("b", "健全", "健全"), level1="其他事项"))
    assert [s.weight for s in made.scores] == [Decimal(50), Decimal(50)]


def test_an_indicator_that_does_not_apply_weighs_nothing_and_changes_no_other():
    rows = indicators(("甲", ">=10项", "10项"), ("乙", ">=10项", "5项"))
    plain = evaluation(*rows)
    with_na = evaluation(*rows, indicator("丙", ">=10项", "不涉及", position=3))
    assert by_name(with_na, "丙").status is ScoreStatus.NOT_APPLICABLE
    assert by_name(with_na, "丙").weight == 0
    assert with_na.score == plain.score


def test_printed_points_are_the_weights_and_the_execution_rate_gets_what_the_form_leaves():
    made = evaluation(
        indicator("甲", ">=10项", "10项", weight="50"), indicator("乙", ">=10项", "9项", weight="40", position=2)
    )
    execution = made.scores[-1]
    assert execution.indicator.indicator_id == EXECUTION_ROW_ID
    assert execution.weight == Decimal(10)
    assert execution.points == Decimal("9.00")
    assert made.score == Decimal("95.00")


def test_hubei_leaves_twenty_points_to_the_execution_rate():
    made = evaluation(indicator("甲", ">=10项", "10项", weight="80"), region="420200")
    assert [s.weight for s in made.scores] == [Decimal(80), Decimal(20)]
    assert made.scores[-1].points == Decimal("18.00")


def test_a_form_with_its_own_row_for_the_execution_rate_gets_no_second_one():
    made = evaluation(
        indicator("预算执行率", ">=95%", "90.00%", weight="10"),
        indicator("甲", ">=1项", "1项", weight="80", position=2),
    )
    assert len(made.scores) == 2


def test_the_books_value_is_scored_where_they_refute_the_report_which_stays_as_it_is():
    made = by_name(evaluation(indicator("预算执行率", "=100%", "100%")), "预算执行率")
    assert made.status is ScoreStatus.CONTRADICTED
    assert made.reported_value == "100%"
    assert made.derived_value == "90.00%"
    assert made.completion == Decimal("0.9000")
    assert made.points == Decimal("90.00")


def test_an_agreeing_report_is_scored_as_reported():
    made = by_name(
        evaluation(
            indicator("预算执行率", ">=90%", "90.00%"),
            ledger=(paid("基本支出", "580"), paid("甲项目", "299.99"), paid("乙项目", "200")),
        ),
        "预算执行率",
    )
    assert made.status is ScoreStatus.REACHED
    assert made.points == made.weight


@pytest.mark.parametrize(("actual", "status"), [("", ScoreStatus.MISSING), ("不涉及", ScoreStatus.NOT_APPLICABLE)])
def test_blank_and_not_applicable_stay_so_where_the_books_have_a_value_which_is_shown(actual, status):
    made = by_name(evaluation(indicator("预算执行率", ">=95%", actual)), "预算执行率")
    assert (made.status, made.points, made.derived_value) == (status, None, "90.00%")
    assert "没有可比的自报值" in made.trace.steps[-1].what


def test_printed_points_of_what_does_not_apply_are_shared_out_and_are_no_zero():
    made = evaluation(
        indicator("甲", ">=10项", "10项", weight="60"),
        indicator("乙", ">=10项", "5项", weight="20", position=2),
        indicator("丙", ">=10项", "不涉及", weight="20", position=3),
    )
    assert made.not_applicable_weight == 20
    assert made.score == Decimal("87.50")  # (60 + 10) × 100 ÷ 80
    assert made.grade == "良"


def test_a_form_whose_points_do_not_add_up_to_a_hundred_gets_no_grade():
    made = evaluation(indicator("甲", ">=10项", "10项", weight="120"))
    assert (made.score, made.grade) == (Decimal("120.00"), "待定")


def test_an_execution_row_on_a_budget_of_zero_does_not_apply():
    from tests.fixtures.books import line

    zero = (line("合计", 0, ("0", "0", "0", "0")),)
    made = evaluation(indicator("甲", ">=10项", "10项", weight="90"), lines=zero, ledger=())
    assert made.scores[-1].status is ScoreStatus.NOT_APPLICABLE
    assert made.score == Decimal("100.00")


def test_a_reached_target_cites_the_rule_for_reached_ones():
    rule_ids = [
        s.rule_id
        for s in evaluation(
            *indicators(("甲", ">=10项", "12项"), ("乙", ">=10项", "8项"), ("故障", "<=2次", "3次"))
        ).scores
    ]
    assert rule_ids == ["completion.reached", "completion.at_least.missed", "completion.at_most.missed"]


def test_a_rule_that_names_an_unknown_method_is_refused_and_never_read_as_another():
    from dataclasses import replace

    from jixiao.errors import RuleSetError

    book = rules()
    for rule_id in (
        "completion.at_most.missed",
        "completion.at_least.missed",
        "score.value_basis",
        "weights.unknown_level1",
    ):
        changed = book.rules | {rule_id: book.rules[rule_id].model_copy(update={"value": "瞎写"})}
        with pytest.raises(RuleSetError, match=rule_id):
            score_unit(
                books(indicators=(indicator("预算执行率", "=100%", "100%", level1="别的"),)),
                replace(book, rules=changed),
            )
    band = book.rules | {
        "completion.qualitative.partly": book.rules["completion.qualitative.partly"].model_copy(update={"value": 95})
    }
    with pytest.raises(RuleSetError, match="60–80"):
        score_unit(books(indicators=indicators(("甲", "健全", "健全"))), replace(book, rules=band))


def test_what_a_rule_says_decides():
    from dataclasses import replace

    def with_value(rule_id, value):
        book = rules()
        return replace(book, rules=book.rules | {rule_id: book.rules[rule_id].model_copy(update={"value": value})})

    def points(rule_book, *row):
        made = score_unit(books(indicators=(indicator(*row),)), rule_book).evaluation
        return made.scores[0].points

    assert points(with_value("score.value_basis", "reported"), "预算执行率", "=100%", "100%") == 100
    assert points(with_value("completion.declared", 80), "甲", ">=10项", "已完成") == 80
    assert points(with_value("completion.date", 50), "甲", "2023年6月底前", "2023年9月") == 50


def test_a_blank_is_pending_and_no_zero():
    made = evaluation(*indicators(("甲", ">=10项", "10项"), ("乙", ">=10项", "")))
    assert by_name(made, "乙").points is None
    assert by_name(made, "乙").status is ScoreStatus.MISSING
    assert made.pending_weight == Decimal(50)
    assert made.score == Decimal(50)
    assert made.grade == "待定"


def test_a_unit_without_a_single_score_has_no_total():
    made = evaluation(indicator("甲", ">=10项", ""))
    assert made.score is None
    assert made.grade == ""


def test_every_scored_indicator_has_a_trace_down_to_a_file_hash():
    made = evaluation(
        indicator("预算执行率", "=100%", "100%", position=1),
        indicator("甲", ">=10项", "8项", position=2),
        indicator("制度", "健全", "基本健全", position=3),
    )
    for score in made.scores:
        assert score.trace.steps
        rows = [row for step in score.trace.steps for row in step.rows]
        assert rows
        assert all(row.sha256 and row.place.file and row.place.row for row in rows)
        assert all(step.rule_id == "" or rules().rule(step.rule_id) for step in score.trace.steps)


def test_a_changed_ledger_amount_changes_line_rate_and_score():
    rows = (indicator("预算执行率", "=100%", "90.00%"), indicator("甲", ">=1项", "1项", position=2))
    before, after = (
        evaluation(*rows),
        evaluation(*rows, ledger=(paid("基本支出", "580"), paid("甲项目", "200"), paid("乙项目", "200"))),
    )
    assert before.lines[0].executed_fen != after.lines[0].executed_fen
    assert before.lines[0].execution_rate != after.lines[0].execution_rate
    assert before.score > after.score


@pytest.mark.parametrize(
    ("total", "grade"),
    [
        ("100", "优"),
        ("90", "优"),
        ("89.99", "良"),
        ("80", "良"),
        ("79.99", "中"),
        ("60", "中"),
        ("59.99", "差"),
        ("0", "差"),
    ],
)
def test_grades_begin_at_their_least_score(total, grade):
    assert grade_of(Decimal(total), rules().grades) == grade


def test_a_grade_stays_open_only_while_pending_points_could_change_it():
    assert decided_grade(Decimal(92), Decimal(8), rules().grades) == "优"
    assert decided_grade(Decimal(85), Decimal(6), rules().grades) == "待定"
