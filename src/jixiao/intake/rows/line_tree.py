"""Which rows of a 预算执行情况表 are the sums of rows below them, and which are parts of the row above: 类/款/项, (一) 1., 其中.

A parent is a control: its figure is held against its children and never added to them. Codes say with certainty what
stands below what; numbering, indentation and 其中 say it only where the amounts bear them out. 合计, 基本支出 and
项目支出 are known by their names and are lines themselves (line_sums.py).
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from jixiao.domain.names import bare_name, comparable
from jixiao.intake.rows.code_lists import CLASS_DIGITS
from jixiao.intake.rows.printed_lines import (
    GROUP_LEVEL,
    LINE_LEVEL,
    PHASES,
    PROJECTS,
    TOTAL_LEVEL,
    PrintedLine,
    added,
    is_projects,
)
from jixiao.intake.tables.column_maps import line_parents
from jixiao.scoring.execution import amount_interval

_BASIC = "基本支出"
# 类, 款 and 项 of the function list have 3, 5 and 7 digits; economic codes stop at 款.
_SUBJECT_DIGITS = frozenset({CLASS_DIGITS, CLASS_DIGITS + 2, CLASS_DIGITS + 4})
_NUMERALS = "一二三四五六七八九十"
# More 其中 rows below one line, or more lines below one group, than any office prints: there the word alone decides.
_PARTS_MOST = 30
_RUN_MOST = 1_000
# The ranks of numbering in an official text (GB/T 9704): 一、 (一) 1. (1) ①.
_NUMBERINGS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"[{_NUMERALS}]+[、.．]",
        rf"[(（][{_NUMERALS}]+[)）]",
        r"\d{1,2}[、.．](?!\d)",
        r"[(（]\d{1,2}[)）]|\d{1,2}[)）]",
        r"[①-⑳]",
    )
)


@dataclass
class LineTree:
    """What became of the rows: ``parents`` (control → its children), ``parts`` (of which → the row it is part of).

    All are positions in the sequence that was given; ``levels`` are those of the rows in their order.
    """

    levels: list[int]
    parents: dict[int, tuple[int, ...]] = field(default_factory=dict)
    parts: dict[int, int] = field(default_factory=dict)

    def is_line(self, at: int) -> bool:
        """Whether a row is a line of its own."""
        return at not in self.parents and at not in self.parts


def tree_of(lines: Sequence[PrintedLine], *, whole: bool) -> LineTree:
    """Sort the rows of one unit. ``whole``: no row was rejected, so that sums can bear out what the layout suggests."""
    return _Trees(lines, whole=whole).tree


def is_subject_code(code: str) -> bool:
    """Whether a code may be that of a 类, 款 or 项."""
    return code.isascii() and code.isdigit() and len(code) in _SUBJECT_DIGITS


def parent_names(lines: Sequence[PrintedLine], tree: LineTree) -> dict[int, str]:
    """The name of the line that each line of level 2 belongs to: 项目支出 for a project, the total where none stands.

    Below 基本支出 stand 人员经费 and 公用经费 alone, and what is printed between it and a 项目支出 that adds up without.
    """
    kept = [at for at in range(len(lines)) if tree.is_line(at)]
    levels = tree.levels
    groups = [at for at in kept if levels[at] == GROUP_LEVEL]
    projects = [at for at in groups if is_projects(lines[at].name)]
    basic = next((lines[at].name for at in groups if at not in projects), "")
    total = next((lines[at].name for at in kept if levels[at] == TOTAL_LEVEL), "")
    found: dict[int, str] = {}
    between: list[int] = []
    for at in (at for at in kept if levels[at] == LINE_LEVEL):
        above = max((group for group in groups if group < at), default=None)
        if basic and line_parents().get(bare_name(lines[at].name)) == _BASIC:
            parent = basic
        elif above is not None and above in projects:
            parent = lines[above].name
        else:
            parent = next((lines[group].name for group in projects if group > at), "")
            if parent and above is not None:
                between.append(at)
            parent = parent or (lines[projects[-1]].name if projects else total or PROJECTS)
        found[at] = parent
    if between:
        first = projects[0]
        end = next((group for group in groups if group > first), len(lines))
        members = [at for at in kept if first < at < end and levels[at] == LINE_LEVEL]
        if not _adds_up(lines, first, [*between, *members]) and _adds_up(lines, first, members):
            found.update(dict.fromkeys(between, basic))
    return found


def _adds_up(lines: Sequence[PrintedLine], group: int, members: Sequence[int]) -> bool:
    """Whether some rows give the print of their group in every phase that it prints."""
    if not members:
        return False
    for phase in PHASES:
        printed = lines[group].amounts.get(phase)
        amounts = [amount for at in members if (amount := lines[at].amounts.get(phase)) is not None]
        if printed is not None and amounts and not added(amounts).meets(amount_interval(printed)):
            return False
    return True


class _Trees:
    def __init__(self, lines: Sequence[PrintedLine], *, whole: bool) -> None:
        self._lines, self._whole = lines, whole
        levels = [line.level for line in lines]
        self._codes = {
            at: line.code for at, line in enumerate(lines) if is_subject_code(line.code) and levels[at] != TOTAL_LEVEL
        }
        # The rows that a code itself is printed in, projects of it aside.
        self._named: dict[str, list[int]] = {}
        for at, code in self._codes.items():
            if not lines[at].is_detail:
                self._named.setdefault(code, []).append(at)
        if self._codes and _repeated_groups(lines):
            # 基本支出 and 项目支出 below each 科目 are lines of it, not those of the unit.
            levels = [LINE_LEVEL if level == GROUP_LEVEL else level for level in levels]
        self.tree = LineTree(levels)
        self._bounds = {at for at, level in enumerate(levels) if level != LINE_LEVEL}
        by_code = self._by_code()
        for group, run in self._runs():
            if whole and not by_code:
                self._by_depth(run, self._indents(run))
                self._by_depth(run, self._ranks(run))
            self._of_which(group, run)

    def _runs(self) -> list[tuple[int | None, list[int]]]:
        """The rows between totals and groups in order, without those already sorted out, and the row they stand below."""
        runs: list[tuple[int | None, list[int]]] = [(None, [])]
        for at in range(len(self._lines)):
            if at in self._bounds:
                runs.append((at, []))
            elif self.tree.is_line(at):
                runs[-1][1].append(at)
        return [(group, run) for group, run in runs if run]

    # -------------------------------------------------------------------------------------------- by code

    def _by_code(self) -> bool:
        """类/款/项 by their codes, and projects printed below the 项 they belong to; False where no code has a child."""
        above = {at: self._code_above(at) for at in self._codes}
        if not any(parent is not None for parent in above.values()):
            return False
        children: dict[int, list[int]] = {}
        for at, parent in above.items():
            if parent is not None:
                children.setdefault(parent, []).append(at)
        for at in self._codes:
            below = self._uncoded_below(at)
            if at in children:
                self.tree.parents[at] = tuple(children[at])
            elif below and self._agree(at, below, enough=_any):
                self.tree.parents[at] = tuple(below)
        return True

    def _code_above(self, at: int) -> int | None:
        """The row of the longest code that this one's begins with: the nearest before it, else the first after it.

        A project stands below the row of its own code.
        """
        code, is_detail = self._codes[at], self._lines[at].is_detail
        lengths = sorted((n for n in _SUBJECT_DIGITS if n < len(code) or (is_detail and n == len(code))), reverse=True)
        for length in lengths:
            if nearest := self._named.get(code[:length]):
                before = bisect_left(nearest, at)
                return nearest[before - 1] if before else nearest[0]
        return None

    def _uncoded_below(self, at: int) -> list[int]:
        """The rows without a code that follow a coded one; 项目支出 among them stands for the projects below it."""
        run: list[int] = []
        for below in range(at + 1, len(self._lines)):
            if below in self._bounds or below in self._codes:
                break
            run.append(below)
        for position, head in enumerate(run):
            if self._lines[head].level != GROUP_LEVEL:
                continue
            end = next((p for p in range(position + 1, len(run)) if self._lines[run[p]].level == GROUP_LEVEL), len(run))
            members = run[position + 1 : end]
            if members and self._agree(head, members, enough=all):
                self.tree.parents[head] = tuple(members)
        return [below for below in run if self.tree.is_line(below)]

    # -------------------------------------------------------------------------------------------- by depth

    def _indents(self, run: list[int]) -> dict[int, int]:
        return {at: self._lines[at].indent for at in run}

    def _ranks(self, run: list[int]) -> dict[int, int]:
        """The rank of each row's numbering; a row without one stands below the numbered row before it."""
        ranks: dict[int, int] = {}
        last: int | None = None
        for at in run:
            rank = _numbering(self._lines[at].name)
            if rank is None:
                ranks[at] = 0 if last is None else last + 1
            else:
                # Between two ranks there is room for what has no number.
                ranks[at] = last = 2 * rank
        return ranks

    def _by_depth(self, run: list[int], depths: dict[int, int]) -> None:
        """Rows that the deeper rows after them add up to. Where they do not, the layout means nothing."""
        run = [at for at in run if self.tree.is_line(at)]
        if len({depths[at] for at in run}) < 2:
            return
        for position in reversed(range(len(run))):
            at = run[position]
            end = next((p for p in range(position + 1, len(run)) if depths[run[p]] <= depths[at]), len(run))
            below = [b for b in run[position + 1 : end] if self.tree.is_line(b)]
            if not below or self._lines[below[0]].is_of_which:
                continue
            if self._agree(at, below, enough=_any):
                self._take(at, below)

    def _take(self, at: int, below: list[int]) -> None:
        """The row is a control of those below it; 人员经费 and 公用经费 stay lines, what they consist of are parts."""
        if bare_name(self._lines[at].name) in line_parents():
            self.tree.parts.update(dict.fromkeys(below, at))
        else:
            self.tree.parents[at] = tuple(below)

    # -------------------------------------------------------------------------------------------- 其中

    def _of_which(self, group: int | None, run: list[int]) -> None:
        """其中 rows below a line are parts of it, unless the rows add up to their group only with them."""
        run = [at for at in run if self.tree.is_line(at)]
        for position, at in enumerate(run):
            if position == 0 or not self._lines[at].is_of_which or not self.tree.is_line(at):
                continue
            whole = next((w for w in reversed(run[:position]) if self.tree.is_line(w)), None)
            if whole is None or not self._may_hold(whole, [at]):
                continue
            following = [at]
            for after in run[position + 1 : position + _PARTS_MOST]:
                if self._lines[after].is_of_which or not self._may_hold(whole, [*following, after]):
                    break
                following.append(after)
            chosen = self._parts_that_fit(group, run, following) if self._whole else None
            chosen = following[:1] if chosen is None else chosen
            self.tree.parts.update(dict.fromkeys(chosen, whole))

    def _parts_that_fit(self, group: int | None, run: list[int], following: list[int]) -> list[int] | None:
        """The fewest rows to leave out for the run to add up to the group above it; None where that never happens."""
        if group is None or len(run) > _RUN_MOST:
            return None
        for count in range(len(following) + 1):
            left_out = set(following[:count])
            rest = [at for at in run if self.tree.is_line(at) and at not in left_out]
            if rest and self._agree(group, rest, enough=all):
                return following[:count]
        return None

    def _may_hold(self, whole: int, parts: list[int]) -> bool:
        """Whether no phase of the parts is larger than that of the whole."""
        for phase in PHASES:
            own = self._lines[whole].amounts.get(phase)
            theirs = [amount for at in parts if (amount := self._lines[at].amounts.get(phase)) is not None]
            if own is not None and theirs and added(theirs).low > amount_interval(own).high:
                return False
        return True

    # -------------------------------------------------------------------------------------------- sums

    def _agree(self, parent: int, children: Sequence[int], *, enough: Callable[[Iterable[bool]], bool]) -> bool:
        """Whether the children add up to the parent: in ``all`` phases that both print, or in any that is not zero.

        In a table that lacks rows it is enough that they do not exceed it.
        """
        if not self._whole:
            return self._may_hold(parent, list(children))
        verdicts = []
        for phase in PHASES:
            own = self._lines[parent].amounts.get(phase)
            theirs = [self._lines[at].amounts.get(phase) for at in children]
            stated = [amount for amount in theirs if amount is not None]
            if own is None or not stated or len(stated) < len(theirs):
                continue
            if own.fen == 0 and all(amount.fen == 0 for amount in stated):
                continue
            verdicts.append(added(stated).meets(amount_interval(own)))
        return bool(verdicts) and enough(verdicts)


def _any(verdicts: Iterable[bool]) -> bool:
    """At least two of three phases: one alone may agree by chance, one alone may be the fault to be found."""
    seen = list(verdicts)
    return sum(seen) * 2 > len(seen)


def _repeated_groups(lines: Sequence[PrintedLine]) -> bool:
    """Whether 基本支出 or 项目支出 is printed several times: below each 科目, not once for the unit."""
    names = [bare_name(line.name) for line in lines if line.level == GROUP_LEVEL]
    return len(names) > len(set(names))


def _numbering(name: str) -> int | None:
    """0 for 一、, 1 for (一), 2 for 1., 3 for (1), 4 for ①; None where the name has no number."""
    shown = unicodedata.normalize("NFKC", name) if not re.match(r"\s*[①-⑳]", name) else name
    text = comparable(shown) if shown is not name else name.strip()
    return next((rank for rank, pattern in enumerate(_NUMBERINGS) if pattern.match(text)), None)
