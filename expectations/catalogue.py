"""All suites, by the table they judge, in the order in which they run."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from expectations import budget_lines, indicators, key_tasks, payments
from expectations.suite import Suite

SUITES: Mapping[str, Suite] = MappingProxyType(
    {part.SUITE.table: part.SUITE for part in (payments, budget_lines, indicators, key_tasks)}
)
