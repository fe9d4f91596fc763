"""完成率: the share of a target that an actual reaches, 0–1, with its formula in words.

Reading of the texts is in domain/target.py, what a share is worth in points.py, the rule's parameters come from the
rule set. Exact fractions everywhere. What cannot be compared is said so and never scored.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from jixiao.domain.evaluation import ScoreStatus
from jixiao.domain.interval import Interval
from jixiao.domain.money import half_up
from jixiao.domain.target import (
    GRADE_FAMILIES,
    Operator,
    Target,
    TargetKind,
    doubtful_percentage,
    lower_is_better,
    plain,
)

Better = Literal["higher", "lower", ""]


@dataclass(frozen=True)
class CompletionRule:
    """The parameters that a rule set gives.

    ``declared_ratio`` is what a bare declaration (已完成) is worth, ``late_ratio`` a result after its date.
    ``at_most_method`` for a ceiling that was passed: ``ratio`` is T ÷ A, ``linear`` is 1 − (A − T) ÷ T, not below 0.
    """

    qualitative_partly_ratio: Fraction
    qualitative_missed_ratio: Fraction
    at_most_method: Literal["ratio", "linear"] = "ratio"
    declared_ratio: Fraction = Fraction(1)
    late_ratio: Fraction = Fraction(0)


@dataclass(frozen=True)
class Completion:
    """``ratio`` in 0–1, None where it cannot be said. ``formula`` has the values put in, ``note`` is for the reader."""

    ratio: Fraction | None
    status: ScoreStatus
    formula: str
    note: str = ""


# --- units ----------------------------------------------------------------------------------------------------------

_SAME_UNIT = {
    "场次": "场", "批次": "批", "个月": "月", "日": "天", "m2": "平方米", "m²": "平方米", "㎡": "平方米", "平米": "平方米", "方米": "平方米", "m3": "立方米",
    "m³": "立方米", "㎥": "立方米", "km": "公里", "KM": "公里", "千米": "公里", "kg": "公斤", "KG": "公斤", "千克": "公斤",
    "cm": "厘米", "mm": "毫米", "工作日": "个工作日", "周岁": "岁", "季度": "个季度", "百分点": "个百分点", "位": "名",
}  # fmt: skip
# Exact by definition. A month has no fixed number of days, so 天 and 月 are of two kinds.
_EXACT: dict[str, tuple[Fraction, str]] = {
    "%": (Fraction(1), "%"),
    "‰": (Fraction(1, 10), "%"),
    "年": (Fraction(12), "月"),
    "个季度": (Fraction(3), "月"),
    "月": (Fraction(1), "月"),
    "周": (Fraction(168), "小时"),
    "天": (Fraction(24), "小时"),
    "小时": (Fraction(1), "小时"),
    "分钟": (Fraction(1, 60), "小时"),
    "公里": (Fraction(1000), "米"),
    "厘米": (Fraction(1, 100), "米"),
    "毫米": (Fraction(1, 1000), "米"),
    "吨": (Fraction(1000), "公斤"),
    "平方公里": (Fraction(1_000_000), "平方米"),
    "公顷": (Fraction(10_000), "平方米"),
    "亩": (Fraction(10_000, 15), "平方米"),
}
_MAGNITUDES = (("百万", 1_000_000), ("千万", 10_000_000), ("万", 10_000), ("亿", 100_000_000), ("千", 1000))
_WHOLE_WORDS = {"千瓦", "千瓦时", "万字"}
_IMPLAUSIBLE = 1000  # a figure without a unit that is this many times the other is in another unit of money


def _factor(unit: str) -> tuple[Fraction, str]:
    """How many of which basic unit ``unit`` is: 万元 → 10000 元, 年 → 12 月, 万 → 10000 of something unsaid."""
    unit = _SAME_UNIT.get(unit, unit)
    if unit in _EXACT:
        return _EXACT[unit]
    if unit not in _WHOLE_WORDS:
        for word, size in _MAGNITUDES:
            if unit.startswith(word):
                rest_factor, rest = _factor(unit[len(word) :]) if unit != word else (Fraction(1), "")
                return size * rest_factor, rest
    return Fraction(1), unit


@dataclass(frozen=True)
class Measured:
    """Two numbers in one unit. ``scale`` is what both were multiplied with, kept for intervals."""

    actual: Fraction
    target: Fraction
    actual_scale: Fraction
    target_scale: Fraction
    note: str = ""


def _scales(actual: Target, target: Target) -> tuple[Fraction, Fraction, str] | str:
    if actual.unit == target.unit:
        return Fraction(1), Fraction(1), ""
    (fa, base_a), (ft, base_t) = _factor(actual.unit), _factor(target.unit)
    if base_a == base_t:
        return (Fraction(1), Fraction(1), "") if fa == ft else (fa, ft, "")
    if not actual.unit or not target.unit:
        missing, stated = ("完成值", target.unit) if not actual.unit else ("目标值", actual.unit)
        return Fraction(1), Fraction(1), f"{missing}未写单位，按“{stated}”计"
    if not base_a or not base_t:
        return fa, ft, f"“{actual.unit if not base_a else target.unit}”后未写单位，按“{base_a or base_t}”计"
    return f"单位不一致：完成值“{actual.unit}”，目标值“{target.unit}”"


def _implausible(actual: Target, target: Target) -> str:
    """Why a missing unit cannot be filled in from the other side; empty where it can."""
    if actual.number is None or target.number is None or bool(actual.unit) == bool(target.unit):
        return ""
    bare, stated = (actual, target) if not actual.unit else (target, actual)
    a, b = abs(Fraction(bare.number or 0)), abs(Fraction(stated.number or 0))
    side = "完成值" if bare is actual else "目标值"
    if stated.unit == "%" and 0 < a <= 1 < b:
        return f"{side} {bare.text} 未写单位，可能是比值（即 {plain(_exact(a * 100))}%），请补写单位"
    if _factor(stated.unit)[0] >= 1000 and b and a >= _IMPLAUSIBLE * b:
        return f"{side} {bare.text} 未写单位，与“{stated.unit}”相差过大，请补写单位"
    return ""


def _exact(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


def in_one_unit(actual: Target, target: Target) -> Measured | str:
    """Both numbers in one unit, or why that cannot be. Both have a ``number``."""
    doubt = _implausible(actual, target)
    if doubt:
        return doubt
    scales = _scales(actual, target)
    if isinstance(scales, str):
        return scales
    fa, ft, note = scales
    return Measured(Fraction(actual.number or 0) * fa, Fraction(target.number or 0) * ft, fa, ft, note)


# --- printing -------------------------------------------------------------------------------------------------------


def _places(value: Fraction, places: int = 4) -> str:
    """A non-negative value, half-up."""
    return f"{half_up(value, places=places):f}"


def _say(value: Fraction) -> str:
    """A number as one writes it: exact where it ends, else with four decimals."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest == 1:
        return plain(_exact(value))
    return ("-" if value < 0 else "") + _places(abs(value))


