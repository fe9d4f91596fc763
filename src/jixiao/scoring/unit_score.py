"""One subject, scored: lines, derived indicators, weights, completion, points, total, grade, one trace an indicator.

Pure: books and rules in, evaluation out. What a careful reader objects to is found afterwards, in checks/.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from jixiao.domain.books import Indicator, UnitBooks
from jixiao.domain.evaluation import (
    Derivation,
    Evaluation,
    ExecutedLine,
    Score,
    ScoreStatus,
    SourceRow,
    Trace,
    TraceStep,
)
from jixiao.domain.findings import Place
from jixiao.domain.money import half_up
from jixiao.domain.target import Operator, Target, TargetKind, lower_is_better, parse_target
from jixiao.rules.registry import RuleBook
from jixiao.scoring.completion import Better, Completion, CompletionRule, complete
from jixiao.scoring.derived import BookTerms, derive, find_catalogued
from jixiao.scoring.deviation import deviation_text
from jixiao.scoring.execution import ExecutionTable, StyleEvidence, execute_lines, infer_style
from jixiao.scoring.points import PENDING_GRADE, decided_grade, points_of
from jixiao.scoring.weights import FULL_MARKS, Weights, default_weights, printed_weights

EXECUTION_ROW_ID = "execution"
_COMPLETION_PLACES = 4
_DATES = {TargetKind.DATE, TargetKind.DATE_RANGE}
_DECLARED = {TargetKind.STATUS, TargetKind.BOOLEAN}
_AT_MOST = {Operator.AT_MOST, Operator.LESS}
_UNDIRECTED = {Operator.EQUAL, Operator.NONE}


@dataclass(frozen=True)
class UnitScoring:
    """An evaluation without findings, and what the checks need beside it.

    ``targets``, ``actuals`` and ``completions`` are those of the report, one a score: what the unit says of itself.
    """

    evaluation: Evaluation
    table: ExecutionTable
    style: StyleEvidence
    weights: Weights
    targets: tuple[Target, ...]
    actuals: tuple[Target, ...]
    completions: tuple[Completion, ...]


def completion_rule(rules: RuleBook) -> CompletionRule:
    """The parameters of completion that a rule set gives.

    Raises:
        RuleSetError: a rule names a method that does not exist, or a value outside its band.
    """
    rules.choice("completion.at_least.missed", "ratio")
    return CompletionRule(
        qualitative_partly_ratio=rules.band_share("completion.qualitative.partly", 1),
        qualitative_missed_ratio=rules.band_share("completion.qualitative.missed", 2),
        at_most_method=rules.at_most_method,
        declared_ratio=rules.share("completion.declared"),
        late_ratio=rules.share("completion.date"),
    )


def reported_pct(actual: Target) -> Decimal | None:
    """The reported value as a percentage, None where it is none."""
    if actual.number is None or actual.kind not in {TargetKind.PERCENT, TargetKind.NUMBER}:
        return None
    if not actual.unit and actual.number and abs(actual.number) <= 1:
        return None  # 0.95 without a unit may be 95 % or 0.95 %: completion asks, nobody accuses
    return actual.number if actual.unit in {"%", ""} else None


def _row_of(indicator: Indicator, books: UnitBooks) -> SourceRow:
    says = f"目标值 {indicator.target or '（空）'}，完成值 {indicator.actual or '（空）'}"
    return SourceRow(indicator.place, books.file_sha256.get(indicator.place.file, ""), says)


def _rule_of(judged: _Judged) -> str:
    """The rule that decided the completion: by the kind of the target and, for figures, its direction."""
    target, status = judged.target, judged.completion.status
    if target.kind in _DATES:
        return "completion.date"
    if target.kind in _DECLARED or (judged.counted.kind in _DECLARED and target.kind is not TargetKind.QUALITATIVE):
        return "completion.declared"
    if target.kind is TargetKind.QUALITATIVE:
        judgement = {ScoreStatus.PARTLY: "partly", ScoreStatus.MISSED: "missed"}.get(status, "bands")
        return f"completion.qualitative.{judgement}"
    if status is ScoreStatus.REACHED:
        return "completion.reached"
    falling = judged.better == "lower" or lower_is_better(judged.indicator.name)
    at_most = target.operator in _AT_MOST or (target.operator in _UNDIRECTED and falling)
    return "completion.at_most.missed" if at_most else "completion.at_least.missed"


def _execution_text(total: ExecutedLine | None) -> str:
    """The execution rate as the table prints it, else as the books give it; a budget of 0 has none."""
    if total is None:
        return ""
    if total.execution_rate == "n/a":
        return "不涉及"
    return total.line.reported_rate or (f"{total.execution_rate}%" if total.execution_rate else "")


def _exact_rate(total: ExecutedLine | None) -> str:
    """The execution rate by the amounts, in percent; empty where there is none."""
    return "" if total is None or total.execution_rate == "n/a" else total.execution_rate


def _execution_row(books: UnitBooks, table: ExecutionTable, weight: Decimal) -> Indicator:
    """The execution rate as a row of its own, for forms that leave its points beside the indicators, or in the funds."""
    total = table.total
    return Indicator(
        unit_code=books.unit.code,
        indicator_id=EXECUTION_ROW_ID,
        position=0,
        level1="预算执行",
        level2="",
        name="预算执行率",
        target="100%",
        actual=_execution_text(total),
        weight=weight,
        score=books.form.execution_score if books.form else None,
        place=total.line.place if total else Place(),
        project=books.project,
    )


def _by_books(rules: RuleBook) -> bool:
    """Whether a contradicted indicator is scored by the value that the books give."""
    return rules.choice("score.value_basis", "derived_where_contradicted", "reported") == "derived_where_contradicted"


@dataclass(frozen=True)
class _Judged:
    indicator: Indicator
    target: Target
    actual: Target
    counted: Target
    better: Better
    derivation: Derivation | None
    reported: Completion
    completion: Completion
    status: ScoreStatus


def _judge(
    indicator: Indicator,
    books: UnitBooks,
    terms: BookTerms,
    rules: RuleBook,
    rule: CompletionRule,
    *,
    exact_rate: str = "",
) -> _Judged:
    """``exact_rate``, in percent, is what the amounts give where the form prints a rounded rate of them: it counts."""
    target = parse_target(indicator.target, year=books.year)
    actual = parse_target(indicator.actual, year=books.year)
    catalogued = find_catalogued(indicator.name, rules.derived)
    derivation = None
    better: Better = ""
    counted = actual
    if catalogued is not None:
        better = catalogued.better
        derivation = derive(catalogued, terms, reported_pct=reported_pct(actual), fact_labels=rules.fact_names)
        if derivation.value_pct is not None and derivation.contradicts and _by_books(rules):
            counted = parse_target(f"{derivation.value_pct:f}%", year=books.year)
    if exact_rate and counted is actual:
        counted = parse_target(f"{exact_rate}%", year=books.year)
    reported = complete(actual, target, name=indicator.name, rule=rule, better=better)
    completion = (
        reported if counted is actual else complete(counted, target, name=indicator.name, rule=rule, better=better)
    )
    status = ScoreStatus.CONTRADICTED if derivation is not None and derivation.contradicts else completion.status
    return _Judged(indicator, target, actual, counted, better, derivation, reported, completion, status)


def _trace(
    judged: _Judged, books: UnitBooks, rules: RuleBook, *, weights: Weights, weight: Decimal, points: Decimal | None
) -> Trace:
    completion, derivation = judged.completion, judged.derivation
    rule_id = _rule_of(judged)
    steps = []
    ratio = "" if completion.ratio is None else f"{half_up(completion.ratio, places=_COMPLETION_PLACES):f}"
    scored = f"{weight:f} × {ratio} = {points:f}" if points is not None else "不计分"
    steps.append(TraceStep("得分 = 权重 × 完成率", scored, "" if points is None else f"{points:f}", "points.places"))
    weight_rule = "" if weights.rule_id == "form.weights" else weights.rule_id
    origin = "自评表印列的分值" if weights.printed and not weight_rule else rules.rule(weight_rule).title
    steps.append(
        TraceStep(
            f"权重：{origin}",
            f"{weight:f}",
            f"{weight:f}",
            weight_rule,
            () if weight_rule else (_row_of(judged.indicator, books),),
        )
    )
    note = f"（{completion.note}）" if completion.note else ""
    steps.append(TraceStep(f"完成率：{rules.rule(rule_id).title}", completion.formula + note, ratio, rule_id))
    steps.append(
        TraceStep(
            "自报：完成值对目标值",
            f"{judged.indicator.actual} 对 {judged.indicator.target}",
            judged.indicator.actual,
            "",
            (_row_of(judged.indicator, books),),
        )
    )
    if derivation is not None and derivation.value_pct is not None:
        verdict = _verdict(judged, derivation, rules)
        steps.append(
            TraceStep(
                f"账算：{verdict}",
                derivation.formula,
                f"{derivation.value_pct:f}%",
                "score.value_basis",
                derivation.rows,
            )
        )
    return Trace(judged.indicator.indicator_id, tuple(steps))


def _verdict(judged: _Judged, derivation: Derivation, rules: RuleBook) -> str:
    """How the books' value stands to the report, and which of them is scored."""
    if reported_pct(judged.actual) is None:
        return "没有可比的自报值，仅供填报参考"
    if derivation.agrees:
        return "与自报一致"
    if not derivation.contradicts:
        return "口径待确认，按自报值计分"
    return "与自报不符，按账算值计分" if _by_books(rules) else "与自报不符，按规则仍按自报值计分"


