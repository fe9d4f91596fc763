"""Budget lines with the exact amounts of the books: the ledger fills the leaves, parents are sums of their children.

Neighbours: derived.py makes rates of the total; checks/budget.py holds the printed table against these lines.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from jixiao.domain.books import Amount, BudgetLine, LedgerTotal, UnitBooks
from jixiao.domain.evaluation import ExecutedFrom, ExecutedLine, total_of
from jixiao.domain.findings import Place
from jixiao.domain.interval import Interval, printed_interval
from jixiao.domain.money import MoneyUnit, PrintStyle, half_up, pct_text
from jixiao.domain.names import bare_name
from jixiao.scoring.project_funds import project_claims

_NO_MONTHS: tuple[int, ...] = (0,) * 12
_BASIC = "基本支出"
_YEAR = re.compile(r"^20\d\d年度?")
_RATE_PLACES = 2


@dataclass(frozen=True)
class SharedName:
    """Lines of one name: the ledger cannot say which of them it paid, only whether their sum is right."""

    name: str
    lines: tuple[BudgetLine, ...]
    totals: tuple[LedgerTotal, ...]


@dataclass(frozen=True)
class ExecutionTable:
    """The lines of one unit, in the table's order, and the ledger totals that no line claims.

    ``intervals``: what the executed amount of each line may really be, in fen, by the line's position.
    """

    lines: tuple[ExecutedLine, ...]
    unmatched: tuple[LedgerTotal, ...]
    shared: tuple[SharedName, ...] = ()
    intervals: dict[int, Interval] = field(default_factory=dict)
    claims: dict[int, tuple[LedgerTotal, ...]] = field(default_factory=dict)

    @property
    def total(self) -> ExecutedLine | None:
        return total_of(self.lines)

    def executed(self, line: ExecutedLine) -> Interval | None:
        return self.intervals.get(line.line.position)

    def ledger_of(self, line: ExecutedLine) -> tuple[LedgerTotal, ...]:
        """The ledger totals behind a line: its own, or those of the lines below it."""
        own = self.claims.get(line.line.position, ())
        if own or line.executed_from is not ExecutedFrom.CHILDREN:
            return own
        below = children_of([x.line for x in self.lines], line.line)
        return tuple(t for x in self.lines if x.line in below for t in self.ledger_of(x))


def amount_interval(amount: Amount, style: PrintStyle | None = None) -> Interval:
    """What the printed amount may really be, in fen."""
    unit_fen = amount.unit.fen
    if amount.is_exact:
        return Interval.point(amount.fen)
    return printed_interval(Decimal(amount.fen) / unit_fen, amount.places, style).scaled(unit_fen)


def adjusted_interval(line: BudgetLine) -> Interval | None:
    """What the adjusted budget may really be, in fen: as printed, else the sum of the original and the adjustments."""
    if line.adjusted is not None:
        return amount_interval(line.adjusted)
    if line.original is not None and line.carry_and_adjust is not None:
        return amount_interval(line.original).plus(amount_interval(line.carry_and_adjust))
    return None


def line_key(line: BudgetLine, occurrence: int = 1) -> str:
    """The same line keeps its key when the table's order changes: a hash of its parent, name and occurrence."""
    again = f"/{occurrence}" if occurrence > 1 else ""
    return hashlib.sha256(f"{line.parent}/{bare_name(line.name)}{again}".encode()).hexdigest()[:10]


def rate_text(executed_fen: int | None, adjusted_fen: int | None) -> str:
    """Rate in percent with two decimals; ``n/a`` on a zero base, empty where an amount is missing."""
    if executed_fen is None or adjusted_fen is None:
        return ""
    return pct_text(executed_fen, adjusted_fen) if adjusted_fen else "n/a"


def _line_rate(line: BudgetLine, executed_fen: int | None, executed: Interval | None, adjusted_fen: int | None) -> str:
    """The rate of the exact amounts. Where the budget is known only as printed, the printed rate knows more: it was
    made from the figures before they were cut, and stands as long as the exact payments allow it.
    """
    computed = rate_text(executed_fen, adjusted_fen)
    base, stated = adjusted_interval(line), line.reported_rate_pct
    if executed is None or base is None or base.is_point or stated is None or line.rate_places < _RATE_PLACES:
        return computed
    quotient = executed.over(base)
    printed = printed_interval(stated, line.rate_places, PrintStyle.ROUNDED).scaled(Fraction(1, 100))
    if quotient is None or not quotient.meets(printed):
        return computed
    return f"{half_up(Fraction(stated), places=_RATE_PLACES):f}"


