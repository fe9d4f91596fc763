"""Indicators that the books themselves give (财预〔2013〕53号 and others), recomputed and held against the report.

The catalogue is data (rules/sets/**, ``derived``). A figure known only as printed is an interval: a reported rate is
contradicted only where no value of the interval prints as reported. Neighbour: unit_score.py decides what it costs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from jixiao.domain.books import Fact, UnitBooks
from jixiao.domain.evaluation import Derivation, ExecutedLine, SourceRow
from jixiao.domain.findings import Place
from jixiao.domain.interval import Interval, printed_interval
from jixiao.domain.money import FEN_PER_YUAN, MoneyUnit, half_up, yuan_text
from jixiao.domain.names import unitless_name
from jixiao.rules.model import DerivedBasis, DerivedIndicator
from jixiao.scoring.execution import ExecutionTable, adjusted_interval, amount_interval

_TERM = re.compile(r"\s*([+-]?)\s*([a-z_:]+)")
_FACT = "fact:"
_PACE_FACT = "planned_payment_pct"
_PHASES = {
    "original": "年初预算数",
    "adjusted": "调整预算数",
    "executed": "实际支出数",
    "adjustment": "预算调整数",
    "planned_payment": "既定支付数",
}


class _ZeroBase(Exception):
    pass


@dataclass(frozen=True)
class Term:
    """A figure of a formula: its value, what it may really be, how it prints, and the rows it stands in."""

    value: Fraction
    interval: Interval
    text: str
    rows: tuple[SourceRow, ...]


class _Missing(Exception):
    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def _row(place: Place, says: str, books: UnitBooks) -> SourceRow:
    return SourceRow(place, books.file_sha256.get(place.file, ""), says)


def executed_rows(line: ExecutedLine, table: ExecutionTable, books: UnitBooks) -> tuple[SourceRow, ...]:
    """Where the executed amount of a line comes from: ledger rows, or the printed cell."""
    totals = table.ledger_of(line)
    if not totals:
        return (_row(line.line.place, f"「{line.line.name}」实际支出数（执行情况表）", books),)
    return tuple(
        SourceRow(
            total.first,
            total.batch_sha256,
            f"支付明细「{total.line_name}」{total.rows} 行（第 {total.rows_text} 行），合计 {yuan_text(total.paid_fen)} 元",
            total.rows,
        )
        for total in totals
    )


class BookTerms:
    """Looks terms up in one unit's books: phases of the total line in fen, facts in their own unit."""

    def __init__(self, books: UnitBooks, table: ExecutionTable) -> None:
        self._books = books
        self._table = table
        self._total = table.total
        self._facts: dict[str, Fact] = {}
        # Two different figures for one fact: none of them is used, checks/scope.py says so.
        self._conflicting = set(conflicting_facts(books.facts))
        for fact in books.facts:
            self._facts.setdefault(fact.key, fact)

    def _money(self, term: str) -> Term:
        total = self._total
        if total is None:
            raise _Missing("预算执行情况表的合计行")
        line = total.line
        printed = {"original": line.original, "adjusted": line.adjusted, "adjustment": line.carry_and_adjust}
        if term == "executed":
            exact = self._table.executed(total)
            if total.executed_fen is None or exact is None:
                raise _Missing("实际支出数")
            rows = executed_rows(total, self._table, self._books)
            return Term(Fraction(total.executed_fen), exact, yuan_text(total.executed_fen), rows)
        amount = printed[term]
        if amount is None and term == "adjusted" and total.adjusted_fen is not None:
            value = total.adjusted_fen
            rows = (_row(line.place, "年初预算数与追加追减数之和", self._books),)
            return Term(Fraction(value), adjusted_interval(line) or Interval.point(value), yuan_text(value), rows)
        if amount is None:
            raise _Missing(_PHASES[term])
        value = abs(amount.fen) if term == "adjustment" else amount.fen
        interval = amount_interval(amount)
        if term == "adjustment" and amount.fen < 0:
            interval = Interval(-interval.high, -interval.low)
        says = f"「{line.name}」{_PHASES[term]} {yuan_text(amount.fen)} 元"
        return Term(Fraction(value), interval, yuan_text(value), (_row(line.place, says, self._books),))

    def _fact(self, key: str) -> Term:
        fact = self._facts.get(key)
        if fact is None:
            raise _Missing(f"基础数据 {key}")
        if key in self._conflicting:
            raise _Missing(f"{fact.label}（基础数据表里有两个不同的数）")
        says = f"{fact.label} {fact.value:f}{fact.unit}" + (f"（{fact.basis}）" if fact.basis else "")
        # Amounts of the budget table are in fen; a money fact is in 元 after intake.
        value = Fraction(fact.value) * (FEN_PER_YUAN if fact.unit == MoneyUnit.YUAN else 1)
        return Term(value, Interval.point(value), f"{fact.value:f}", (_row(fact.place, says, self._books),))

    def term(self, name: str) -> Term:
        """Raises _Missing: the books do not hold it."""
        if name.startswith(_FACT):
            return self._fact(name.removeprefix(_FACT))
        if name == "planned_payment":
            adjusted = self._money("adjusted")
            pace = self._facts.get(_PACE_FACT)
            if pace is None or _PACE_FACT in self._conflicting:
                return adjusted
            share = Fraction(pace.value) / 100
            rows = (*adjusted.rows, _row(pace.place, f"{pace.label} {pace.value:f}%", self._books))
            return Term(
                adjusted.value * share, adjusted.interval.scaled(share), f"{adjusted.text} × {pace.value:f}%", rows
            )
        return self._money(name)

    def sum(self, expression: str) -> Term:
        """A sum such as ``adjusted - executed``."""
        made: Term | None = None
        for sign, name in _TERM.findall(expression):
            term = self.term(name)
            if made is None:
                made = term
            elif sign == "-":
                made = Term(
                    made.value - term.value,
                    made.interval.minus(term.interval),
                    f"（{made.text} − {term.text}）",
                    (*made.rows, *term.rows),
                )
            else:
                made = Term(
                    made.value + term.value,
                    made.interval.plus(term.interval),
                    f"（{made.text} + {term.text}）",
                    (*made.rows, *term.rows),
                )
        if made is None:
            raise _Missing(expression)
        return made

    @property
    def printed_rate(self) -> Interval | None:
        """What the printed execution rate of the total allows the true one to be, as a ratio; None where none is printed."""
        if self._total is None or self._total.line.reported_rate_pct is None:
            return None
        line = self._total.line
        return printed_interval(line.reported_rate_pct or Decimal(0), line.rate_places).scaled(Fraction(1, 100))


