"""Budget lines with the exact amounts of the books: the ledger fills the leaves, parents are sums of their children.

Neighbours: derived.py makes rates of the total; checks/budget.py holds the printed table against these lines.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from jixiao.domain.books import Amount, BudgetLine, LedgerTotal, UnitBooks
from jixiao.domain.evaluation import ExecutedFrom, ExecutedLine
from jixiao.domain.findings import Place
from jixiao.domain.interval import Interval, printed_interval
from jixiao.domain.money import MoneyUnit, PrintStyle, pct_text
from jixiao.domain.names import bare_name

_NO_MONTHS: tuple[int, ...] = (0,) * 12


@dataclass(frozen=True)
class ExecutionTable:
    """The lines of one unit, in the table's order, and the ledger totals that no line claims."""

    lines: tuple[ExecutedLine, ...]
    unmatched: tuple[LedgerTotal, ...]

    @property
    def total(self) -> ExecutedLine | None:
        return next((line for line in self.lines if line.line.level == 0), None)


def amount_interval(amount: Amount, style: PrintStyle | None = None) -> Interval:
    """What the printed amount may really be, in fen."""
    unit_fen = amount.unit.fen
    if amount.is_exact:
        return Interval.point(amount.fen)

    return printed_interval(Decimal(amount.fen) / unit_fen, amount.places, style).scaled(unit_fen)


def line_key(line: BudgetLine) -> str:
    """The same line keeps its key when the table's order changes: a hash of its parent and name."""
    return hashlib.sha256(f"{line.parent}/{bare_name(line.name)}".encode()).hexdigest()[:10]


def rate_text(executed_fen: int | None, adjusted_fen: int | None) -> str:
    """Rate in percent with two decimals; ``n/a`` on a zero base, empty where an amount is missing."""
    if executed_fen is None or adjusted_fen is None:
        return ""
    return pct_text(executed_fen, adjusted_fen) if adjusted_fen else "n/a"


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
    if named or parent.level > 0:
        return named
    below = [line for line in lines if line.level > 0]
    if not below:
        return ()
    top = min(line.level for line in below)
    return tuple(line for line in below if line.level == top)


def execute_lines(books: UnitBooks) -> ExecutionTable:
    """Put the ledger's exact sums into the budget lines and add them up to their parents.

    A leaf without a ledger row keeps the table's figure. A parent is the sum of its children as soon as one of them
    is known from the ledger; else its own printed figure is the better one.
    """
    by_name = {bare_name(total.line_name): total for total in books.ledger}
    done: dict[int, ExecutedLine] = {}
    claimed: set[str] = set()

    def resolve(line: BudgetLine) -> ExecutedLine:
        if line.position in done:
            return done[line.position]
        children = [resolve(child) for child in children_of(books.lines, line)]
        paid = by_name.get(bare_name(line.name))
        executed, origin, months, rows = _fen(line.executed), ExecutedFrom.TABLE, _NO_MONTHS, 0
        if not children and paid is not None:
            claimed.add(bare_name(line.name))
            executed, origin, months, rows = paid.paid_fen, ExecutedFrom.LEDGER, paid.months_fen, paid.rows
        elif children and any(child.executed_from is not ExecutedFrom.TABLE for child in children):
            known = [child.executed_fen for child in children if child.executed_fen is not None]
            if len(known) == len(children):
                executed, origin = sum(known), ExecutedFrom.CHILDREN
                months, rows = _added(c.months_fen for c in children), sum(c.ledger_rows for c in children)
        adjusted = _adjusted(line)
        made = ExecutedLine(
            line=line,
            line_key=line_key(line),
            original_fen=_fen(line.original),
            carry_and_adjust_fen=_fen(line.carry_and_adjust),
            adjusted_fen=adjusted,
            executed_fen=executed,
            executed_from=origin,
            execution_rate=rate_text(executed, adjusted),
            months_fen=months,
            ledger_rows=rows,
        )
        done[line.position] = made
        return made

    lines = tuple(resolve(line) for line in books.lines)
    unmatched = tuple(total for total in books.ledger if bare_name(total.line_name) not in claimed)
    return ExecutionTable(lines, unmatched)


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
        printed = line.line.executed
        if printed is None or printed.is_exact or line.executed_from is ExecutedFrom.TABLE or line.executed_fen is None:
            continue
        exact = Interval.point(line.executed_fen)
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

            proofs.append(
                f"{line.line.name} 明细合计 {Decimal(line.executed_fen) / unit.fen:f}{unit.value}，表内印 {Decimal(printed.fen) / unit.fen:f}"
            )
    return StyleEvidence(PrintStyle.TRUNCATED if proofs else PrintStyle.ROUNDED, tuple(proofs), place)
