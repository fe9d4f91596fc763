"""Evaluation → gaps: one an indicator that was missed or contradicted, one an error finding beside them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from jixiao.domain.books import Indicator
from jixiao.domain.evaluation import Evaluation, Gap, GapKind, Score, ScoreStatus
from jixiao.domain.findings import Finding, Place, Severity
from jixiao.domain.names import comparable
from jixiao.gaps.owners import owner_of
from jixiao.rules.registry import RuleBook

_MISSED = {ScoreStatus.PARTLY, ScoreStatus.MISSED}


@dataclass(frozen=True)
class _Trouble:
    """What a gap is about, before it has an owner and a date. ``indicator`` None: the unit as a whole."""

    kind: GapKind
    severity: Severity
    subject: str
    message: str
    fix: str
    place: Place
    indicator: Indicator | None = None


def gap_id(unit_code: str, subject: str, occurrence: int) -> str:
    """The same subject has the same id in every run and year, whatever kind of trouble it is in, so that a gap can be
    followed; ``occurrence`` counts subjects of one name.
    """
    return "G" + hashlib.sha256(f"{unit_code}|{comparable(subject)}|{occurrence}".encode()).hexdigest()[:10]


def _missed_text(score: Score) -> str:
    indicator = score.indicator
    deviation = f"，偏差 {score.deviation}" if score.deviation not in {"", "n/a"} else ""
    reason = f"；已填原因：{indicator.reason}" if indicator.reason.strip() else "；尚未填写原因"
    return f"「{indicator.name}」目标 {indicator.target}，完成 {indicator.actual or '（空）'}{deviation}{reason}"


def _missed(score: Score) -> _Trouble:
    indicator = score.indicator
    return _Trouble(
        kind=GapKind.TARGET_MISSED,
        severity=Severity.WARNING if indicator.reason.strip() else Severity.ERROR,
        subject=indicator.name,
        message=_missed_text(score),
        fix="说明原因，提出改进措施和完成时间",
        place=indicator.place,
        indicator=indicator,
    )


def _of_finding(kind: GapKind, finding: Finding, indicator: Indicator | None) -> _Trouble:
    return _Trouble(
        kind=kind,
        severity=Severity.ERROR,
        subject=finding.indicator or finding.code,
        message=finding.message,
        fix=finding.fix,
        place=finding.place,
        indicator=indicator,
    )


def _troubles(evaluation: Evaluation) -> Iterator[_Trouble]:
    """A contradiction outweighs a missed target; an error on an indicator that has a gap already adds none."""
    errors = [f for f in evaluation.findings if f.severity is Severity.ERROR]
    contradictions = {
        (f.place.row, comparable(f.indicator)): f
        for f in errors
        if f.code == "SELF_REPORT_CONTRADICTED" and f.indicator
    }
    told: set[str] = set()
    for score in evaluation.scores:
        indicator = score.indicator
        contradiction = contradictions.get((indicator.place.row, comparable(indicator.name)))
        if score.status is ScoreStatus.CONTRADICTED and contradiction is not None:
            yield _of_finding(GapKind.CONTRADICTED, contradiction, indicator)
        elif score.status in _MISSED or score.status is ScoreStatus.CONTRADICTED:
            yield _missed(score)
        else:
            continue
        told.add(comparable(indicator.name))
    by_name = {comparable(s.indicator.name): s.indicator for s in evaluation.scores}
    for finding in errors:
        name = comparable(finding.indicator)
        if not name or name not in told:
            yield _of_finding(GapKind.ERROR_FINDING, finding, by_name.get(name) if name else None)


def find_gaps(evaluation: Evaluation, rules: RuleBook, *, as_of: date) -> tuple[Gap, ...]:
    """The gaps of one unit, worst first. Pure; ``as_of`` is the day they are opened."""
    due_on = as_of + timedelta(days=rules.count("gaps.due_days"))
    seen: Counter[str] = Counter()
    found = []
    for trouble in _troubles(evaluation):
        subject = comparable(trouble.subject)
        seen[subject] += 1
        found.append(
            Gap(
                gap_id=gap_id(evaluation.unit_code, subject, seen[subject]),
                unit_code=evaluation.unit_code,
                indicator_id=trouble.indicator.indicator_id if trouble.indicator is not None else "",
                indicator=trouble.subject,
                kind=trouble.kind,
                severity=trouble.severity,
                owner=owner_of(trouble.indicator, evaluation.books.contacts),
                opened_on=as_of,
                due_on=due_on,
                message=trouble.message,
                fix=trouble.fix,
                place=trouble.place,
            )
        )
    return tuple(
        sorted(found, key=lambda g: (g.severity.rank, g.place.file, g.place.sheet, g.place.row or 0, g.gap_id))
    )
