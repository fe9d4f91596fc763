"""Runs the suites over the tables of one batch of units: each table is validated once, with ``unit_code`` as a column.

The suites are in the files beside this one; ``tasks/quality.py`` calls ``judge_batch``. Great Expectations is imported
inside the functions, because its import costs seconds.

Costs (measured, 2 cores): 0.1–0.2 s a table plus 14 ms a check. The rows of a failure are told by the frame's own
index: asked for columns instead, the framework builds a dict a failing row, 75 µs each.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

from expectations.catalogue import suites
from expectations.suite import Check, Question, Suite, WhenBlank
from jixiao.domain.money import yuan_text
from jixiao.domain.quality import CheckResult, FailingRow

if TYPE_CHECKING:
    import pandas as pd

_PLACES = ("unit_code", "file", "sheet", "row")
_RESULT_FORMAT = {"result_format": "COMPLETE", "return_unexpected_index_query": False}
_ID = "check"


@dataclass(frozen=True)
class BatchJudgement:
    """What the suites say of a batch. ``validations`` counts the runs of a whole suite, by table: one each.

    A table without a row in the batch is not in ``validations``; of its checks the guard alone applies.
    """

    results: tuple[CheckResult, ...]
    validations: Mapping[str, int] = field(default_factory=dict)


def framework() -> ModuleType:
    """Import Great Expectations with its analytics off and return its ``expectations`` module. Costs 2–3 s once."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations.expectations as gxe

    return gxe  # type: ignore[no-any-return]


@cache
def _context() -> Any:
    """An ephemeral context: writes no file, draws no progress bar, reports to nobody."""
    framework()
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    return context


def judge_batch(
    frames: Mapping[str, pd.DataFrame],
    *,
    year: int,
    limits: Mapping[str, Decimal],
    handed_in: Mapping[str, Mapping[str, str]] | None = None,
) -> BatchJudgement:
    """Run each suite once over its table.

    ``frames`` maps a table to its rows with the columns unit_code, file, sheet, row and the table's own; money is
    integer fen, a missing number NA, a missing text NA or blank. ``limits`` are the numbers that the checks ask about,
    by rule id. ``handed_in`` says who handed in which table, table → unit → file: a unit whose table has no row in its
    frame fails the guard.
    """
    results: list[CheckResult] = []
    validations: dict[str, int] = {}
    for table, suite in suites(limits).items():
        frame = frames.get(table)
        units = (handed_in or {}).get(table, {})
        if units:
            results.append(_guarded(suite, () if frame is None or frame.empty else set(frame["unit_code"]), units))
        if frame is None or frame.empty:
            continue
        validations[table] = 1
        results.extend(judge_table(frame, suite, year=year))
    return BatchJudgement(results=tuple(results), validations=validations)


def _guarded(suite: Suite, units_with_rows: Collection[str], handed_in: Mapping[str, str]) -> CheckResult:
    """The guard of a table: each unit that handed it in has a row of it. Asked of the units, not of the whole frame."""
    failing = tuple(
        FailingRow(unit_code=unit, file=file, column=suite.guard.column_name)
        for unit, file in sorted(handed_in.items())
        if unit not in units_with_rows
    )
    return _answered(suite.table, suite.guard, passed=not failing, failing=failing)


def judge_table(frame: pd.DataFrame, suite: Suite, *, year: int) -> tuple[CheckResult, ...]:
    """Return one result a check, in the order of the suite; a check that could not run says so and is no pass.

    A check that could run for some units alone has two results, the second for the others: ``failing`` of a result
    that did not run names, a row each, the units for which it did not; without any it is the whole batch.
    """
    try:
        prepared = suite.prepare(_blank_as_missing(frame, suite.texts), year)
    except Exception as error:  # noqa: BLE001 - whatever breaks here, each check of the table did not run
        return tuple(_not_run(suite.table, check, _reason(error)) for check in suite.checks)
    blank = _Blanks(prepared)
    runnable: list[Check] = []
    not_run: dict[str, CheckResult] = {}
    for check in suite.checks:
        lacking = () if check.when_blank is WhenBlank.CHECK_ANYWAY else blank.units(check.needs)
        if len(lacking) < blank.units_in_all or not lacking:
            runnable.append(check)
        if lacking and check.when_blank is WhenBlank.NOT_RUN:
            why = f"整列没有数值：{check.column_name}"
            not_run[check.expectation_id] = _not_run(suite.table, check, why, units=blank.places(lacking))
    settled = _validate(prepared, frame, suite, runnable)
    return tuple(
        found[check.expectation_id]
        for check in suite.checks
        for found in (settled, not_run)
        if check.expectation_id in found
    )


