"""Labels of forms → canonical names, from form_labels.csv. Which label begins which block is in form_blocks.py."""

from __future__ import annotations

import csv
import re
import unicodedata
from functools import cache, lru_cache
from importlib.resources import files

_BRACKETS = re.compile(r"[(\[【][^()\[\]【】]*[)\]】]")
_MARKS = re.compile(r"[\s\u200b\ufeff*★①-⑳]+")
_NUMBERING = re.compile(r"^(?:[一二三四五六七八九十]+|\d{1,2})[、.．]")
# 执行率=③/②, 得分⑥=④*⑤: the formula explains the column, it does not name it.
_FORMULA = re.compile(r"=.*$", re.DOTALL)
# 1-7月执行数, 截至6月底支出数, 上半年执行数: what a monitoring form calls by the months it covers.
_COVERED = re.compile(
    r"^(?:截至|截止)?(?:\d{4}年)?(?:(?:\d{1,2}[-—~至到])?\d{1,2}月(?:份|底|末)?|上半年|前三季度|[一二三四1-4]季度)"
)
_MONEY_UNIT = re.compile(r"(?<![一-鿿])(?:金额|单位|:|人民币)*(万元|亿元|百万元|千元|元)(?![一-鿿])")


@cache
def _labels() -> dict[str, dict[str, tuple[str, int]]]:
    """Block → label → (canonical, rank): a smaller rank names its column better."""
    with (files("jixiao.intake.tables") / "form_labels.csv").open(encoding="utf-8") as lines:
        made: dict[str, dict[str, tuple[str, int]]] = {}
        for row in csv.DictReader(lines):
            for rank, label in enumerate(row["labels"].split("|")):
                made.setdefault(row["block"], {}).setdefault(compact(label), (row["canonical"], rank))
    return made


@cache
def _patterns() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """Block → (canonical, how labels of it are made up): for labels that no list holds."""
    with (files("jixiao.intake.tables") / "form_labels.csv").open(encoding="utf-8") as lines:
        made: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
        for row in csv.DictReader(lines):
            if row["pattern"]:
                made.setdefault(row["block"], []).append((row["canonical"], re.compile(row["pattern"])))
    return made


@lru_cache(maxsize=4096)
def compact(text: str) -> str:
    """A label for comparison: NFKC, no white space, no ★ and ①, no colon at the end."""
    return _MARKS.sub("", unicodedata.normalize("NFKC", _MARKS.sub("", text))).rstrip(":;,.。")


@lru_cache(maxsize=4096)
def _spellings(text: str) -> tuple[str, ...]:
    """A label as printed, then without 一、, its brackets, its formula, the months it covers: the most exact first."""
    whole = compact(text)
    plain = _NUMBERING.sub("", whole)
    bare = plain
    while (shorter := _BRACKETS.sub("", bare)) != bare:
        bare = shorter
    named = _FORMULA.sub("", bare).rstrip(":")
    return tuple(dict.fromkeys((whole, plain, bare.rstrip(":"), named, _COVERED.sub("", named))))


# No label is longer; what is longer is a sentence. Printed with its brackets and formula it may be.
_LABEL_MOST = 60
_MADE_UP_MOST = 16
# A label of the list names its column better than any that is only made up like one.
_MADE_UP_RANK = 1000


@lru_cache(maxsize=16384)
def named(block: str, text: str) -> tuple[str, int] | None:
    """The canonical name that a label has in a block, and how well it names it (0 is best); None where it is none."""
    if listed := listed_name(block, text):
        return listed
    short = [s for s in _spellings(text) if len(s) <= _MADE_UP_MOST] if len(text) <= _LABEL_MOST else []
    made_up = (name for name, pattern in _patterns().get(block, ()) for s in short if pattern.fullmatch(s))
    return next(((name, _MADE_UP_RANK) for name in made_up), None)


def listed_name(block: str, text: str) -> tuple[str, int] | None:
    """``named`` by the lists alone: for texts that are put together, and so may contain the words of any label."""
    known = _labels().get(block, {})
    return next((known[s] for s in _spellings(text) if s in known), None) if len(text) <= _LABEL_MOST else None


def bracketed_money_unit(text: str) -> str:
    """The money unit in the brackets of a label: 项目资金（万元） says one, 单元测试 does not."""
    for part in _BRACKETS.findall(compact(text)):
        if found := _MONEY_UNIT.search(part):
            return found[1]
    return ""
