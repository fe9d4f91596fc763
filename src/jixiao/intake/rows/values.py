"""One cell → one value: money, rate, date, code. Its text is in grids/cells.py, whole columns of the ledger in ledger.py."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from jixiao.domain.money import FEN_PER_YUAN, MoneyUnit
from jixiao.intake.grids.cells import MINUS, SIGNIFICANT_DIGITS, cell_text, decimal_of_float
from jixiao.intake.grids.grid import CellError, is_blank

_PLAIN_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_GROUPED_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+")
_CURRENCY = re.compile(r"^(?:人民币|RMB|CNY)|[¥￥$]", re.IGNORECASE)
_MONEY_SUFFIX = re.compile(r"(万元|亿元|元整|圆整|元|圆)$")
_SUFFIX_FEN = {"万元": 1_000_000, "亿元": 10_000_000_000}
_QUANTITY = re.compile(r"([+-]?)(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(%|[^\W\d_]{0,4})")
_EXCEL_EPOCH = date(1899, 12, 30)
_SERIAL_FIRST, _SERIAL_LAST = 20000, 80000
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T ]?\d{1,2}[:时].*)?")
_DATE_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:\d{6})?")


@dataclass(frozen=True)
class Money:
    """An amount read: ``fen`` cut to the fen, ``places`` as printed. ``below_fen``: a real third decimal was cut."""

    fen: int
    places: int
    normalised: bool = False
    negative_style: bool = False
    below_fen: bool = False


class NotANumber(ValueError):
    """A cell that should hold a number holds something else."""


class NotADate(ValueError):
    """A cell that should hold a date holds something else, e.g. 30 February."""


def read_money(cell: object, unit: MoneyUnit) -> Money:
    """Read an amount that a table prints in ``unit``. Exact; cut, never rounded, below the fen.

    Raises:
        NotANumber: text, a dash, 无, or an error value.
    """
    if isinstance(cell, bool) or is_blank(cell) or isinstance(cell, (CellError, date)):
        raise NotANumber(str(cell))
    if isinstance(cell, (int, float)):
        number = decimal_of_float(cell) if isinstance(cell, float) else Decimal(cell)
        if not number.is_finite():
            raise NotANumber(str(cell))
        return _money(number, unit.fen, normalised=False, negative_style=False)
    text = cell_text(cell)
    if _PLAIN_NUMBER.fullmatch(text) and text.isascii():
        return _money(Decimal(text), unit.fen, normalised=False, negative_style=False)
    return _read_money_text(text, unit)


def _read_money_text(text: str, unit: MoneyUnit) -> Money:
    """￥, thousands, full-width digits, blanks, 元, （1,234.50）, a trailing minus."""
    bare = re.sub(r"[\s'‘’]", "", unicodedata.normalize("NFKC", text)).translate(MINUS)
    bare = _CURRENCY.sub("", bare)
    fen_per_unit = unit.fen
    suffix = _MONEY_SUFFIX.search(bare)
    if suffix:
        fen_per_unit = _SUFFIX_FEN.get(suffix[1], FEN_PER_YUAN)
        bare = bare[: suffix.start()]
    negative, style = False, False
    if bare.startswith(("△", "▲")) and len(bare) > 1:  # books print a negative amount so
        negative, style, bare = True, True, bare[1:]
    elif bare.startswith("(") and bare.endswith(")"):
        negative, style, bare = True, True, _CURRENCY.sub("", bare[1:-1])
    elif bare.endswith("-") and len(bare) > 1:
        negative, style, bare = True, True, bare[:-1]
    elif bare.startswith(("-", "+")):
        negative, bare = bare[0] == "-", bare[1:]
    if not bare.isascii() or not _GROUPED_NUMBER.fullmatch(bare):
        raise NotANumber(text)
    number = Decimal(bare.replace(",", ""))
    if suffix and fen_per_unit != unit.fen:
        number = number * fen_per_unit / unit.fen
        fen_per_unit = unit.fen
    return _money(-number if negative else number, fen_per_unit, normalised=not style, negative_style=style)


def _money(number: Decimal, fen_per_unit: int, *, normalised: bool, negative_style: bool) -> Money:
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    # In integers: a context's precision would round an amount of more than 28 digits.
    whole = int("".join(map(str, digits))) * fen_per_unit
    fen, rest = (whole * 10**exponent, 0) if exponent >= 0 else divmod(whole, 10**-exponent)
    return Money(
        fen=-fen if sign else fen,
        places=max(0, -exponent),
        normalised=normalised,
        negative_style=negative_style,
        below_fen=rest != 0,
    )


def read_quantity(cell: object) -> tuple[Decimal, str]:
    """A number, and the unit that the cell itself writes behind it: ``1,234人`` → (1234, 人).

    Raises:
        NotANumber: anything else, or a number larger than anything an office counts.
    """
    if isinstance(cell, bool) or is_blank(cell) or isinstance(cell, (CellError, date)):
        raise NotANumber(str(cell))
    if isinstance(cell, (int, float)):
        number = decimal_of_float(cell) if isinstance(cell, float) else Decimal(cell)
        if not number.is_finite() or number.adjusted() > _LARGEST_DIGITS:
            raise NotANumber(str(cell))
        return number, ""
    text = re.sub(r"\s", "", unicodedata.normalize("NFKC", cell_text(cell))).translate(MINUS)
    found = _QUANTITY.fullmatch(_CURRENCY.sub("", text))
    if not found or not found[2].isascii():
        raise NotANumber(cell_text(cell))
    quantity = Decimal(found[1] + found[2].replace(",", ""))
    if quantity.adjusted() > _LARGEST_DIGITS:
        raise NotANumber(cell_text(cell))
    return quantity, found[3]


# 10¹⁶ of anything is a mistake of the keyboard.
_LARGEST_DIGITS = 16


def read_date(cell: object) -> date | None:
    """A date from a date cell, a text or an Excel serial number; None for a blank.

    Raises:
        NotADate: 30 February, or no date at all.
    """
    if is_blank(cell):
        return None
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    if isinstance(cell, float) and not isinstance(cell, bool) and _SERIAL_FIRST <= cell <= _SERIAL_LAST:
        return _EXCEL_EPOCH + timedelta(days=int(cell))
    text = unicodedata.normalize("NFKC", cell_text(cell)).strip().translate(MINUS)
    if re.fullmatch(r"\d{5}(?:\.\d+)?", text, re.ASCII) and _SERIAL_FIRST <= float(text) <= _SERIAL_LAST:
        return read_date(float(text))
    found = _DATE.fullmatch(text) or _DATE_COMPACT.fullmatch(text)
    if not found:
        raise NotADate(text)
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError as error:
        raise NotADate(text) from error


def read_code(cell: object) -> tuple[str, bool]:
    """A code as text, and whether the cell held a number: 301002.0 → (``301002``, True)."""
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        number = decimal_of_float(float(cell)) if isinstance(cell, float) else Decimal(cell)
        return f"{number:f}", True
    text = unicodedata.normalize("NFKC", cell_text(cell)).removeprefix("'").strip()
    return text, False


def lost_precision(cell: object) -> bool:
    """Whether a numeric cell holds a code of more digits than a number keeps."""
    if isinstance(cell, str):  # 2.02200000000001E+14 in a CSV that Excel saved
        return bool(re.fullmatch(r"\d(?:\.\d+)?E\+?\d{2}", cell.strip(), re.IGNORECASE))
    return isinstance(cell, (int, float)) and not isinstance(cell, bool) and abs(cell) >= 10**SIGNIFICANT_DIGITS
