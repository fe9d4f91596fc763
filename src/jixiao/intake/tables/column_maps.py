"""Column maps as data: columns/<kind>.csv, a row per canonical column, and how heads are compared with them.

Which column of a sheet is which is decided in matching.py, where the head stands in heads.py. A head names a column by
rules alone: white space, brackets, units, 栏次, numbering, a year, 数 or 额 at the end make no difference, any other
character does.
"""

from __future__ import annotations

import csv
import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, cached_property, lru_cache
from importlib.resources import files

from jixiao.domain.books import Kind
from jixiao.domain.names import bare_name, comparable


class CellType(StrEnum):
    """How the cells of a column are read. ``name`` is a text that other tables must repeat; ``personal`` is never read.

    ``kept``: a known head of no use here. It tells the kind of a table, and no looser rule takes it for another column.
    """

    TEXT = "text"
    NAME = "name"
    CODE = "code"
    MONEY = "money"
    RATE = "rate"
    DATE = "date"
    DECIMAL = "decimal"
    PERSONAL = "personal"
    KEPT = "kept"


@dataclass(frozen=True)
class Column:
    """A canonical column. ``required_unless`` names a column whose presence makes this one dispensable.

    ``money_units``: head as it is compared → the money unit that it implies, e.g. a field of a system that holds 元.
    """

    name: str
    synonyms: tuple[str, ...]
    required: bool
    required_unless: str
    cell_type: CellType
    fill_down: bool
    money_units: Mapping[str, str] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        """The synonyms as heads are compared."""
        return tuple(normalised_label(synonym) for synonym in self.synonyms)

    @property
    def chinese(self) -> str:
        return self.synonyms[0]


@dataclass(frozen=True)
class ColumnMap:
    """The columns of one kind of table, the preferred reading first; ``kept`` are heads that are known and not read."""

    kind: Kind
    columns: tuple[Column, ...]
    kept: tuple[Column, ...] = ()

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @cached_property
    def meanings(self) -> tuple[Mapping[str, tuple[tuple[int, Column], ...]], ...]:
        """For each of SPELLINGS: a synonym so spelt → (its rank, its column). Exactly spelt it may stand for several."""
        made: list[dict[str, list[tuple[int, Column]]]] = [{} for _ in SYNONYM_SPELLINGS]
        for column in (*self.columns, *self.kept):
            for rank, synonym in enumerate(column.synonyms):
                for at, spell in enumerate(SYNONYM_SPELLINGS):
                    known = made[at].setdefault(spell(synonym), [])
                    if all(other is not column for _, other in known):
                        known.append((rank, column))
        exact, *loose = made
        # What only a looser spelling makes ambiguous is no name of either.
        either = [{column.name for _, column in found} for found in exact.values() if len(found) > 1]
        loose = [
            {text: f for text, f in one.items() if text and (len(f) == 1 or {c.name for _, c in f} in either)}
            for one in loose
        ]
        return tuple({text: tuple(found) for text, found in one.items()} for one in (exact, *loose))


_DATA = files("jixiao.intake.tables") / "columns"
_UNIT_WORDS = "人民币|万元|亿元|千元|百万元|元|分|%|人|个|辆|台|天"
_NOTES = r"必填|选填|可不填|文本(?:格式)?|数字|(?:格式:?)?yyyy[^()]*|保留[^()]*小数|四舍五入[^()]*|下拉选择"
_LABEL_UNIT = re.compile(
    rf"[(\[【](?:(?:金额)?单位[:：]?)?(?:人民币)?[:：]?(?:{_UNIT_WORDS})(?:[,，、]?(?:{_NOTES}))?[)\]】]$"
    r"|(?:(?<=[数额算入出])[/:_\-]?|单位[:：]?)(?:人民币)?(?:万元|元)$"
    rf"|[(\[【](?:{_NOTES})[)\]】]$|(?<=[^\W\d_])[:：]$",
    re.IGNORECASE,
)
# (A), (3)=(1)+(2), F=E/D, =④/③: which column of the print it is, and how it is reckoned.
_LABEL_FORMULA = re.compile(
    r"[(\[【][A-Z0-9/*+=\-×÷①-⑳%]{1,16}[)\]】]$|(?:[(\[]?[A-Z0-9]{1,2}[)\]]?)?=[A-Z0-9/*+\-×÷%()\[\]]*$"
    r"|(?<=[\u4e00-\u9fff)])[A-Z]$"
)
_CIRCLED = re.compile(r"[①-⑳*★☆▲△#]")
_INVISIBLE = re.compile(r"[\s\u00ad\u200b-\u200f\u2060\ufeff]+")
_PUNCTUATION = re.compile(r"[\W_]+")
_NUMBERING = re.compile(
    r"^(?:[一二三四五六七八九十]{1,3}|\d{1,2})[、.．]|^[(（](?:[一二三四五六七八九十]{1,3}|\d{1,2})[)）]"
)
# 1-9月执行数, 截至6月底支出数, 2023年执行数, 本年执行数: the time that is reported on. 9月支出数 is a month's.
_COVERED = re.compile(
    r"^(?:(?:截至|截止)?(?:20\d{2}年)?(?:1|x|一)?[-—~至到](?:\d{1,2}|x)月(?:份|底|末)?"
    r"|(?:截至|截止)(?:20\d{2}年)?(?:\d{1,2}|x)月(?:\d{1,2}日|份|底|末)?"
    r"|20\d{2}年度?|本年度?|当年度?)(?:的|止)?(?=[\u4e00-\u9fff])"
)
_ENDING = re.compile(r"(?:合计数?|总额|总数|金额|数额|数|额)$")
# What is left of 支付金额 without its end, 支付, may be anything.
_STEM_LEAST = 3


