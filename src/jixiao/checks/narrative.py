"""The text against the tables: every missed indicator must be spoken of in the chapter on problems."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jixiao.domain.books import NarrativeSection
from jixiao.domain.evaluation import Score, ScoreStatus
from jixiao.domain.findings import Finding, Severity
from jixiao.domain.names import bare_name, comparable
from jixiao.domain.target import Target, TargetKind
from jixiao.rules.registry import RuleBook
from jixiao.scoring.unit_score import EXECUTION_ROW_ID, UnitScoring

_PROBLEMS_CHAPTER = 5
_PROBLEM_WORDS = ("问题", "不足", "改进")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_DATES = {TargetKind.DATE, TargetKind.DATE_RANGE}
_MISSED = {ScoreStatus.PARTLY, ScoreStatus.MISSED}


def problems_chapters(narrative: tuple[NarrativeSection, ...]) -> tuple[NarrativeSection, ...]:
    """The chapters on problems: by their headings, else the fifth."""
    by_heading = tuple(s for s in narrative if any(word in s.heading for word in _PROBLEM_WORDS))
    return by_heading or tuple(s for s in narrative if s.number == _PROBLEMS_CHAPTER)


def is_spoken_of(score: Score, actual: Target, text: str, *, telling_digits: int) -> bool:
    """Whether a chapter speaks of an indicator: by its name, or by the very figure it reached.

    A figure of fewer than ``telling_digits`` digits stands in any text by chance, and so does a date's year.
    """
    said = comparable(text)
    if bare_name(score.indicator.name) in said:
        return True
    if actual.kind in _DATES:
        return False
    found = _NUMBER.findall(comparable(score.indicator.actual))
    numbers = {n for n in found if len(n.replace(".", "")) >= telling_digits}
    return any(re.search(rf"(?<![\d.]){re.escape(n)}(?![\d.]*\d)", said) for n in numbers)


def check_narrative(scoring: UnitScoring, rules: RuleBook) -> Iterator[Finding]:
    books = scoring.evaluation.books
    if not books.narrative:
        return
    chapters = problems_chapters(books.narrative)
    text = "\n".join(f"{chapter.heading}\n{chapter.text}" for chapter in chapters)
    where = "、".join(f"{chapter.place.chinese}「{chapter.heading}」" for chapter in chapters)
    where = where or "自评报告文字（没有“存在问题及改进措施”一章）"
    digits = rules.count("checks.narrative.telling_digits")
    rows = zip(scoring.evaluation.scores, scoring.actuals, scoring.completions, strict=True)
    for score, actual, completion in rows:
        if score.indicator.indicator_id == EXECUTION_ROW_ID or completion.status not in _MISSED:
            continue
        if is_spoken_of(score, actual, text, telling_digits=digits):
            continue
        yield Finding(
            code="DEVIATION_NOT_IN_NARRATIVE",
            severity=Severity.WARNING,
            place=books.cell(score.indicator.place, "actual"),
            unit_code=books.unit.code,
            indicator=score.indicator.name,
            value=score.indicator.actual,
            expected="在问题及改进措施中说明",
            message=f"指标「{score.indicator.name}」未达目标（目标 {score.indicator.target}，完成 {score.indicator.actual}），{where}没有提到",
            fix="在“存在问题及改进措施”中写明原因和改进措施",
        )
