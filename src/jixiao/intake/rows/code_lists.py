"""Code lists as data: code_lists/*.csv, a row per code with its name, years and source. Used by ledger.py and execution.py.

What a list does not hold is no fault of a file: the list of functions stops at the common 项, and places add codes of
their own. Only a code beside the name that the list gives to *another* code is a contradiction.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files

from jixiao.domain.names import comparable

_DATA = files("jixiao.intake.rows") / "code_lists"
# 科目 are numbered 类 3, 款 5, 项 7 digits: a code begins with the code above it.
CLASS_DIGITS = 3
_CODE_THEN_NAME = re.compile(r"[(\[【]?(\d{1,20})[)\]】]?[\s\-_—–:、.]*([^\d\s\-_—–:、.].*)?")
_PATH_MARKS = re.compile(r"[-_—–/\\>]+")
_SPENDING = re.compile(r"支出$")
_BRACKETS = re.compile(r"[()（）]")


class CodeListName(StrEnum):
    """The lists, by their Chinese names; the member's file is ``code_lists/<name in lower case>.csv``."""

    EXPENDITURE_FUNCTIONS = "支出功能分类"
    DEPARTMENT_ECONOMIC = "部门预算支出经济分类"
    GOVERNMENT_ECONOMIC = "政府预算支出经济分类"
    FUND_NATURES = "资金性质"
    BUSINESS_TYPES = "业务类型"

    @property
    def is_national(self) -> bool:
        """Whether one list holds everywhere, so that a code with another code's name is a contradiction."""
        return self in {self.EXPENDITURE_FUNCTIONS, self.DEPARTMENT_ECONOMIC, self.GOVERNMENT_ECONOMIC}

    @property
    def is_complete(self) -> bool:
        """Whether the list holds every code down to its last level."""
        return self is self.DEPARTMENT_ECONOMIC


@dataclass(frozen=True)
class CodeEntry:
    """A code with its name. ``valid_from`` and ``valid_to`` are fiscal years, None where not bounded.

    ``code`` is empty where only the word is known; ``status`` says how far the entry has been held against its source.
    """

    code: str
    name: str
    parent: str
    valid_from: int | None
    valid_to: int | None
    source: str
    status: str

    def holds_in(self, year: int) -> bool:
        return (self.valid_from is None or self.valid_from <= year) and (self.valid_to is None or year <= self.valid_to)


@dataclass(frozen=True)
class CodeList:
    """A list with all its years."""

    name: CodeListName
    entries: tuple[CodeEntry, ...]
    _by_code: dict[str, tuple[CodeEntry, ...]] = field(default_factory=dict, repr=False, compare=False)
    _by_name: dict[str, frozenset[str]] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for entry in self.entries:
            if entry.code:
                self._by_code[entry.code] = (*self._by_code.get(entry.code, ()), entry)
            name = comparable(entry.name)
            self._by_name[name] = self._by_name.get(name, frozenset()) | {entry.code}

    def name_in(self, code: str, year: int) -> str | None:
        """The name of a code in a fiscal year; None where the list does not hold it."""
        return next((entry.name for entry in self._by_code.get(code, ()) if entry.holds_in(year)), None)

    def names_of(self, code: str) -> tuple[str, ...]:
        """All names of a code, whatever the year."""
        return tuple(entry.name for entry in self._by_code.get(code, ()))

    def codes_of(self, name: str) -> frozenset[str]:
        """The codes that bear a name, whatever the year."""
        return self._by_name.get(comparable(name), frozenset()) - {""}

    def covers(self, year: int) -> bool:
        """Whether the list says anything of a year."""
        return any(entry.holds_in(year) for entry in self.entries)

    def padded(self, code: str, year: int) -> str:
        """The one code of the list that ``code`` was before its leading zeros were lost; empty if none or two."""
        found = {
            entry.code
            for entry in self.entries
            if entry.code.startswith("0") and entry.code.lstrip("0") == code.lstrip("0") and entry.holds_in(year)
        }
        return next(iter(found)) if len(found) == 1 and code not in self._by_code else ""


@cache
def code_list(name: CodeListName) -> CodeList:
    """One list, read once."""
    with (_DATA / f"{name.name.lower()}.csv").open(encoding="utf-8") as lines:
        entries = tuple(
            CodeEntry(
                code=row["code"],
                name=row["name"],
                parent=row["parent"],
                valid_from=int(row["valid_from"]) if row["valid_from"] else None,
                valid_to=int(row["valid_to"]) if row["valid_to"] else None,
                source=row["source"],
                status=row["status"],
            )
            for row in csv.DictReader(lines)
        )
    return CodeList(name, entries)


def code_name(name: CodeListName, code: str, year: int) -> str | None:
    """The name of a code in a fiscal year; None where the list does not hold it."""
    return code_list(name).name_in(code, year)


