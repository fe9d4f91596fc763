"""The CSV and JSON files of a unit and of a run (CONTRACT §4), as bytes. Where they are written: reports/__init__.py."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from jixiao.application import UnitSummary
from jixiao.domain.evaluation import Derivation, Evaluation, Gap, LeftOut, RunInfo, Score, SourceRow
from jixiao.domain.money import yuan_text
from jixiao.reports.finding_texts import finding_text
from jixiao.reports.plain_text import csv_text, inert_text
from jixiao.scoring.unit_score import EXECUTION_ROW_ID

UNITS_HEAD = ("unit_code", "unit_name", "score", "grade", "findings_error", "findings_warning", "gaps_open")
PROJECTS_HEAD = (*UNITS_HEAD[:2], "project", *UNITS_HEAD[2:])
BUDGET_HEAD = (
    "line_key",
    "line_name",
    "level",
    "original",
    "carry_and_adjust",
    "adjusted",
    "executed",
    "execution_rate",
    "reported_rate",
)
INDICATORS_HEAD = (
    "indicator_id",
    "level1",
    "level2",
    "name",
    "target",
    "actual",
    "actual_source",
    "deviation",
    "reason",
)
SCORES_HEAD = (
    "indicator_id",
    "name",
    "weight",
    "completion",
    "score",
    "reported_value",
    "derived_value",
    "status",
    "rule_id",
)
FINDINGS_HEAD = (
    "code",
    "severity",
    "file",
    "sheet",
    "row",
    "column",
    "unit_code",
    "indicator",
    "value",
    "expected",
    "message",
    "fix",
)
GAPS_HEAD = (
    "gap_id",
    "unit_code",
    "indicator_id",
    "kind",
    "severity",
    "owner",
    "status",
    "opened_on",
    "due_on",
    "message",
)
_BOM = "\ufeff"
_RATIO = Decimal("0.0001")
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class InputFile:
    """A table of a file of the run's inbox, as run.json names it; ``kind`` is empty where the file held none we read."""

    name: str
    sha256: str
    kind: str
    rows: int