def _fen(amount: Amount | None) -> int | None:
    return None if amount is None else amount.fen


def _adjusted(line: BudgetLine) -> int | None:
    if line.adjusted is not None:
        return line.adjusted.fen
    if line.original is not None and line.carry_and_adjust is not None:
        return line.original.fen + line.carry_and_adjust.fen
    return None


def _added(months: Iterable[Sequence[int]]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*months, strict=True))) or _NO_MONTHS


def children_of(lines: Sequence[BudgetLine], parent: BudgetLine) -> tuple[BudgetLine, ...]:
    """The lines whose amounts make up ``parent``: by name, else (for the total) the highest level below it."""
    named = tuple(
        line for line in lines if line.level > parent.level and bare_name(line.parent) == bare_name(parent.name)
    )
    if parent.level > 0:
        return named
    below = [line for line in lines if line.level > 0]
    if not below:
        return ()
    top = min(line.level for line in below)
    groups = {bare_name(line.name) for line in below}
    # A line whose group has no row of its own stands directly below the total.
    return tuple(line for line in below if line.level == top or bare_name(line.parent) not in groups)


class _Matcher:
    """Finds the line that each ledger total belongs to; what is taken is not offered again."""

    def __init__(self, lines: Sequence[BudgetLine], ledger: Sequence[LedgerTotal]) -> None:
        self._lines = lines
        self._leaves = [line for line in lines if not children_of(lines, line)]
        self._offered: dict[str, list[LedgerTotal]] = {}
        for total in ledger:
            self._offered.setdefault(bare_name(total.line_name), []).append(total)
        self.claims: dict[int, tuple[LedgerTotal, ...]] = {}
        self.shared: list[SharedName] = []

    @property
    def unmatched(self) -> tuple[LedgerTotal, ...]:
        return tuple(total for totals in self._offered.values() for total in totals)

    def _claim(self, line: BudgetLine, name: str) -> None:
        self.claims[line.position] = (*self.claims.get(line.position, ()), *self._offered.pop(name))

    def by_name(self) -> None:
        """Leaves by their own name; a name of several leaves is set aside."""
        counted = Counter(bare_name(line.name) for line in self._leaves)
        for line in self._leaves:
            name = bare_name(line.name)
            if name not in self._offered:
                continue
            if counted[name] == 1:
                self._claim(line, name)
            else:
                of_name = tuple(other for other in self._leaves if bare_name(other.name) == name)
                self.shared.append(SharedName(name, of_name, tuple(self._offered.pop(name))))

    def by_name_without_year(self) -> None:
        """2024年防汛物资 is 防汛物资, where only one leaf can be meant."""
        waiting: dict[str, list[BudgetLine]] = {}
        for line in self._leaves:
            if line.position not in self.claims:
                waiting.setdefault(_YEAR.sub("", bare_name(line.name)), []).append(line)
        for name in list(self._offered):
            found = waiting.get(_YEAR.sub("", name), [])
            if len(found) == 1:
                self._claim(found[0], name)

    def by_group(self, basic_parts: frozenset[str]) -> None:
        """A parent whose children the ledger does not tell apart; 人员经费 and the like for a 基本支出 of one line."""
        for line in self._lines:
            name, below = bare_name(line.name), children_of(self._lines, line)
            if below and name in self._offered and not any(child.position in self.claims for child in below):
                self._claim(line, name)
            elif not below and name == _BASIC and line.position not in self.claims:
                for part in [part for part in self._offered if part in basic_parts]:
                    self._claim(line, part)


