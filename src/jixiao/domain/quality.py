"""What a quality suite says of the rows of a batch. Pure values: the suites are in ``expectations/`` of the application,
cycle.py turns the results into findings, and a critical one closes the gate of its unit.
"""

from __future__ import annotations

from dataclasses import dataclass

from jixiao.domain.findings import Severity


@dataclass(frozen=True)
class FailingRow:
    """One row of the books that an expectation found odd.

    ``row`` is 1-based as Excel shows it, None where the place has none; ``column`` is the Chinese name of the column
    looked at, not its letter; ``value`` is what stood there, as text, empty for a blank. ``indicator`` names what the
    row is about: the indicator, the budget line, the key task or the voucher.
    """

    unit_code: str
    file: str = ""
    sheet: str = ""
    row: int | None = None
    indicator: str = ""
    column: str = ""
    value: str = ""


@dataclass(frozen=True)
class CheckResult:
    """One expectation over one table of one batch of units.

    ``ran`` False: the check could not be carried out, ``error`` says why; it is the finding CHECK_NOT_RUN and never a
    pass. ``table`` is payments, budget_lines, indicators or key_tasks. ``code`` is the finding code of its failures,
    ``why`` and ``fix`` their Chinese texts. ``failing`` is whole and sorted by unit, file, sheet and row.
    """

    expectation_id: str
    table: str
    code: str
    severity: Severity
    critical: bool
    why: str
    fix: str
    passed: bool
    ran: bool
    error: str = ""
    failing: tuple[FailingRow, ...] = ()

    @property
    def closes(self) -> tuple[str, ...]:
        """The units whose gate this result closes: those with a failing row of a critical check, sorted."""
        return tuple(sorted({row.unit_code for row in self.failing})) if self.critical else ()
