"""Points, total and grade from weights and completion. Rounding is half-up, once per indicator."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from jixiao.domain.money import half_up

PENDING_GRADE = "待定"


def points_of(weight: Decimal, completion: Fraction, *, places: int) -> Decimal:
    """``weight × completion``, in [0, weight]."""
    return half_up(Fraction(weight) * completion, places=places)


def grade_of(total: Decimal, grades: Iterable[tuple[str, Decimal]]) -> str:
    """The best grade whose least score ``total`` reaches; ``grades`` best first."""
    name = ""
    for grade, least in grades:
        name = grade
        if total >= least:
            return grade
    return name


def decided_grade(total: Decimal, pending: Decimal, grades: tuple[tuple[str, Decimal], ...]) -> str:
    """The grade, where the points still to be judged cannot change it; else 待定."""
    least, most = grade_of(total, grades), grade_of(total + pending, grades)
    return least if least == most else PENDING_GRADE
