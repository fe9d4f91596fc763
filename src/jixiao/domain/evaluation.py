"""What an evaluation says of one subject (a unit or a project of it): executed lines, scores with their traces, total and grade, gaps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from jixiao.domain.books import BudgetLine, Indicator, Subject, UnitBooks
from jixiao.domain.findings import Finding, Place, Severity
from jixiao.domain.money import PrintStyle


class ExecutedFrom(StrEnum):
    """Where the executed amount of a line comes from."""

    LEDGER = "ledger"
    TABLE = "table"
    CHILDREN = "children"


@dataclass(frozen=True)
class ExecutedLine:
    """A budget line with the exact amounts of the books. ``executed_fen`` may be None: nothing states it.

    ``execution_rate`` is the text of the rate in percent with two decimals, ``n/a`` on a zero base, empty if unknown.
    """

    line: BudgetLine
    line_key: str
    original_fen: int | None
    carry_and_adjust_fen: int | None
    adjusted_fen: int | None
    executed_fen: int | None
    executed_from: ExecutedFrom
    execution_rate: str
    months_fen: tuple[int, ...] = (0,) * 12
    ledger_rows: int = 0


def total_of(lines: Iterable[ExecutedLine]) -> ExecutedLine | None:
    """The line of the whole budget among a unit's lines, None where there is none."""
    return next((line for line in lines if line.line.level == 0), None)


class ScoreStatus(StrEnum):
    """What became of an indicator."""

    REACHED = "reached"
    PARTLY = "partly"
    MISSED = "missed"
    CONTRADICTED = "contradicted"
    NOT_APPLICABLE = "not_applicable"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    MONITORED = "monitored"

    @property
    def chinese(self) -> str:
        return {
            "reached": "达成",
            "partly": "部分达成",
            "missed": "未达成",
            "contradicted": "自报与账算不符",
            "not_applicable": "不适用",
            "missing": "未填报",
            "unreadable": "无法判读，待确认",
            "monitored": "监控中，年终评定",
        }[self.value]


@dataclass(frozen=True)
class SourceRow:
    """A row of the books behind a figure, or ``rows`` of one kind from ``place`` on: the file's hash, what they say."""

    place: Place
    sha256: str
    says: str
    rows: int = 1


@dataclass(frozen=True)
class TraceStep:
    """One step down from points: ``what`` in words, ``formula`` with values put in, ``result``; rule and rows if any."""

    what: str
    formula: str
    result: str
    rule_id: str = ""
    rows: tuple[SourceRow, ...] = ()


@dataclass(frozen=True)
class Trace:
    """points → rule → formula → inputs → source rows. Nothing is scored without one."""

    indicator_id: str
    steps: tuple[TraceStep, ...]


@dataclass(frozen=True)
class Derivation:
    """A value recomputed from the books. ``value_pct`` None: an input is missing (``missing`` names it), or the base
    is 0 (``zero_base``), which gives no rate at all.

    ``alternatives`` are other definitions (口径) with their values; ``agrees`` whether the report can be true by the
    main definition; ``fits_basis`` names another one by which it can: then it is a question, no accusation.
    """

    key: str
    name: str
    formula: str
    value_pct: Decimal | None
    agrees: bool = True
    missing: tuple[str, ...] = ()
    zero_base: bool = False
    alternatives: tuple[tuple[str, Decimal], ...] = ()
    remark: str = ""
    fits_basis: str = ""
    rows: tuple[SourceRow, ...] = ()

    @property
    def contradicts(self) -> bool:
        """No known definition makes the report true."""
        return not self.agrees and not self.fits_basis


@dataclass(frozen=True)
class Score:
    """One indicator, scored. ``completion`` is in 0–1, ``points`` in 0–``weight``; None where it cannot be said."""

    indicator: Indicator
    weight: Decimal
    completion: Decimal | None
    points: Decimal | None
    status: ScoreStatus
    reported_value: str
    derived_value: str
    deviation: str
    rule_id: str
    trace: Trace
    derivation: Derivation | None = None


@dataclass(frozen=True)
class Evaluation:
    """The whole of one subject: what the reports print. ``score`` None: too much is missing to say a total."""

    books: UnitBooks
    rule_set: str
    lines: tuple[ExecutedLine, ...]
    scores: tuple[Score, ...]
    score: Decimal | None
    pending_weight: Decimal
    grade: str
    print_style: PrintStyle
    findings: tuple[Finding, ...] = ()
    default_share_pct: Decimal = Decimal(0)
    report_title: str = ""
    not_applicable_weight: Decimal = Decimal(0)

    @property
    def unit_code(self) -> str:
        return self.books.unit.code

    @property
    def project(self) -> str:
        """The project that is evaluated, empty for a whole unit."""
        return self.books.project

    @property
    def subject(self) -> Subject:
        return self.books.subject

    @property
    def total(self) -> ExecutedLine | None:
        """The line of the whole budget, None where the table has none."""
        return total_of(self.lines)


class GapKind(StrEnum):
    TARGET_MISSED = "target_missed"
    CONTRADICTED = "self_report_contradicted"
    ERROR_FINDING = "error_finding"

    @property
    def chinese(self) -> str:
        return {
            "target_missed": "指标未达成",
            "self_report_contradicted": "自报与账算不符",
            "error_finding": "数据错误待改",
        }[self.value]


@dataclass(frozen=True)
class Gap:
    """差距、待办问题: what an owner must act on, until a re-check passes. The id is the same from run to run."""

    gap_id: str
    unit_code: str
    indicator_id: str
    indicator: str
    kind: GapKind
    severity: Severity
    owner: str
    opened_on: date
    due_on: date
    message: str
    fix: str
    place: Place
    status: str = "open"
    project: str = ""


@dataclass(frozen=True)
class LeftOut:
    """A subject (or a file whose unit is unknown) that was not evaluated, and why."""

    unit_code: str
    file: str
    why: str
    project: str = ""

    @property
    def subject(self) -> Subject:
        return Subject(self.unit_code, self.project)


@dataclass(frozen=True)
class RunInfo:
    """What every output names: which run, of what, by which rules."""

    run_id: str
    year: int
    period: str
    as_of: date
    code_version: str
    inputs_sha256: str
    rule_sets: tuple[str, ...] = ()
    remarks: dict[str, str] = field(default_factory=dict)