def _outcome(ratio: Fraction, formula: str, note: str = "") -> Completion:
    status = ScoreStatus.REACHED if ratio == 1 else ScoreStatus.PARTLY if ratio else ScoreStatus.MISSED
    return Completion(ratio, status, formula, note)


def _joined(*notes: str) -> str:
    return "；".join(dict.fromkeys(note for note in notes if note))


def _unreadable(actual: Target, target: Target, note: str) -> Completion:
    return Completion(None, ScoreStatus.UNREADABLE, f"完成值 {actual.text} 与目标值 {target.text} 无法比较", note)


# --- words ----------------------------------------------------------------------------------------------------------

_DROPPED = re.compile(r"[\s。；;，,、.“”\"']+")
# Marks of degree, from little less to the negative end.
_DEGREES: tuple[tuple[str, int], ...] = (
    ("非常", 0), ("十分", 0), ("很", 0), ("比较", 1), ("较为", 1), ("较", 1), ("基本上", 2), ("基本", 2), ("部分", 3), ("一定程度", 3),
    ("不够", 4), ("不太", 4), ("欠", 4), ("不", 5), ("未", 5), ("没有", 5), ("无", 5),
)  # fmt: skip
_NEGATIVE = 4
_ORDINARY = "一般"
_YES = {"是", "√", "✓"}
_DECLARED_MISSED = re.compile(r"未|没有|尚未")
_DECLARED_PARTLY = re.compile(r"基本|部分|未全部")
_DECLARED = re.compile(r"(?:按|如|及)(?:时|期|计划|要求)完成|圆满完成|顺利完成|完成较好")
_NO_EVIDENCE = "以“{}”自报，无佐证"


