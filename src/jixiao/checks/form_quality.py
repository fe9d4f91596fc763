"""The form itself: copied targets, boilerplate sources, units that contradict the name, unexplained or unreadable rows."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from jixiao.domain.books import Indicator, UnitBooks
from jixiao.domain.evaluation import ScoreStatus
from jixiao.domain.findings import Finding, Severity, row_ranges
from jixiao.domain.names import comparable
from jixiao.domain.target import Target, TargetKind
from jixiao.rules.registry import RuleBook
from jixiao.scoring.completion import Completion
from jixiao.scoring.unit_score import EXECUTION_ROW_ID, UnitScoring

_OPERATORS = re.compile(r"^(?:>=|<=|[<>=≥≤≧≦═＝])+")
_YEAR = re.compile(r"(20\d\d)\s*年")
# Words by which a source says which year it speaks of, and how far that year lies from the cycle's. They count only
# where they stand as words: at the beginning, after punctuation or after a preposition (网上年检, 历史上年均 say no year).
_RELATIVE_YEARS = {"上年": -1, "上一年": -1, "去年": -1, "前年": -2, "明年": 1, "下一年": 1, "次年": 1}
_BEFORE_A_WORD = r"(?:^|[\W_]|[据按照考用由从比较与和及对为是的取即系参引沿])"
_AFTER_LAST_YEAR = r"(?![检审鉴会轻龄均])"


@lru_cache(maxsize=1)
def measure_words() -> tuple[tuple[str, frozenset[str]], ...]:
    """Nouns at the end of an indicator's name and the units that can measure them, longest noun first."""
    text = (files("jixiao.checks") / "measure_words.csv").read_text(encoding="utf-8")
    rows = [(row["noun"], frozenset(row["units"].split("|"))) for row in csv.DictReader(text.splitlines())]
    return tuple(sorted(rows, key=lambda row: -len(row[0])))


def _rows_said(indicators: Sequence[Indicator]) -> str:
    return f"第 {row_ranges(i.place.row for i in indicators if i.place.row)} 行"


def is_copied(indicator: Indicator) -> bool:
    """The actual repeats the target to the letter, its operator aside."""
    target = _OPERATORS.sub("", comparable(indicator.target))
    return bool(target) and target == _OPERATORS.sub("", comparable(indicator.actual))


def _copied(books: UnitBooks, rules: RuleBook) -> Iterator[Finding]:
    indicators = books.indicators
    copied = [i for i in indicators if is_copied(i)]
    if len(indicators) < rules.count("checks.least_indicators"):
        return
    if len(copied) < rules.share("checks.target_copied.share") * len(indicators):
        return
    yield Finding(
        code="TARGET_COPIED",
        severity=Severity.WARNING,
        place=books.cell(copied[0].place, "actual"),
        unit_code=books.unit.code,
        value=str(len(copied)),
        expected="按实际完成情况填写",
        message=f"{len(indicators)} 项指标中有 {len(copied)} 项的完成值与目标值一字不差（{_rows_said(copied)}），疑为照抄目标",
        fix="逐项填写实际完成值，并附台账、统计表等依据",
    )


def _sources(books: UnitBooks, rules: RuleBook) -> Iterator[Finding]:
    indicators, year = books.indicators, books.year
    stated = [i for i in indicators if i.actual_source.strip()]
    if not stated:
        return
    by_text: dict[str, list[Indicator]] = {}
    for indicator in stated:
        by_text.setdefault(comparable(indicator.actual_source), []).append(indicator)
    common, often = Counter({text: len(rows) for text, rows in by_text.items()}).most_common(1)[0]
    enough = len(indicators) >= rules.count("checks.least_indicators")
    if enough and often >= rules.share("checks.source_boilerplate.share") * len(indicators):
        first = by_text[common][0]
        yield Finding(
            code="SOURCE_BOILERPLATE",
            severity=Severity.WARNING,
            place=books.cell(first.place, "actual_source"),
            unit_code=books.unit.code,
            value=first.actual_source,
            expected="每项指标各自的数据来源",
            message=f"{often} 项指标的完成值来源是同一句话「{first.actual_source}」（{_rows_said(by_text[common])}），说明不了任何一项的来源",
            fix="逐项写明数据来自哪份台账、系统或统计表",
        )
    for rows in by_text.values():
        if wrong := wrong_year(rows[0].actual_source, year):
            yield Finding(
                code="SOURCE_WRONG_YEAR",
                severity=Severity.WARNING,
                place=books.cell(rows[0].place, "actual_source"),
                unit_code=books.unit.code,
                indicator=rows[0].name if len(rows) == 1 else "",
                value=rows[0].actual_source,
                expected=f"{year} 年度",
                message=f"完成值来源「{rows[0].actual_source}」说的是{wrong}，而自评的是 {year} 年度（{len(rows)} 项，{_rows_said(rows)}）",
                fix=f"改为 {year} 年度的数据来源；如确为上年数据，请换成本年完成值",
            )


def wrong_year(source: str, year: int) -> str:
    """The year that a source speaks of, where it is another than the cycle's; empty where it is not."""
    stated = {int(y) for y in _YEAR.findall(source)}
    if stated:
        return "" if year in stated else f" {min(stated)} 年"
    said = (w for w in _RELATIVE_YEARS if re.search(f"{_BEFORE_A_WORD}{w}{_AFTER_LAST_YEAR}", comparable(source)))
    word = next(said, "")
    return f"{word}（{year + _RELATIVE_YEARS[word]} 年）" if word else ""


_MAGNITUDES = "十百千万亿"
_MEASURED = {TargetKind.NUMBER, TargetKind.PERCENT, TargetKind.APPROX}


