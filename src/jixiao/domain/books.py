"""The canonical rows of the books, as intake writes and evaluation reads them. Every row knows its place."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from jixiao.domain.findings import Place
from jixiao.domain.money import MoneyUnit


class Kind(StrEnum):
    """Kinds of input table (CONTRACT §2)."""

    PAYMENTS = "payments"
    BUDGET_EXECUTION = "budget_execution"
    UNIT_REGISTER = "unit_register"
    UNIT_FACTS = "unit_facts"
    INDICATORS = "indicators"
    KEY_TASKS = "key_tasks"
    NARRATIVE = "narrative"
    CONTACTS = "contacts"
    BUDGET_ADJUSTMENTS = "budget_adjustments"
    PROJECT_FORM = "project_form"
    GOALS_FORM = "goals_form"
    MONITORING_FORM = "monitoring_form"

    @property
    def chinese(self) -> str:
        return {
            "payments": "国库支付明细",
            "budget_execution": "预算执行情况表",
            "unit_register": "预算单位名册",
            "unit_facts": "基础数据表",
            "indicators": "绩效指标（自评）表",
            "key_tasks": "年度重点任务",
            "narrative": "自评报告文字",
            "contacts": "责任人通讯录",
            "budget_adjustments": "预算指标明细",
            "project_form": "绩效自评表",
            "goals_form": "绩效目标申报表",
            "monitoring_form": "绩效运行监控表",
        }[self.value]

    @property
    def is_form(self) -> bool:
        """Whether it is a form about one subject: blocks one above the other on a sheet, no table of many units."""
        return self in {Kind.PROJECT_FORM, Kind.GOALS_FORM, Kind.MONITORING_FORM}


@dataclass(frozen=True)
class Unit:
    """预算部门（单位）. ``division_code`` is the 6-digit 行政区划 (GB/T 2260); empty where nothing states it."""

    code: str
    name: str = ""
    parent_code: str = ""
    division_code: str = ""
    place: Place = Place()


@dataclass(frozen=True)
class Amount:
    """An amount as a table printed it: exact ``fen``, and how many decimals of ``unit`` the print shows.

    Source of the precision: the most decimals seen in the column, because Excel drops trailing zeros.
    """

    fen: int
    unit: MoneyUnit = MoneyUnit.YUAN
    places: int = 2

    @property
    def is_exact(self) -> bool:
        """Whether the print shows every fen."""
        return self.places >= (2 if self.unit is MoneyUnit.YUAN else 6)


@dataclass(frozen=True)
class BudgetLine:
    """预算行 as the execution table prints it. ``level`` 0 total, 1 basic or project expenditure, 2 one project.

    A missing amount is None, a printed 0 is an Amount of 0. ``reported_rate`` is the printed text, e.g. ``96.90%``;
    ``reported_rate_pct`` its reading in percent, ``rate_places`` its decimals in percent. ``project`` is the subject of
    the form the line stands in, empty for the whole unit; ``points`` and ``score`` are the 分值 and 得分 that a form
    prints for budget execution, ``forecast`` the 全年预计执行数 of a monitoring form.
    """

    unit_code: str
    name: str
    level: int
    parent: str
    position: int
    original: Amount | None
    carry_and_adjust: Amount | None
    adjusted: Amount | None
    executed: Amount | None
    reported_rate: str = ""
    reported_rate_pct: Decimal | None = None
    rate_places: int = 2
    place: Place = Place()
    project: str = ""
    points: Decimal | None = None
    score: Decimal | None = None
    forecast: Amount | None = None


@dataclass(frozen=True)
class Payment:
    """支付、退回、更正: one row of the treasury ledger. ``amount_fen`` is negative for a refund."""

    unit_code: str
    voucher_no: str
    line_name: str
    amount_fen: int
    paid_on: date | None
    place: Place = Place()


@dataclass(frozen=True)
class LedgerTotal:
    """What the ledger says of one budget line: paid in total and by month (1–12), and where its rows stand.

    ``rows_text`` names all of them, e.g. ``7–11、15``; a payment dated outside the year counts in no month.
    """

    unit_code: str
    line_name: str
    paid_fen: int
    rows: int
    months_fen: tuple[int, ...] = (0,) * 12
    first: Place = Place()
    rows_text: str = ""
    batch_sha256: str = ""


@dataclass(frozen=True)
class Indicator:
    """指标 as the form prints it; texts are kept to the letter. ``weight`` and ``score`` are None where not printed.

    ``target`` joins operator, value and unit where a form prints them in three cells. ``project`` is the subject of the
    form, empty for the whole unit; ``likelihood`` the 完成目标可能性 of a monitoring form: 确定能, 有可能, 不可能.
    """

    unit_code: str
    indicator_id: str
    position: int
    level1: str
    level2: str
    name: str
    target: str
    actual: str
    actual_source: str = ""
    deviation: str = ""
    reason: str = ""
    weight: Decimal | None = None
    score: Decimal | None = None
    owner: str = ""
    standard: str = ""
    place: Place = Place()
    project: str = ""
    likelihood: str = ""


@dataclass(frozen=True)
class PerformanceForm:
    """The head of a 绩效自评表, 绩效目标申报表 or 绩效运行监控表: what it says of its subject, beside its rows.

    ``project`` names the project as printed, empty where the form is about the whole unit. ``total_weight`` and
    ``total_score`` are the printed 总分, None where not printed; ``execution_weight`` and ``execution_score`` the 分值
    and 得分 of 预算执行率. Its fund lines are BudgetLines and its indicators Indicators with the same ``project``.
    """

    unit_code: str
    kind: Kind
    project: str = ""
    project_code: str = ""
    department: str = ""
    implementer: str = ""
    title: str = ""
    period: str = ""
    filled_on: str = ""
    goal_text: str = ""
    result_text: str = ""
    problems: str = ""
    measures: str = ""
    grade: str = ""
    total_weight: Decimal | None = None
    total_score: Decimal | None = None
    execution_weight: Decimal | None = None
    execution_score: Decimal | None = None
    place: Place = Place()


class AdjustmentKind(StrEnum):
    """What a 预算指标 does to the budget of its line."""

    ORIGINAL = "年初预算"
    CARRY_IN = "上年结转"
    ADDITION = "追加"
    REDUCTION = "追减"
    TRANSFER = "调剂"
    OTHER = "其他"


@dataclass(frozen=True)
class BudgetAdjustment:
    """预算指标: one row of 预算指标明细. ``amount_fen`` is negative for a reduction."""

    unit_code: str
    document_no: str
    line_name: str
    kind: AdjustmentKind
    kind_text: str
    amount_fen: int
    issued_on: date | None
    place: Place = Place()


@dataclass(frozen=True)
class KeyTask:
    """年度重点任务, in the order of the form. ``duty`` is filled down over merged cells."""

    unit_code: str
    position: int
    duty: str
    name: str
    content: str
    completion: str
    place: Place = Place()


@dataclass(frozen=True)
class Fact:
    """One figure of the 基础数据表, with its basis (口径) as the table states it."""

    unit_code: str
    key: str
    label: str
    value: Decimal
    unit: str = ""
    basis: str = ""
    place: Place = Place()


@dataclass(frozen=True)
class NarrativeSection:
    """One numbered chapter of the self-evaluation text. ``number`` 1–9 as the form numbers them (一 … 九)."""

    unit_code: str
    number: int
    heading: str
    paragraphs: tuple[str, ...]
    place: Place = Place()

    @property
    def text(self) -> str:
        return "\n".join(self.paragraphs)


@dataclass(frozen=True)
class Contact:
    """责任科室 and how to reach it. ``duties`` are words of indicator names or first levels that it answers for."""

    unit_code: str
    owner: str
    email: str
    channel: str = "mail"
    duties: tuple[str, ...] = ()
    place: Place = Place()


_KEY_SEPARATOR = "\x1f"


@dataclass(frozen=True, order=True)
class Subject:
    """What is evaluated: a whole unit (部门整体, ``project`` empty) or one project of it (项目支出) by its printed name."""

    unit_code: str
    project: str = ""

    @property
    def key(self) -> str:
        """One text for it, as a table of rows needs; ``of_key`` reads it back. Of a whole unit it is the unit's code."""
        return f"{self.unit_code}{_KEY_SEPARATOR}{self.project}" if self.project else self.unit_code

    @classmethod
    def of_key(cls, key: str) -> Subject:
        unit_code, _, project = key.partition(_KEY_SEPARATOR)
        return cls(unit_code, project)

    @property
    def chinese(self) -> str:
        return f"单位 {self.unit_code} 项目「{self.project}」" if self.project else f"单位 {self.unit_code}"


