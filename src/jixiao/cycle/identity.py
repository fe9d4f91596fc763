"""The id of a run: a hash over all that decides its outputs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jixiao import __version__
from jixiao.application import (
    EvaluationRequest,
)
from jixiao.domain.books import Unit
from jixiao.domain.evaluation import RunInfo

if TYPE_CHECKING:
    from jixiao.intake.readings import InboxReading
    from jixiao.storage.intake_store import StoredBatch

# What a program leaves beside the files that it has open, or a system in every folder.
_NOT_IN_USE = ("~$", ".")


def digest_of(value: object) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=False, sort_keys=True, default=str).encode()).hexdigest()


def _tree_sha256(root: Path, pattern: str, folders: Sequence[str] = (".",)) -> str:
    """Hash of the files below some folders of ``root``, by their relative paths and contents; not of an editor's own."""
    made = hashlib.sha256()
    found = {path for folder in folders for path in (root / folder).rglob(pattern) if path.is_file()}
    for path in sorted(found):
        name = path.relative_to(root)
        if any(part.startswith(_NOT_IN_USE) for part in name.parts):
            continue
        made.update(name.as_posix().encode("utf-8", "surrogateescape") + b"\0" + path.read_bytes() + b"\0")
    return made.hexdigest()


def rules_sha256() -> str:
    """Hash of all rule files."""
    from jixiao.rules.loader import SETS_ROOT

    return _tree_sha256(SETS_ROOT, "*.yaml")


def templates_sha256() -> str:
    """Hash of the templates in use: another wording is another run."""
    from jixiao.resources import templates_root

    return _tree_sha256(templates_root(), "*", ("report", "message"))


def data_sha256() -> str:
    """Hash of the tables that the library reads by: column heads, measure words, texts of findings."""
    return _tree_sha256(Path(__file__).resolve().parent.parent, "*.csv", _DATA_FOLDERS)


# Packages that hold tables of data; the examples are inputs, not part of the program.
_DATA_FOLDERS = ("intake", "checks", "reports", "rules", "scoring", "gaps")


def run_info_of(
    request: EvaluationRequest, reading: InboxReading, units: Iterable[Unit], tables: Iterable[StoredBatch]
) -> tuple[RunInfo, str]:
    """The run's id follows from inputs, what was read of them, the units as they are known, rules, templates, tables of
    data, parameters and code alone. Returns the run and the hash of the rules.
    """
    files = [[f.file, f.sha256, f.outcome.value, sorted(repr(x) for x in f.findings)] for f in reading.files]
    read = [[table.kind.value, table.reading_sha256, table.units] for table in tables]
    known = sorted([unit.code, unit.name, unit.division_code] for unit in units)
    inputs_sha256, rules = digest_of([files, read, known]), rules_sha256()
    period = request.period
    parameters = [request.year, period, request.as_of, sorted(request.units), request.region]
    short = digest_of([inputs_sha256, rules, templates_sha256(), data_sha256(), parameters, __version__])[:8]
    run_id = f"{request.year}-{period}-{short}"
    return RunInfo(run_id, request.year, period, request.as_of, __version__, inputs_sha256), rules
