"""Indicators that the books give: agreement by intervals, other definitions, what is missing."""

from decimal import Decimal

import pytest

from jixiao.domain.money import MoneyUnit
from jixiao.scoring.derived import BookTerms, can_print_as, derive, find_catalogued, unspent_fen
from jixiao.scoring.execution import execute_lines
from tests.fixtures.books import books, fact, line, paid, rules

# 万元, truncated: the table of the 2022 example in miniature.
WAN_TOTAL = (line("预算总金额", 0, ("1905.66", "197.53", "2103.19", "1999.97"), unit=MoneyUnit.WAN),)


def made(name, reported, **parts):
    book = books(**parts)
    catalogue = rules()
    found = find_catalogued(name, catalogue.derived)
    assert found is not None
    terms = BookTerms(book, execute_lines(book))
    pct = None if reported is None else Decimal(reported)
    return derive(found, terms, reported_pct=pct, fact_labels=catalogue.fact_names)


@pytest.mark.parametrize(
    ("name", "reported", "parts", "value", "agrees"),
    [
        ("预算执行率", "90.00", {}, "90.00", True),
        ("预算执行率", "90", {}, "90", True),
        ("预算执行率", "95.00", {}, "90.00", False),
        ("预算调整率", "20.00", {}, "20.00", True),
        ("预算调整率", "10.36", {"lines": WAN_TOTAL, "ledger": ()}, "10.36", True),
        ("预算调整率", "10.37", {"lines": WAN_TOTAL, "ledger": ()}, "10.37", True),
        ("预算调整率", "10.38", {"lines": WAN_TOTAL, "ledger": ()}, "10.37", False),
        ("结转结余率", "0", {}, "10.00", False),
        ("支付进度符合率", "100", {}, "90.00", False),
        ("支付进度符合率", "100", {"facts": (fact("planned_payment_pct", "90", unit="%"),)}, "100", True),
        ("在职人员控制率", "97.67", {"facts": (fact("staff_posts", "43"), fact("staff_in_post", "42"))}, "97.67", True),
        (
            "“三公经费”变动率",
            "0",
            {"facts": (fact("three_public_this_year", "8"), fact("three_public_last_year", "10"))},
            "-20.00",
            False,
        ),
    ],
)
def test_a_reported_rate_is_held_against_the_books(name, reported, parts, value, agrees):
    found = made(name, reported, **parts)
    assert found.value_pct == Decimal(value)
    assert found.agrees is agrees
    assert found.rows
    assert all(row.sha256 for row in found.rows)


def test_another_definition_that_makes_both_true_is_a_question_and_no_contradiction():
    found = made("预算执行率", "108.00")
    assert not found.agrees
    assert not found.contradicts
    assert "年初预算数" in found.fits_basis
    assert "口径" in found.remark


def test_every_known_definition_is_shown_where_none_fits():
    staff = (
        fact("staff_posts", "43"),
        fact("staff_in_post", "42"),
        fact("welfare_posts", "4"),
        fact("welfare_in_post", "3"),
    )
    found = made("在职人员控制率", "100", facts=staff)
    assert found.contradicts
    assert found.value_pct == Decimal("97.67")
    assert [(basis.split("：")[0], value) for basis, value in found.alternatives] == [
        ("含公益性编制", Decimal("95.74"))
    ]
    assert "公益性编制" in found.remark


def test_a_missing_input_is_named_and_nothing_is_computed():
    found = made("政府采购执行率", "100")
    assert found.value_pct is None
    assert found.missing == ("政府采购预算数",) or found.missing == ("实际政府采购金额",)
    assert not found.contradicts


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ((), "合计行"),
        ((line("合计", 0, (None, None, None, None)),), "实际支出数"),
        ((line("合计", 0, (None, None, None, "5")),), "调整预算数"),
    ],
)
def test_a_rate_without_a_base_is_not_a_rate_of_zero(lines, what):
    found = made("预算执行率", "100", lines=lines, ledger=())
    assert found.value_pct is None
    assert what in found.missing[0]