def economic_list(code: str) -> CodeListName:
    """The list that an economic code belongs to: 3xx are those of departments, 5xx those of the government."""
    return CodeListName.GOVERNMENT_ECONOMIC if code.startswith("5") else CodeListName.DEPARTMENT_ECONOMIC


def split_code(text: str) -> tuple[str, str]:
    """``30201-办公费``, ``[2060101]机构运行`` → code and name; a name alone → (empty, name)."""
    shown = unicodedata.normalize("NFKC", text).strip().removeprefix("'")
    found = _CODE_THEN_NAME.fullmatch(shown)
    return (found[1], found[2] or "") if found else ("", shown)


@dataclass(frozen=True)
class CodeConflict:
    """A code beside another code's name, or a code without its leading zeros (``padded`` names the candidate)."""

    code_list: CodeListName
    code: str
    name: str
    right_name: str
    other_codes: tuple[str, ...] = ()
    padded: str = ""

    @property
    def message(self) -> str:
        if self.padded:
            return f"{self.code_list.value}代码「{self.code}」不在科目表中，可能丢了前导 0：表中有「{self.padded}」{self.right_name}"
        others = "、".join(self.other_codes[:_LISTED])
        more = f" 等 {len(self.other_codes)} 个代码" if len(self.other_codes) > _LISTED else ""
        return (
            f"{self.code_list.value}代码「{self.code}」是「{self.right_name}」，这里却写「{self.name}」"
            f"（「{others}」{more}的名称）"
        )

    @property
    def fix(self) -> str:
        if self.padded:
            return f"请确认后把代码改为「{self.padded}」（单元格设为文本格式）"
        return "请核对科目代码与科目名称，改正其一"


_LISTED = 3


def conflicts(
    codes: Iterable[str], names: Iterable[str], lists: CodeListName, year: int
) -> dict[tuple[str, str], CodeConflict]:
    """The (code, name) pairs that contradict the list, for two columns of one length; each distinct pair once.

    Economic codes beginning with 5 are looked up in the government's list, whichever of the two is named. A name of
    the list's own ancestors or descendants, of another year, or of no list is no contradiction.
    """
    found: dict[tuple[str, str], CodeConflict] = {}
    for code, name in dict.fromkeys(zip(codes, names, strict=True)):
        if conflict := _conflict(code, name, lists, year):
            found[code, name] = conflict
    return found


def _conflict(code: str, name: str, lists: CodeListName, year: int) -> CodeConflict | None:
    bare, in_cell = split_code(code)
    economic = {CodeListName.DEPARTMENT_ECONOMIC, CodeListName.GOVERNMENT_ECONOMIC}
    chosen = code_list(economic_list(bare) if lists in economic else lists)
    if not bare or not chosen.name.is_national:
        return None
    own_names = chosen.names_of(bare)
    if not own_names:
        padded = chosen.padded(bare, year)
        right = chosen.name_in(padded, year) or ""
        return CodeConflict(chosen.name, bare, name, right, padded=padded) if padded else None
    for stated in (in_cell, split_code(name)[1] or name):
        others = _other_codes(chosen, bare, stated) if stated else ()
        if others:
            return CodeConflict(chosen.name, bare, stated, chosen.name_in(bare, year) or own_names[-1], others)
    return None


def _other_codes(chosen: CodeList, code: str, stated: str) -> tuple[str, ...]:
    """The codes whose name ``stated`` is, where it is none of ``code`` itself, of what is above or below it."""
    readings = dict.fromkeys((stated, _PATH_MARKS.split(stated)[-1].strip()))
    related = {_loose(entry.name) for entry in chosen.entries if entry.code and _is_kin(entry.code, code)}
    if any(_loose(reading) in related for reading in readings):
        return ()
    return next((tuple(sorted(codes)) for reading in readings if (codes := chosen.codes_of(reading))), ())


def _is_kin(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _loose(name: str) -> str:
    """A name without brackets and without 支出 at its end: 教育 and 教育支出 are one."""
    return _SPENDING.sub("", _BRACKETS.sub("", comparable(name)))


def unknown_codes(codes: Iterable[str], lists: CodeListName, year: int) -> tuple[str, ...]:
    """The distinct codes that a list in force should hold and does not, sorted. For a remark, never a refusal.

    Of a list that stops at the common codes only the 类 is judged.
    """
    found: set[str] = set()
    for code in dict.fromkeys(codes):
        bare, _ = split_code(code)
        economic = {CodeListName.DEPARTMENT_ECONOMIC, CodeListName.GOVERNMENT_ECONOMIC}
        chosen = code_list(economic_list(bare) if lists in economic else lists)
        if len(bare) < CLASS_DIGITS or not chosen.covers(year):
            continue
        judged = bare if chosen.name.is_complete else bare[:CLASS_DIGITS]
        if not chosen.names_of(judged):
            found.add(bare)
    return tuple(sorted(found))
