"""What must add up in a 预算执行情况表, within the precision of its print: identities, parents, totals.

A table rounds its figures or cuts them; which of the two is found out from the table itself (``print_style``) and said
in the message. What stands below what is decided in line_tree.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import partial

from jixiao.domain.books import Amount
from jixiao.domain.findings import Finding, Outcome, Severity
from jixiao.domain.interval import printed_interval
from jixiao.domain.money import PrintStyle, pct_text
from jixiao.intake.rows.line_tree import LineTree
from jixiao.intake.rows.printed_lines import (
    GROUP_LEVEL,
    LINE_LEVEL,
    PARTS,
    PHASES,
    TOTAL_LEVEL,
    PrintedLine,
    added,
    amount_text,
    is_projects,
    money_text,
)
from jixiao.intake.rows.rates import Rates
from jixiao.intake.rows.reader import row_rejected
from jixiao.intake.tables.table import Table
from jixiao.scoring.execution import amount_interval

_PER_CENT = Fraction(1, 100)
_WHOLE = Decimal(100)


@dataclass(frozen=True)
class Sums:
    """The checks of one table. ``style`` is how it shortens its figures, None where it does not show that."""

    table: Table
    file: str
    style: PrintStyle | None = None

    # ---------------------------------------------------------------------------------------------- one line

    def identity(self, line: PrintedLine) -> Finding | None:
        """年初 + 调整 = 调整后."""
        original, change = line.amounts.get("original"), line.amounts.get("carry_and_adjust")
        adjusted = line.amounts.get("adjusted")
        if original is None or change is None or adjusted is None or _identity_holds(line, None):
            return None
        total = money_text(original.fen + change.fen, adjusted.unit)
        return row_rejected(
            "IDENTITY",
            self.table.place(self.file, line.row.number, "adjusted"),
            f"「{line.name}」年初预算 {amount_text(original)} ＋ 结转及追加追减 {amount_text(change)} ＝ {total}，"
            f"与「{self.table.label('adjusted')}」{amount_text(adjusted)} 不符，"
            f"相差 {money_text(original.fen + change.fen - adjusted.fen, adjusted.unit)}{self._tolerance((original, change, adjusted))}",
            "请核对这三个数，改正其一",
            unit_code=line.unit_code,
            value=amount_text(adjusted),
            expected=total,
        )

    def spending(self, line: PrintedLine, rate: Decimal | None) -> Iterator[Finding]:
        """Spent more than the budget, spent on a budget of zero, a budget below zero. ``rate``: as printed, in percent."""
        executed, budget = line.amounts.get("executed"), line.budget
        if budget is None:
            return
        if amount_interval(budget).high < 0:
            yield self._warned(
                "NEGATIVE_BUDGET",
                line,
                "adjusted",
                f"「{line.name}」的调整后预算是负数 {amount_text(budget)}，执行率无法计算",
                "请核对追减金额，改正预算数",
                amounts=(amount_text(budget), "≥ 0"),
            )
        if executed is None or line.level == TOTAL_LEVEL or budget.fen < 0:
            return
        if budget.fen == 0 and executed.fen > 0:
            yield self._warned(
                "ZERO_BASE",
                line,
                "executed",
                f"「{line.name}」调整后预算为 0，实际支出却有 {amount_text(executed)}，执行率无法计算",
                "请核对该项目的预算指标是否漏导，或支出记错项目",
                amounts=(amount_text(executed), "0"),
            )
        elif amount_interval(executed).low > amount_interval(budget).high or (
            executed.fen > budget.fen and rate is not None and rate > _WHOLE
        ):
            yield self._warned(
                "OVERSPENT",
                line,
                "executed",
                f"「{line.name}」执行率 {pct_text(executed.fen, budget.fen)}%：实际支出 {amount_text(executed)} 超过调整预算 "
                f"{amount_text(budget)}，需填写超支原因",
                "请填写原因，或更正金额",
                amounts=(amount_text(executed), f"≤ {amount_text(budget)}"),
            )

    def _warned(
        self, code: str, line: PrintedLine, column: str, message: str, fix: str, *, amounts: tuple[str, str]
    ) -> Finding:
        return Finding(
            code=code,
            severity=Severity.WARNING,
            place=self.table.place(self.file, line.row.number, column),
            message=message,
            fix=fix,
            unit_code=line.unit_code,
            value=amounts[0],
            expected=amounts[1],
            outcome=Outcome.ACCEPT_WITH_WARNING,
        )

    # ---------------------------------------------------------------------------------------------- one unit

    def compare(self, relation: Relation) -> Iterator[Finding]:
        """One printed sum in each of the four phases."""
        for phase in PHASES:
            printed, amounts = relation.phase(phase)
            if printed is None or not amounts:
                continue
            fen = sum(amount.fen for amount in amounts)
            if added(amounts).meets(amount_interval(printed)) or (relation.is_partial and fen < printed.fen):
                continue
            finding = self._mismatch(relation, phase, fen=fen, count=len(amounts))
            excess = _overspend_fen(relation.children) if phase == "executed" else 0
            # A line overspent by just this difference is one fault, said by OVERSPENT already: the file stays readable.
            if relation.is_a_choice or (excess and fen - printed.fen == excess):
                finding = replace(finding, severity=Severity.WARNING, outcome=Outcome.ACCEPT_WITH_WARNING)
            yield finding

    def _mismatch(self, relation: Relation, phase: str, *, fen: int, count: int) -> Finding:
        parent, table = relation.parent, self.table
        printed, amounts = relation.phase(phase)
        assert printed is not None
        column = phase if phase in table.columns else next((part for part in PARTS if part in table.columns), phase)
        total = money_text(fen, printed.unit)
        below = "明细" if relation.of_details else "下级"
        advice = "请核对是否漏行、多行或录错；只导出了一页时请导出全部"
        return Finding(
            code="CONTROL_TOTAL" if relation.of_details else "SUM_MISMATCH",
            severity=Severity.ERROR,
            place=table.place(self.file, parent.row.number, column),
            message=(
                f"「{parent.name}」的「{table.label(column)}」是 {amount_text(printed)}，{below} {count} 行合计 {total}，"
                f"相差 {money_text(fen - printed.fen, printed.unit)}{self._tolerance((printed, *amounts))}"
            ),
            fix=advice,
            unit_code="" if relation.of_several_units else parent.unit_code,
            value=amount_text(printed),
            expected=total,
            outcome=Outcome.REJECT_FILE,
        )

    def _tolerance(self, amounts: Sequence[Amount]) -> str:
        """How far the figures may be off, in words; nothing where every fen is printed."""
        if all(amount.is_exact for amount in amounts):
            return ""
        return {
            PrintStyle.TRUNCATED: "，超出截位的误差（本表的金额是截位的）",
            PrintStyle.ROUNDED: "，超出四舍五入的误差（本表的金额是四舍五入的）",
            None: "，超出四舍五入或截位的误差",
        }[self.style]


@dataclass(frozen=True)
class Relation:
    """A printed sum and the rows that make it up.

    ``of_details``: a 合计 over all rows, not a parent; ``is_partial``: not all children are printed (其中);
    ``is_a_choice``: the table may show some of the rows only.
    """

    parent: PrintedLine
    children: tuple[PrintedLine, ...]
    of_details: bool = False
    is_partial: bool = False
    is_a_choice: bool = False
    of_several_units: bool = False

    def phase(self, phase: str) -> tuple[Amount | None, list[Amount]]:
        """The printed sum and its summands; no summands where one of them is not printed."""
        amounts = [child.amounts.get(phase) for child in self.children]
        stated = [amount for amount in amounts if amount is not None]
        return self.parent.amounts.get(phase), stated if len(stated) == len(amounts) else []

    @property
    def agrees(self) -> bool:
        """Whether every phase that can be compared adds up, and one can."""
        verdicts = [verdict for phase in PHASES if (verdict := self.holds(phase, None)) is not None]
        return bool(verdicts) and all(verdicts)

    def holds(self, phase: str, style: PrintStyle | None) -> bool | None:
        """Whether the phase adds up if the table prints in ``style``; None where there is nothing to compare."""
        printed, amounts = self.phase(phase)
        if printed is None or not amounts:
            return None
        return added(amounts, style).meets(amount_interval(printed, style))


def relations_of(lines: Sequence[PrintedLine], tree: LineTree, parents: Mapping[int, str]) -> Iterator[Relation]:
    """What must add up among the rows of one unit; ``parents`` as ``line_tree.parent_names`` gives them.

    Parents and their children, 项目支出 and the projects, the total and what stands below it. Where no 项目支出 is
    printed the projects stand beside 基本支出: the rows may be a choice.
    """
    for parent, children in sorted(tree.parents.items()):
        yield Relation(lines[parent], tuple(lines[child] for child in children))
    kept = [at for at in range(len(lines)) if tree.is_line(at)]
    groups = [at for at in kept if tree.levels[at] == GROUP_LEVEL]
    totals = [at for at in kept if tree.levels[at] == TOTAL_LEVEL]
    details = [at for at in kept if tree.levels[at] == LINE_LEVEL]
    for group in (group for group in groups if is_projects(lines[group].name)):
        projects = tuple(lines[at] for at in details if parents.get(at) == lines[group].name)
        if projects:
            yield Relation(lines[group], projects, is_partial=any(project.is_of_which for project in projects))
    if len(totals) != 1:
        return
    total = lines[totals[0]]
    if any(is_projects(lines[group].name) for group in groups):
        if len(groups) > 1:
            yield Relation(total, tuple(lines[group] for group in groups))
    elif groups:
        direct = [at for at in details if parents.get(at) == total.name]
        if direct:
            yield Relation(total, tuple(lines[at] for at in (*groups, *direct)), is_a_choice=True)
    elif details:
        partial = lines[details[0]].is_of_which
        yield Relation(total, tuple(lines[at] for at in details), of_details=True, is_partial=partial)


def _identity_holds(line: PrintedLine, style: PrintStyle | None) -> bool | None:
    original, change = line.amounts.get("original"), line.amounts.get("carry_and_adjust")
    adjusted = line.amounts.get("adjusted")
    if original is None or change is None or adjusted is None:
        return None
    return added((original, change), style).meets(amount_interval(adjusted, style))


def _rate_holds(line: PrintedLine, rates: Rates, style: PrintStyle | None) -> bool | None:
    """Whether the printed rate can be that of the amounts, if the table prints in ``style``."""
    executed, budget, rate = line.amounts.get("executed"), line.amounts.get("adjusted"), rates.percent_of(line)
    if executed is None or budget is None or rate is None or budget.fen <= 0 or executed.fen < 0:
        return None
    quotient = amount_interval(executed, style).over(amount_interval(budget, style))
    if quotient is None:
        return None
    return quotient.meets(printed_interval(rate[0], rate[1]).scaled(_PER_CENT))


def print_style(lines: Sequence[PrintedLine], relations: Sequence[Relation], rates: Rates) -> PrintStyle | None:
    """How the table shortens its figures; None where nothing in it refutes either way, or both.

    Only what holds in one of the two ways is evidence: what holds in neither is a fault.
    """
    tests: list[Callable[[PrintStyle | None], bool | None]] = [
        *(partial(_identity_holds, line) for line in lines),
        *(partial(_rate_holds, line, rates) for line in lines),
        *(
            partial(relation.holds, phase)
            for relation in relations
            if not relation.is_partial and not relation.is_a_choice
            for phase in PHASES
        ),
    ]
    evidence = [test for test in tests if test(None)]
    possible = [style for style in PrintStyle if all(test(style) for test in evidence)]
    return possible[0] if len(possible) == 1 else None


def _overspend_fen(lines: Sequence[PrintedLine]) -> int:
    return sum(
        max(0, executed.fen - budget.fen)
        for line in lines
        if (executed := line.amounts.get("executed")) is not None
        and (budget := line.amounts.get("adjusted")) is not None
    )