def execute_lines(
    books: UnitBooks, *, basic_parts: Iterable[str] = (), own_funds: Iterable[str] = ()
) -> ExecutionTable:
    """Put the ledger's exact sums into the budget lines and add them up to their parents.

    A leaf without a ledger row keeps the table's figure. A parent is the sum of its children as soon as one of them
    is known from the ledger and the children's printed figures add up to its own; else its own figure is the better
    one. ``basic_parts`` are names of ledger projects that belong to 基本支出 where the table does not list them;
    ``own_funds`` are words of a project's fund lines that are not paid through the treasury.
    """
    lines = books.lines
    matcher = _Matcher(lines, () if books.project else books.ledger)
    matcher.by_name()
    matcher.by_name_without_year()
    matcher.by_group(frozenset(map(bare_name, basic_parts)))
    claims = project_claims(books, own_funds=own_funds) if books.project else matcher.claims
    done: dict[int, ExecutedLine] = {}
    intervals: dict[int, Interval] = {}
    seen: Counter[tuple[str, str]] = Counter()

    def complete(parent: BudgetLine, children: Sequence[ExecutedLine]) -> bool:
        """Whether the children are all of the parent: their printed figures can add up to its printed one."""
        printed = [child.line.executed for child in children]
        if parent.executed is None or any(amount is None for amount in printed):
            return all(child.executed_fen is not None for child in children)
        added = Interval.point(0)
        for amount in printed:
            added = added.plus(amount_interval(amount)) if amount is not None else added
        return added.meets(amount_interval(parent.executed))

    def resolve(line: BudgetLine) -> ExecutedLine:
        if line.position in done:
            return done[line.position]
        children = [resolve(child) for child in children_of(lines, line)]
        executed, origin, months, rows = _fen(line.executed), ExecutedFrom.TABLE, _NO_MONTHS, 0
        interval = None if line.executed is None else amount_interval(line.executed)
        paid = claims.get(line.position, ())
        known = [child.executed_fen for child in children if child.executed_fen is not None]
        if paid:
            executed, origin = sum(t.paid_fen for t in paid), ExecutedFrom.LEDGER
            months, rows = _added(t.months_fen for t in paid), sum(t.rows for t in paid)
            interval = Interval.point(executed)
        elif any(child.executed_from is not ExecutedFrom.TABLE for child in children) and complete(line, children):
            executed, origin = sum(known), ExecutedFrom.CHILDREN
            months, rows = _added(c.months_fen for c in children), sum(c.ledger_rows for c in children)
            interval = Interval.point(0)
            for child in children:
                interval = interval.plus(intervals[child.line.position])
        if interval is not None:
            intervals[line.position] = interval
        adjusted = _adjusted(line)
        # A form with one column of budget states no adjusted one: what was approved is what is executed.
        base = _fen(line.original) if adjusted is None and books.form is not None else adjusted
        identity = (line.parent, bare_name(line.name))
        seen[identity] += 1
        made = ExecutedLine(
            line=line,
            line_key=line_key(line, seen[identity]),
            original_fen=_fen(line.original),
            carry_and_adjust_fen=_fen(line.carry_and_adjust),
            adjusted_fen=adjusted,
            executed_fen=executed,
            executed_from=origin,
            execution_rate=_line_rate(line, executed, interval, base),
            months_fen=months,
            ledger_rows=rows,
        )
        done[line.position] = made
        return made

    made = tuple(resolve(line) for line in lines)
    return ExecutionTable(made, matcher.unmatched, tuple(matcher.shared), intervals, claims)


@dataclass(frozen=True)
class StyleEvidence:
    """How the table shortened its figures, and the cells that prove it."""

    style: PrintStyle
    proofs: tuple[str, ...] = ()
    place: Place = Place()


def infer_style(table: ExecutionTable) -> StyleEvidence:
    """Find out whether the printed executed amounts were rounded or cut, from lines whose exact sum is known.

    Truncated only where every line agrees with cutting and at least one refutes rounding; rounded otherwise.
    """
    proofs: list[str] = []
    place = Place()
    for line in table.lines:
        printed, exact = line.line.executed, table.executed(line)
        if printed is None or printed.is_exact or line.executed_fen is None or exact is None or not exact.is_point:
            continue
        cut = amount_interval(printed, PrintStyle.TRUNCATED).meets(exact)
        rounded = amount_interval(printed, PrintStyle.ROUNDED).meets(exact)
        if not cut:
            # A line that neither cutting nor rounding explains is a contradiction of its own, no evidence of style.
            if rounded:
                return StyleEvidence(PrintStyle.ROUNDED)
            continue
        if not rounded:
            place = place if proofs else line.line.place
            unit = MoneyUnit.WAN if printed.unit is MoneyUnit.WAN else MoneyUnit.YUAN
            true, shown = Decimal(line.executed_fen) / unit.fen, Decimal(printed.fen) / unit.fen
            proofs.append(f"{line.line.name} 明细合计 {true:f}{unit.value}，表内印 {shown:f}")
    return StyleEvidence(PrintStyle.TRUNCATED if proofs else PrintStyle.ROUNDED, tuple(proofs), place)
