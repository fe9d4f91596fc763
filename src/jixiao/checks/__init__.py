"""What a careful reader objects to in one unit's self-evaluation, after scoring. Pure; one file a subject.

scope.py what is missing · budget.py the printed table · self_report.py indicators against the books · form_quality.py
the form itself · points.py printed points · narrative.py the text. Intake's own findings come before, in intake/.
"""

from __future__ import annotations

from dataclasses import replace

from jixiao.checks.budget import check_budget
from jixiao.checks.form_quality import check_form_quality
from jixiao.checks.narrative import check_narrative
from jixiao.checks.points import check_points
from jixiao.checks.scope import check_scope
from jixiao.checks.self_report import check_self_report
from jixiao.domain.findings import Finding
from jixiao.rules.registry import RuleBook
from jixiao.scoring.unit_score import UnitScoring

_CHECKS = (check_scope, check_budget, check_self_report, check_form_quality, check_points, check_narrative)
# Before the end of the year nothing is reached or missed: only the money can be wrong.
_MONITORING_CHECKS = (check_budget,)


def review(scoring: UnitScoring, rules: RuleBook) -> tuple[Finding, ...]:
    """All findings on one subject, worst first."""
    books = scoring.evaluation.books
    checks = _MONITORING_CHECKS if books.is_monitoring else _CHECKS
    found = [finding for check in checks for finding in check(scoring, rules)]
    if books.project:
        found = [replace(finding, project=books.project) for finding in found]
    return tuple(sorted(found, key=lambda finding: finding.sort_key))


__all__ = ["review"]
