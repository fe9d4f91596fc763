"""A file while it is read: what is known of it so far. What comes of it is in readings.py."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from jixiao.domain.books import Kind
from jixiao.domain.findings import Finding, Outcome, Question
from jixiao.intake.answers import NO_ANSWERS, Answer, AnswerBook, SourceProfile
from jixiao.intake.corrections import AppliedCorrection, is_correction_file
from jixiao.intake.grids.grid import (
    WORD_SUFFIXES,
    Content,
    FileContent,
    suffix_of,
)
from jixiao.intake.readings import NO_ROWS, Counts, TableReading
from jixiao.intake.rows.ledger import LedgerRows
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
    rejected_units: set[str] = field(default_factory=set)
    outside: set[str] = field(default_factory=set)
    about: set[str] = field(default_factory=set)
    shortened: dict[str, str] = field(default_factory=dict)
    corrections: list[AppliedCorrection] = field(default_factory=list)
    # Those of the sheets before, while the file's rows are typed.
    ledgers: list[LedgerRows] = field(default_factory=list)
    book: AnswerBook = NO_ANSWERS
    container: str = ""
    profiles: list[SourceProfile] = field(default_factory=list)
    # By the key of its question.
    answered: dict[str, tuple[Question, Answer]] = field(default_factory=dict)
    # For each sheet that is left out as a copy, the sheet that is read instead.
    twins: list[str] = field(default_factory=list)
    # Of tables that were read and are kept out of all that follows.
    left_aside: Counts = NO_ROWS

    @property
    def counts(self) -> Counts:
        """What became of all that was read of the file. Of two sheets with the same rows the second counts as excluded."""
        made = self._of_tables() + self.left_aside
        return made.all_rejected if self.is_kept_out else made

    def _of_tables(self) -> Counts:
        made = sum((table.counts for table in self.tables), NO_ROWS)
        for sheet in self.twins:
            made += sum((table.counts for table in self.tables if table.sheet == sheet), NO_ROWS).all_excluded
        return made

    def answer_to(self, key: str, profile: str = "") -> Answer | None:
        """What a person answered to a question of this file, or of its source."""
        return self.book.find(key, file=self.file, sha256=self.sha256, profile=profile)

    def marked(self) -> Draft:
        """The draft as it is now, to go back to."""
        return replace(
            self,
            findings=[*self.findings],
            tables=[*self.tables],
            ledgers=[*self.ledgers],
            rejected_units=set(self.rejected_units),
            outside=set(self.outside),
            about=set(self.about),
        )

    def take_back(self, before: Draft) -> None:
        """Forget what was read since; its rows count as excluded."""
        made = self.tables[len(before.tables) :]
        self.left_aside += sum((table.counts for table in made), NO_ROWS).all_excluded
        self.findings, self.tables, self.ledgers = before.findings, before.tables, before.ledgers
        self.rejected_units, self.outside, self.about = before.rejected_units, before.outside, before.about

    def set_aside(self) -> None:
        """Keep nothing of its tables: a person said so, or another file says the same. Their rows count as excluded."""
        self.left_aside += self._of_tables().all_excluded
        self.tables.clear()
        self.rejected_units.clear()

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
        if is_correction_file(self.file) or self.content.chapters:
            return False
        kinds = set(self.kinds) | {sheet.likely for sheet in self.sheets if sheet.likely}
        if kinds:
            return bool(kinds & UNIT_KINDS)
        if suffix_of(self.file) in {*WORD_SUFFIXES, ".md"}:
            return False
        return not self.sheets or any(sheet.finding and sheet.finding.code != "WRONG_TABLE" for sheet in self.sheets)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        found = [sheet.table.kind for sheet in self.sheets if sheet.table]
        found += [sheet.form.kind for sheet in self.sheets if sheet.form]
        found += [Kind.NARRATIVE] if self.content.chapters else []
        return tuple(dict.fromkeys(found))
