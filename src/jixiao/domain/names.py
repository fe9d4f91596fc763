"""Names as people write them, made comparable. Texts are kept to the letter; only comparison uses these."""

from __future__ import annotations

import re
import unicodedata

_DROPPED = re.compile(r"[\s“”‘’\"'「」《》〈〉]+")
_PREFIX = re.compile(r"^(?:其中[:：]|指标\d+[:：]|[★☆]|[一二三四五六七八九十]+[、.．]|\d+[、.．](?!\d))+")


def comparable(name: str) -> str:
    """NFKC, without white space and quotation marks: “三公经费”变动率 and 三公经费变动率 are one name."""
    return _DROPPED.sub("", unicodedata.normalize("NFKC", name))


def bare_name(name: str) -> str:
    """``comparable`` without numbering and 其中：."""
    return _PREFIX.sub("", comparable(name))
