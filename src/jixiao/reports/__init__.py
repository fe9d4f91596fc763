"""Reports: what a run says of a unit or a project, written as the files of CONTRACT §4.

What they say is pure (model.py, charts.py, finding_texts.py); how it is printed stands in word.py, page.py, tables.py.
The messages to the owners are written by jixiao.notify.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jixiao.application import UnitSummary
from jixiao.domain.books import Subject
from jixiao.domain.evaluation import Evaluation, Gap, LeftOut, RunInfo
from jixiao.reports import page, tables, word
from jixiao.reports.finding_texts import FindingText, finding_text, finding_texts
from jixiao.reports.model import subject_report
from jixiao.reports.plain_text import marked_name, safe_name
from jixiao.reports.tables import InputFile
from jixiao.reports.writing import write_whole
from jixiao.resources import templates_root

__all__ = [
    "PROJECTS_FILE",
    "FindingText",
    "InputFile",
    "RenderedReport",
    "finding_text",
    "finding_texts",
    "subject_folders",
    "write_run",
    "write_subject",
]

UNITS_FILE, PROJECTS_FILE, RUN_FILE = "units.csv", "projects.csv", "run.json"
_PROJECTS = "projects"
# A segment of a path: 255 bytes on most systems, of which archives and tools on other encodings leave less.
_PROJECT_BYTES = 80


@dataclass(frozen=True)
class RenderedReport:
    """What was written for one subject; ``files`` are paths relative to the run's folder, with slashes."""

    unit_code: str
    files: tuple[str, ...]


def subject_folders(subjects: Iterable[Subject]) -> dict[Subject, str]:
    """Where the files of each subject stand below the run's folder: ``<unit>`` or ``<unit>/projects/<project>``.

    Names are made safe as path segments. Two projects of a unit whose names some file system takes for one have a hash
    behind them; so all projects of a unit are to be asked for together.
    """
    asked = sorted(set(subjects))
    names = {subject: safe_name(subject.project, most_bytes=_PROJECT_BYTES) for subject in asked if subject.project}

    def as_one(subject: Subject) -> tuple[str, str]:
        return subject.unit_code, unicodedata.normalize("NFKC", names[subject]).casefold()

    counted = Counter(map(as_one, names))
    for subject, name in names.items():
        if counted[as_one(subject)] > 1:
            names[subject] = marked_name(subject.project, name, most_bytes=_PROJECT_BYTES)
    return {
        subject: f"{safe_name(subject.unit_code)}/{_PROJECTS}/{names[subject]}"
        if subject.project
        else safe_name(subject.unit_code)
        for subject in asked
    }


def write_subject(
    evaluation: Evaluation,
    gaps: Sequence[Gap],
    *,
    run: RunInfo,
    folder: Path,
    into: str = "",
    templates: str | Path = "",
) -> RenderedReport:
    """Write all files of one unit or project under ``folder`` (``<out>/<year>/<period>``), each whole or not at all.

    ``into`` is the subject's own folder below it, as ``subject_folders`` gives it. The same arguments give the same bytes.

    Raises:
        UsageError: a template is missing or broken; nothing of this subject is written then.
        OSError: the folder cannot be written.

    """
    root = templates_root(templates)
    report = subject_report(evaluation, gaps, run=run)
    contents = {
        "report.docx": word.word_report(report, template=root / word.template_of(report)),
        "report.html": page.page_report(report, template=root / page.TEMPLATE),
        "budget.csv": tables.budget_csv(evaluation),
        "indicators.csv": tables.indicators_csv(evaluation),
        "scores.csv": tables.scores_csv(evaluation),
        "findings.csv": tables.findings_csv(evaluation),
        "gaps.csv": tables.gaps_csv(gaps),
        "trace.json": tables.trace_json(evaluation, run),
    }
    own = into or subject_folders([evaluation.subject])[evaluation.subject]
    for name, content in contents.items():
        write_whole(folder / own / name, content)
    return RenderedReport(evaluation.unit_code, tuple(f"{own}/{name}" for name in contents))


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
    projects: Iterable[UnitSummary] = (),
) -> tuple[str, ...]:
    """Write units.csv and run.json of the whole run, and projects.csv where a project was evaluated; return their names.
    Only run.json holds seconds.

    ``files`` are the paths that the run wrote, relative to ``folder``: a later run knows by them what is out of date.
    """
    of_projects = tuple(projects)
    contents = {
        UNITS_FILE: tables.units_csv(summaries),
        **({PROJECTS_FILE: tables.projects_csv(of_projects)} if of_projects else {}),
        RUN_FILE: tables.run_json(run, inputs=inputs, left_out=left_out, counts=counts, files=files, seconds=seconds),
    }
    if not of_projects:
        (folder / PROJECTS_FILE).unlink(missing_ok=True)  # of an earlier run that had some
    for name, content in contents.items():
        write_whole(folder / name, content)
    return tuple(contents)
