"""Codes and names of units side by side in one ledger: the pairs that the ledger itself speaks against. Used by ledger.py.

Where no register tells a unit's name, most rows of the export do: one row that gives the code another name, or the name
another code, is a slip of the pen, and neither money of that unit nor of another one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from jixiao.intake.grids.cells import says_nothing
from jixiao.intake.grids.grid import is_error_value
from jixiao.intake.rows.units import Doubt, same_unit_name

# So many rows, and so many times as many, make the other one the slip.
_MAJORITY_LEAST = 3
_MAJORITY_TIMES = 3


def odd_pairs(counts: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], Doubt]:
    """The doubtful pairs of (code, name), by the numbers of rows that state each."""
    found: dict[tuple[str, str], Doubt] = {}
    names: dict[str, Counter[str]] = {}
    codes: dict[str, Counter[str]] = {}
    for (code, name), rows in counts.items():
        if code and name:
            names.setdefault(code, Counter())[name] += rows
            codes.setdefault(name, Counter())[code] += rows
    for code, name in counts:
        if is_error_value(code) or (not code and is_error_value(name)):
            fix = "请修复公式，或填入单位编码"
            found[code, name] = Doubt("CELL_ERROR", f"单位是错误值 {code or name}", fix)
        elif code and says_nothing(code):
            found[code, name] = Doubt("REQUIRED_VALUE_EMPTY", f"单位编码写的是「{code}」", "请填写单位编码")
        elif code and name:
            usual_name, usual_code = _usual(names[code], name), _usual(codes[name], code)
            if usual_name and not same_unit_name(usual_name, name):
                found[code, name] = _conflict(f"单位编码「{code}」在本表是「{usual_name}」，这里却写「{name}」", code)
            elif usual_code and not counts.get((code, usual_name), 0):
                found[code, name] = _conflict(
                    f"「{name}」在本表的编码是「{usual_code}」，这里却写「{code}」", usual_code
                )
    return found


def _usual(seen: Counter[str], own: str) -> str:
    """What nearly all rows state instead of ``own``; empty where they state no other."""
    other, rows = seen.most_common(1)[0]
    return other if other != own and rows >= max(_MAJORITY_LEAST, _MAJORITY_TIMES * seen[own]) else ""


def _conflict(what: str, meant: str) -> Doubt:
    return Doubt("CODE_NAME_CONFLICT", what, "请核对单位编码与单位名称，改正其一", meant=meant)
