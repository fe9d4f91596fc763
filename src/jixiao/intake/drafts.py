"""A file while it is read: what is known of it so far. What comes of it is in readings.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from jixiao.domain.books import Kind
from jixiao.domain.findings import Finding, Outcome
from jixiao.intake.corrections import AppliedCorrection, is_correction_file
from jixiao.intake.grids.grid import (
    WORD_SUFFIXES,
    Content,
    FileContent,
    suffix_of,
)
from jixiao.intake.readings import TableReading
from jixiao.intake.tables.table import SheetReading

UNIT_KINDS = frozenset({Kind.PAYMENTS, Kind.BUDGET_EXECUTION, Kind.INDICATORS})


@dataclass
class Draft:
    """A file while it is read."""

    file: str
    path: Path
    sha256: str = ""
    size: int = 0
    content: FileContent = field(default_factory=lambda: FileContent(Content.NOTHING))
    sheets: list[SheetReading] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    tables: list[TableReading] = field(default_factory=list)
    rejected: int = 0
    rejected_units: set[str] = field(default_factory=set)
    outside: set[str] = field(default_factory=set)
    about: set[str] = field(default_factory=set)
    shortened: dict[str, str] = field(default_factory=dict)
    corrections: list[AppliedCorrection] = field(default_factory=list)

    @property
    def is_refused(self) -> bool:
        return any(f.outcome is Outcome.REJECT_FILE for f in self.findings)

    @property
    def is_kept_out(self) -> bool:
        """Whether nothing of the file will be kept: refused, or waiting for an answer."""
        return any(f.outcome in {Outcome.REJECT_FILE, Outcome.ASK_USER} for f in self.findings)

    @property
    def leaves_units_out(self) -> bool:
        """Whether a unit cannot be evaluated without this file: it holds a needed kind, or nobody can tell what."""
        if is_correction_file(self.file) or self.content.chapters or suffix_of(self.file) in {*WORD_SUFFIXES, ".md"}:
            return False
        kinds = set(self.kinds) | {sheet.likely for sheet in self.sheets if sheet.likely}
        if kinds:
            return bool(kinds & UNIT_KINDS)
        return not self.sheets or any(sheet.finding and sheet.finding.code != "WRONG_TABLE" for sheet in self.sheets)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        found = [sheet.table.kind for sheet in self.sheets if sheet.table]
        found += [sheet.form.kind for sheet in self.sheets if sheet.form]
        found += [Kind.NARRATIVE] if self.content.chapters else []
        return tuple(dict.fromkeys(found))
