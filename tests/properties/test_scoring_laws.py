"""Laws of points, weights and money, for every value Hypothesis can think of."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from jixiao.domain.interval import Interval, printed_interval
from jixiao.domain.money import PrintStyle, pct_text, wan_text, yuan_text
from jixiao.scoring.points import points_of
from jixiao.scoring.unit_score import score_unit
from jixiao.scoring.weights import share_out
from tests.fixtures.books import books, indicator, rules

ratios = st.fractions(min_value=0, max_value=1, max_denominator=10_000)
weights = st.decimals(min_value=0, max_value=100, places=2)
fens = st.integers(min_value=-(10**15), max_value=10**15)


@given(weights, ratios)
def test_points_lie_between_zero_and_the_weight(weight, ratio):
    assert 0 <= points_of(weight, ratio, places=2) <= weight


@given(weights, ratios, ratios)
def test_points_never_fall_as_completion_rises(weight, one, other):
    low, high = sorted((one, other))
    assert points_of(weight, low, places=2) <= points_of(weight, high, places=2)


@given(st.lists(st.fractions(min_value=0, max_value=50, max_denominator=999), min_size=1, max_size=80))
def test_weights_add_up_to_exactly_one_hundred(shares):
    made = share_out(Decimal(100), shares)
    assert sum(made) == (Decimal(100) if any(shares) else 0)
    assert all(weight >= 0 for weight in made)


@given(
    st.lists(
        st.tuples(st.sampled_from(["决策", "过程", "履职", "效益", "满意度", "产出"]), st.integers(0, 20)),
        min_size=1,
        max_size=12,
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_of_rows_changes_no_points(rows, random):
    made = [
        indicator(f"指标{n}号", ">=10项", f"{actual}项", level1=level, position=n)
        for n, (level, actual) in enumerate(rows, 1)
    ]
    shuffled = made[:]
    random.shuffle(shuffled)
    first = score_unit(books(indicators=tuple(made)), rules()).evaluation
    second = score_unit(books(indicators=tuple(shuffled)), rules()).evaluation
    # The rounding remainder goes to the first rows of a level, so a cent may change hands, never the whole.
    assert abs(first.score - second.score) <= Decimal("0.01") * len(rows)
    assert sum(s.weight for s in first.scores) == sum(s.weight for s in second.scores) == 100


@given(fens)
def test_an_amount_in_yuan_reads_back_to_the_fen(fen):
    assert Decimal(yuan_text(fen)) * 100 == fen


@given(fens, st.sampled_from(PrintStyle))
def test_a_printed_amount_may_be_what_it_was_printed_from(fen, style):
    printed = Decimal(wan_text(fen, places=2, style=style))
    true = Interval.point(Fraction(fen, 1_000_000))
    assert printed_interval(printed, 2, style).meets(true)
    assert printed_interval(printed, 2).meets(true)


@given(st.integers(0, 10**12), st.integers(1, 10**12))
def test_a_rate_is_rounded_half_up(numerator, denominator):
    exact = Fraction(numerator * 100, denominator)
    assert -Fraction(1, 200) < exact - Fraction(pct_text(numerator, denominator)) <= Fraction(
        1, 200
    ) or exact - Fraction(pct_text(numerator, denominator)) == -Fraction(1, 200)


intervals = st.tuples(st.fractions(0, 100, max_denominator=100), st.fractions(0, 100, max_denominator=100)).map(
    lambda p: Interval(*sorted(p))
)


@given(intervals, intervals, st.fractions(0, 1, max_denominator=50), st.fractions(0, 1, max_denominator=50))
def test_a_sum_product_and_quotient_hold_what_their_parts_hold(a, b, at, bt):
    x, y = a.low + (a.high - a.low) * at, b.low + (b.high - b.low) * bt
    assert a.plus(b).meets(Interval.point(x + y))
    assert a.minus(b).meets(Interval.point(x - y))
    if a.meets(b):
        common = a.both(b)
        assert common.low <= common.high
        assert a.low <= common.low
        assert common.high <= b.high
    if (quotient := a.over(b)) is not None:
        assert quotient.meets(Interval.point(x / y))
    assert a.meets(b) == b.meets(a)
