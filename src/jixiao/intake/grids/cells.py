"""A cell as the text that a sheet shows. Typed values are read in rows/values.py."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

# Excel keeps 15 significant digits; what a float shows beyond them is noise of its binary form.
SIGNIFICANT_DIGITS = 15
MINUS = str.maketrans({"−": "-", "–": "-", "—": "-", "－": "-", "‐": "-", "‑": "-"})
_NOT_STATED = {"", "-", "--", "/", "\\", "无", "不适用", "n/a", "na", "null", "none", "nan", "nil", "空", "."}


def decimal_of_float(value: float) -> Decimal:
    """The decimal that was typed: 33.130000000000003 → 33.13. No arithmetic on the float."""
    number = Decimal(f"{value:.{SIGNIFICANT_DIGITS}g}")
    return Decimal(f"{number.normalize():f}")


def number_text(value: float) -> str:
    """The shortest form of a numeric cell: 12.0 → ``12``."""
    return f"{decimal_of_float(value):f}" if isinstance(value, float) else str(value)


def decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def cell_text(cell: object) -> str:
    """A cell as text, to the letter but for surrounding white space. Blank → empty."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell.strip(" \t\r\n\v\f\u3000\xa0\u200b\ufeff")
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, (int, float)):
        return number_text(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if (cell.hour, cell.minute, cell.second) == (0, 0, 0) else cell.isoformat(" ")
    return str(cell)


# Digits that a Decimal computes with, less a few in reserve.
_PRECISION = 26


def percent_text(cell: object, places: int) -> str:
    """A numeric cell with a percent format, as the sheet shows it: 0.9767 with two decimals → ``97.67%``."""
    if not isinstance(cell, (int, float)) or isinstance(cell, bool):
        return cell_text(cell)
    return f"{rounded(decimal_of_float(float(cell)) * 100, places):f}%"


def rounded(number: Decimal, places: int) -> Decimal:
    """A number as a format with ``places`` decimals shows it; one too long for a decimal's precision stays as it is."""
    if not number.is_finite() or number.adjusted() + places >= _PRECISION:
        return number
    return number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def says_nothing(text: str) -> bool:
    """Whether a text stands for "not stated": a dash, 无, 不适用."""
    return unicodedata.normalize("NFKC", text).translate(MINUS).strip().casefold() in _NOT_STATED