def csv_bytes(head: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Write a table as every spreadsheet opens it: UTF-8 with BOM, CRLF, texts that cannot run."""
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows([csv_text(cell) for cell in row] for row in rows)
    return (_BOM + sheet.getvalue()).encode("utf-8")


def json_bytes(document: Mapping[str, Any]) -> bytes:
    """Write JSON for people and programs: indented, Chinese as it is, keys in the given order."""
    return (json.dumps(_inert(document), ensure_ascii=False, indent=1) + "\n").encode("utf-8")


def units_csv(summaries: Iterable[UnitSummary]) -> bytes:
    return csv_bytes(
        UNITS_HEAD,
        ((u.unit_code, u.unit_name, u.score, u.grade, str(u.errors), str(u.warnings), str(u.gaps)) for u in summaries),
    )


def projects_csv(summaries: Iterable[UnitSummary]) -> bytes:
    return csv_bytes(
        PROJECTS_HEAD,
        (
            (u.unit_code, u.unit_name, u.project, u.score, u.grade, str(u.errors), str(u.warnings), str(u.gaps))
            for u in summaries
        ),
    )


def budget_csv(evaluation: Evaluation) -> bytes:
    return csv_bytes(
        BUDGET_HEAD,
        (
            (
                line.line_key,
                line.line.name,
                str(line.line.level),
                _yuan(line.original_fen),
                _yuan(line.carry_and_adjust_fen),
                _yuan(line.adjusted_fen),
                _yuan(line.executed_fen),
                line.execution_rate,
                _reported_rate(line.line.reported_rate_pct, places=line.line.rate_places, text=line.line.reported_rate),
            )
            for line in evaluation.lines
        ),
    )


def indicators_csv(evaluation: Evaluation) -> bytes:
    """The indicators as the form prints them; a row that we made for the execution rate is none, it is in scores.csv."""
    return csv_bytes(
        INDICATORS_HEAD,
        (
            (
                i.indicator_id,
                i.level1,
                i.level2,
                i.name,
                i.target,
                i.actual,
                i.actual_source,
                i.deviation or score.deviation,
                i.reason,
            )
            for score in evaluation.scores
            for i in (score.indicator,)
            if i.indicator_id != EXECUTION_ROW_ID
        ),
    )


def scores_csv(evaluation: Evaluation) -> bytes:
    return csv_bytes(
        SCORES_HEAD,
        (
            (
                score.indicator.indicator_id,
                score.indicator.name,
                _decimal(score.weight, _CENT),
                _decimal(score.completion, _RATIO),
                _decimal(score.points, _CENT),
                score.reported_value,
                score.derived_value,
                score.status.value,
                score.rule_id,
            )
            for score in evaluation.scores
        ),
    )


def findings_csv(evaluation: Evaluation) -> bytes:
    return csv_bytes(
        FINDINGS_HEAD,
        (
            (
                f.code,
                f.severity.value,
                f.place.file,
                f.place.sheet,
                str(f.place.row) if f.place.row else "",
                f.place.column,
                f.unit_code or evaluation.unit_code,
                f.indicator,
                f.value,
                f.expected,
                f.message,
                f.fix or finding_text(f.code).fix,
            )
            for f in evaluation.findings
        ),
    )


def gaps_csv(gaps: Iterable[Gap]) -> bytes:
    return csv_bytes(
        GAPS_HEAD,
        (
            (
                gap.gap_id,
                gap.unit_code,
                gap.indicator_id,
                gap.kind.value,
                gap.severity.value,
                gap.owner,
                gap.status,
                gap.opened_on.isoformat(),
                gap.due_on.isoformat(),
                gap.message,
            )
            for gap in gaps
        ),
    )


def trace_json(evaluation: Evaluation, run: RunInfo) -> bytes:
    """Per indicator: points → rule → formula → inputs → source rows, each row with its file's hash."""
    return json_bytes(
        {
            "run": run.run_id,
            "unit_code": evaluation.unit_code,
            **({"project": evaluation.project} if evaluation.project else {}),
            "rule_set": evaluation.rule_set,
            "score": _decimal(evaluation.score, _CENT) or None,
            "grade": evaluation.grade,
            "indicators": [_traced(score) for score in evaluation.scores],
        }
    )


def run_json(
    run: RunInfo,
    *,
    inputs: Iterable[InputFile],
    left_out: Iterable[LeftOut],
    counts: Mapping[str, int],
    files: Iterable[str],
    seconds: Mapping[str, float],
) -> bytes:
    """Everything that names a run. The only output that holds seconds: all others are the same bytes each time."""
    return json_bytes(
        {
            "run": run.run_id,
            "year": run.year,
            "period": run.period,
            "as_of": run.as_of.isoformat(),
            "inputs": [{"name": i.name, "sha256": i.sha256, "kind": i.kind, "rows": i.rows} for i in inputs],
            "rules": list(run.rule_sets),
            "code_version": run.code_version,
            "counts": dict(counts),
            "left_out": [
                {
                    "unit_code": u.unit_code,
                    **({"project": u.project} if u.project else {}),
                    "file": u.file,
                    "why": u.why,
                }
                for u in left_out
            ],
            "files": list(files),
            "seconds": {stage: round(spent, 3) for stage, spent in seconds.items()},
        }
    )


def _traced(score: Score) -> dict[str, Any]:
    return {
        "indicator_id": score.indicator.indicator_id,
        "name": score.indicator.name,
        "points": _decimal(score.points, _CENT) or None,
        "weight": _decimal(score.weight, _CENT),
        "printed_points": None if score.indicator.score is None else f"{score.indicator.score:f}",
        "completion": _decimal(score.completion, _RATIO) or None,
        "status": score.status.value,
        "rule_id": score.rule_id,
        "target": score.indicator.target,
        "reported_value": score.reported_value,
        "derived_value": score.derived_value,
        "steps": [
            {
                "what": step.what,
                "formula": step.formula,
                "result": step.result,
                "rule_id": step.rule_id,
                "rows": [_source(row) for row in step.rows],
            }
            for step in score.trace.steps
        ],
        "derivation": _derived(score.derivation) if score.derivation else None,
    }


def _derived(derivation: Derivation) -> dict[str, Any]:
    return {
        "name": derivation.name,
        "formula": derivation.formula,
        "value_pct": _decimal(derivation.value_pct, _CENT) or None,
        "agrees": derivation.agrees,
        "missing": list(derivation.missing),
        "alternatives": [{"basis": basis, "value_pct": _decimal(v, _CENT)} for basis, v in derivation.alternatives],
        "remark": derivation.remark,
        "rows": [_source(row) for row in derivation.rows],
    }


def _source(row: SourceRow) -> dict[str, Any]:
    return {
        "file": row.place.file,
        "sheet": row.place.sheet,
        "row": row.place.row,
        "column": row.place.column,
        "sha256": row.sha256,
        "says": row.says,
    }


def _yuan(fen: int | None) -> str:
    return "" if fen is None else yuan_text(fen)


def _decimal(value: Decimal | None, step: Decimal) -> str:
    return "" if value is None else f"{value.quantize(step, ROUND_HALF_UP):f}"


def _reported_rate(rate_pct: Decimal | None, *, places: int, text: str) -> str:
    """The printed rate in percent with the decimals it was printed with, two at least; its text where none was read."""
    if rate_pct is None:
        return text
    return f"{rate_pct.quantize(Decimal(1).scaleb(-max(places, 2)), ROUND_HALF_UP):f}"


def _inert(value: Any) -> Any:
    if isinstance(value, str):
        return inert_text(value)
    if isinstance(value, Mapping):
        return {inert_text(str(key)): _inert(item) for key, item in value.items()}
    return [_inert(item) for item in value] if isinstance(value, list | tuple) else value
