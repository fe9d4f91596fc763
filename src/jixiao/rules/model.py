"""Types of the rule files. A rule is a value with the day it takes effect and the document it comes from."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RuleStatus(StrEnum):
    """Who stands behind a rule. A score may cite ``official`` and ``local``; a default is always marked as such."""

    OFFICIAL = "official"
    LOCAL = "local"
    PRODUCT_DEFAULT = "product_default"

    @property
    def chinese(self) -> str:
        return {"official": "国家规定", "local": "地方规定", "product_default": "产品默认（无文件规定）"}[self.value]


class Confidence(StrEnum):
    """How sure the source is: read on a published form, or known but its clause still to be confirmed."""

    SEEN = "seen"
    MEMORY = "memory"


class Source(_Strict):
    """The document behind a rule: 名称、文号、条款、发布日期 (to the day, month or year, as far as it is known)."""

    title: str
    number: str = ""
    article: str = ""
    published: str = Field(default="", pattern=r"^(\d{4}(-\d{2}(-\d{2})?)?)?$")

    @field_validator("published", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        """YAML reads a full date and a bare year as values of their own."""
        return str(value) if isinstance(value, (date, int)) else value

    @property
    def chinese(self) -> str:
        return "".join([f"《{self.title}》", f"（{self.number}）" if self.number else "", self.article])


class Rule(_Strict):
    """One rule. ``value`` is read by the accessor that knows the rule's shape (rules/registry.py)."""

    id: str
    title: str
    value: Any
    effective: date
    until: date | None = None
    status: RuleStatus
    source: Source | None = None
    confidence: Confidence | None = None
    confirmed_on: date | None = None
    note: str = ""

    @model_validator(mode="after")
    def _sourced(self) -> Rule:
        if self.status is not RuleStatus.PRODUCT_DEFAULT and self.source is None:
            raise ValueError("规则没有来源（source）：只有 product_default 可以没有来源")
        return self

    def overlaps(self, other: Rule) -> bool:
        """Whether there is a day on which both hold."""
        starts_later, ends_first = (
            max(self.effective, other.effective),
            min(self.until or date.max, other.until or date.max),
        )
        return starts_later <= ends_first

    def holds_on(self, day: date) -> bool:
        return self.effective <= day and (self.until is None or day <= self.until)

    @property
    def cited(self) -> str:
        """How a report cites it."""
        if self.source is None:
            return self.status.chinese
        unsure = "（条款待核对原文）" if self.confidence is Confidence.MEMORY else ""
        return f"{self.source.chinese}{unsure} · {self.status.chinese}"


class DerivedBasis(_Strict):
    """One definition (口径) of a derived indicator: two sums of terms, joined by + and -, and their quotient."""

    basis: str
    numerator: str
    denominator: str
    formula: str


class DerivedIndicator(_Strict):
    """A standard indicator that the books can give. ``better`` is the direction the frame states for it."""

    key: str
    name: str
    aliases: tuple[str, ...] = ()
    better: Literal["higher", "lower"]
    main: DerivedBasis
    alternatives: tuple[DerivedBasis, ...] = ()
    question: str = ""
    source: Source
    confidence: Confidence


class RuleSet(_Strict):
    """One file: the rules of a region. ``region`` is CN or the leading digits of a 行政区划 code.

    ``form_marks``: heads of the indicator form, as printed, by which a form that names no region is recognised.
    """

    region: str = Field(pattern=r"^(CN|\d{2}|\d{4}|\d{6})$")
    name: str
    version: str
    form_marks: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    derived: tuple[DerivedIndicator, ...] = ()
    fact_names: dict[str, str] = {}
