"""What a number format says of the cells that bear it: a percentage, a date, how many decimals are printed.

One reading for every container: xlsx, xls, XML Spreadsheet 2003 and HTML write the same codes. Colours and currencies
say nothing of the value; neither does a format that scales (``0.00,,``, ``0!.0,`` for 万): the value of the cell counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

_QUOTED = re.compile(r'"[^"]*"?|[\\!_*].')
_BRACKETS = re.compile(r"\[[^\]]*\]?")
_ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
_EXPONENT = re.compile(r"e[+-]", re.IGNORECASE)
_DATE_LETTERS = re.compile(r"[ymdhs]", re.IGNORECASE)
_NUMBER = re.compile(r"[#0?][#0?,]*(?:\.([#0?]*))?(,*)")
# Codes by number that every Excel knows without writing them into the file; 27–36 and 50–58 are dates of Chinese Excel.
_DATES = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
_ELAPSED_BUILTIN = 46
_BUILTIN_PERCENT = {9: 0, 10: 2}
_BUILTIN_PLACES = {2: 2, 4: 2, 7: 2, 8: 2, 39: 2, 40: 2, 43: 2, 44: 2}
_OWN_FROM = 164

_EPOCH_1900 = datetime(1899, 12, 30)  # noqa: DTZ001 - a sheet's dates have no zone
_EPOCH_1904 = datetime(1904, 1, 1)  # noqa: DTZ001
# Excel's calendar has a 29 February 1900: the days before it are counted from one day later.
_FALSE_LEAP_DAY = 60
_LAST_SERIAL = 2_958_465
_DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Look:
    """How a format prints a number. ``percent`` and ``places`` are decimals; None where it prints no such thing."""

    percent: int | None = None
    places: int | None = None
    is_date: bool = False
    is_elapsed: bool = False


PLAIN = Look()


def look_of(code: str) -> Look:
    """The look of a format code such as ``0.00%``, ``yyyy"年"m"月"``, ``#,##0.00;[Red]-#,##0.00``. Odd codes are plain."""
    if _ELAPSED.search(code):
        return Look(is_date=True, is_elapsed=True)
    positive = _BRACKETS.sub("", _QUOTED.sub("", code)).split(";", 1)[0]
    if "%" in positive:
        found = re.search(r"\.([#0?]+)", positive)
        return Look(percent=len(found[1]) if found else 0)
    if _DATE_LETTERS.search(_EXPONENT.sub("", positive)) and "general" not in positive.lower():
        return Look(is_date=True)
    number = _NUMBER.search(positive)
    # A quoted or escaped mark may stand between the digits of a format that scales: the scaling comma is the last mark.
    if not number or number[2] or "/" in positive or _EXPONENT.search(positive) or _scales(code):
        return PLAIN
    return Look(places=(number[1] or "").count("0"))


def _scales(code: str) -> bool:
    """Whether the number is divided by thousands for the eye: a comma behind its last digit."""
    return bool(re.search(r"[0#?],+(?![0#?])", _BRACKETS.sub("", code).split(";", 1)[0]))


def builtin_look(number: int) -> Look:
    """The look of a format that is known by its number alone."""
    if number in _DATES:
        return Look(is_date=True, is_elapsed=number == _ELAPSED_BUILTIN)
    if number in _BUILTIN_PERCENT:
        return Look(percent=_BUILTIN_PERCENT[number])
    return Look(places=_BUILTIN_PLACES.get(number)) if number < _OWN_FROM else PLAIN


def look_by_number(number: int, own: dict[int, str]) -> Look:
    """The look of format ``number``, where ``own`` are the codes that the file itself writes."""
    return look_of(own[number]) if number in own else builtin_look(number)


def moment(serial: float, look: Look, *, from_1904: bool) -> object:
    """A serial number with a date format as date, datetime, time or timedelta; the number where it is no such day."""
    if look.is_elapsed:
        return timedelta(seconds=round(serial * _DAY_SECONDS)) if abs(serial) <= _LAST_SERIAL else serial
    if not 0 <= serial <= _LAST_SERIAL:
        return serial
    seconds = round(serial * _DAY_SECONDS)
    if seconds < _DAY_SECONDS and not from_1904:
        return (_EPOCH_1900 + timedelta(seconds=seconds)).time() if seconds else time()
    epoch = _EPOCH_1904 if from_1904 else _EPOCH_1900
    if not from_1904 and serial < _FALSE_LEAP_DAY:
        epoch += timedelta(days=1)
    try:
        found = epoch + timedelta(seconds=seconds)
    except OverflowError:
        return serial
    return as_day(found)


def as_day(found: datetime) -> date:
    """A datetime at midnight is a day."""
    return found.date() if found.time() == time() else found
