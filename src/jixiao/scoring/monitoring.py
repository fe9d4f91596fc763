"""One subject in the middle of its year, from its monitoring form: the money so far, the indicators as stated. No points.

A cumulative value is not held against the target of the whole year: nothing is reached or missed before its end.
Neighbour: unit_score.py, which scores the year. Pace, forecast and signal lights are not worked out here.
"""

from __future__ import annotations

from decimal import Decimal

from jixiao.domain.books import UnitBooks
from jixiao.domain.evaluation import Evaluation, Score, ScoreStatus, SourceRow, Trace, TraceStep
from jixiao.domain.target import parse_target
from jixiao.rules.registry import RuleBook
from jixiao.scoring.completion import Completion
from jixiao.scoring.execution import execute_lines, infer_style
from jixiao.scoring.unit_score import UnitScoring
from jixiao.scoring.weights import Weights

_NOT_JUDGED = "监控期内不评定是否达成，年终自评时评定"


def monitor_unit(books: UnitBooks, rules: RuleBook) -> UnitScoring:
    """The lines and indicators of a monitoring form, without points, total or grade. Pure."""
    table = execute_lines(books, own_funds=rules.words("budget.own_funds"))
    style = infer_style(table)
    scores = []
    for indicator in books.indicators:
        says = f"年度指标值 {indicator.target or '（空）'}，累计完成 {indicator.actual or '（空）'}"
        if indicator.likelihood:
            says += f"，完成目标可能性 {indicator.likelihood}"
        row = SourceRow(indicator.place, books.file_sha256.get(indicator.place.file, ""), says)
        scores.append(
            Score(
                indicator=indicator,
                weight=indicator.weight if indicator.weight is not None else Decimal(0),
                completion=None,
                points=None,
                status=ScoreStatus.MONITORED,
                reported_value=indicator.actual,
                derived_value="",
                deviation=indicator.deviation,
                rule_id="",
                trace=Trace(indicator.indicator_id, (TraceStep(_NOT_JUDGED, says, indicator.actual, "", (row,)),)),
            )
        )
    evaluation = Evaluation(
        books=books,
        rule_set=f"{rules.name}（{rules.why}）",
        lines=table.lines,
        scores=tuple(scores),
        score=None,
        pending_weight=Decimal(0),
        grade="",
        print_style=style.style,
    )
    return UnitScoring(
        evaluation,
        table,
        style,
        Weights(tuple(score.weight for score in scores), "form.weights"),
        tuple(parse_target(i.target, year=books.year) for i in books.indicators),
        tuple(parse_target(i.actual, year=books.year) for i in books.indicators),
        tuple(Completion(None, ScoreStatus.MONITORED, _NOT_JUDGED) for _ in books.indicators),
    )
