"""The text against the tables: every missed indicator must be spoken of in the chapter on problems."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jixiao.domain.books import NarrativeSection
from jixiao.domain.evaluation import Score, ScoreStatus
from jixiao.domain.findings import Finding, Severity
from jixiao.domain.names import bare_name, comparable
from jixiao.rules.registry import RuleBook
from jixiao.scoring.unit_score import EXECUTION_ROW_ID, UnitScoring

_PROBLEMS_CHAPTER = 5
_PROBLEM_WORDS = ("问题", "不足", "改进")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
# A shorter number (一位、两位) stands in any text by chance and proves nothing.
_TELLING_DIGITS = 3
_MISSED = {ScoreStatus.PARTLY, ScoreStatus.MISSED}


def problems_chapter(narrative: tuple[NarrativeSection, ...]) -> NarrativeSection | None:
    """The chapter on problems: by its heading, else the fifth."""
    by_heading = (s for s in narrative if any(word in s.heading for word in _PROBLEM_WORDS))
    by_number = (s for s in narrative if s.number == _PROBLEMS_CHAPTER)
    return next(by_heading, None) or next(by_number, None)


def is_spoken_of(score: Score, text: str) -> bool:
    """Whether a chapter speaks of an indicator: by its name, or by the very figure it reached."""
    said = comparable(text)
    if bare_name(score.indicator.name) in said:
        return True
    numbers = {
        n for n in _NUMBER.findall(comparable(score.indicator.actual)) if len(n.replace(".", "")) >= _TELLING_DIGITS
    }
    return any(re.search(rf"(?<![\d.]){re.escape(n)}(?![\d.]*\d)", said) for n in numbers)


def check_narrative(scoring: UnitScoring, _rules: RuleBook) -> Iterator[Finding]:
    books = scoring.evaluation.books
    if not books.narrative:
        return
    chapter = problems_chapter(books.narrative)
    text = f"{chapter.heading}\n{chapter.text}" if chapter else ""
    where = (
        f"{chapter.place.chinese}「{chapter.heading}」" if chapter else "自评报告文字（没有“存在问题及改进措施”一章）"
    )
    for score, completion in zip(scoring.evaluation.scores, scoring.completions, strict=True):
        if (
            score.indicator.indicator_id == EXECUTION_ROW_ID
            or completion.status not in _MISSED
            or is_spoken_of(score, text)
        ):
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
