"""Money as integer fen (分), and the printing of it. Intervals of printed figures are in interval.py."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from enum import StrEnum
from fractions import Fraction

FEN_PER_YUAN = 100
FEN_PER_WAN = 1_000_000


class MoneyUnit(StrEnum):
    """The unit in which a table prints its amounts."""

    YUAN = "元"
    WAN = "万元"

    @property
    def fen(self) -> int:
        """How many fen one unit is."""
        return FEN_PER_YUAN if self is MoneyUnit.YUAN else FEN_PER_WAN


class PrintStyle(StrEnum):
    """How a table shortened its figures: rounded half-up or cut."""

    ROUNDED = "rounded"
    TRUNCATED = "truncated"

    @property
    def decimal_mode(self) -> str:
        return ROUND_HALF_UP if self is PrintStyle.ROUNDED else ROUND_DOWN


def half_up(value: Fraction, *, places: int) -> Decimal:
    """``value`` rounded to ``places`` decimals, half away from zero; never a negative zero.

    The one place where the product rounds a quotient: rates, points, completion and deviations all come here.
    """
    scaled = abs(value) * 10**places
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Decimal(f"{-whole if value < 0 else whole}E{-places}")


def yuan_text(fen: int) -> str:
    """Print an amount in 元 with two decimals and no separators, e.g. ``-310.00``."""
    sign, whole = ("-", -fen) if fen < 0 else ("", fen)
    return f"{sign}{whole // FEN_PER_YUAN}.{whole % FEN_PER_YUAN:02d}"


def wan_text(fen: int, *, places: int = 2, style: PrintStyle = PrintStyle.ROUNDED) -> str:
    """Print an amount in 万元 as the seed's tables do: at most ``places`` decimals, no trailing zeros."""
    value = (Decimal(fen) / FEN_PER_WAN).quantize(Decimal(1).scaleb(-places), style.decimal_mode)
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def pct_text(numerator: int, denominator: int, *, places: int = 2) -> str:
    """Print ``numerator ÷ denominator`` as a percentage without its sign, half-up, e.g. ``95.09``.

    Raises:
        ZeroDivisionError: the base is 0; the caller decides what a rate without a base is called.
    """
    return f"{half_up(Fraction(100 * numerator, denominator), places=places):f}"