def test_a_base_of_zero_gives_no_rate_and_says_so():
    found = made("预算执行率", "100", lines=(line("合计", 0, ("0", "0", "0", "0")),), ledger=())
    assert found.zero_base
    assert found.value_pct is None
    assert not found.contradicts


def test_a_rate_printed_beside_the_amounts_says_more_than_the_amounts_that_were_cut():
    lines = (line("合计", 0, ("870", "0", "870", "827"), unit=MoneyUnit.WAN, rate="95.12%"),)
    assert made("预算执行率", "95.12", lines=lines, ledger=()).agrees
    assert not made("预算执行率", "95.00", lines=lines, ledger=()).agrees


def test_an_equation_stands_with_its_own_result_and_the_report_beside_it():
    found = made("预算调整率", "10.36", lines=WAN_TOTAL, ledger=())
    assert found.value_pct == Decimal("10.36")
    assert "= 10.37%，在印列精度之内与自报 10.36% 一致" in found.formula


def test_two_different_figures_for_one_fact_are_not_used():
    staff = (fact("staff_posts", "30"), fact("staff_posts", "40"), fact("staff_in_post", "29"))
    found = made("在职人员控制率", "96.67", facts=staff)
    assert found.value_pct is None
    assert "两个不同的数" in found.missing[0]
    same = (fact("staff_posts", "30"), fact("staff_posts", "30"), fact("staff_in_post", "29"))
    assert made("在职人员控制率", "96.67", facts=same).agrees


def test_a_money_fact_in_yuan_is_held_against_the_budget_to_the_fen():
    found = made("结转结余率", "5.00", facts=(fact("carry_over_total", "60", "结转结余总额", "元"),))
    assert "决算结转结余" in found.fits_basis  # 60 元 of 1200 元
    assert not found.contradicts


def test_a_net_cut_printed_with_its_sign_is_no_contradiction():
    lines = (line("合计", 0, ("100", "-0.08", "99.92", "90")),)
    assert made("预算调整率", "-0.08", lines=lines, ledger=()).agrees


def test_an_adjusted_budget_that_is_not_printed_is_the_sum_of_what_is():
    found = made("预算执行率", "50", lines=(line("合计", 0, ("8", "2", None, "5")),), ledger=())
    assert found.value_pct == Decimal(50)


def test_a_cut_in_the_budget_is_an_adjustment_by_its_amount():
    assert made("预算调整率", "10", lines=(line("合计", 0, ("100", "-10", "90", "90")),), ledger=()).agrees
    wan = (line("合计", 0, ("100", "-10.55", "89.45", "80"), unit=MoneyUnit.WAN),)
    assert made("预算调整率", "10.55", lines=wan, ledger=()).agrees


def test_nothing_reported_is_not_contradicted():
    assert made("预算执行率", None).agrees


def test_names_are_found_by_alias_and_never_by_likeness():
    catalogue = rules().derived
    assert find_catalogued(" 三公经费 变动率", catalogue).key == "three_public_change_rate"
    assert find_catalogued("预算执行率（%）", catalogue).key == "execution_rate"
    assert find_catalogued("3、预算执行率", catalogue).key == "execution_rate"
    assert find_catalogued("预算执行率及时性", catalogue) is None


def test_unspent_is_unknown_where_a_figure_is_missing():
    assert unspent_fen(execute_lines(books())) == 12000
    assert unspent_fen(execute_lines(books(lines=(line("合计", 0, ("1", None, None, None)),), ledger=()))) is None
    assert unspent_fen(execute_lines(books(lines=(), ledger=(paid("甲", "1"),)))) is None


def test_a_whole_number_prints_what_it_rounds_or_cuts_to():
    from fractions import Fraction

    from jixiao.domain.interval import Interval

    assert can_print_as(Interval.point(Fraction(999, 1000)), Decimal(99))
    assert can_print_as(Interval.point(Fraction(999, 1000)), Decimal(100))
    assert not can_print_as(Interval.point(Fraction(999, 1000)), Decimal(98))