def conflicting_facts(facts: Sequence[Fact]) -> dict[str, tuple[Fact, ...]]:
    """Facts that are stated twice with different figures, by key."""
    by_key: dict[str, list[Fact]] = {}
    for fact in facts:
        by_key.setdefault(fact.key, []).append(fact)
    return {key: tuple(rows) for key, rows in by_key.items() if len({row.value for row in rows}) > 1}


@dataclass(frozen=True)
class _Computed:
    basis: DerivedBasis
    ratio: Fraction
    interval: Interval | None
    text: str
    rows: tuple[SourceRow, ...]


def _compute(basis: DerivedBasis, terms: BookTerms) -> _Computed:
    top, base = terms.sum(basis.numerator), terms.sum(basis.denominator)
    if base.value == 0:
        raise _ZeroBase(basis.formula)
    ratio = top.value / base.value
    interval = top.interval.over(base.interval)
    printed = terms.printed_rate
    if (
        (basis.numerator, basis.denominator) == ("executed", "adjusted")
        and interval is not None
        and printed is not None
    ):
        # Amounts cut to two decimals say less than the rate that was made from the whole ones.
        interval = interval.both(printed) if interval.meets(printed) else interval
    return _Computed(basis, ratio, interval, f"{top.text} ÷ {base.text}", (*top.rows, *base.rows))


def pct(ratio: Fraction) -> Decimal:
    """A ratio in percent with two decimals."""
    return half_up(ratio * 100, places=2)


def can_print_as(computed: Interval, printed_pct: Decimal) -> bool:
    """Whether some value of ``computed`` (a ratio) prints as ``printed_pct``, rounded or cut at its own decimals."""
    exponent = printed_pct.as_tuple().exponent
    places = max(0, -exponent) if isinstance(exponent, int) else 0
    return printed_interval(printed_pct, places).scaled(Fraction(1, 100)).meets(computed)


def find_catalogued(name: str, catalogue: Sequence[DerivedIndicator]) -> DerivedIndicator | None:
    """The catalogue's indicator whose name or alias is exactly ``name`` (white space, quotes, numbering and a unit aside)."""
    wanted = unitless_name(name)
    return next((d for d in catalogue if wanted in {unitless_name(a) for a in (d.name, *d.aliases)}), None)


def derive(
    indicator: DerivedIndicator, terms: BookTerms, *, reported_pct: Decimal | None, fact_labels: dict[str, str]
) -> Derivation:
    """Recompute one indicator from the books.

    ``reported_pct`` None: nothing readable was reported. ``fact_labels`` names facts in Chinese, for what is missing.
    ``agrees`` is False only where the main definition and every other one that can be computed refute the report.
    """
    try:
        main = _compute(indicator.main, terms)
    except _Missing as missing:
        what = fact_labels.get(missing.what.removeprefix("基础数据 "), missing.what)
        return Derivation(indicator.key, indicator.name, indicator.main.formula, None, missing=(what,))
    except _ZeroBase:
        return Derivation(indicator.key, indicator.name, indicator.main.formula, None, zero_base=True)
    others = []
    for basis in indicator.alternatives:
        try:
            others.append(_compute(basis, terms))
        except (_Missing, _ZeroBase):
            continue
    # An adjustment is counted by its amount, a form may print it with its sign.
    stated = (
        abs(reported_pct) if reported_pct is not None and "adjustment" in indicator.main.numerator else reported_pct
    )

    def fits(made: _Computed) -> bool:
        return stated is None or can_print_as(made.interval or Interval.point(made.ratio), stated)

    value, agrees = pct(main.ratio), fits(main)
    fitting = "" if agrees else next((made.basis.basis for made in others if fits(made)), "")
    remark = f"若口径为「{fitting}」，两数可以一致，请确认口径" if fitting else indicator.question if not agrees else ""
    formula = f"{indicator.main.formula} = {main.text} = {value:f}%"
    if agrees and stated is not None and stated != value:
        formula += f"，在印列精度之内与自报 {reported_pct:f}% 一致"
        value = stated
    return Derivation(
        key=indicator.key,
        name=indicator.name,
        formula=formula,
        value_pct=value,
        agrees=agrees,
        alternatives=tuple((f"{made.basis.basis}：{made.text}", pct(made.ratio)) for made in others),
        remark=remark,
        fits_basis=fitting,
        rows=main.rows,
    )


def unspent_fen(table: ExecutionTable) -> int | None:
    """What of the adjusted budget was not spent, in fen; None where either is unknown."""
    total = table.total
    if total is None or total.executed_fen is None or total.adjusted_fen is None:
        return None
    return total.adjusted_fen - total.executed_fen
