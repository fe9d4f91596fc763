"""Which time an evaluation speaks of: the whole year, or the year so far to the end of a quarter or month (monitoring).

What a run of a period works on follows from it: the year from self-evaluations, a part of it from monitoring forms.
"""

from __future__ import annotations

import re

from jixiao.domain.books import Kind

ANNUAL = "annual"
_PART = re.compile(r"(?:Q([1-4])|M(0?[1-9]|1[0-2]))")
_QUARTER_MONTHS = 3
# A form is of one occasion; the tables of a whole unit speak of the whole year.
_OF_THE_YEAR = frozenset(
    {Kind.BUDGET_EXECUTION, Kind.INDICATORS, Kind.KEY_TASKS, Kind.NARRATIVE, Kind.UNIT_FACTS, Kind.PAYMENTS}
)


def period_of(text: str) -> str:
    """``annual``, ``Q1``–``Q4`` or ``M1``–``M12`` from what a person wrote: ``q2``, ``m06``.

    Raises:
        ValueError: it is none of them.
    """
    written = text.strip()
    if written.lower() == ANNUAL:
        return ANNUAL
    found = _PART.fullmatch(written.upper())
    if not found:
        raise ValueError(f"{text!r} is no period")
    return f"Q{found[1]}" if found[1] else f"M{int(found[2])}"


def last_month(period: str) -> int:
    """The month (1–12) that a period ends with."""
    number = 12 if period == ANNUAL else int(period[1:])
    return number * _QUARTER_MONTHS if period.startswith("Q") else number


def form_of(period: str) -> Kind:
    """The form on which a subject is handed in for a period."""
    return Kind.PROJECT_FORM if period == ANNUAL else Kind.MONITORING_FORM


def is_evaluated(kind: Kind, period: str) -> bool:
    """Whether a run of a period works on tables of a kind; others it only keeps."""
    if kind.is_form:
        return kind is form_of(period)
    return period == ANNUAL or kind not in _OF_THE_YEAR


def period_text(year: int, period: str) -> str:
    """A period in the office's words: ``2022年度``, ``2022年第2季度累计``."""
    if period == ANNUAL:
        return f"{year}年度"
    part = f"第{period[1:]}季度" if period.startswith("Q") else f"{period[1:]}月"
    return f"{year}年{part}累计"


def span_text(year: int, period: str) -> str:
    """The time that a run speaks of, as its name says it: ``2022 年度``, ``2022年第2季度累计``."""
    return f"{year} 年度" if period == ANNUAL else period_text(year, period)


def occasion_text(year: int, period: str) -> str:
    """What is done, as people call it: ``2022 年度绩效自评``, ``2022年第2季度累计绩效运行监控``."""
    return f"{span_text(year, period)}{'绩效自评' if period == ANNUAL else '绩效运行监控'}"
