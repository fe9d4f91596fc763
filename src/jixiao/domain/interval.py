"""What a printed figure may really be. A table rounds or cuts; two figures can agree only where their intervals meet."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from jixiao.domain.money import PrintStyle


@dataclass(frozen=True)
class Interval:
    """All values from ``low`` to ``high``. ``low`` belongs to it; ``high`` does unless ``open_high``."""

    low: Fraction
    high: Fraction
    open_high: bool = False

    @classmethod
    def point(cls, value: Decimal | Fraction | int) -> Interval:
        return cls(Fraction(value), Fraction(value))

    def meets(self, other: Interval) -> bool:
        """Whether some value lies in both."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        if low < high:
            return True
        if low > high:
            return False
        return not (self.high == low and self.open_high) and not (other.high == low and other.open_high)

    def plus(self, other: Interval) -> Interval:
        return Interval(self.low + other.low, self.high + other.high, self.open_high or other.open_high)

    def minus(self, other: Interval) -> Interval:
        return Interval(self.low - other.high, self.high - other.low)

    def both(self, other: Interval) -> Interval:
        """What lies in both; ``meets`` says whether there is anything."""
        high = min(self.high, other.high)
        open_high = (self.open_high and self.high == high) or (other.open_high and other.high == high)
        return Interval(max(self.low, other.low), high, open_high)

    def scaled(self, factor: int | Fraction) -> Interval:
        """``factor`` is positive."""
        return Interval(self.low * factor, self.high * factor, self.open_high)

    def over(self, base: Interval) -> Interval | None:
        """The quotients of non-negative values, ``None`` where the base may be 0 or less."""
        if base.low <= 0:
            return None
        quotients = [edge / by for edge in (self.low, self.high) for by in (base.low, base.high)]
        return Interval(min(quotients), max(quotients))

    @property
    def is_point(self) -> bool:
        return self.low == self.high


def printed_interval(value: Decimal, places: int, style: PrintStyle | None = None) -> Interval:
    """All true values that print as ``value`` with ``places`` decimals.

    ``style`` None: rounded half-up *or* truncated, whichever (the union of both).
    """
    step = Fraction(1, 10**places) if places >= 0 else Fraction(10**-places)
    exact = Fraction(value)
    if style is PrintStyle.ROUNDED:
        return Interval(exact - step / 2, exact + step / 2, open_high=value >= 0)
    cut_low, cut_high = (exact, exact + step) if value > 0 else (exact - step, exact)
    if value == 0:
        cut_low, cut_high = -step, step
    if style is PrintStyle.TRUNCATED:
        return Interval(cut_low, cut_high, open_high=value >= 0)
    return Interval(min(cut_low, exact - step / 2), max(cut_high, exact + step / 2), open_high=value >= 0)