def _deviation(judged: _Judged, rules: RuleBook) -> str:
    """The deviation as the form prints it, recomputed from the reported value."""
    return deviation_text(judged.actual, judged.target, zero_target_missed=rules.text("deviation.zero_target_missed"))


def _default_share(scores: Sequence[Score], weights: Weights, rules: RuleBook) -> Decimal:
    """The share of all points, in percent, that a product default decided (weights or a qualitative band)."""
    whole = sum((s.weight for s in scores), Decimal(0))
    if not whole:
        return Decimal(0)
    by_default = weights.rule_id in rules.rules and rules.is_default(weights.rule_id)
    decided = sum(
        (s.weight for s in scores if by_default or (s.rule_id in rules.rules and rules.is_default(s.rule_id))),
        Decimal(0),
    )
    return half_up(Fraction(decided) * 100 / Fraction(whole), places=2)


def _total(scores: Sequence[Score], weights: Weights, rules: RuleBook) -> tuple[Decimal, Decimal]:
    """The sum of the points, and the printed weight of indicators that do not apply.

    That weight is shared out among the others in proportion, where the rule says so: not applicable is no zero.
    """
    total = sum((s.points for s in scores if s.points is not None), Decimal(0))
    idle = sum((s.weight for s in scores if s.status is ScoreStatus.NOT_APPLICABLE), Decimal(0))
    used = weights.total - idle
    if idle and used > 0 and rules.choice("points.not_applicable", "redistribute", "lose") == "redistribute":
        total = half_up(Fraction(total) * Fraction(weights.total) / Fraction(used), places=rules.count("points.places"))
    return total, idle


