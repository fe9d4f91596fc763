"""Column maps as data: columns/<kind>.csv, a row per canonical column. Finding the head with them is in tables.py."""

from __future__ import annotations

import csv
import itertools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files

from jixiao.domain.books import Kind
from jixiao.domain.names import bare_name, comparable


class CellType(StrEnum):
    """How the cells of a column are read. ``personal`` is never read at all."""

    TEXT = "text"
    CODE = "code"
    MONEY = "money"
    RATE = "rate"
    DATE = "date"
    DECIMAL = "decimal"
    PERSONAL = "personal"


@dataclass(frozen=True)
class Column:
    """A canonical column. ``required_unless`` names a column whose presence makes this one dispensable."""

    name: str
    synonyms: tuple[str, ...]
    required: bool
    required_unless: str
    cell_type: CellType
    fill_down: bool

    @property
    def labels(self) -> tuple[str, ...]:
        """The synonyms as heads are compared."""
        return tuple(normalised_label(synonym) for synonym in self.synonyms)

    @property
    def chinese(self) -> str:
        return self.synonyms[0]


@dataclass(frozen=True)
class ColumnMap:
    """The columns of one kind of table, the preferred reading first."""

    kind: Kind
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


_DATA = files("jixiao.intake.tables") / "columns"
_UNIT_WORDS = "人民币|万元|亿元|千元|百万元|元|分|%|人|个|辆|台|天"
_LABEL_UNIT = re.compile(
    rf"[(\[【](?:(?:金额)?单位[:：]?)?(?:人民币)?[:：]?(?:{_UNIT_WORDS})[)\]】]$|(?<=[^\W\d_])[:：]$"
)
_LABEL_FORMULA = re.compile(r"[(\[【][A-Z0-9/*+=\-×÷①-⑳]{1,9}[)\]】]$")
_CIRCLED = re.compile(r"[①-⑳*★]")
_INVISIBLE = re.compile(r"[\s\u200b\ufeff]+")


def normalised_label(cell: object) -> str:
    """A column head made comparable: NFKC, no white space, no unit, no 栏次 letter, no ① and no ``*``."""
    return _normalised(cell) if isinstance(cell, str) else ""


@lru_cache(maxsize=4096)
def _normalised(cell: str) -> str:
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", _CIRCLED.sub("", cell)))
    previous = None
    while text != previous:
        previous = text
        text = _LABEL_FORMULA.sub("", _LABEL_UNIT.sub("", text))
    return text.rstrip("%").casefold() if text != "%" else text


def _table(name: str) -> list[dict[str, str]]:
    with (_DATA / name).open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


@cache
def column_maps() -> dict[Kind, ColumnMap]:
    """The maps of all kinds that are tables, by kind."""
    maps = {}
    for kind in Kind:
        if not (_DATA / f"{kind.value}.csv").is_file():
            continue
        columns = tuple(
            Column(
                name=row["canonical_column"],
                synonyms=tuple(row["synonyms"].split("|")),
                required=row["required"] == "yes",
                required_unless=row["required"].partition("unless:")[2],
                cell_type=CellType(row["type"]),
                fill_down=row["fill_down"] == "yes",
            )
            for row in _table(f"{kind.value}.csv")
        )
        maps[kind] = ColumnMap(kind=kind, columns=columns)
    return maps


@cache
def _head_words() -> frozenset[str]:
    words = {label for m in column_maps().values() for column in m.columns for label in column.labels}
    return frozenset(words | set(fact_keys()))


def has_head_words(readings: Iterable[Sequence[str]], least: int = 1) -> bool:
    """Whether at least ``least`` cells of a row can be read as known column heads: rows of data have hardly any."""
    words = _head_words()
    found = (any(normalised_label(text.replace("\n\n", "")) in words for text in texts) for texts in readings)
    return sum(itertools.islice(filter(None, found), least)) >= least


def known_head_words(rows: Iterable[Sequence[object]]) -> int:
    """The most cells of one row that are known column heads."""
    return max((sum(normalised_label(cell) in _head_words() for cell in row) for row in rows), default=0)


_FACT_NOISE = re.compile(r"^(?:本年度?|当年|全年|年末|其中[:：])|[(\[【][^)\]】]*[)\]】]$")


def fact_name(label: str) -> str:
    """The name of a fact made comparable: without white space, quotation marks, numbering and unit."""
    return comparable(normalised_label(bare_name(label)))


@cache
def fact_keys() -> dict[str, str]:
    """Comparable name of a fact → its key."""
    return {fact_name(name): row["key"] for row in _table("fact_names.csv") for name in row["synonyms"].split("|")}


def fact_key(label: str) -> str:
    """The key of the fact that ``label`` names; empty where it is not known."""
    name = fact_name(label)
    return fact_keys().get(name) or fact_keys().get(_FACT_NOISE.sub("", name)) or ""


@cache
def line_levels() -> dict[str, int]:
    """Names of 预算行 that stand for a level: the total 0, basic and project expenditure 1."""
    return {
        comparable(name): int(row["level"]) for row in _table("line_levels.csv") for name in row["names"].split("|")
    }


@cache
def line_parents() -> dict[str, str]:
    """Names of 预算行 that can stand below one group alone: 人员经费 → 基本支出."""
    return {
        comparable(name): row["parent"]
        for row in _table("line_levels.csv")
        if row["parent"]
        for name in row["names"].split("|")
    }


@cache
def fact_measures() -> dict[str, str]:
    """Key of a fact → what it is measured in: money, count or percent."""
    return {row["key"]: row["measure"] for row in _table("fact_names.csv")}


@cache
def narrative_subjects() -> tuple[str, ...]:
    """Words of the prescribed chapters' headings."""
    return tuple(word for row in _table("narrative_headings.csv") for word in row["words"].split("|"))


@cache
def other_tables() -> tuple[tuple[str, str], ...]:
    """Titles of known tables that are no input, and what they are."""
    return tuple((comparable(row["title"]), row["note"]) for row in _table("other_tables.csv"))