def _words(text: str) -> str:
    return _DROPPED.sub("", unicodedata.normalize("NFKC", text))


def same_words(a: str, b: str) -> bool:
    """Whether two texts say the same to the letter, but for spaces and punctuation."""
    return bool(_words(a)) and _words(a) == _words(b)


def _degrees(word: str) -> dict[str, int]:
    """Every reading of a word as a stem with a degree (0 full … 5 negative)."""
    readings = {word: 0}
    for mark, degree in _DEGREES:
        at = word.find(mark)
        if at >= 0 and len(word) > len(mark):
            readings.setdefault(word[:at] + word[at + len(mark) :], degree)
    return readings


def _family_ranks(actual: str, target: str) -> tuple[int, int, bool] | None:
    """Ranks of two words in one closed family (0 best) and whether the actual is its negative end."""
    for family in GRADE_FAMILIES:
        if actual in family and target in family:
            a = family.index(actual)
            return a, family.index(target), a == len(family) - 1
    return None


def _graded(actual: str, target: str) -> tuple[int, int, bool] | None:
    """Ranks of actual and target on one scale (0 best), and whether the actual is the negative end."""
    ranks = _family_ranks(actual, target)
    if ranks:
        return ranks
    of_target, of_actual = _degrees(target), _degrees(actual)
    if actual == _ORDINARY and min(of_target.values()) < _NEGATIVE and max(of_target.values()) < _NEGATIVE:
        known = any(stem in family for family in GRADE_FAMILIES for stem in of_target)
        return (3, max(of_target.values()), False) if known else None
    common = [(of_actual[stem], of_target[stem]) for stem in of_target if stem in of_actual]
    if not common:
        return None
    a, t = min(common, key=sum)
    # A target that is itself a negation (无事故) has no lower words on this scale.
    return None if t >= _NEGATIVE else (a, t, a >= _NEGATIVE)


def _by_words(actual: Target, target: Target, rule: CompletionRule) -> Completion:
    a, t = _words(actual.text), _words(target.text)
    said = f"“{actual.text.strip()}”对“{target.text.strip()}”"
    if a == t:
        return _outcome(Fraction(1), said)
    ranks = _graded(a, t)
    if ranks is None:
        return _unreadable(actual, target, "完成值与目标值的措辞不在同一档次表中，请评价人选定档次")
    rank_a, rank_t, negative = ranks
    if rank_a <= rank_t:
        return _outcome(Fraction(1), said, "" if rank_a == rank_t else "优于目标")
    if negative:
        return Completion(rule.qualitative_missed_ratio, ScoreStatus.MISSED, f"{said}：未达成档")
    return Completion(rule.qualitative_partly_ratio, ScoreStatus.PARTLY, f"{said}：部分达成档")


def _by_declaration(actual: Target, target: Target, rule: CompletionRule) -> Completion:
    words = actual.text.strip()
    formula, note = f"自报“{words}”", _NO_EVIDENCE.format(words)
    if _DECLARED_PARTLY.search(words):
        return Completion(rule.qualitative_partly_ratio, ScoreStatus.PARTLY, f"{formula}：部分达成档", note)
    if _DECLARED_MISSED.search(words):
        of_words = target.kind in {TargetKind.QUALITATIVE, TargetKind.STATUS}
        ratio = rule.qualitative_missed_ratio if of_words else Fraction(0)
        return Completion(ratio, ScoreStatus.MISSED, f"{formula}：未达成", note)
    return Completion(rule.declared_ratio, ScoreStatus.REACHED, formula, note)


def _yes(text: str) -> bool:
    return text.strip() in _YES or ("通过" in text and "未通过" not in text and "不通过" not in text)


