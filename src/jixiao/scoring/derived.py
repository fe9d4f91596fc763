"""Indicators that the books themselves give (财预〔2013〕53号 and others), recomputed and held against the report.

The catalogue is data (rules/sets/**, ``derived``). A figure known only as printed is an interval: a reported rate is
contradicted only where no value of the interval prints as reported. Neighbour: unit_score.py decides what it costs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from fractions import Fraction

from jixiao.domain.books import Fact, UnitBooks
from jixiao.domain.evaluation import Derivation, ExecutedFrom, ExecutedLine, SourceRow
from jixiao.domain.findings import Place
from jixiao.domain.interval import Interval, printed_interval
from jixiao.domain.money import yuan_text
from jixiao.domain.names import comparable
from jixiao.rules.model import DerivedBasis, DerivedIndicator
from jixiao.scoring.execution import ExecutionTable, amount_interval

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


def executed_rows(line: ExecutedLine, books: UnitBooks) -> tuple[SourceRow, ...]:
    """Where the executed amount of a line comes from: ledger rows, or the printed cell."""
    if line.executed_from is ExecutedFrom.TABLE:
        return (_row(line.line.place, f"「{line.line.name}」实际支出数（执行情况表）", books),)
    below = {line.line.name} | _descendants(line, books)
    rows = []
    for total in books.ledger:
        if comparable(total.line_name) in {comparable(name) for name in below}:
            first = SourceRow(
                total.first,
                total.batch_sha256,
                f"支付明细「{total.line_name}」{total.rows} 行（第 {total.rows_text} 行），合计 {yuan_text(total.paid_fen)} 元",
                total.rows,
            )
            rows.append(first)
    return tuple(rows)


def _descendants(line: ExecutedLine, books: UnitBooks) -> set[str]:
    if line.line.level == 0:
        return {other.name for other in books.lines}
    return {other.name for other in books.lines if comparable(other.parent) == comparable(line.line.name)}


class BookTerms:
    """Looks terms up in one unit's books: phases of the total line in fen, facts in their own unit."""

    def __init__(self, books: UnitBooks, table: ExecutionTable) -> None:
        self._books = books
        self._total = table.total
        self._facts: dict[str, Fact] = {fact.key: fact for fact in books.facts}

    def _money(self, term: str) -> Term:
        total = self._total
        if total is None:
            raise _Missing("预算执行情况表的合计行")
        line = total.line
        printed = {"original": line.original, "adjusted": line.adjusted, "adjustment": line.carry_and_adjust}
        if term == "executed":
            if total.executed_fen is None:
                raise _Missing("实际支出数")
            exact = total.executed_from is not ExecutedFrom.TABLE or line.executed is None
            interval = (
                Interval.point(total.executed_fen) if exact or line.executed is None else amount_interval(line.executed)
            )
            return Term(
                Fraction(total.executed_fen), interval, yuan_text(total.executed_fen), executed_rows(total, self._books)
            )
        amount = printed[term]
        if amount is None and term == "adjusted" and total.adjusted_fen is not None:
            value = total.adjusted_fen
            return Term(
                Fraction(value), Interval.point(value), yuan_text(value), (_row(line.place, "调整预算数", self._books),)
            )
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
        says = f"{fact.label} {fact.value:f}{fact.unit}" + (f"（{fact.basis}）" if fact.basis else "")
        value = Fraction(fact.value)
        return Term(value, Interval.point(value), f"{fact.value:f}", (_row(fact.place, says, self._books),))

    def term(self, name: str) -> Term:
        """Raises _Missing: the books do not hold it."""
        if name.startswith(_FACT):
            return self._fact(name.removeprefix(_FACT))
        if name == "planned_payment":
            adjusted = self._money("adjusted")
            pace = self._facts.get(_PACE_FACT)
            if pace is None:
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
        raise _Missing(f"{basis.basis}：分母为 0")
    ratio = top.value / base.value
    interval = top.interval.over(base.interval)
    return _Computed(basis, ratio, interval, f"{top.text} ÷ {base.text}", (*top.rows, *base.rows))


def pct(ratio: Fraction, *, places: int = 2) -> Decimal:
    """A ratio in percent, half-up at ``places``."""
    scaled = ratio * 100 * 10**places
    sign = -1 if scaled < 0 else 1
    whole = (2 * abs(scaled.numerator) + scaled.denominator) // (2 * scaled.denominator)
    return Decimal(sign * whole).scaleb(-places)


def can_print_as(computed: Interval, printed_pct: Decimal) -> bool:
    """Whether some value of ``computed`` (a ratio) prints as ``printed_pct``, rounded or cut at its own decimals."""
    exponent = printed_pct.as_tuple().exponent
    places = max(0, -exponent) if isinstance(exponent, int) else 0
    return printed_interval(printed_pct, places).scaled(Fraction(1, 100)).meets(computed)


def find_catalogued(name: str, catalogue: Sequence[DerivedIndicator]) -> DerivedIndicator | None:
    """The catalogue's indicator whose name or alias is exactly ``name`` (white space and quotes aside)."""
    wanted = comparable(name)
    return next((d for d in catalogue if wanted in {comparable(a) for a in (d.name, *d.aliases)}), None)


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
    others = []
    for basis in indicator.alternatives:
        try:
            others.append(_compute(basis, terms))
        except _Missing:
            continue
    value = pct(main.ratio)
    agrees, fitting = True, ""
    if reported_pct is not None:

        def fits(made: _Computed) -> bool:
            return can_print_as(made.interval or Interval.point(made.ratio), reported_pct)

        agrees = fits(main)
        if agrees and main.interval is not None:
            value = _printed_like(main, reported_pct)
        if not agrees:
            fitting = next((made.basis.basis for made in others if fits(made)), "")
    remark = f"若口径为「{fitting}」，两数可以一致，请确认口径" if fitting else indicator.question if not agrees else ""
    return Derivation(
        key=indicator.key,
        name=indicator.name,
        formula=f"{indicator.main.formula} = {main.text} = {value:f}%",
        value_pct=value,
        agrees=agrees,
        alternatives=tuple((f"{made.basis.basis}：{made.text}", pct(made.ratio)) for made in others),
        remark=remark,
        fits_basis=fitting,
        rows=main.rows,
    )


def _printed_like(main: _Computed, reported_pct: Decimal) -> Decimal:
    """The recomputed value at the report's decimals, cut where cutting is what the report did."""
    exponent = reported_pct.as_tuple().exponent
    step = Decimal(1).scaleb(exponent if isinstance(exponent, int) and exponent < 0 else 0)
    exact = Decimal(main.ratio.numerator * 100) / Decimal(main.ratio.denominator)
    for mode in (ROUND_HALF_UP, ROUND_DOWN):
        if (made := exact.quantize(step, mode)) == reported_pct:
            return made
    return reported_pct


def unspent_fen(table: ExecutionTable) -> int | None:
    """What of the adjusted budget was not spent, in fen; None where either is unknown."""
    total = table.total
    if total is None or total.executed_fen is None or total.adjusted_fen is None:
        return None
    return total.adjusted_fen - total.executed_fen
