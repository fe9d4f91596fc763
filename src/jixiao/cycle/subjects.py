"""What of an inbox a run is to evaluate: whole units and projects that are complete; and what it must leave out, and why.

A unit is evaluated as a whole from its 绩效指标表 and 预算执行情况表, or from a form about all of it; each of its projects from a
form of its own. The store's side of it is storage/run_store.py (``replace_units``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from jixiao.domain.books import Kind, PerformanceForm, Subject
from jixiao.domain.evaluation import LeftOut
from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.domain.periods import ANNUAL, form_of

if TYPE_CHECKING:
    from jixiao.intake.readings import FileReading, InboxReading, TableReading

# Without these a unit cannot be evaluated as a whole; the other kinds only leave checks out.
_NEEDED = (Kind.INDICATORS, Kind.BUDGET_EXECUTION)
# Tables about many units: to stand in one does not make a unit a subject.
_ABOUT_MANY = frozenset({Kind.UNIT_REGISTER, Kind.CONTACTS})
_AGAIN = "把它放进收件文件夹后重新运行"


@dataclass(frozen=True)
class Readiness:
    """``subjects`` can be evaluated; ``left_out`` cannot; ``findings`` say of which of them something did not arrive."""

    subjects: tuple[Subject, ...]
    left_out: tuple[LeftOut, ...]
    findings: tuple[Finding, ...]

    @property
    def unit_codes(self) -> tuple[str, ...]:
        """The units of the subjects, each once, in order."""
        return tuple(dict.fromkeys(subject.unit_code for subject in self.subjects))

    def batches(self, size: int) -> tuple[tuple[str, ...], ...]:
        """Units to be worked on together: as many as have ``size`` subjects, or one unit that alone has more."""
        made: list[list[str]] = []
        room = 0
        counted: dict[str, int] = {}
        for subject in self.subjects:
            counted[subject.unit_code] = counted.get(subject.unit_code, 0) + 1
        for unit, count in counted.items():
            if not made or count > room:
                made.append([])
                room = size
            made[-1].append(unit)
            room -= count
        return tuple(map(tuple, made))


@dataclass
class _Held:
    """What arrived of one unit: kinds of tables of the whole of it, and its forms."""

    kinds: set[Kind] = field(default_factory=set)
    forms: set[tuple[Kind, str]] = field(default_factory=set)
    file: str = ""
    form_files: dict[tuple[Kind, str], str] = field(default_factory=dict)

    def projects(self, kind: Kind) -> list[str]:
        return sorted(project for form, project in self.forms if form is kind and project)


def subjects_of(reading: InboxReading, *, period: str, scope: frozenset[str]) -> Readiness:
    """Which subjects of an inbox a run of ``period`` can evaluate; ``scope``: these units alone (empty: all)."""
    held = _held(reading)
    left = _left_out_by_files(reading, period)
    without = {one.subject for one in left}
    subjects: list[Subject] = []
    missing: list[LeftOut] = []
    goals_alone: list[Finding] = []
    for unit in sorted(set(held) | scope):
        if scope and unit not in scope:
            continue
        own = held.get(unit, _Held())
        kind = form_of(period)
        projects = own.projects(kind)
        subjects += [Subject(unit, p) for p in projects if Subject(unit, p) not in without]
        if Subject(unit) not in without:
            if why := _why_not_whole(own, period, has_projects=bool(projects)):
                missing.append(LeftOut(unit, own.file, why))
            elif (kind, "") in own.forms or (period == ANNUAL and own.kinds & set(_NEEDED)):
                subjects.append(Subject(unit))
        if period == ANNUAL and Subject(unit) not in {one.subject for one in missing}:
            goals_alone += [_goals_alone(unit, p, own) for p in own.projects(Kind.GOALS_FORM) if p not in projects]
    return Readiness(tuple(sorted(subjects)), (*left, *missing), (*(_incomplete(one) for one in missing), *goals_alone))


def _held(reading: InboxReading) -> dict[str, _Held]:
    held: dict[str, _Held] = {}
    for file in reading.files:
        for table in file.tables:
            if table.kind in _ABOUT_MANY:
                continue
            for unit in table.scope_units:
                own = held.setdefault(unit, _Held())
                own.file = own.file or file.file
                if table.kind.is_form:
                    own.forms.add((table.kind, table.project))
                    own.form_files.setdefault((table.kind, table.project), file.file)
                else:
                    own.kinds.add(table.kind)
    return held


def _why_not_whole(own: _Held, period: str, *, has_projects: bool) -> str:
    """Why a unit should be evaluated as a whole and cannot be; empty where it can, or where it only has projects."""
    kind = form_of(period)
    if (kind, "") in own.forms:
        return ""
    if period != ANNUAL:
        return "" if has_projects else f"没有收到{kind.chinese}，无法监控。{_AGAIN}"
    missing = [needed.chinese for needed in _NEEDED if needed not in own.kinds]
    if not missing or (has_projects and len(missing) == len(_NEEDED)):
        return ""
    if own.forms and not own.kinds:
        came = "、".join(dict.fromkeys(form.chinese for form, _ in sorted(own.forms)))
        return f"只收到{came}，没有收到{kind.chinese}，无法评价。{_AGAIN}"
    return f"没有收到{'、'.join(missing)}，无法评价。{_AGAIN}"


def _why(reading: FileReading, project: str | None = None) -> str:
    """The worst finding of a file (of one project in it), as the reason why it was left out."""
    findings = [f for f in reading.findings if project is None or f.project == project] or list(reading.findings)
    worst = [f for f in findings if f.outcome.rank >= Outcome.REJECT_ROW.rank] or findings
    worst.sort(key=lambda f: (-f.outcome.rank, f.sort_key))
    if not worst:
        return reading.outcome.chinese
    more = f"（另有 {len(worst) - 1} 处）" if len(worst) > 1 else ""
    return f"{worst[0].placed_message}{more}。{worst[0].fix}"


def _left_out_by_files(reading: InboxReading, period: str) -> list[LeftOut]:
    """Who misses a file that was refused, or a row of one: a figure from the rest of it would be false."""
    left: list[LeftOut] = []
    for file in reading.files:
        if file.outcome.rank < Outcome.REJECT_ROW.rank:
            continue
        forms = [table for table in file.tables if table.kind is form_of(period) and table.rows_rejected]
        left += [LeftOut(unit, file.file, _why(file, t.project), t.project) for t in forms for unit in t.scope_units]
        # What a monitoring run does not work on leaves none of its units out.
        units = file.left_out_units if period == ANNUAL else ()
        if not units and file.outcome is not Outcome.REJECT_ROW:
            left.append(LeftOut("", file.file, _why(file)))
        left += [LeftOut(unit, file.file, _why(file)) for unit in units]
    return left


def _incomplete(left: LeftOut) -> Finding:
    return Finding(
        code="SCOPE_INCOMPLETE",
        severity=Severity.ERROR,
        place=Place(left.file),
        message=f"{left.subject.chinese}：{left.why}",
        fix="补齐后重新运行",
        unit_code=left.unit_code,
        project=left.project,
    )


def _goals_alone(unit: str, project: str, own: _Held) -> Finding:
    """Goals were set for a project of which no self-evaluation arrived."""
    return Finding(
        code="SCOPE_INCOMPLETE",
        severity=Severity.WARNING,
        place=Place(own.form_files[Kind.GOALS_FORM, project]),
        message=f"项目「{project}」只收到{Kind.GOALS_FORM.chinese}，没有收到{Kind.PROJECT_FORM.chinese}，该项目没有评价",
        fix=f"项目要做年度自评的，把它的{Kind.PROJECT_FORM.chinese}放进收件文件夹后重新运行",
        unit_code=unit,
        expected=Kind.PROJECT_FORM.chinese,
        project=project,
    )


def with_subjects(reading: FileReading) -> tuple[Finding, ...]:
    """The findings of a file, each given to the subject that it is about: by its form, else by the file's one unit."""
    units = {unit for table in reading.tables for unit in table.scope_units} | set(reading.left_out_units)
    unit = next(iter(units)) if len(units) == 1 else ""
    forms = [table for table in reading.tables if table.kind.is_form]
    made = []
    for f in reading.findings:
        finding = f if f.unit_code or not unit else f.in_unit(unit)
        form = None if finding.project or not forms else _form_of(finding, forms, reading.tables)
        if form is not None and len(form.scope_units) == 1:
            owner = form.scope_units[0]
            finding = replace(finding, unit_code=finding.unit_code or owner, project=form.project)
        made.append(finding)
    return tuple(made)


def _form_of(f: Finding, forms: Sequence[TableReading], tables: Sequence[TableReading]) -> TableReading | None:
    """The form that a finding is about: the file's only table, else the last on its sheet that begins above its row."""
    if len(tables) == 1:
        return forms[0]
    above = [form for form in forms if form.sheet == f.place.sheet and f.place.row and _first_row(form) <= f.place.row]
    return max(above, key=_first_row, default=None)


def _first_row(form: TableReading) -> int:
    heads: Iterable[PerformanceForm] = (row for row in form.rows if isinstance(row, PerformanceForm))
    return next((row.place.row for row in heads if row.place.row), form.header_row)