def sheet_key(file: str, sheet: str) -> str:
    """One text for a file's sheet, as a key that JSON can hold."""
    return f"{file}#{sheet}"


@dataclass(frozen=True)
class UnitBooks:
    """All that is known of one subject in one year, a whole unit or one project of it: what evaluation works on.

    ``form`` is the head of the form that the subject was handed in on; ``form.project`` names a project.

    ``columns`` maps canonical columns to letters, by ``sheet_key`` of the table; ``file_sha256`` by file name.
    """

    unit: Unit
    year: int
    lines: tuple[BudgetLine, ...] = ()
    ledger: tuple[LedgerTotal, ...] = ()
    indicators: tuple[Indicator, ...] = ()
    tasks: tuple[KeyTask, ...] = ()
    facts: tuple[Fact, ...] = ()
    narrative: tuple[NarrativeSection, ...] = ()
    contacts: tuple[Contact, ...] = ()
    form: PerformanceForm | None = None
    adjustments: tuple[BudgetAdjustment, ...] = ()
    file_sha256: dict[str, str] = field(default_factory=dict)
    columns: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def project(self) -> str:
        """The project that these books are of, empty for a whole unit."""
        return self.form.project if self.form else ""

    @property
    def subject(self) -> Subject:
        return Subject(self.unit.code, self.project)

    @property
    def is_monitoring(self) -> bool:
        """Whether they speak of a part of the year, before anything can be reached or missed."""
        return self.form is not None and self.form.kind is Kind.MONITORING_FORM

    def cell(self, place: Place, column: str) -> Place:
        """The cell of a canonical column in the row at ``place``; the row alone where the column is not known."""
        letter = self.columns.get(sheet_key(place.file, place.sheet), {}).get(column, "")
        return replace(place, column=letter)