def _by_boolean(actual: Target, target: Target) -> Completion:
    said = f"“{actual.text.strip()}”对“{target.text.strip()}”"
    return _outcome(Fraction(_yes(actual.text) == _yes(target.text)), said)


# --- dates ----------------------------------------------------------------------------------------------------------


def _by_date(actual: Target, target: Target, rule: CompletionRule) -> Completion:
    if actual.last_day is None or target.last_day is None or actual.first_day is None or target.first_day is None:
        return (
            _outcome(Fraction(1), "日期相同")
            if actual.value == target.value
            else _unreadable(actual, target, "日期缺年份")
        )
    if target.operator in {Operator.AT_LEAST, Operator.MORE}:
        on_time, days = actual.first_day >= target.first_day, (target.first_day - actual.first_day).days
        verdict = f"早于起始日 {days} 天"
    else:
        on_time, days = actual.last_day <= target.last_day, (actual.last_day - target.last_day).days
        verdict = f"晚 {days} 天"
    said = f"完成 {actual.last_day.isoformat()}，时限 {target.last_day.isoformat()}"
    return _outcome(Fraction(1), said) if on_time else _outcome(rule.late_ratio, said, verdict)


# --- numbers --------------------------------------------------------------------------------------------------------

_UP = {Operator.AT_LEAST, Operator.MORE, Operator.JUST_ABOVE}
_DOWN = {Operator.AT_MOST, Operator.LESS}
_CHANGE = re.compile(
    r"增长|增幅|变动|变化|调整|提升|提高|上升|下降|降低|完成率|执行率|达成率|增加|同比|投入产出|倍|收益|回报|控制率|覆盖倍数"
)
_MOST_PERCENT = 100


def _at_least(a: Fraction, t: Fraction) -> tuple[Fraction, str]:
    if a >= t:
        return Fraction(1), f"{_say(a)} ≥ {_say(t)}"
    if t <= 0 or a <= 0:
        return Fraction(0), f"{_say(a)} < {_say(t)}"
    return a / t, f"{_say(a)} ÷ {_say(t)} = {_places(a / t)}"


def _at_most(a: Fraction, t: Fraction, method: str) -> tuple[Fraction, str]:
    if a <= t:
        return Fraction(1), f"{_say(a)} ≤ {_say(t)}"
    if t <= 0:
        return Fraction(0), f"{_say(a)} > {_say(t)}"
    if method == "linear":
        ratio = max(Fraction(0), 1 - (a - t) / t)
        return ratio, f"1 − ({_say(a)} − {_say(t)}) ÷ {_say(t)} = {_places(ratio)}"
    return t / a, f"{_say(t)} ÷ {_say(a)} = {_places(t / a)}"


def _lower(target: Target, name: str, better: Better) -> bool:
    if target.operator in _UP:
        return False
    if target.operator in _DOWN or target.kind is TargetKind.RANK:
        return True
    return better == "lower" if better else lower_is_better(name)


def _equal(a: Fraction, t: Fraction, *, lower: bool, rule: CompletionRule) -> tuple[Fraction, str, str]:
    """``=``: equal is reached; on the better side reached with a note; zero is met by zero alone."""
    if a == t:
        return Fraction(1), f"{_say(a)} = {_say(t)}", ""
    if lower:
        ratio, formula = _at_most(a, t, rule.at_most_method)
        return ratio, formula, "低于目标，按越低越好视为达到" if a < t else ""
    if t == 0:
        return Fraction(0), f"{_say(a)} ≠ 0", "目标为 0，完成值不为 0"
    ratio, formula = _at_least(a, t)
    return ratio, formula, "高于等值目标，视为达到，请核实目标口径" if a > t else ""


def _nearest(a: Fraction, span: Interval) -> tuple[Fraction, str]:
    """The share to the nearest edge of a range, 1 inside it."""
    if span.low <= a <= span.high:
        return Fraction(1), f"{_say(span.low)} ≤ {_say(a)} ≤ {_say(span.high)}"
    edge = span.low if a < span.low else span.high
    if edge * a <= 0:
        return Fraction(0), f"{_say(a)} 不在 {_say(span.low)} 至 {_say(span.high)} 之间"
    small, large = sorted((abs(a), abs(edge)))
    return small / large, f"{_say(small)} ÷ {_say(large)} = {_places(small / large)}"


