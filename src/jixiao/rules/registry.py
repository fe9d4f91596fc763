"""Which rules hold for a unit on a day: national → province → city → county, the nearer one over the farther."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from jixiao.domain.names import comparable
from jixiao.errors import RuleSetError
from jixiao.rules.loader import load_all
from jixiao.rules.model import DerivedIndicator, Rule, RuleSet, RuleStatus

AtMostMethod = Literal["ratio", "linear"]


@dataclass(frozen=True)
class LevelWeight:
    """Default weight of a first level, and the names under which forms print it."""

    names: tuple[str, ...]
    weight: Decimal


@dataclass(frozen=True)
class RuleBook:
    """The rules in force for one region on one day.

    ``why`` says how the region was found; ``chain`` names the sets from national to local.
    """

    region: str
    why: str
    chain: tuple[RuleSet, ...]
    on: date
    rules: dict[str, Rule]
    derived: tuple[DerivedIndicator, ...]
    fact_names: dict[str, str]

    @property
    def name(self) -> str:
        return " → ".join(f"{s.name} {s.version}" for s in self.chain)

    def rule(self, rule_id: str) -> Rule:
        """Raises RuleSetError: no set of the chain has the rule on this day."""
        try:
            return self.rules[rule_id]
        except KeyError:
            raise RuleSetError(
                f"{self.on} 没有有效的规则 {rule_id}（{self.name}）", "在规则集中补上这条规则及其来源"
            ) from None

    def _value(self, rule_id: str) -> Any:
        return self.rule(rule_id).value

    def number(self, rule_id: str) -> Decimal:
        value = self._value(rule_id)
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise RuleSetError(f"规则 {rule_id} 的值 {value!r} 不是数", "写成一个数")
        return Decimal(str(value))

    def count(self, rule_id: str) -> int:
        return int(self.number(rule_id))

    def share(self, rule_id: str) -> Fraction:
        """A rule whose value is in percent, as a fraction of 1."""
        return Fraction(self.number(rule_id)) / 100

    def text(self, rule_id: str) -> str:
        return str(self._value(rule_id))

    def counts(self, rule_id: str) -> tuple[int, ...]:
        """A rule whose value is a list of whole numbers."""
        return tuple(int(value) for value in self._value(rule_id))

    def words(self, rule_id: str) -> tuple[str, ...]:
        """A rule whose value is a list of words."""
        return tuple(str(value) for value in self._value(rule_id))

    def choice(self, rule_id: str, *known: str) -> str:
        """A rule whose value names a method.

        Raises:
            RuleSetError: the product has no such method; a value is never read as another one.
        """
        value = self.text(rule_id)
        if value not in known:
            raise RuleSetError(f"规则 {rule_id} 的值 {value!r} 没有对应的算法", f"可用：{'、'.join(known)}")
        return value

    @property
    def at_most_method(self) -> AtMostMethod:
        return "linear" if self.choice("completion.at_most.missed", "ratio", "linear") == "linear" else "ratio"

    def band_share(self, rule_id: str, band: int) -> Fraction:
        """The value that stands for a qualitative band where nobody judged; it must lie in the band of the form.

        ``band`` counts from 0, best first.
        """
        low, high = list(self._value("completion.qualitative.bands").values())[band]
        value = self.number(rule_id)
        if not Decimal(str(low)) <= value <= Decimal(str(high)):
            raise RuleSetError(f"规则 {rule_id} 的值 {value} 不在表式的分档 {low}–{high} 之内", "改在分档之内")
        return Fraction(value) / 100

    @property
    def grades(self) -> tuple[tuple[str, Decimal], ...]:
        """Grade and its least score, best first."""
        table = self._value("grade.table")
        return tuple(sorted(((str(g), Decimal(str(least))) for g, least in table.items()), key=lambda p: -p[1]))

    @property
    def level_weights(self) -> tuple[LevelWeight, ...]:
        return tuple(
            LevelWeight(tuple(row["names"]), Decimal(str(row["weight"])))
            for row in self._value("weights.level1.default")
        )

    def is_default(self, rule_id: str) -> bool:
        return self.rule(rule_id).status is RuleStatus.PRODUCT_DEFAULT


def _reaches(region: str, code: str) -> bool:
    return region == "CN" or code.startswith(region)


def _marked_region(heads: Iterable[str], unit_name: str, sets: Sequence[RuleSet]) -> RuleSet | None:
    """The set whose form has these heads and whose name begins the unit's: heads alone are used elsewhere too."""
    seen = {comparable(head) for head in heads}
    return next(
        (
            s
            for s in reversed(sets)
            if s.form_marks
            and {comparable(m) for m in s.form_marks} <= seen
            and comparable(unit_name).startswith(s.name)
        ),
        None,
    )


def rule_book(
    *,
    on: date,
    division_code: str = "",
    form_heads: Iterable[str] = (),
    unit_name: str = "",
    default_region: str = "",
    sets: Sequence[RuleSet] | None = None,
) -> RuleBook:
    """Find the rules for a unit: its 行政区划, else the mark of its form, else the installation's default, else CN.

    ``form_heads`` are the heads of the indicator form as printed.
    """
    sets = load_all() if sets is None else sets
    if division_code:
        region, why = division_code, f"单位名册的行政区划 {division_code}"
    elif marked := _marked_region(form_heads, unit_name, sets):
        region, why = marked.region.ljust(6, "0"), f"自评表的栏目与{marked.name}的表式一致，单位名称以{marked.name}开头"
    elif default_region:
        region, why = default_region, f"配置 rules.region = {default_region}"
    else:
        region, why = "", "没有行政区划，按全国规则"
    chain = tuple(s for s in sets if _reaches(s.region, region))
    rules: dict[str, Rule] = {}
    derived: dict[str, DerivedIndicator] = {}
    fact_names: dict[str, str] = {}
    for rule_set in chain:
        rules |= {rule.id: rule for rule in rule_set.rules if rule.holds_on(on)}
        derived |= {d.key: d for d in rule_set.derived}
        fact_names |= rule_set.fact_names
    return RuleBook(region, why, chain, on, rules, tuple(derived.values()), fact_names)