def _measured_apart(target: Target, actual: Target) -> bool:
    """Both are figures, but in units that cannot be converted: that is UNIT_MISMATCH, not an unreadable value."""
    return (
        target.kind in _MEASURED
        and actual.kind in _MEASURED
        and bool(target.unit and actual.unit)
        and target.unit != actual.unit
    )


def _unit_mismatch(
    books: UnitBooks, indicator: Indicator, target: Target, actual: Target, *, unreadable: bool
) -> Iterator[Finding]:
    name = comparable(indicator.name)
    found = next(((noun, units) for noun, units in measure_words() if name.endswith(noun)), None)
    if found is None:
        if unreadable and _measured_apart(target, actual):
            yield _apart(books, indicator, target, actual)
        return
    noun, units = found
    for label, column, value in (("目标值", "target", target), ("完成值", "actual", actual)):
        unit = value.unit.lstrip(_MAGNITUDES)  # 2万 counts whatever the name counts
        if value.kind in _MEASURED and unit and not {unit, value.unit} & units:
            yield Finding(
                code="UNIT_MISMATCH",
                severity=Severity.WARNING,
                place=books.cell(indicator.place, column),
                unit_code=indicator.unit_code,
                indicator=indicator.name,
                value=value.text,
                expected="、".join(sorted(units)),
                message=f"指标「{indicator.name}」按名称应以{'或'.join(sorted(units))}计量，{label}却是「{value.text}」",
                fix=f"把计量单位改为与「{noun}」相符的单位并换算数值，或改指标名称",
            )
            return
    if unreadable and _measured_apart(target, actual):
        yield _apart(books, indicator, target, actual)


def _apart(books: UnitBooks, indicator: Indicator, target: Target, actual: Target) -> Finding:
    return Finding(
        code="UNIT_MISMATCH",
        severity=Severity.WARNING,
        place=books.cell(indicator.place, "actual"),
        unit_code=indicator.unit_code,
        indicator=indicator.name,
        value=actual.text,
        expected=target.text,
        message=f"指标「{indicator.name}」目标值以「{target.unit}」计、完成值以「{actual.unit}」计（{target.text} 对 {actual.text}），无法换算比较，未计分",
        fix="把目标值与完成值改为同一计量单位",
    )


@dataclass(frozen=True)
class _Said:
    """What is objected to in one row, before its place is put to it."""

    code: str
    severity: Severity
    column: str
    message: str
    fix: str


def _objection(indicator: Indicator, target: Target, actual: Target, completion: Completion) -> _Said | None:
    name, status = indicator.name, completion.status
    if status is ScoreStatus.MISSING and indicator.actual.strip():
        message = f"指标「{name}」没有填目标值（完成值 {indicator.actual}），无从比较，未计分"
        return _Said("REQUIRED_VALUE_EMPTY", Severity.ERROR, "target", message, "填写目标值；不涉及的写“不涉及”")
    if status is ScoreStatus.MISSING:
        stated = indicator.target or "也没有填"
        message = f"指标「{name}」没有填完成值（目标值 {stated}），空白不等于 0，未计分"
        return _Said("REQUIRED_VALUE_EMPTY", Severity.ERROR, "actual", message, "填写完成值；不涉及的写“不涉及”")
    if status is ScoreStatus.UNREADABLE and not _measured_apart(target, actual):
        note = f"（{completion.note}）" if completion.note else ""
        message = f"指标「{name}」的完成值「{indicator.actual}」无法与目标值「{indicator.target}」比较{note}，未计分"
        fix = "把目标值、完成值写成同一单位的数，或同一套等级用语"
        return _Said("TARGET_UNQUANTIFIED", Severity.QUESTION, "actual", message, fix)
    if status is ScoreStatus.NOT_APPLICABLE and indicator.deviation.strip() and indicator.target.strip():
        message = (
            f"指标「{name}」目标值 {indicator.target}，完成值写「{indicator.actual}」（不适用），偏差却印 {indicator.deviation}，"
            "按不适用处理，未计分"
        )
        return _Said(
            "TARGET_UNQUANTIFIED", Severity.QUESTION, "actual", message, "填写实际完成值；确实不适用的，删去偏差和原因"
        )
    if status in {ScoreStatus.PARTLY, ScoreStatus.MISSED} and not indicator.reason.strip():
        message = f"指标「{name}」未达目标（目标 {indicator.target}，完成 {indicator.actual}），没有填原因分析"
        return _Said("DEVIATION_UNEXPLAINED", Severity.WARNING, "reason", message, "填写偏差原因和改进措施")
    return None


def _rows(scoring: UnitScoring) -> Iterator[Finding]:
    books = scoring.evaluation.books
    rows = zip(scoring.evaluation.scores, scoring.targets, scoring.actuals, scoring.completions, strict=True)
    for score, target, actual, completion in rows:
        indicator = score.indicator
        said = None if indicator.indicator_id == EXECUTION_ROW_ID else _objection(indicator, target, actual, completion)
        if said is not None:
            yield Finding(
                code=said.code,
                severity=said.severity,
                place=books.cell(indicator.place, said.column),
                unit_code=indicator.unit_code,
                indicator=indicator.name,
                value=indicator.actual,
                expected=indicator.target,
                message=said.message,
                fix=said.fix,
            )


def check_form_quality(scoring: UnitScoring, rules: RuleBook) -> Iterator[Finding]:
    books = scoring.evaluation.books
    yield from _copied(books, rules)
    yield from _sources(books, rules)
    rows = zip(scoring.evaluation.scores, scoring.targets, scoring.actuals, scoring.completions, strict=True)
    for score, target, actual, completion in rows:
        unreadable = completion.status is ScoreStatus.UNREADABLE
        yield from _unit_mismatch(books, score.indicator, target, actual, unreadable=unreadable)
    yield from _rows(scoring)