def _edges(target: Target, scale: Fraction) -> Interval | None:
    return target.interval.scaled(scale) if target.interval else None


def _worst(actual: Target, pair: Measured, *, lower: bool) -> Fraction | None:
    """The edge of an approximate actual that a promise must hold for; None where it has none on that side."""
    span = _edges(actual, pair.actual_scale)
    if span is not None:
        return span.high if lower else span.low
    return None if lower and actual.kind is TargetKind.APPROX else pair.actual


def _remarks(actual: Target, name: str) -> str:
    notes = []
    if actual.operator in {Operator.AT_LEAST, Operator.AT_MOST, Operator.EQUAL}:
        notes.append("完成值带比较符号，不是实测值，未经证明")
    if actual.unit == "%" and actual.number is not None and actual.number > _MOST_PERCENT and not _CHANGE.search(name):
        notes.append("百分比超过 100，请核实")
    return _joined(*notes)


def _as_number(value: Target) -> Target:
    """A range as an actual stands for its interval; ``number`` is then its low edge, for the reader."""
    if value.number is not None or value.interval is None:
        return value
    return Target(
        value.text,
        Operator.NONE,
        value.value,
        value.unit,
        TargetKind.APPROX,
        number=_exact(value.interval.low),
        interval=value.interval,
    )


def _by_number(actual: Target, target: Target, *, name: str, rule: CompletionRule, better: Better) -> Completion:
    if actual.says_decline != target.says_decline:
        return _unreadable(actual, target, "一方写的是下降或减少，方向不一致，请确认")
    actual, span_target = _as_number(actual), target.kind is TargetKind.RANGE
    pair = in_one_unit(actual, _as_number(target))
    if isinstance(pair, str):
        return _unreadable(actual, target, pair)
    notes = _joined(pair.note, _remarks(actual, name))
    lower = _lower(target, name, better)
    if span_target:
        return _by_range(actual, target, pair, notes)
    a = _worst(actual, pair, lower=lower)
    if a is None:
        if pair.actual < pair.target:
            return _unreadable(actual, target, "完成值写“超”，没有上限，不能判断是否在目标以内")
        a = pair.actual
        notes = _joined(notes, "完成值写“超”，只知下限，完成率按下限计")
    if actual.kind is TargetKind.APPROX:
        notes = _joined(notes, "完成值为约数，按最不利的一端计")
    t = pair.target
    if target.kind is TargetKind.APPROX:
        span = _edges(target, pair.target_scale)
        t = t if span is None else span.high if lower else span.low
    if target.operator is Operator.NONE:
        notes = _joined(notes, "目标值未写比较符号，按指标名称视为越低越好" if lower and not better else "")
    return _compared(a, t, target=target, lower=lower, rule=rule, notes=notes)


def _compared(a: Fraction, t: Fraction, *, target: Target, lower: bool, rule: CompletionRule, notes: str) -> Completion:
    zero_only = t == 0 and target.operator in {Operator.EQUAL, Operator.NONE} and target.kind is not TargetKind.APPROX
    if target.operator is Operator.EQUAL or zero_only:
        ratio, formula, note = _equal(a, t, lower=lower, rule=rule)
        return _outcome(ratio, formula, _joined(note, notes))
    ratio, formula = _at_most(a, t, rule.at_most_method) if lower else _at_least(a, t)
    if a == t and target.operator in {Operator.MORE, Operator.LESS} and target.kind is not TargetKind.APPROX:
        word = "大于" if target.operator is Operator.MORE else "小于"
        note = f"目标要求{word} {_say(t)}，完成值恰好等于"
        return Completion(Fraction(1), ScoreStatus.PARTLY, f"{_say(a)} = {_say(t)}", _joined(note, notes))
    return _outcome(ratio, formula, notes)


