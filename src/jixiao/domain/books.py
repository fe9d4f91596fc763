"""The canonical rows of the books, as intake writes and evaluation reads them. Every row knows its place."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from jixiao.domain.findings import Place
from jixiao.domain.money import MoneyUnit


class Kind(StrEnum):
    """Kinds of input table (CONTRACT §2) that intake reads today."""

    PAYMENTS = "payments"
    BUDGET_EXECUTION = "budget_execution"
    UNIT_REGISTER = "unit_register"
    UNIT_FACTS = "unit_facts"
    INDICATORS = "indicators"
    KEY_TASKS = "key_tasks"
    NARRATIVE = "narrative"
    CONTACTS = "contacts"

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
        }[self.value]


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
    ``reported_rate_pct`` its reading in percent, ``rate_places`` its decimals in percent.
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
    """指标 as the form prints it; texts are kept to the letter. ``weight`` and ``score`` are None where not printed."""

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


def sheet_key(file: str, sheet: str) -> str:
    """One text for a file's sheet, as a key that JSON can hold."""
    return f"{file}#{sheet}"


@dataclass(frozen=True)
class UnitBooks:
    """All that is known of one unit in one year: what evaluation works on.

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
    file_sha256: dict[str, str] = field(default_factory=dict)
    columns: dict[str, dict[str, str]] = field(default_factory=dict)

    def cell(self, place: Place, column: str) -> Place:
        """The cell of a canonical column in the row at ``place``; the row alone where the column is not known."""
        letter = self.columns.get(sheet_key(place.file, place.sheet), {}).get(column, "")
        return replace(place, column=letter)
