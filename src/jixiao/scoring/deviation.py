"""偏差情况 as the form prints it: (actual − target) ÷ target in percent. Neighbour: completion.py, the share reached."""

from __future__ import annotations

from fractions import Fraction

from jixiao.domain.money import half_up
from jixiao.domain.target import Target, TargetKind
from jixiao.scoring.completion import Measured, in_one_unit, same_words

_NONE = "0%"
_MEASURED = {TargetKind.NUMBER, TargetKind.PERCENT}
_WORDS = {TargetKind.QUALITATIVE, TargetKind.BOOLEAN, TargetKind.STATUS, TargetKind.COMPOUND, TargetKind.DATE}


def signed_pct(value: Fraction) -> str:
    """A share in percent with two decimals, half-up away from zero on the exact value, a sign only when negative.

    The sign is that of the printed figure: −0.004% prints as 0.00%.
    """
    return f"{half_up(value * 100, places=2):f}%"


def deviation_text(actual: Target, target: Target, *, zero_target_missed: str) -> str:
    """The deviation in percent, e.g. ``-14.13%``; ``0%`` for equal words and for a zero target that was met.

    Args:
        actual: the reported value.
        target: what it is held against.
        zero_target_missed: what the locality's form prints where the target is 0 and the actual is not.

    Returns:
        Empty where nothing can be divided: unequal words, ranges, approximate numbers, unlike units.
    """
    if target.kind in _WORDS:
        return _NONE if target.kind is actual.kind and same_words(actual.text, target.text) else ""
    if target.kind not in _MEASURED or actual.kind not in _MEASURED:
        return ""
    pair = in_one_unit(actual, target)
    if not isinstance(pair, Measured):
        return ""
    if pair.target == 0:
        return _NONE if pair.actual == 0 else zero_target_missed
    return signed_pct((pair.actual - pair.target) / pair.target)
