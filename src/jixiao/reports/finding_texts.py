"""The fixed texts of each finding code: title, 为什么, 怎么改. The data is finding_texts.csv beside this file."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class FindingText:
    """What a code means to the person who must act."""

    code: str
    title: str
    why: str
    fix: str


@cache
def finding_texts() -> Mapping[str, FindingText]:
    """Return all known codes with their texts, in the order of the contract."""
    text = files("jixiao.reports").joinpath("finding_texts.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return MappingProxyType({r["code"]: FindingText(r["code"], r["title_zh"], r["why_zh"], r["fix_zh"]) for r in rows})


def finding_text(code: str) -> FindingText:
    """Return the texts of ``code``; a code that nobody has described yet gets general ones that name it."""
    general = FindingText(
        code, f"核对发现（{code}）", "核对时发现该处与规定或与其他数据不一致", "请按所列位置核对原表，改正后重新运行"
    )
    return finding_texts().get(code, general)