def _grade(total: Decimal, pending: Decimal, weights: Weights, rules: RuleBook) -> str:
    """The grade; open while points are pending, or while the printed weights do not add up to 100."""
    return decided_grade(total, pending, rules.grades) if weights.total == FULL_MARKS else PENDING_GRADE


def score_unit(books: UnitBooks, rules: RuleBook) -> UnitScoring:
    """Score every indicator of one subject and add up total and grade.

    ``Evaluation.score`` is None where no indicator could be scored. Points still to be judged are in
    ``pending_weight``; the grade is 待定 while they could change it.
    """
    table = execute_lines(
        books, basic_parts=rules.words("budget.basic_parts"), own_funds=rules.words("budget.own_funds")
    )
    style = infer_style(table)
    terms = BookTerms(books, table)
    rule = completion_rule(rules)
    judged = [_judge(indicator, books, terms, rules, rule) for indicator in books.indicators]
    if any(i.weight is not None for i in books.indicators):
        has_row = any(j.derivation is not None and j.derivation.key == "execution_rate" for j in judged)
        stated = books.form.execution_weight if books.form else None
        weights = printed_weights(books.indicators, rules, has_execution_row=has_row, execution_stated=stated)
    else:
        applicable = [j.status is not ScoreStatus.NOT_APPLICABLE for j in judged]
        weights = default_weights(books.indicators, rules, applicable=applicable)
    points = list(weights.points)
    if weights.execution_points:
        row = _execution_row(books, table, weights.execution_points)
        judged.append(_judge(row, books, terms, rules, rule, exact_rate=_exact_rate(table.total)))
        points.append(weights.execution_points)
    places = rules.count("points.places")
    scores = []
    for one, weight in zip(judged, points, strict=True):
        made = None if one.completion.ratio is None else points_of(weight, one.completion.ratio, places=places)
        ratio = None if one.completion.ratio is None else half_up(one.completion.ratio, places=_COMPLETION_PLACES)
        derived = one.derivation.value_pct if one.derivation is not None else None
        scores.append(
            Score(
                indicator=one.indicator,
                weight=weight,
                completion=ratio,
                points=made,
                status=one.status,
                reported_value=one.indicator.actual,
                derived_value="" if derived is None else f"{derived:f}%",
                deviation=one.indicator.deviation or _deviation(one, rules),
                rule_id=_rule_of(one),
                trace=_trace(one, books, rules, weights=weights, weight=weight, points=made),
                derivation=one.derivation,
            )
        )
    total, idle = _total(scores, weights, rules)
    open_states = {ScoreStatus.MISSING, ScoreStatus.UNREADABLE, ScoreStatus.CONTRADICTED}
    pending = sum((s.weight for s in scores if s.points is None and s.status in open_states), Decimal(0))
    scored = any(s.points is not None for s in scores)
    evaluation = Evaluation(
        books=books,
        rule_set=f"{rules.name}（{rules.why}）",
        lines=table.lines,
        scores=tuple(scores),
        score=total if scored else None,
        pending_weight=pending,
        grade=_grade(total, pending, weights, rules) if scored else "",
        print_style=style.style,
        report_title="" if books.project else rules.text("report.title"),
        not_applicable_weight=idle,
        default_share_pct=_default_share(scores, weights, rules),
    )
    return UnitScoring(
        evaluation,
        table,
        style,
        weights,
        tuple(j.target for j in judged),
        tuple(j.actual for j in judged),
        tuple(j.reported for j in judged),
    )
