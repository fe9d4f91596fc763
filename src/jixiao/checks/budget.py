"""The printed budget table against the ledger and against itself: amounts, rates, rounding or cutting."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from jixiao.domain.books import Amount, BudgetLine, UnitBooks
from jixiao.domain.evaluation import ExecutedFrom, ExecutedLine
from jixiao.domain.findings import Finding, Place, Severity
from jixiao.domain.interval import Interval, printed_interval
from jixiao.domain.money import PrintStyle, yuan_text
from jixiao.rules.registry import RuleBook
from jixiao.scoring.execution import ExecutionTable, SharedName, amount_interval, children_of
from jixiao.scoring.unit_score import UnitScoring


def printed(amount: Amount) -> str:
    """An amount as its table prints it, e.g. ``1999.97万元``."""
    return f"{Decimal(amount.fen) / amount.unit.fen:f}{amount.unit.value}"


def _printed_in(books: UnitBooks) -> str:
    return books.form.kind.chinese if books.project and books.form else "执行情况表"


def _sources_unclear(books: UnitBooks, table: ExecutionTable) -> Iterator[Finding]:
    """A project paid from several sources: the ledger cannot be held against any one line of its form."""
    if not books.project or not books.ledger or table.claims or not books.lines:
        return
    paid = sum(total.paid_fen for total in books.ledger)
    yield Finding(
        code="CHECK_NOT_RUN",
        severity=Severity.INFO,
        place=books.cell(books.lines[0].place, "executed"),
        unit_code=books.unit.code,
        value=f"{yuan_text(paid)}元",
        message=(
            f"支付明细中项目「{books.project}」合计 {yuan_text(paid)} 元；{_printed_in(books)}有几种资金来源，"
            "分不清哪些经国库支付，全年执行数未能核对"
        ),
        fix="在表内把财政拨款列成一行，与其他资金分开",
    )


def _against_ledger(line: ExecutedLine, books: UnitBooks, table: ExecutionTable) -> Iterator[Finding]:
    amount, exact, interval = line.line.executed, line.executed_fen, table.executed(line)
    if amount is None or exact is None or interval is None or line.executed_from is ExecutedFrom.TABLE:
        return
    if amount_interval(amount).meets(interval):
        return
    difference = exact - amount.fen
    yield Finding(
        code="SELF_REPORT_CONTRADICTED",
        severity=Severity.ERROR,
        place=books.cell(line.line.place, "executed"),
        unit_code=books.unit.code,
        indicator=line.line.name,
        value=printed(amount),
        expected=f"{yuan_text(exact)}元",
        message=(
            f"预算行「{line.line.name}」实际支出数：{_printed_in(books)}印 {printed(amount)}，"
            f"支付明细合计 {yuan_text(exact)} 元（{line.ledger_rows} 行），相差 {yuan_text(difference)} 元，四舍五入或截尾都不能解释"
        ),
        fix="核对支付明细是否齐全、有无退回或更正未入表；改正有误的一方后重新运行",
    )


def _shared(shared: SharedName, books: UnitBooks) -> Iterator[Finding]:
    """Lines of one name: the ledger tells their sum, not which of them it paid."""
    paid = sum(total.paid_fen for total in shared.totals)
    added = Interval.point(0)
    for line in shared.lines:
        added = added.plus(amount_interval(line.executed)) if line.executed is not None else added
    if added.meets(Interval.point(paid)):
        return
    first = shared.lines[0]
    places = "、".join(f"第 {line.place.row} 行" for line in shared.lines)
    stated = " + ".join(printed(line.executed) for line in shared.lines if line.executed is not None)
    yield Finding(
        code="SELF_REPORT_CONTRADICTED",
        severity=Severity.QUESTION,
        place=books.cell(first.place, "executed"),
        unit_code=books.unit.code,
        indicator=first.name,
        value=stated,
        expected=f"{yuan_text(paid)}元",
        message=(
            f"执行情况表有 {len(shared.lines)} 行都叫「{first.name}」（{places}），合计印 {stated}，"
            f"支付明细中这一名称合计 {yuan_text(paid)} 元，两者不符，也分不清各付了多少"
        ),
        fix="在执行情况表和支付明细中用项目编码或不同名称区分这几行，再核对金额",
    )


def _answered_elsewhere(table: ExecutionTable) -> set[int]:
    """Positions of lines that need no ledger rows of their own: parents, children of a line that the ledger gives as
    a whole, and lines of a shared name.
    """
    lines = [line.line for line in table.lines]
    found = {line.position for shared in table.shared for line in shared.lines}
    for line in table.lines:
        below = children_of(lines, line.line)
        if below:
            found.add(line.line.position)
        if line.executed_from is ExecutedFrom.LEDGER:
            found.update(child.position for child in below)
    return found


def _not_in_ledger(line: ExecutedLine, books: UnitBooks) -> Iterator[Finding]:
    spent = line.line.executed
    if line.executed_from is not ExecutedFrom.TABLE or spent is None or not spent.fen:
        return
    yield Finding(
        code="CHECK_NOT_RUN",
        severity=Severity.WARNING,
        place=books.cell(line.line.place, "executed"),
        unit_code=books.unit.code,
        indicator=line.line.name,
        value=printed(spent),
        message=f"预算行「{line.line.name}」在支付明细中没有记录，实际支出数采用执行情况表的 {printed(spent)}，未能核对",
        fix="补交含这一预算行的支付明细；如项目名称不同，请统一名称",
    )


def rate_is_possible(line: BudgetLine, executed: Interval | None, adjusted: Interval | None) -> bool:
    """Whether some true amounts behind the print give the printed rate, rounded or cut; True where it cannot be said."""
    if line.reported_rate_pct is None or executed is None or adjusted is None:
        return True
    quotient = executed.over(adjusted)
    if quotient is None:
        return True
    rate = printed_interval(line.reported_rate_pct, line.rate_places).scaled(Fraction(1, 100))
    return rate.meets(quotient)


def _rate(line: ExecutedLine, books: UnitBooks) -> Iterator[Finding]:
    source = line.line
    if source.executed is None or source.adjusted is None:
        return
    if rate_is_possible(source, amount_interval(source.executed), amount_interval(source.adjusted)):
        return
    yield Finding(
        code="RATE_IMPOSSIBLE",
        severity=Severity.ERROR,
        place=books.cell(source.place, "reported_rate"),
        unit_code=books.unit.code,
        indicator=source.name,
        value=source.reported_rate,
        expected=f"{line.execution_rate}%" if line.execution_rate not in {"", "n/a"} else line.execution_rate,
        message=(
            f"预算行「{source.name}」执行率印 {source.reported_rate}，而 {printed(source.executed)} ÷ {printed(source.adjusted)} "
            f"无论四舍五入还是截尾都得不出这个数，按账为 {line.execution_rate}%"
        ),
        fix="改正执行率，或核对实际支出数与调整预算数",
    )


def check_budget(scoring: UnitScoring, _rules: RuleBook) -> Iterator[Finding]:
    evaluation = scoring.evaluation
    books = evaluation.books
    answered = _answered_elsewhere(scoring.table)
    for line in evaluation.lines:
        yield from _against_ledger(line, books, scoring.table)
        yield from _rate(line, books)
        if books.ledger and not books.project and line.line.position not in answered:
            yield from _not_in_ledger(line, books)
    yield from _sources_unclear(books, scoring.table)
    for shared in scoring.table.shared:
        yield from _shared(shared, books)
    for total in scoring.table.unmatched:
        yield Finding(
            code="LINE_UNMATCHED",
            severity=Severity.ERROR,
            place=Place(total.first.file, total.first.sheet, total.first.row),
            unit_code=books.unit.code,
            indicator=total.line_name,
            value=f"{yuan_text(total.paid_fen)}元",
            message=(
                f"支付明细中项目「{total.line_name}」{total.rows} 行、合计 {yuan_text(total.paid_fen)} 元，"
                "在预算执行情况表中没有对应的预算行，未计入任何一行"
            ),
            fix="在执行情况表中补上该预算行，或把支付明细中的项目名称改为表内名称",
        )
    if scoring.style.style is PrintStyle.TRUNCATED:
        yield Finding(
            code="ROUNDING_INFERRED",
            severity=Severity.INFO,
            place=books.cell(scoring.style.place, "executed"),
            unit_code=books.unit.code,
            value="截尾",
            message="预算执行情况表的金额是截尾、不是四舍五入：" + "；".join(scoring.style.proofs),
            fix="无需处理；报告按原表的截尾方式印列，执行率按未截尾的金额计算",
        )
