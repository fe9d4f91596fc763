"""Gaps: one an indicator that was missed or contradicted, each with an owner; none for what was reached."""

from dataclasses import replace
from datetime import date

from jixiao.checks import review
from jixiao.domain.evaluation import GapKind
from jixiao.gaps.detection import find_gaps
from jixiao.gaps.owners import UNIT_ITSELF, owner_of
from jixiao.scoring.unit_score import score_unit
from tests.fixtures.books import books, contact, indicator, indicators, paid, rules, text

OFFICE, BUSINESS = contact("办公室", "决策", "过程"), contact("业务科", "受理", "受理项目")
AS_OF = date(2024, 2, 1)


def gaps(*rows, as_of=AS_OF, **parts):
    parts = {"contacts": (OFFICE, BUSINESS), "narrative": (text(5, "五、问题", "。"),)} | parts
    scoring = score_unit(books(indicators=rows, **parts), rules())
    return find_gaps(replace(scoring.evaluation, findings=review(scoring, rules())), rules(), as_of=as_of)


def test_what_was_reached_and_not_contradicted_is_no_gap():
    assert gaps(*indicators(("甲", ">=10项", "12项"), ("乙", "健全", "健全"), ("培训天数", "=1年", "1年"))) == ()


def test_a_missed_indicator_is_one_gap_with_owner_deviation_and_due_date():
    (gap,) = gaps(indicator("受理项目数", ">=10项", "8项", reason="政策调整"))
    assert gap.kind is GapKind.TARGET_MISSED
    assert gap.owner == "业务科"
    assert (gap.opened_on, gap.due_on) == (AS_OF, date(2024, 2, 16))
    assert all(part in gap.message for part in (">=10项", "8项", "-20.00%", "政策调整"))


def test_a_contradicted_indicator_is_one_gap_that_says_why():
    (gap,) = gaps(indicator("预算执行率", "=100%", "100%", level1="过程"))
    assert gap.kind is GapKind.CONTRADICTED
    assert gap.owner == "办公室"
    assert "90.00%" in gap.message


def test_an_error_of_the_books_is_a_gap_of_who_leads():
    (gap,) = gaps(indicator("甲", ">=1项", "1项"), ledger=(*books().ledger, paid("丁项目", "5")))
    assert gap.kind is GapKind.ERROR_FINDING
    assert gap.owner == "办公室"
    assert "丁项目" in gap.message


def test_a_blank_actual_is_a_gap_of_its_owner():
    (gap,) = gaps(indicator("受理项目数", ">=10项", ""))
    assert (gap.kind, gap.owner) == (GapKind.ERROR_FINDING, "业务科")


def test_a_gap_keeps_its_id_from_run_to_run_and_day_to_day():
    row = indicator("受理项目数", ">=10项", "8项")
    first, second = gaps(row), gaps(replace(row, actual="7项"), as_of=date(2024, 3, 1))
    assert first[0].gap_id == second[0].gap_id


def test_two_indicators_of_one_name_are_two_gaps():
    assert len({g.gap_id for g in gaps(*indicators(("甲", ">=10项", "8项"), ("甲", ">=10项", "8项")))}) == 2


def test_mending_one_of_two_indicators_of_a_name_leaves_the_other_its_id():
    both = gaps(*indicators(("甲", ">=10项", "8项"), ("甲", ">=10项", "8项")))
    second = gaps(*indicators(("甲", ">=10项", "10项"), ("甲", ">=10项", "8项")))
    assert [g.indicator_id for g in second] == ["002"]
    assert {g.gap_id for g in second} == {g.gap_id for g in both if g.indicator_id == "002"}


def test_a_blank_is_not_swallowed_by_a_namesake_that_was_missed():
    made = gaps(*indicators(("甲", ">=10项", "8项"), ("甲", ">=10项", "")))
    assert [(g.indicator_id, g.kind) for g in made if g.indicator_id == "002"] == [("002", GapKind.ERROR_FINDING)]
    assert len(made) == 2


def test_an_execution_rate_beside_the_indicators_has_no_gap_of_its_own():
    assert gaps(indicator("甲", ">=1项", "1项", weight="90")) == ()


def test_a_gap_of_the_unit_as_a_whole_names_no_indicator():
    (gap,) = gaps(indicator("甲", ">=1项", "1项", weight="55"))
    assert (gap.indicator, gap.indicator_id, gap.owner) == ("", "", "办公室")


def test_the_forms_own_owner_comes_first_then_the_longest_duty_then_who_leads():
    contacts = (OFFICE, BUSINESS, contact("综合科", "受理项目数"))
    assert owner_of(indicator("受理项目数", "", "", owner=" 人事科 "), contacts) == "人事科"
    assert owner_of(indicator("受理项目数", "", ""), contacts) == "综合科"
    assert owner_of(indicator("受理情况", "", "", level1="决策"), contacts) == "业务科"
    assert owner_of(indicator("其他", "", "", level1="决策"), contacts) == "办公室"
    assert owner_of(indicator("其他", "", "", level1="效益"), contacts) == "办公室"
    assert owner_of(None, contacts) == "办公室"
    assert owner_of(indicator("其他", "", ""), ()) == UNIT_ITSELF
