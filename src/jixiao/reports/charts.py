"""The shapes of the two charts, as numbers and words: executed against adjusted, and execution month by month. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

from jixiao.domain.books import UnitBooks
from jixiao.domain.evaluation import ExecutedLine
from jixiao.domain.money import PrintStyle, pct_text, wan_text, yuan_text

MONTHS = 12
# The drawing's own coordinates; the page stretches them, texts stand outside the drawing.
WIDTH = 100
HEIGHT = 40


@dataclass(frozen=True)
class Bar:
    """One line of the budget: ``share`` of its adjusted budget executed, 0–100, for drawing; the rest is text."""

    name: str
    level: int
    adjusted: str
    executed: str
    rate: str
    share: float


@dataclass(frozen=True)
class Month:
    number: int
    paid: str
    cumulative: str
    rate: str


@dataclass(frozen=True)
class Curve:
    """Cumulative execution by month. ``points`` and ``pace`` are SVG polylines in 0–WIDTH × 0–HEIGHT.

    ``description`` also says what the ledger paid in no month of the year, where there is any.
    """

    points: str
    pace: str
    top_pct: int
    months: tuple[Month, ...]
    description: str


def execution_bars(lines: Sequence[ExecutedLine], *, style: PrintStyle) -> tuple[Bar, ...]:
    """One bar for each line whose executed and adjusted amounts are known; a rate above 100 % fills the bar."""
    bars = []
    for line in lines:
        if line.adjusted_fen is None or line.executed_fen is None:
            continue
        share = Fraction(100 * line.executed_fen, line.adjusted_fen) if line.adjusted_fen > 0 else Fraction(0)
        rate = "不适用" if line.execution_rate == "n/a" else f"{line.execution_rate}%" if line.execution_rate else "—"
        bars.append(
            Bar(
                name=line.line.name,
                level=line.line.level,
                adjusted=wan_text(line.adjusted_fen, style=style),
                executed=wan_text(line.executed_fen, style=style),
                rate=rate,
                share=round(float(min(max(share, Fraction(0)), Fraction(100))), 2),
            )
        )
    return tuple(bars)


def execution_curve(books: UnitBooks, total: ExecutedLine | None) -> Curve | None:
    """The unit's cumulative execution by month, None where no ledger or no adjusted budget tells it."""
    if total is None or total.adjusted_fen is None or total.adjusted_fen <= 0:
        return None
    months = total.months_fen
    if not any(months):
        months = tuple(sum(month) for month in zip(*(row.months_fen for row in books.ledger), strict=True))
    if not any(months):
        return None
    adjusted = total.adjusted_fen
    cumulative = list(accumulate(months))
    shares = [Fraction(100 * fen, adjusted) for fen in cumulative]
    # The axis ends at the next ten above what was reached, never below 100 %.
    top = max(100, -(-int(max(shares)) // 10) * 10)

    def point(month: int, share: Fraction) -> str:
        x = Fraction(WIDTH * month, MONTHS)
        y = HEIGHT - HEIGHT * max(share, Fraction(0)) / top
        return f"{float(x):.2f},{float(y):.2f}"

    rows = tuple(
        Month(number, wan_text(paid), wan_text(so_far), f"{pct_text(so_far, adjusted)}%")
        for number, (paid, so_far) in enumerate(zip(months, cumulative, strict=True), 1)
    )
    halfway, end = rows[MONTHS // 2 - 1], rows[-1]
    in_no_month_fen = sum(row.paid_fen - sum(row.months_fen) for row in books.ledger)
    beside = (
        f"支付明细中另有 {yuan_text(in_no_month_fen)} 元没有支付日期或日期不在本年度，不在图中。"
        if in_no_month_fen
        else ""
    )
    return Curve(
        points=" ".join(point(month, share) for month, share in enumerate([Fraction(0), *shares])),
        pace=f"{point(0, Fraction(0))} {point(MONTHS, Fraction(100))}",
        top_pct=top,
        months=rows,
        description=f"按月累计执行率：6 月末 {halfway.rate}（序时进度 50%），12 月末 {end.rate}（序时进度 100%）。{beside}",
    )
