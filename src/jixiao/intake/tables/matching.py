"""Which column of a head is which canonical column: the printed heads against one column map (column_maps.py).

The more exact spelling goes first, over all columns of the map; a head that may stand for two columns is left until the
heads that are clear have found theirs. Where the head stands is found in heads.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from jixiao.intake.tables.column_maps import Column, ColumnMap, normalised_label, spellings

# The mark between the levels of a head: 预算数, then 年初.
LEVEL = "\n\n"
_ALL_FUNDS = re.compile(r".*(?:合计|总计|小计|全部|总额|总数|全口径).*")
_A_FUND = re.compile(r".*(?:拨款|公共预算|基金|国有资本|专户|单位资金|自有资金|其他资金|其他收入|事业收入|债券|补助).*")
_YEAR = re.compile(r"20\d{2}(?=年)")
_LAST_YEAR = re.compile(r"(?:上年|去年|上期|同期)")
# Leaves that say only that they are money, or which of two phases: the group above names the column.
_MONEY_LEAVES = frozenset({"金额", "金额数", "数额", "资金", "数"})


@dataclass(frozen=True)
class Match:
    """The columns of a head by canonical name. ``kept`` are those of known heads that are not read.

    ``ambiguous``: column → all canonical names that its head may mean; ``left_out`` are columns of other funds, or of
    another year, under heads of the same names.
    """

    columns: dict[str, int]
    kept: dict[str, int] = field(default_factory=dict)
    ambiguous: dict[int, tuple[str, ...]] = field(default_factory=dict)
    left_out: tuple[int, ...] = ()

    @property
    def known(self) -> int:
        """How many heads are known: what tells the kind of a table."""
        return len(self.columns) + len(self.kept)


def ways_to_read(levels: Sequence[str]) -> tuple[str, ...]:
    """The ways to read a head of several levels, the most exact first.

    年初预算数 over 金额 is read as both, as the group alone; 预算数 over 年初 also in the other order.
    """
    *groups, leaf = levels
    ways = [LEVEL.join(levels)]
    if groups:
        ways += [f"{group}{LEVEL}{leaf}" for group in reversed(groups)]
        ways += [f"{leaf}{LEVEL}{group}" for group in reversed(groups)]
        if is_of_all_funds(leaf) or normalised_label(leaf) in _MONEY_LEAVES:
            ways += [LEVEL.join(groups), groups[-1]]
        ways.append(leaf)
    return tuple(dict.fromkeys(ways))


def is_of_all_funds(text: str) -> bool:
    """Whether a group or leaf says that it holds all funds: 合计, 资金总额."""
    return bool(_ALL_FUNDS.fullmatch(normalised_label(text)))


def match(column_map: ColumnMap, names: Mapping[int, Sequence[str]]) -> Match:
    """Give each canonical column of a map the head that names it best. ``names``: column → ways to read its head."""
    left_out = _other_scopes(names)
    heads = {index: ways for index, ways in names.items() if index not in left_out}
    found = _Finding(column_map, heads)
    found.take(ambiguous=False)
    found.take(ambiguous=True)
    columns = {column.name: found.taken[column.name] for column in column_map.columns if column.name in found.taken}
    kept = {column.name: found.taken[column.name] for column in column_map.kept if column.name in found.taken}
    return Match(columns, kept, found.either, tuple(sorted(left_out)))


class _Finding:
    """The heads of one row against one map, best spelling first."""

    def __init__(self, column_map: ColumnMap, heads: Mapping[int, Sequence[str]]) -> None:
        self.taken: dict[str, int] = {}
        self.either: dict[int, tuple[str, ...]] = {}
        # (spelling, rank of the synonym, place) of each head that may name a column.
        self._by_column: dict[str, list[tuple[int, int, int, int]]] = {}
        self._ambiguous: dict[str, list[tuple[int, int, int, int]]] = {}
        self._meanings: dict[int, tuple[str, ...]] = {}
        order = sorted([*column_map.columns], key=lambda column: not _is_needed(column))
        self._order = [column.name for column in (*order, *column_map.kept)]
        for index, ways in heads.items():
            self._name(column_map, index, ways)

    def _name(self, column_map: ColumnMap, index: int, ways: Sequence[str]) -> None:
        for way_at, way in enumerate(ways):
            spelt = spellings(way.replace(LEVEL, ""))
            for at, (text, known) in enumerate(zip(spelt, column_map.meanings, strict=True)):
                meanings = known.get(text, ())
                if not meanings:
                    continue
                names = tuple(column.name for _, column in meanings)
                if len(names) > 1:
                    self._meanings.setdefault(index, names)
                kinds = self._ambiguous if len(names) > 1 else self._by_column
                for rank, column in meanings:
                    kinds.setdefault(column.name, []).append((way_at, at, rank, index))
                break  # a looser spelling of the same way says no more

    def take(self, *, ambiguous: bool) -> None:
        """Hand out the heads: over all columns the most exact way to read and to spell first, then the first synonym."""
        kinds = self._ambiguous if ambiguous else self._by_column
        order = {name: at for at, name in enumerate(self._order)}
        offers = sorted(
            (way, spelling, order[name], rank, index, name)
            for name, found in kinds.items()
            for way, spelling, rank, index in found
        )
        used = set(self.taken.values())
        for _, _, _, _, index, name in offers:
            if name not in self.taken and index not in used:
                self.taken[name] = index
                used.add(index)
                if ambiguous:
                    self.either[index] = self._meanings[index]


def _is_needed(column: Column) -> bool:
    return column.required or bool(column.required_unless)


# ── groups of one and the same heads ─────────────────────────────────────────────────────────────────────────────────


def _other_scopes(names: Mapping[int, Sequence[str]]) -> set[int]:
    """The columns beside those that are meant: of one fund beside 合计, of the year before beside this one."""
    by_leaf: dict[str, list[tuple[int, str, str]]] = {}
    for index, ways in names.items():
        group, leaf = group_and_leaf(ways[0])
        by_leaf.setdefault(_dateless(leaf), []).append((index, group, leaf))
    out: set[int] = set()
    for same in by_leaf.values():
        if len(same) > 1:
            out |= _of_other_funds(same) | _of_other_years(same)
    return out


def _of_other_funds(same: Sequence[tuple[int, str, str]]) -> set[int]:
    funds = {index for index, group, _ in same if is_of_all_funds(group) or _A_FUND.fullmatch(group)}
    whole = [index for index, group, _ in same if is_of_all_funds(group)]
    whole = whole or [index for index, group, _ in same if not group]
    return funds - {whole[0]} if funds and whole else set()


def _of_other_years(same: Sequence[tuple[int, str, str]]) -> set[int]:
    years = {index: max(found) for index, group, leaf in same if (found := _YEAR.findall(group + leaf))}
    if len(set(years.values())) > 1:
        return {index for index, year in years.items() if year != max(years.values())}
    last = {index for index, group, _ in same if _LAST_YEAR.match(group)}
    return last if len(last) < len(same) else set()


def _dateless(leaf: str) -> str:
    return _LAST_YEAR.sub("", re.sub(r"20\d{2}年度?|本年度?|当年", "", leaf)) or leaf


def group_and_leaf(label: str) -> tuple[str, str]:
    """What stands above a leaf as one text, and the leaf, both as heads are compared."""
    *groups, leaf = label.split(LEVEL)
    return normalised_label("".join(groups)), normalised_label(leaf)


def undecided_funds(names: Mapping[int, Sequence[str]], columns: Iterable[int]) -> tuple[str, ...]:
    """The groups of funds, none of them 合计, under which heads of ``columns`` stand alike: nobody can tell which is meant."""
    groups: dict[str, dict[str, None]] = {}
    for ways in names.values():
        group, leaf = group_and_leaf(ways[0])
        if group and _A_FUND.fullmatch(group):
            groups.setdefault(leaf, {})[ways[0].split(LEVEL)[-2].strip()] = None
    # A column that was taken under 合计 is decided, whatever stands beside it.
    read = (group_and_leaf(names[index][0]) for index in columns)
    taken = {leaf for group, leaf in read if group and _A_FUND.fullmatch(group)}
    return next((tuple(found) for leaf, found in groups.items() if leaf in taken and len(found) > 1), ())
