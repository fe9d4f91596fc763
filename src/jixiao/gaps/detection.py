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
from jixiao.scoring.unit_score import EXECUTION_ROW_ID

_MISSED = {ScoreStatus.PARTLY, ScoreStatus.MISSED}


@dataclass(frozen=True)
class _Trouble:
    """What a gap is about, before it has an owner and a date.

    ``subject`` identifies it from run to run. ``indicator`` None: the unit as a whole, or a budget line (``name``).
    """

    kind: GapKind
    severity: Severity
    subject: str
    name: str
    message: str
    fix: str
    place: Place
    indicator: Indicator | None = None


def gap_id(unit_code: str, subject: str, *, project: str = "") -> str:
    """The same subject has the same id in every run and year, whatever trouble it is in: a gap can be followed."""
    owner = f"{unit_code}|{project}|" if project else f"{unit_code}|"
    return "G" + hashlib.sha256(f"{owner}{subject}".encode()).hexdigest()[:10]


def _subjects(evaluation: Evaluation) -> dict[str, str]:
    """The identity of each indicator, by its id: its name, and which of several of that name it is in the form."""
    counted: Counter[str] = Counter()
    made = {}
    for score in evaluation.scores:
        name = comparable(score.indicator.name)
        counted[name] += 1
        made[score.indicator.indicator_id] = f"{name}|{counted[name]}"
    return made


def _missed_text(score: Score) -> str:
    indicator = score.indicator
    deviation = f"，偏差 {score.deviation}" if score.deviation not in {"", "n/a"} else ""
    reason = f"；已填原因：{indicator.reason}" if indicator.reason.strip() else "；尚未填写原因"
    return f"「{indicator.name}」目标 {indicator.target}，完成 {indicator.actual or '（空）'}{deviation}{reason}"


def _missed(score: Score, subject: str) -> _Trouble:
    indicator = score.indicator
    return _Trouble(
        kind=GapKind.TARGET_MISSED,
        severity=Severity.WARNING if indicator.reason.strip() else Severity.ERROR,
        subject=subject,
        name=indicator.name,
        message=_missed_text(score),
        fix="说明原因，提出改进措施和完成时间",
        place=indicator.place,
        indicator=indicator,
    )


def _of_finding(kind: GapKind, finding: Finding, subject: str, indicator: Indicator | None) -> _Trouble:
    return _Trouble(
        kind=kind,
        severity=Severity.ERROR,
        subject=subject,
        name=finding.indicator,
        message=finding.message,
        fix=finding.fix,
        place=finding.place,
        indicator=indicator,
    )


def _at(place: Place, name: str) -> tuple[str, str, int | None, str]:
    return place.file, place.sheet, place.row, comparable(name)


def _troubles(evaluation: Evaluation) -> Iterator[_Trouble]:
    """A contradiction outweighs a missed target; an error on a row that has a gap already adds none.

    The execution rate that a form leaves beside its indicators has no cell for a reason, and no gap of its own: what
    is wrong with it stands at the budget line.
    """
    errors = [f for f in evaluation.findings if f.severity is Severity.ERROR]
    contradictions = {_at(f.place, f.indicator): f for f in errors if f.code == "SELF_REPORT_CONTRADICTED"}
    subjects = _subjects(evaluation)
    by_row: dict[tuple[str, str, int | None, str], Indicator] = {}
    told = set()
    for score in evaluation.scores:
        indicator = score.indicator
        if indicator.indicator_id == EXECUTION_ROW_ID:
            continue
        where, subject = _at(indicator.place, indicator.name), subjects[indicator.indicator_id]
        by_row[where] = indicator
        if score.status is ScoreStatus.CONTRADICTED and where in contradictions:
            yield _of_finding(GapKind.CONTRADICTED, contradictions[where], subject, indicator)
        elif score.status in _MISSED or score.status is ScoreStatus.CONTRADICTED:
            yield _missed(score, subject)
        else:
            continue
        told.add(where)
    for finding in errors:
        where = _at(finding.place, finding.indicator)
        if where in told:
            continue
        found = by_row.get(where)
        if found is not None:
            told.add(where)
            yield _of_finding(GapKind.ERROR_FINDING, finding, subjects[found.indicator_id], found)
        else:
            subject = f"{finding.code}|{comparable(finding.indicator) or finding.place.file}"
            yield _of_finding(GapKind.ERROR_FINDING, finding, subject, None)


def find_gaps(evaluation: Evaluation, rules: RuleBook, *, as_of: date) -> tuple[Gap, ...]:
    """The gaps of one unit or project, worst first. Pure; ``as_of`` is the day they are opened."""
    due_on = as_of + timedelta(days=rules.count("gaps.due_days"))
    seen: Counter[str] = Counter()
    found = []
    for trouble in _troubles(evaluation):
        seen[trouble.subject] += 1
        again = f"|{seen[trouble.subject]}" if seen[trouble.subject] > 1 else ""
        found.append(
            Gap(
                gap_id=gap_id(evaluation.unit_code, trouble.subject + again, project=evaluation.project),
                unit_code=evaluation.unit_code,
                indicator_id=trouble.indicator.indicator_id if trouble.indicator is not None else "",
                indicator=trouble.name,
                kind=trouble.kind,
                severity=trouble.severity,
                owner=owner_of(trouble.indicator, evaluation.books.contacts),
                opened_on=as_of,
                due_on=due_on,
                message=trouble.message,
                fix=trouble.fix,
                place=trouble.place,
                project=evaluation.project,
            )
        )
    return tuple(
        sorted(found, key=lambda g: (g.severity.rank, g.place.file, g.place.sheet, g.place.row or 0, g.gap_id))
    )