class _Blanks:
    """Which units of a prepared frame have no value at all in a column."""

    def __init__(self, prepared: pd.DataFrame) -> None:
        import pandas as pd

        self._frame = prepared
        # Rows of no unit are one group of their own, not dropped.
        self._unit = prepared.get("unit_code", pd.Series("", index=prepared.index)).fillna("").astype(str)
        self._held: dict[str, frozenset[str]] = {}
        self._all = frozenset(self._unit)

    @property
    def units_in_all(self) -> int:
        return len(self._all)

    def units(self, columns: Iterable[str]) -> tuple[str, ...]:
        """The units, sorted, for which one of ``columns`` is missing or holds no value."""
        lacking: set[str] = set()
        for column in columns:
            if column not in self._held:
                values = self._frame.get(column)
                self._held[column] = frozenset() if values is None else frozenset(self._unit[values.notna()])
            lacking |= self._all - self._held[column]
        return tuple(sorted(lacking))

    def places(self, units: Sequence[str]) -> tuple[FailingRow, ...]:
        """The unit and its file, once a unit; a whole column has no row."""
        first = ~self._unit.duplicated()
        files = self._frame["file"][first] if "file" in self._frame else [""] * int(first.sum())
        file_of = dict(zip(self._unit[first], files, strict=True))
        return tuple(FailingRow(unit_code=unit, file=_text(file_of[unit])) for unit in units)


def _validate(
    prepared: pd.DataFrame, frame: pd.DataFrame, suite: Suite, checks: Iterable[Check]
) -> dict[str, CheckResult]:
    """Run ``checks`` in one validation; if that breaks as a whole, one at a time, so that only the broken one is lost."""
    settled: dict[str, CheckResult] = {}
    expectations: dict[str, Any] = {}
    for check in checks:
        try:
            expectation = check.build(framework())
            expectation.meta = {_ID: check.expectation_id}
            expectations[check.expectation_id] = expectation
        except Exception as error:  # noqa: BLE001 - a check that cannot be built is a finding, never a crash
            settled[check.expectation_id] = _not_run(suite.table, check, _reason(error))
    try:
        answers = _answers(prepared, suite.table, tuple(expectations.values()))
    except Exception:  # noqa: BLE001 - one broken metric takes the whole validation down
        answers = {}
        for name, expectation in expectations.items():
            try:
                answers |= _answers(prepared, suite.table, (expectation,))
            except Exception as error:  # noqa: BLE001
                settled[name] = _not_run(suite.table, suite.by_id[name], _reason(error))
    for name in expectations.keys() - settled.keys():
        check = suite.by_id[name]
        answer = answers.get(name)
        if answer is None:
            settled[name] = _not_run(suite.table, check, "校验框架没有给出结果")
        elif raised := _raised(answer.exception_info):
            settled[name] = _not_run(suite.table, check, raised)
        else:
            settled[name] = _result(check, suite, frame, answer)
    return settled


def _answers(frame: pd.DataFrame, table: str, expectations: tuple[Any, ...]) -> dict[str, Any]:
    """Validate once and join the answers by the id of their check: raised ones come first, not in order."""
    if not expectations:
        return {}
    import great_expectations as gx

    context = _context()
    source = context.data_sources.add_or_update_pandas(table)
    asset = source.add_dataframe_asset(table)
    batch = asset.add_batch_definition_whole_dataframe("units").get_batch({"dataframe": frame})
    outcome = batch.validate(
        gx.ExpectationSuite(name=table, expectations=list(expectations)), result_format=_RESULT_FORMAT
    )
    return {answer.expectation_config.meta[_ID]: answer for answer in outcome.results}


