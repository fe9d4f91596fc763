"""All suites, by the table they judge, in the order in which they run."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from expectations import budget_lines, indicators, key_tasks, payments
from expectations.suite import Suite


def suites(limits: Mapping[str, Decimal]) -> Mapping[str, Suite]:
    """The suites with ``limits``, by rule id, put into them; the library gives these (``cycle.quality_limits``).

    Raises:
        KeyError: a limit is not given; a check is never run with a guessed one.
    """
    parts = (payments.suite(limits), budget_lines.suite(limits), indicators.suite(limits), key_tasks.SUITE)
    return MappingProxyType({part.table: part for part in parts})
