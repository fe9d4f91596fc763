"""What a suite is made of: checks with their why, fix and severity. The suites stand beside this file, one a table;
``runner.py`` runs them. Importing this file loads neither pandas nor Great Expectations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import ModuleType
from typing import TYPE_CHECKING, Any

from jixiao.domain.findings import Severity

if TYPE_CHECKING:
    import pandas as pd


class WhenBlank(StrEnum):
    """What it means that the column of a check holds no value at all in the rows of a unit.

    An expectation over values passes on a column without values; a pass there would be a lie. Judged a unit at a time,
    so that the answer does not depend on which units share a batch.
    """

    NOT_RUN = "not_run"
    NOT_APPLICABLE = "not_applicable"
    CHECK_ANYWAY = "check_anyway"


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of a table: why it matters, what to do, and how bad a failure is.

    ``column`` is the column that the finding shows, ``column_name`` its Chinese name. ``critical`` closes the gate of
    the units of the failing rows, and of no other.
    """

    expectation_id: str
    why: str
    fix: str
    column: str = ""
    column_name: str = ""
    code: str = "EXPECTATION_FAILED"
    severity: Severity = Severity.WARNING
    critical: bool = False


@dataclass(frozen=True, kw_only=True)
class Check(Question):
    """A question that one expectation answers.

    ``build`` makes the expectation from the module ``great_expectations.expectations``. ``needs`` are the columns that
    must hold values for the answer to mean anything.
    """

    build: Callable[[ModuleType], Any]
    needs: tuple[str, ...] = ()
    when_blank: WhenBlank = WhenBlank.NOT_RUN


def _as_is(frame: pd.DataFrame, year: int) -> pd.DataFrame:  # noqa: ARG001 - the shape of every ``prepare``
    return frame


@dataclass(frozen=True, kw_only=True)
class Suite:
    """The checks of one table, which people call ``chinese``.

    The guard ``<table>.table_has_rows`` comes before them: a unit that handed the table in without a row would pass
    every check over its values. ``subject`` is the column that names what a row is about. ``texts`` are the text
    columns: blank cells in them count as missing. ``money`` columns are integer fen and print in 元. ``prepare``
    (frame, year) may add columns that the checks look at; it never drops or reorders a row.
    """

    table: str
    chinese: str
    subject: str
    texts: tuple[str, ...]
    checks: tuple[Check, ...]
    money: tuple[str, ...] = ()
    prepare: Callable[[pd.DataFrame, int], pd.DataFrame] = field(default=_as_is)

    @property
    def guard(self) -> Question:
        return Question(
            expectation_id=f"{self.table}.table_has_rows",
            why=f"交来的{self.chinese}没有一行可用的数据，后面的核对都会“通过”，却什么也没有核对",
            fix=f"请重新导出{self.chinese}",
            column_name=self.chinese,
            severity=Severity.ERROR,
        )

    @property
    def by_id(self) -> Mapping[str, Check]:
        return {check.expectation_id: check for check in self.checks}


def present(
    *, table: str, column: str, column_name: str, why: str, fix: str, severity: Severity = Severity.WARNING
) -> Check:
    """A value must stand in every row of ``column``."""
    return Check(
        expectation_id=f"{table}.{column}_present",
        why=why,
        fix=fix,
        column=column,
        column_name=column_name,
        code="REQUIRED_VALUE_EMPTY",
        severity=severity,
        when_blank=WhenBlank.CHECK_ANYWAY,
        build=lambda gxe: gxe.ExpectColumnValuesToNotBeNull(column=column),
    )


def rows_where(column: str) -> Any:
    """A column to build the condition of a check on: ``rows_where("level") == 0`` looks at those rows alone."""
    from great_expectations.expectations.row_conditions import Column

    return Column(column)