def _by_range(actual: Target, target: Target, pair: Measured, notes: str) -> Completion:
    span = _edges(target, pair.target_scale)
    own = _edges(actual, pair.actual_scale) or Interval.point(pair.actual)
    if span is None:
        return _unreadable(actual, target, "目标区间无法判读")
    if target.operator is Operator.NOT_BETWEEN:
        outside = own.high < span.low or own.low > span.high
        return _outcome(Fraction(outside), f"{actual.text} 是否在 {target.text} 之外", notes)
    ratio, formula = min(_nearest(own.low, span), _nearest(own.high, span), key=lambda found: found[0])
    return _outcome(ratio, formula, notes)


# --- one pair -------------------------------------------------------------------------------------------------------

_NUMERIC = {TargetKind.NUMBER, TargetKind.PERCENT, TargetKind.APPROX, TargetKind.RANGE}
_DATES = {TargetKind.DATE, TargetKind.DATE_RANGE}
_BARE_DECIMAL = re.compile(r"\d+\.\d+", re.ASCII)


def _nothing_to_compare(actual: Target, target: Target) -> Completion | None:
    if TargetKind.NOT_APPLICABLE in {actual.kind, target.kind}:
        side = "完成值" if actual.kind is TargetKind.NOT_APPLICABLE else "目标值"
        return Completion(None, ScoreStatus.NOT_APPLICABLE, f"{side}为“不适用”", "不计分")
    if actual.kind in {TargetKind.BLANK, TargetKind.PLACEHOLDER}:
        return Completion(None, ScoreStatus.MISSING, "完成值未填写", "请填写完成值")
    if target.kind is TargetKind.BLANK:
        return Completion(None, ScoreStatus.MISSING, "目标值未填写", "请填写目标值")
    if target.kind is TargetKind.PLACEHOLDER:
        return Completion(None, ScoreStatus.UNREADABLE, f"目标值 {target.text} 仍是模板", "请填写目标值")
    return None


def complete(actual: Target, target: Target, *, name: str, rule: CompletionRule, better: Better = "") -> Completion:
    """The share of ``target`` that ``actual`` reaches.

    Args:
        actual: what was reported or recomputed.
        target: what was promised.
        name: the indicator's name; gives the direction where neither operator nor ``better`` does.
        rule: parameters of the rule set.
        better: the direction from the catalogue of derived indicators, empty if unknown.

    Returns:
        A ratio in 0–1 with its status; None where it cannot be said (missing, not applicable, unreadable).
    """
    if target.kind in _NUMERIC and actual.kind in _DATES and _BARE_DECIMAL.fullmatch(actual.text.strip()):
        # 2023.07 alone reads as a month; beside a number it is one.
        number = Decimal(actual.text.strip())
        actual = replace(actual, kind=TargetKind.NUMBER, value=f"{number:f}", number=number)
    nothing = _nothing_to_compare(actual, target)
    if nothing:
        return nothing
    if doubtful_percentage(target) and not _CHANGE.search(name):
        return _unreadable(actual, target, "目标百分比超过 100，可能是“≥”被识别成数字，请核对原件")
    equal = same_words(actual.text, target.text)
    if actual.kind is TargetKind.STATUS or (_DECLARED.fullmatch(_words(actual.text)) and not equal):
        return _by_declaration(actual, target, rule)
    if target.kind is TargetKind.RANK and actual.kind in {TargetKind.RANK, TargetKind.NUMBER}:
        return _by_number(actual, target, name=name, rule=rule, better="lower")
    if target.kind in _NUMERIC and actual.kind in _NUMERIC:
        return _by_number(actual, target, name=name, rule=rule, better=better)
    return _by_text(actual, target, rule)


def _by_text(actual: Target, target: Target, rule: CompletionRule) -> Completion:
    """Dates, yes and no, words."""
    if target.kind in _DATES and actual.kind in _DATES:
        return _by_date(actual, target, rule)
    if target.kind is actual.kind is TargetKind.BOOLEAN:
        return _by_boolean(actual, target)
    if target.kind is actual.kind is TargetKind.QUALITATIVE or same_words(actual.text, target.text):
        return _by_words(actual, target, rule)
    return _unreadable(actual, target, "完成值与目标值的写法不同，请评价人确认")