def _result(check: Check, suite: Suite, frame: pd.DataFrame, answer: Any) -> CheckResult:
    index = answer.result.get("unexpected_index_list") or ()
    failing = _failing_rows(frame, index, check, suite)
    return _answered(suite.table, check, passed=bool(answer.success), failing=failing)


def _answered(table: str, check: Question, *, passed: bool, failing: tuple[FailingRow, ...]) -> CheckResult:
    return CheckResult(
        expectation_id=check.expectation_id,
        table=table,
        code=check.code,
        severity=check.severity,
        critical=check.critical,
        why=check.why,
        fix=check.fix,
        passed=passed,
        ran=True,
        failing=failing,
    )


def _failing_rows(frame: pd.DataFrame, index: Iterable[int], check: Check, suite: Suite) -> tuple[FailingRow, ...]:
    rows = frame.reset_index(drop=True).loc[list(index)]
    if rows.empty:
        return ()
    blank = [""] * len(rows)
    places = [rows[column].tolist() if column in rows else blank for column in _PLACES]
    subjects = rows[suite.subject].tolist() if suite.subject in rows else blank
    values = rows[check.column].tolist() if check.column in rows else blank
    is_money = check.column in suite.money
    found = (
        FailingRow(
            unit_code=_text(unit_code),
            file=_text(file),
            sheet=_text(sheet),
            row=_whole(row),
            indicator=_text(subject),
            column=check.column_name,
            value=_money(value) if is_money else _text(value),
        )
        for unit_code, file, sheet, row, subject, value in zip(*places, subjects, values, strict=True)
    )
    return tuple(sorted(found, key=lambda at: (at.unit_code, at.file, at.sheet, at.row or 0, at.indicator, at.value)))


def _blank_as_missing(frame: pd.DataFrame, texts: tuple[str, ...]) -> pd.DataFrame:
    """A fresh index and blank texts as missing; the caller's frame is left alone."""
    plain = frame.reset_index(drop=True)
    columns = {}
    for column in texts:
        if column in plain:
            values = plain[column].astype("string")
            columns[column] = values.mask(values.str.strip().eq("").fillna(value=False))
    return plain.assign(**columns)


def _not_run(table: str, check: Check, error: str, *, units: tuple[FailingRow, ...] = ()) -> CheckResult:
    return CheckResult(
        expectation_id=check.expectation_id,
        table=table,
        code=check.code,
        severity=check.severity,
        critical=check.critical,
        why=check.why,
        fix=check.fix,
        passed=False,
        ran=False,
        error=error,
        failing=units,
    )


def _raised(info: Any) -> str:
    """The message of an exception, empty where there was none. The framework tells it in two shapes."""
    told = [info, *(value for value in info.values() if isinstance(value, dict))] if isinstance(info, dict) else []
    for part in told:
        if part.get("raised_exception"):
            return _first_line(str(part.get("exception_message") or "校验时出错"))
    return ""


def _reason(error: Exception) -> str:
    return _first_line(f"{type(error).__name__}：{error}")


def _first_line(text: str) -> str:
    return text.strip().split("\n", 1)[0]


def _is_missing(value: Any) -> bool:
    import pandas as pd

    return value is None or bool(pd.isna(value))


def _text(value: Any) -> str:
    if _is_missing(value):
        return ""
    if isinstance(value, float):
        return f"{value:.12g}"
    text = value.date().isoformat() if isinstance(value, datetime) else str(value)
    return "" if text.isspace() else text


def _whole(value: Any) -> int | None:
    return None if _is_missing(value) or value == "" else int(value)


def _money(value: Any) -> str:
    return "" if _is_missing(value) else yuan_text(int(value))
