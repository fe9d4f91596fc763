"""Which states of a payment count as spending: code_lists/payment_states.csv, with the source of each. Used by ledger.py.

A state whose meaning depends on the system (已退款: is the refund a row of its own?) is not in the list: its payments
count, and that is said, so that nothing vanishes by a guess.
"""

from __future__ import annotations

import csv
from enum import StrEnum
from functools import cache
from importlib.resources import files

from jixiao.domain.names import comparable
from jixiao.intake.rows.code_lists import split_code

_DATA = files("jixiao.intake.rows") / "code_lists"


class Standing(StrEnum):
    """What a state says of its payment: money has gone out, it has not, or nobody knows."""

    COUNTS = "yes"
    DOES_NOT_COUNT = "no"
    UNKNOWN = "unknown"


@cache
def _states() -> dict[str, Standing]:
    with (_DATA / "payment_states.csv").open(encoding="utf-8") as lines:
        return {comparable(row["name"]): Standing(row["counts"]) for row in csv.DictReader(lines)}


def standing_of(state: str) -> Standing:
    """The standing of a state as printed, with or without a code before it: ``已支付``, ``03-已作废``."""
    name = split_code(state)[1] or state
    return _states().get(comparable(name), Standing.UNKNOWN)
