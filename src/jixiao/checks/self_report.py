"""Self-reported indicators against the books: contradictions, what could not be recomputed, misprinted deviations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from jixiao.checks.budget import printed
from jixiao.domain.books import UnitBooks
from jixiao.domain.evaluation import Derivation, Score, SourceRow
from jixiao.domain.findings import Finding, Place, Severity
from jixiao.domain.money import wan_text, yuan_text
from jixiao.domain.target import Target, TargetKind, parse_target
from jixiao.rules.registry import RuleBook
from jixiao.scoring.derived import unspent_fen
from jixiao.scoring.deviation import deviation_text
from jixiao.scoring.unit_score import EXECUTION_ROW_ID, UnitScoring

_CARRY_OVER = "carry_over_rate"
_ROWS_NAMED = 3


def _unspent(scoring: UnitScoring) -> str:
    """How much was not spent: by the printed table and by the ledger, where the two differ."""
    exact, total = unspent_fen(scoring.table), scoring.table.total
    if exact is None or total is None:
        return ""
    line = total.line
    text = f"未支出 {wan_text(exact)} 万元（按账 {yuan_text(exact)} 元）"
    if line.adjusted is not None and line.executed is not None and line.adjusted.fen - line.executed.fen != exact:
        by_print = wan_text(line.adjusted.fen - line.executed.fen)
        text = f"按表内数未支出 {by_print} 万元（{printed(line.adjusted)} − {printed(line.executed)}），按支付明细为 {yuan_text(exact)} 元"
    return f"；{text}"


def _basis(rows: Sequence[SourceRow]) -> str:
    """Where the books say it: each row, but many rows of one sheet only by their number; the trace names them all."""
    by_sheet: dict[tuple[str, str], list[SourceRow]] = {}
    for row in dict.fromkeys(rows):
        by_sheet.setdefault((row.place.file, row.place.sheet), []).append(row)
    parts = []
    for (file, sheet), found in by_sheet.items():
        if len(found) <= _ROWS_NAMED:
            parts += [f"{row.says}（{row.place.chinese}）" for row in found]
        else:
            parts.append(f"{Place(file, sheet).chinese} {sum(row.rows for row in found)} 行（逐行见得分追溯）")
    return "；".join(parts)


def _contradiction(score: Score, made: Derivation, scoring: UnitScoring) -> Finding:
    others = "；".join(f"{basis} = {value:f}%" for basis, value in made.alternatives)
    rows = _basis(made.rows)
    asked = bool(made.fits_basis)
    message = (
        f"「{score.indicator.name}」自报 {score.reported_value or '（空）'}，按账算为 {made.value_pct:f}%：{made.formula}"
        + (_unspent(scoring) if made.key == _CARRY_OVER else "")
        + (f"。其他口径：{others}" if others else "")
        + (f"。{made.remark}" if made.remark else "")
        + f"。依据：{rows}"
    )
    return Finding(
        code="SELF_REPORT_CONTRADICTED",
        severity=Severity.QUESTION if asked else Severity.ERROR,
        place=scoring.evaluation.books.cell(score.indicator.place, "actual"),
        unit_code=score.indicator.unit_code,
        indicator=score.indicator.name,
        value=score.reported_value,
        expected=f"{made.value_pct:f}%",
        message=message,
        fix="确认口径并在自评表注明" if asked else "按账改正完成值，或写明所用口径及依据，并说明原因",
    )


def _zero_base(score: Score, made: Derivation, books: UnitBooks) -> Finding:
    return Finding(
        code="ZERO_BASE",
        severity=Severity.WARNING,
        place=books.cell(score.indicator.place, "actual"),
        unit_code=score.indicator.unit_code,
        indicator=score.indicator.name,
        value=score.reported_value,
        expected="不适用",
        message=f"「{score.indicator.name}」的分母按账为 0（{made.formula}），算不出比率，自报 {score.reported_value or '（空）'} 无从核对",
        fix="确认分母是否为 0；是的，完成值写“不涉及”",
    )


def _not_recomputed(score: Score, made: Derivation, books: UnitBooks) -> Finding:
    return Finding(
        code="CHECK_NOT_RUN",
        severity=Severity.INFO,
        place=books.cell(score.indicator.place, "actual"),
        unit_code=score.indicator.unit_code,
        indicator=score.indicator.name,
        value=score.reported_value,
        message=f"「{score.indicator.name}」未能按账复算（{made.formula}）：缺少{'、'.join(made.missing)}",
        fix=f"在基础数据表中补上{'、'.join(made.missing)}及其口径",
    )


def _misprinted(score: Score, target: Target, actual: Target, books: UnitBooks, rules: RuleBook) -> Iterator[Finding]:
    """A printed deviation that target and actual do not give, compared as numbers: ``0%`` and ``0.00%`` are one."""
    stated = parse_target(score.indicator.deviation)
    zero_missed = rules.text("deviation.zero_target_missed")
    due = deviation_text(actual, target, zero_target_missed=zero_missed)
    expected = parse_target(due)
    if stated.kind is not TargetKind.PERCENT or expected.kind is not TargetKind.PERCENT:
        return
    if stated.number is None or expected.number is None:
        return
    exponent = stated.number.as_tuple().exponent
    last_digit = Decimal(1).scaleb(exponent if isinstance(exponent, int) and exponent < 0 else 0)
    if abs(stated.number - expected.number) < last_digit:
        return
    yield Finding(
        code="DEVIATION_MISPRINTED",
        severity=Severity.WARNING,
        place=books.cell(score.indicator.place, "deviation"),
        unit_code=score.indicator.unit_code,
        indicator=score.indicator.name,
        value=score.indicator.deviation,
        expected=due,
        message=f"「{score.indicator.name}」偏差情况印 {score.indicator.deviation}，按（完成值 − 目标值）÷ 目标值应为 {due}",
        fix="改正偏差情况，或核对目标值与完成值",
    )


def check_self_report(scoring: UnitScoring, rules: RuleBook) -> Iterator[Finding]:
    for score, target, actual in zip(scoring.evaluation.scores, scoring.targets, scoring.actuals, strict=True):
        made = score.derivation
        if made is not None and score.indicator.indicator_id != EXECUTION_ROW_ID:
            if made.zero_base:
                yield _zero_base(score, made, scoring.evaluation.books)
            elif made.value_pct is None:
                yield _not_recomputed(score, made, scoring.evaluation.books)
            elif not made.agrees:
                yield _contradiction(score, made, scoring)
        if score.indicator.deviation:
            yield from _misprinted(score, target, actual, scoring.evaluation.books, rules)
