"""Names as people write them, made comparable. Texts are kept to the letter; only comparison uses these."""

from __future__ import annotations

import re
import unicodedata

_DROPPED = re.compile(r"[\s“”‘’\"'「」《》〈〉]+")
_CIRCLED = re.compile(r"^[①-⑳㈠-㈩⑴-⒇⒈-⒛]+")
_PREFIX = re.compile(
    r"^(?:其中[:：]?|指标\d+[:：]|[★☆]|[一二三四五六七八九十]+[、.．]|\d+[、.．](?!\d)|[(（](?:\d+|[一二三四五六七八九十]+)[)）][、.]?|\d+[)）][、.]?)+"
)
_UNIT_SUFFIX = re.compile(r"\((?:%|‰|万?元|亿元|个|人|次|天)\)$")


def comparable(name: str) -> str:
    """NFKC, without white space and quotation marks: “三公经费”变动率 and 三公经费变动率 are one name."""
    return _DROPPED.sub("", unicodedata.normalize("NFKC", name))


def bare_name(name: str) -> str:
    """``comparable`` without numbering and 其中：."""
    return _PREFIX.sub("", comparable(_CIRCLED.sub("", name.strip())))


def unitless_name(name: str) -> str:
    """``bare_name`` without a unit in brackets at its end: 预算执行率（%）."""
    return _UNIT_SUFFIX.sub("", bare_name(name))


def project_names(project: str, code: str = "") -> frozenset[str]:
    """The names, made comparable, under which other tables may speak of a project: as printed, and without its code."""
    named = project.removeprefix(code).lstrip("-—_ \t") if code else project
    return frozenset({bare_name(project), bare_name(named)} - {""})