def normalised_label(cell: object) -> str:
    """A column head made comparable: NFKC, no white space, no unit, no 栏次 letter or formula, no ① and no ``*``."""
    return _normalised(cell) if isinstance(cell, str) else ""


@lru_cache(maxsize=4096)
def _normalised(cell: str) -> str:
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", _CIRCLED.sub("", cell)))
    previous = None
    while text != previous:
        previous = text
        shorter = _LABEL_FORMULA.sub("", _LABEL_UNIT.sub("", text))
        text = shorter or text
    return text.rstrip("%").casefold() if text != "%" else text


def _plain(label: str) -> str:
    """Without any punctuation: 全年（调整）预算数, PAY_CERT_NO and payCertNo are spelt in more ways than one."""
    return _PUNCTUATION.sub("", label)


@lru_cache(maxsize=4096)
def _undated(label: str) -> str:
    """Without its numbering and the time that it covers."""
    return _plain(_COVERED.sub("", _NUMBERING.sub("", label)))


def _stem(label: str) -> str:
    """Without 数, 额, 合计 at the end."""
    shorter = _ENDING.sub("", label)
    return shorter if len(shorter) >= _STEM_LEAST else label


def _bare(text: str) -> str:
    return _plain(normalised_label(text))


# How a synonym is spelt to be compared with each of the spellings of a head.
SYNONYM_SPELLINGS: tuple[Callable[[str], str], ...] = (
    normalised_label,
    _bare,
    lambda text: _stem(_bare(text)),
    _bare,
    lambda text: _stem(_bare(text)),
)


@lru_cache(maxsize=4096)
def spellings(text: str) -> tuple[str, ...]:
    """The ways to compare a printed head with synonyms, the most exact first; as many as SYNONYM_SPELLINGS."""
    label = normalised_label(text)
    undated = _undated(label)
    return label, _plain(label), _stem(_plain(label)), undated, _stem(undated)


def _table(name: str) -> list[dict[str, str]]:
    with (_DATA / name).open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def _column(row: Mapping[str, str]) -> Column:
    units = {}
    for part in filter(None, row["unit"].split(";")):
        unit, _, heads = part.partition(":")
        units.update({normalised_label(head): unit for head in heads.split("|")})
    return Column(
        name=row["canonical_column"],
        synonyms=tuple(row["synonyms"].split("|")),
        required=row["required"] == "yes",
        required_unless=row["required"].partition("unless:")[2],
        cell_type=CellType(row["type"]),
        fill_down=row["fill_down"] == "yes",
        money_units=units,
    )


@cache
def column_maps() -> dict[Kind, ColumnMap]:
    """The maps of all kinds that are tables, by kind."""
    maps = {}
    for kind in Kind:
        if not (_DATA / f"{kind.value}.csv").is_file():
            continue
        columns = [_column(row) for row in _table(f"{kind.value}.csv")]
        maps[kind] = ColumnMap(
            kind=kind,
            columns=tuple(column for column in columns if column.cell_type is not CellType.KEPT),
            kept=tuple(column for column in columns if column.cell_type is CellType.KEPT),
        )
    return maps


@cache
def _head_words() -> frozenset[str]:
    words = {text for m in column_maps().values() for spelt in m.meanings for text in spelt}
    return frozenset(words | set(fact_keys())) - {""}


def is_head_word(text: str) -> bool:
    """Whether a text can be read as a known column head."""
    words = _head_words()
    return any(spelling in words for spelling in spellings(text))


def has_head_words(readings: Iterable[Sequence[str]], least: int = 1) -> bool:
    """Whether at least ``least`` cells of a row can be read as known column heads: rows of data have hardly any."""
    found = (any(is_head_word(text.replace("\n\n", "")) for text in texts) for texts in readings)
    return sum(itertools.islice(filter(None, found), least)) >= least


def known_head_words(rows: Iterable[Sequence[object]]) -> int:
    """The most cells of one row that are known column heads, exactly spelt."""
    words = _head_words()
    return max((sum(normalised_label(cell) in words for cell in row) for row in rows), default=0)


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


@dataclass(frozen=True)
class OtherTable:
    """A known table that is no input. ``is_doubtful``: a table of ours may be called so too, its head decides."""

    title: str
    note: str
    is_doubtful: bool


@cache
def other_tables() -> tuple[OtherTable, ...]:
    """Known tables that are no input, by words of their titles."""
    return tuple(
        OtherTable(comparable(row["title"]), row["note"], is_doubtful=row["unless_recognised"] == "yes")
        for row in _table("other_tables.csv")
    )
