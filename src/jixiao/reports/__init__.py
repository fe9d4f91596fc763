"""Reports: what a run says of a unit, written as the files of CONTRACT §4.

What they say is pure (model.py, charts.py, finding_texts.py); how it is printed stands in word.py, page.py, tables.py.
The messages to the owners are written by jixiao.notify.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jixiao.application import UnitSummary
from jixiao.domain.evaluation import Evaluation, Gap, LeftOut, RunInfo
from jixiao.reports import page, tables, word
from jixiao.reports.finding_texts import FindingText, finding_text, finding_texts
from jixiao.reports.model import unit_report
from jixiao.reports.plain_text import safe_name
from jixiao.reports.tables import InputFile
from jixiao.reports.writing import write_whole
from jixiao.resources import templates_root

__all__ = [
    "FindingText",
    "InputFile",
    "RenderedReport",
    "finding_text",
    "finding_texts",
    "write_run",
    "write_unit",
]


@dataclass(frozen=True)
class RenderedReport:
    """What was written for one unit; ``files`` are paths relative to the run's folder, with slashes."""

    unit_code: str
    files: tuple[str, ...]


def write_unit(
    evaluation: Evaluation, gaps: Sequence[Gap], *, run: RunInfo, folder: Path, templates: str | Path = ""
) -> RenderedReport:
    """Write all files of one unit under ``folder`` (``<out>/<year>/<annual>``), each whole or not at all.

    The unit's subfolder is its code, made safe as a path segment. The same arguments give the same bytes.

    Raises:
        UsageError: a template is missing or broken; nothing of this unit is written then.
        OSError: the folder cannot be written.

    """
    root = templates_root(templates)
    report = unit_report(evaluation, gaps, run=run)
    contents = {
        "report.docx": word.word_report(report, template=root / word.TEMPLATE),
        "report.html": page.page_report(report, template=root / page.TEMPLATE),
        "budget.csv": tables.budget_csv(evaluation),
        "indicators.csv": tables.indicators_csv(evaluation),
        "scores.csv": tables.scores_csv(evaluation),
        "findings.csv": tables.findings_csv(evaluation),
        "gaps.csv": tables.gaps_csv(gaps),
        "trace.json": tables.trace_json(evaluation, run),
    }
    segment = safe_name(evaluation.unit_code)
    for name, content in contents.items():
        write_whole(folder / segment / name, content)
    return RenderedReport(evaluation.unit_code, tuple(f"{segment}/{name}" for name in contents))


def write_run(
    summaries: Iterable[UnitSummary],
    *,
    run: RunInfo,
    inputs: Iterable[InputFile],
    left_out: Iterable[LeftOut],
    counts: Mapping[str, int],
    seconds: Mapping[str, float],
    folder: Path,
    files: Iterable[str] = (),
) -> tuple[str, ...]:
    """Write units.csv and run.json of the whole run; return their names. Only run.json holds seconds.

    ``files`` are the paths that the run wrote, relative to ``folder``: a later run knows by them what is out of date.
    """
    contents = {
        "units.csv": tables.units_csv(summaries),
        "run.json": tables.run_json(run, inputs=inputs, left_out=left_out, counts=counts, files=files, seconds=seconds),
    }
    for name, content in contents.items():
        write_whole(folder / name, content)
    return tuple(contents)
