"""Weights of the indicators: the form's 分值, else the rule set's first-level weights, shared out to 100.00 exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from jixiao.domain.books import Indicator
from jixiao.domain.names import bare_name
from jixiao.rules.registry import RuleBook

FULL_MARKS = Decimal(100)
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Weights:
    """Weight of each indicator in points, in the order given; ``rule_id`` says where they come from.

    ``execution_points`` is what the form leaves for the execution rate beside its indicators (0: nothing).
    """

    points: tuple[Decimal, ...]
    rule_id: str
    execution_points: Decimal = Decimal(0)
    printed: bool = False

    @property
    def total(self) -> Decimal:
        return sum(self.points, Decimal(0)) + self.execution_points


def share_out(total: Decimal, shares: Sequence[Fraction]) -> tuple[Decimal, ...]:
    """Split ``total`` by ``shares`` into parts of 0.01 that add up to it exactly (largest remainder, first of equals).

    Shares are non-negative; all zero gives zeros.
    """
    whole = sum(shares)
    if not whole:
        return tuple(Decimal(0) for _ in shares)
    cents = int(total / _CENT)
    exact = [cents * share / whole for share in shares]
    parts = [int(part) for part in exact]
    by_remainder = sorted(range(len(parts)), key=lambda i: (-(exact[i] - parts[i]), i))
    for i in by_remainder[: cents - sum(parts)]:
        parts[i] += 1
    return tuple(Decimal(part) * _CENT for part in parts)


def _family(level1: str, rules: RuleBook) -> int | None:
    name = bare_name(level1)
    return next((n for n, level in enumerate(rules.level_weights) if name in {bare_name(x) for x in level.names}), None)


def default_weights(indicators: Sequence[Indicator], rules: RuleBook, *, applicable: Sequence[bool]) -> Weights:
    """Weights for a form without 分值: first-level weights of the rule set, equal within a level.

    Indicators that do not apply weigh nothing; first levels that the form does not use give theirs to the others.
    """
    families = [_family(indicator.level1, rules) for indicator in indicators]
    counted = [f for f, a in zip(families, applicable, strict=True) if a]
    if any(f is None for f in counted) and rules.choice("weights.unknown_level1", "equal"):
        shares = [Fraction(int(a)) for a in applicable]
        return Weights(share_out(FULL_MARKS, shares), "weights.unknown_level1")
    sizes = {f: counted.count(f) for f in counted}
    levels = rules.level_weights
    shares = [
        Fraction(levels[f].weight) / sizes[f] if a and f is not None else Fraction(0)
        for f, a in zip(families, applicable, strict=True)
    ]
    return Weights(share_out(FULL_MARKS, shares), "weights.level1.default")


def printed_weights(
    indicators: Sequence[Indicator],
    rules: RuleBook,
    *,
    has_execution_row: bool,
    execution_stated: Decimal | None = None,
) -> Weights:
    """Weights as the form prints them; a blank weighs nothing (sub-rows 其中…).

    ``execution_stated`` is the 分值 that a form prints beside its funds. A form without it whose indicators add up to 100 less the rule's execution points, and has no row of its own for the
    execution rate, leaves those points to it.
    """
    points = tuple(i.weight if i.weight is not None else Decimal(0) for i in indicators)
    if execution_stated:
        return Weights(points, "form.weights", execution_stated, printed=True)
    execution = rules.number("weights.execution")
    left = FULL_MARKS - sum(points, Decimal(0))
    given = execution if not has_execution_row and left == execution else Decimal(0)
    return Weights(points, "weights.execution" if given else "form.weights", given, printed=True)
