"""Laws of reading and completion that hold for every number and every text."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from jixiao.domain.evaluation import ScoreStatus
from jixiao.domain.target import TargetKind, parse_target
from jixiao.scoring.completion import CompletionRule, complete
from jixiao.scoring.deviation import deviation_text

RULE = CompletionRule(Fraction(7, 10), Fraction(3, 10))
RULES = st.builds(
    CompletionRule, st.just(Fraction(7, 10)), st.just(Fraction(3, 10)), st.sampled_from(["ratio", "linear"])
)
NUMBERS = st.decimals(min_value=-10_000, max_value=10_000, places=2)
OPERATORS = st.sampled_from(["", ">=", "<=", ">", "<", "="])
NAMES = st.sampled_from(["数量", "成本", "变动率", ""])
WORDS = "0123456789.,-—~%‰≥≤=<>约近超余多以上内前底年月日第名万亿元人次个不少于健全基本完成未无/*（）《;\n \x00至控制在"
TEXTS = st.text(max_size=40) | st.text(alphabet=WORDS, max_size=24)


def _complete(actual, target, *, name="数量", rule=RULE):
    return complete(parse_target(actual, year=2022), parse_target(target, year=2022), name=name, rule=rule)


@given(TEXTS)
def test_reading_never_raises_and_keeps_the_text(text):
    read = parse_target(text, year=2022)
    assert read.text == text
    assert parse_target(read.as_json()["text"], year=2022) == read
    assert all(isinstance(value, str) for value in read.as_json().values())


@given(TEXTS, TEXTS, RULES, NAMES)
@settings(max_examples=200)
def test_any_pair_has_a_ratio_in_0_1_or_none(actual, target, rule, name):
    found = _complete(actual, target, name=name, rule=rule)
    assert found.ratio is None or 0 <= found.ratio <= 1
    assert (found.ratio is None) == (
        found.status in {ScoreStatus.MISSING, ScoreStatus.NOT_APPLICABLE, ScoreStatus.UNREADABLE}
    )
    deviation_text(parse_target(actual), parse_target(target), zero_target_missed="n/a")


@given(NUMBERS, NUMBERS, OPERATORS, NAMES, RULES)
def test_two_numbers_always_give_a_ratio_in_0_1(actual, target, operator, name, rule):
    found = _complete(f"{actual:f}项", f"{operator}{target:f}项", name=name, rule=rule)
    assert 0 <= found.ratio <= 1


@given(NUMBERS, NUMBERS, NUMBERS, st.sampled_from([">=", ">"]))
def test_more_is_never_worse_for_a_floor(target, a, b, operator):
    low, high = sorted((a, b))
    assert _complete(f"{low:f}", f"{operator}{target:f}").ratio <= _complete(f"{high:f}", f"{operator}{target:f}").ratio


@given(NUMBERS, NUMBERS, NUMBERS, RULES)
def test_more_is_never_better_for_a_ceiling(target, a, b, rule):
    low, high = sorted((a, b))
    assert (
        _complete(f"{low:f}", f"<={target:f}", rule=rule).ratio
        >= _complete(f"{high:f}", f"<={target:f}", rule=rule).ratio
    )


@given(NUMBERS, st.sampled_from(["", ">=", "<=", "="]), NAMES, st.sampled_from(["%", "项", "万元", ""]))
def test_equal_numbers_are_reached(number, operator, name, unit):
    found = _complete(f"{number:f}{unit}", f"{operator}{number:f}{unit}", name=name)
    assert found.status is ScoreStatus.REACHED or "识别" in found.note


@given(NUMBERS.filter(lambda n: n >= 0), st.sampled_from(["%", "项", "元/人·月", "亿元"]))
def test_a_printed_number_is_read_back_exactly(number, unit):
    read = parse_target(f"≥{number:f}{unit}")
    assert (read.number, read.unit) == (number, unit)
    assert read.kind is (TargetKind.PERCENT if unit == "%" else TargetKind.NUMBER)
    assert Decimal(read.value) == number


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**9))
def test_the_deviation_is_the_exact_quotient_rounded_half_up(actual, target):
    printed = deviation_text(parse_target(f"{actual}"), parse_target(f"={target}"), zero_target_missed="n/a")
    exact = Fraction(actual - target, target) * 100
    assert abs(Fraction(printed.removesuffix("%")) - exact) <= Fraction(1, 200)
