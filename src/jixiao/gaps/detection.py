"""Evaluation → gaps: one an indicator that was missed or contradicted, one an error finding beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date, timedelta

from jixiao.domain.books import Indicator
from jixiao.domain.evaluation import Evaluation, Gap, GapKind, Score, ScoreStatus
from jixiao.domain.findings import Finding, Severity
from jixiao.domain.names import comparable
from jixiao.gaps.owners import owner_of
from jixiao.rules.registry import RuleBook

_MISSED = {ScoreStatus.PARTLY, ScoreStatus.MISSED}


def gap_id(unit_code: str, kind: str, subject: str) -> str:
    """The same subject has the same id in every run, so that a gap can be followed."""
    return "G" + hashlib.sha256(f"{unit_code}|{kind}|{subject}".encode()).hexdigest()[:10]


def _missed_text(score: Score) -> str:
    indicator = score.indicator
    deviation = f"，偏差 {score.deviation}" if score.deviation not in {"", "n/a"} else ""
    reason = f"；已填原因：{indicator.reason}" if indicator.reason.strip() else "；尚未填写原因"
    return f"「{indicator.name}」目标 {indicator.target}，完成 {indicator.actual or '（空）'}{deviation}{reason}"


def find_gaps(evaluation: Evaluation, rules: RuleBook, *, as_of: date) -> tuple[Gap, ...]:
    """The gaps of one unit, worst first. Pure; ``as_of`` is the day they are opened.

    An indicator gives one gap at most: a contradiction outweighs a missed target. An error finding that speaks of
    an indicator which already has a gap adds none.
    """
    contacts = evaluation.books.contacts
    due_on = as_of + timedelta(days=rules.count("gaps.due_days"))
    unit_code = evaluation.unit_code
    contradictions = {
        comparable(f.indicator): f for f in evaluation.findings if f.code == "SELF_REPORT_CONTRADICTED" and f.indicator
    }
    found: list[Gap] = []
    seen: set[str] = set()

    def add(kind: GapKind, severity: Severity, indicator: Indicator | None, subject: str, message: str, fix: str, finding: Finding | None) -> None:
        place = finding.place if finding is not None else indicator.place if indicator is not None else None
        assert place is not None
        identity = indicator.indicator_id if indicator is not None else ""
        seen.add(comparable(subject))
        found.append(
            Gap(
                gap_id=gap_id(unit_code, kind.value, f"{identity}|{comparable(subject)}"),
                unit_code=unit_code,
                indicator_id=identity,
                indicator=subject,
                kind=kind,
                severity=severity,
                owner=owner_of(indicator, contacts),
                opened_on=as_of,
                due_on=due_on,
                message=message,
                fix=fix,
                place=place,
            )
        )

    for score in evaluation.scores:
        indicator = score.indicator
        if score.status is ScoreStatus.CONTRADICTED:
            finding = contradictions.get(comparable(indicator.name))
            message = finding.message if finding else _missed_text(score)
            fix = finding.fix if finding else "按账改正完成值，并说明原因"
            add(GapKind.CONTRADICTED, Severity.ERROR, indicator, indicator.name, message, fix, finding)
        elif score.status in _MISSED:
            severity = Severity.WARNING if indicator.reason.strip() else Severity.ERROR
            add(GapKind.TARGET_MISSED, severity, indicator, indicator.name, _missed_text(score), "说明原因，提出改进措施和完成时间", None)
    by_name = {comparable(s.indicator.name): s.indicator for s in evaluation.scores}
    for finding in _errors(evaluation.findings):
        if finding.indicator and comparable(finding.indicator) in seen:
            continue
        subject = finding.indicator or f"{finding.code}@{finding.place.file}/{finding.place.sheet}/{finding.place.row}"
        add(GapKind.ERROR_FINDING, Severity.ERROR, by_name.get(comparable(finding.indicator)), subject, finding.message, finding.fix, finding)
    return tuple(sorted(found, key=lambda g: (g.severity.rank, g.place.file, g.place.sheet, g.place.row or 0, g.gap_id)))


def _errors(findings: Iterable[Finding]) -> list[Finding]:
    return [f for f in findings if f.severity is Severity.ERROR]
