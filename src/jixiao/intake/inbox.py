"""An inbox → what it holds: every file read, every row given to its unit, every finding in one pass.

Two passes: first all grids and the units they name (opening.py, naming.py), then the rows (typing_rows.py), then the
files against each other (scopes.py). Which unit a row belongs to is found in rows/units.py. The order of files changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from jixiao.domain.books import Kind, Unit
from jixiao.domain.findings import Finding, Outcome
from jixiao.domain.money import MoneyUnit
from jixiao.domain.names import comparable
from jixiao.intake.answers import NO_ANSWERS, AnswerBook
from jixiao.intake.corrections import AppliedCorrection, is_correction_file
from jixiao.intake.drafts import Draft
from jixiao.intake.grids.grid import (
    Grid,
    is_blank,
)
from jixiao.intake.naming import hear_names, learn_registers, unregistered
from jixiao.intake.opening import Corrections, files_of, open_corrections, open_file
from jixiao.intake.readings import FileReading, InboxReading, TableReading
from jixiao.intake.rows.reader import (
    ReadingOptions,
)
from jixiao.intake.rows.units import UnitDirectory, directory_of
from jixiao.intake.rows.values import read_code
from jixiao.intake.scopes import (
    drop_copies,
    is_kept_out_by_sums,
    judge_adjustments,
    judge_money_sizes,
    judge_scope,
    number_on,
)
from jixiao.intake.typing_rows import type_rows

_NAMED_UNITS = 2000


def read_inbox(
    paths: Sequence[Path],
    *,
    year: int,
    known: Sequence[Unit] = (),
    scope: frozenset[str] = frozenset(),
    kind: Kind | None = None,
    money_unit: MoneyUnit | None = None,
    batches: Mapping[str, str] | None = None,
    answers: AnswerBook = NO_ANSWERS,
    on_file: Callable[[int, int, str], None] = lambda _done, _of, _now: None,
) -> InboxReading:
    """Read files and folders of an inbox.

    ``known`` are units of the store; ``scope`` the codes to read (empty: all); ``kind`` what every table is said to
    be; ``money_unit`` the unit where no table states one; ``batches`` numbers of batches and the hashes of their files,
    for corrections that name one; ``answers`` what people answered to the questions of files; ``on_file`` is told what is done, of how many, and what is read now. Never raises for
    what a file holds: that is a finding.

    Raises:
        FileNotFoundError: a path of ``paths`` does not exist.
    """
    options = ReadingOptions(year=year, scope=scope, money_unit=money_unit)
    found = files_of(paths)
    while True:
        reading = _read(found, options, known, kind=kind, batches=batches or {}, answers=answers, on_file=on_file)
        asked = [(file.file, file.sha256, question) for file in reading.files for question in file.questions]
        exact = answers.made_exact(asked)
        if exact == answers:  # no answer by its code alone that a question has just made exact
            return reading
        answers = exact


def _read(
    found: Sequence[tuple[str, Path]],
    options: ReadingOptions,
    known: Sequence[Unit],
    *,
    kind: Kind | None,
    batches: Mapping[str, str],
    answers: AnswerBook,
    on_file: Callable[[int, int, str], None],
) -> InboxReading:
    """The files once, with the answers at hand."""
    corrections = Corrections([file for file, _ in found], batches)
    notes = {file: open_corrections(file, path, corrections) for file, path in found if is_correction_file(file)}
    drafts = []
    for done, (file, path) in enumerate(found):
        on_file(done, len(found), file)
        drafts.append(notes.get(file) or open_file(file, path, kind, options, corrections=corrections, answers=answers))
    corrections.close(notes)
    directory = directory_of(known, options.scope)
    hear_names(drafts, directory)
    learn_registers(drafts, directory)
    directory.settle()
    reports = [draft for draft in drafts if draft.content.chapters]
    others = [draft for draft in drafts if not draft.content.chapters]
    for draft in others:
        type_rows(draft, directory, options)
    fed = {s for draft in others if not draft.is_kept_out for table in draft.tables for s in table.scopes}
    for draft in reports:
        type_rows(draft, directory, options, fed)
    drop_copies(drafts)
    judge_scope(drafts, options, directory)
    judge_money_sizes(drafts)
    judge_adjustments(drafts)
    number_on(drafts)
    folders = _units_by_folder(drafts)
    files = tuple(_finished(draft, directory, options, folders) for draft in drafts)
    return InboxReading(files=files, units=directory.sorted(), findings=() if known else unregistered(drafts))


def _units_by_folder(drafts: list[Draft]) -> dict[PurePosixPath, set[str]]:
    """The units that the files of each folder feed: what a broken file beside them was probably about."""
    units: dict[PurePosixPath, set[str]] = {}
    for draft in drafts:
        units.setdefault(PurePosixPath(draft.file).parent, set()).update(draft.about)
    return units


def _finished(
    draft: Draft, directory: UnitDirectory, options: ReadingOptions, folders: dict[PurePosixPath, set[str]]
) -> FileReading:
    """The reading of a file: the worst outcome of its findings, and who is left out by it."""
    findings = draft.findings
    if any(f.code == "UNIT_OUT_OF_SCOPE" for f in findings):
        findings = [f for f in findings if f.code != "ROWS_EXCLUDED"]
    outcome = max((f.outcome for f in findings), key=lambda o: o.rank, default=Outcome.ACCEPT)
    refused = outcome in {Outcome.REJECT_FILE, Outcome.ASK_USER}
    left_out: set[str] = set()
    about = draft.about
    if refused:
        about = _was_about(draft, directory)
        beside = folders[PurePosixPath(draft.file).parent]
        about = about or (set(beside) if len(beside) == 1 and not draft.outside else about)
        left_out = about if draft.leaves_units_out else left_out
    else:
        left_out = draft.rejected_units
    if options.scope:
        left_out = left_out & options.scope
    units_of = _units_of_corrected_rows(draft)
    if units_of:
        findings = [f.in_unit(units_of[at]) if (at := _corrected_row(f)) in units_of else f for f in findings]
    if len(about) == 1 and not draft.outside:
        unit = next(iter(about))
        findings = [f if f.unit_code else f.in_unit(unit) for f in findings]
    return FileReading(
        file=draft.file,
        path=draft.path,
        sha256=draft.sha256,
        size=draft.size,
        tables=() if refused else _with_corrections(draft, units_of),
        findings=tuple(sorted(findings, key=_by_place)),
        outcome=outcome,
        left_out_units=tuple(sorted(left_out)),
        counts=draft.counts,
        kinds=draft.kinds,
        unkept=tuple(draft.tables) if refused and is_kept_out_by_sums(draft) else (),
        profiles=tuple(draft.profiles),
        applied=tuple(draft.answered.values()),
        corrections=tuple(draft.corrections),
    )


def _corrected_row(finding: Finding) -> tuple[str, int]:
    """The sheet and row of a correction that was applied; of anything else none."""
    return (finding.place.sheet, finding.place.row or 0) if finding.code == "CORRECTION_APPLIED" else ("", 0)


def _units_of_corrected_rows(draft: Draft) -> dict[tuple[str, int], str]:
    """(sheet, row) of each corrected cell → the unit whose row it is in."""
    wanted = {(c.sheet, c.row) for c in draft.corrections}
    found: dict[tuple[str, int], str] = {}
    for table in draft.tables if wanted else ():
        for row in table.rows:
            known: Any = row
            if (at := (known.place.sheet, known.place.row)) in wanted and hasattr(row, "unit_code"):
                found[at] = known.unit_code
        if table.ledger is not None:
            rows = table.ledger.loc[table.ledger["row"].isin([row for sheet, row in wanted if sheet == table.sheet])]
            found |= {(table.sheet, int(n)): str(u) for n, u in zip(rows["row"], rows["unit_code"], strict=True)}
    return found


def _with_corrections(draft: Draft, units_of: dict[tuple[str, int], str]) -> tuple[TableReading, ...]:
    """The tables that hold rows, each with the corrections of its cells: of several on a sheet, the first that ends below."""
    kept = [table for table in draft.tables if table.rows_accepted or table.rows_rejected]
    of_table: dict[int, list[AppliedCorrection]] = {}
    for correction in draft.corrections:
        on_sheet = [at for at, table in enumerate(kept) if table.sheet == correction.sheet]
        below = [at for at in on_sheet if correction.row <= kept[at].last_row]
        for at in (below or on_sheet[-1:])[:1]:
            unit = units_of.get((correction.sheet, correction.row), "")
            of_table.setdefault(at, []).append(replace(correction, unit_code=unit))
    return tuple(replace(table, corrections=tuple(of_table.get(at, ()))) for at, table in enumerate(kept))


def _by_place(finding: Finding) -> tuple[object, ...]:
    """Findings of a file in the order of its rows, the worst first where one row has several."""
    place = finding.place
    return (place.sheet, place.row or 0, -finding.outcome.rank, finding.code, place.column, finding.message)


def _was_about(draft: Draft, directory: UnitDirectory) -> set[str]:
    """The units that a refused file was about: rows, titles, unit column, then folder and name."""
    units = set(draft.about)
    for table in draft.tables:
        units |= set(table.scope_units)
    for sheet in draft.sheets:
        title = sheet.title
        found = title.unit_code or directory.code_of(title.unit_name) if title.unit_name or title.unit_code else ""
        found = found if found in directory.units else directory.padded(found) or found
        units |= {found} - {""}
        units |= _units_in_cells(sheet.grid, directory) if not units else set()
    if not units:
        units = {directory.meant_by(draft.file)} - {""}
    return units - draft.outside


def _units_in_cells(grid: Grid, directory: UnitDirectory) -> set[str]:
    """Known codes and names that stand in the cells of a table nobody could read further."""
    names = {comparable(unit.name): unit.code for unit in directory.units.values() if unit.name}
    found = set()
    for row in grid.rows[:_NAMED_UNITS]:
        for cell in row:
            if is_blank(cell) or isinstance(cell, bool):
                continue
            code, _ = read_code(cell)
            found |= {code} & directory.units.keys()
            if isinstance(cell, str) and comparable(cell) in names:
                found.add(names[comparable(cell)])
    return found
