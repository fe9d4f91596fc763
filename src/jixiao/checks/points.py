"""Printed weights and points against the rule: sums, points off a reached target, full points on a missed one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from fractions import Fraction

from jixiao.domain.evaluation import Score, ScoreStatus
from jixiao.domain.findings import Finding, Severity
from jixiao.domain.target import TargetKind
from jixiao.rules.registry import RuleBook
from jixiao.scoring.points import points_of
from jixiao.scoring.unit_score import UnitScoring
from jixiao.scoring.weights import FULL_MARKS


def prints_as(exact: Fraction, printed_points: Decimal, decimals: Iterable[int]) -> bool:
    """Whether ``exact`` prints as ``printed_points`` at one of the numbers of ``decimals``, rounded or cut."""
    value = Decimal(exact.numerator) / Decimal(exact.denominator)
    ways = {value.quantize(Decimal(1).scaleb(-n), mode) for n in decimals for mode in (ROUND_HALF_UP, ROUND_DOWN)}
    return printed_points in ways


def _verdict(score: Score, status: ScoreStatus, printed_points: Decimal) -> str:
    if status is ScoreStatus.REACHED and printed_points < score.weight:
        return "目标已达成却扣了分"
    if status in {ScoreStatus.PARTLY, ScoreStatus.MISSED} and printed_points >= score.weight:
        return "目标未达成却得了满分"
    return "与规则算出的得分不一致"


def check_points(scoring: UnitScoring, rules: RuleBook) -> Iterator[Finding]:
    evaluation = scoring.evaluation
    if scoring.weights.printed and scoring.weights.total != FULL_MARKS:
        first = evaluation.books.indicators[0].place
        yield Finding(
            code="SUM_MISMATCH",
            severity=Severity.ERROR,
            place=evaluation.books.cell(first, "weight"),
            unit_code=evaluation.unit_code,
            value=f"{scoring.weights.total:f}",
            expected=f"{FULL_MARKS:f}",
            message=f"自评表分值合计 {scoring.weights.total:f}，应为 100（另计预算执行率 {rules.number('weights.execution'):f} 分的表，其余应为 {FULL_MARKS - rules.number('weights.execution'):f}）",
            fix="核对各指标分值，使合计为 100",
        )
    for score, target, completion in zip(evaluation.scores, scoring.targets, scoring.completions, strict=True):
        printed_points = score.indicator.score
        if printed_points is None or completion.ratio is None or score.indicator.weight is None:
            continue
        if (
            target.kind is TargetKind.QUALITATIVE
            and completion.status is not ScoreStatus.REACHED
            and printed_points < score.weight
        ):
            continue  # a judgement inside a band is the evaluator's
        if prints_as(Fraction(score.weight) * completion.ratio, printed_points, rules.counts("checks.score.decimals")):
            continue
        due = points_of(score.weight, completion.ratio, places=rules.count("points.places"))
        rule = rules.rule(score.rule_id)
        yield Finding(
            code="SCORE_NOT_BY_RULE",
            severity=Severity.WARNING,
            place=evaluation.books.cell(score.indicator.place, "score"),
            unit_code=evaluation.unit_code,
            indicator=score.indicator.name,
            value=f"{printed_points:f}",
            expected=f"{due:f}",
            message=(
                f"「{score.indicator.name}」自评得分 {printed_points:f}，按规则为 {due:f}（分值 {score.weight:f}，{completion.formula}）："
                f"{_verdict(score, completion.status, printed_points)}。规则：{rule.title}（{rule.cited}）"
            ),
            fix="按规则改正得分，或写明打分理由",
        )
