"""First pass: which files an inbox holds, and what each one is: bytes, hash, grids, tables, forms."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from jixiao.domain.books import Kind
from jixiao.domain.findings import Finding, Outcome, Place
from jixiao.intake.answers import AnswerBook, applied, asked, container_of, first_line_profile, question_of
from jixiao.intake.asking import with_answered_units
from jixiao.intake.corrected_grids import whole_corrected
from jixiao.intake.corrections import Correction, corrected, is_meant, never_matched, read_corrections
from jixiao.intake.drafts import Draft
from jixiao.intake.grids.cells import cell_text
from jixiao.intake.grids.delimited import unreadable_stream, whole
from jixiao.intake.grids.encodings import broken_stream
from jixiao.intake.grids.grid import (
    Content,
    FileContent,
    Grid,
    file_rejected,
    file_skipped,
    logged,
)
from jixiao.intake.grids.reading import read_content
from jixiao.intake.grids.stream import NotDecodable, UnreadableStream, decoded_copy, drop_with
from jixiao.intake.readings import Counts, Tally
from jixiao.intake.rows.ledger import ledger_columns
from jixiao.intake.rows.reader import (
    ReadingOptions,
)
from jixiao.intake.tables.forms import find_forms
from jixiao.intake.tables.heads import read_sheet, read_sheets
from jixiao.intake.tables.table import SheetReading

# Enough to tell a container, and the first line of a text.
_HEAD_BYTES = 4096
_LOCK_PREFIXES = ("~$", ".~", ".")
_SYSTEM_FILES = {"Thumbs.db", "desktop.ini", "__MACOSX"}


def files_of(paths: Sequence[Path]) -> list[tuple[str, Path]]:
    """All files below ``paths`` with their names for messages, in order of the relative posix path."""
    found: dict[str, Path] = {}
    for path in paths:
        if not path.exists() and not path.is_symlink():
            raise FileNotFoundError(str(path))
        entries = _walk(path) if path.is_dir() else [(_legible(path.name), path)]
        for name, file in entries:
            if found.get(name, file) != file:  # the same name in two folders of the command line
                name = file.as_posix().lstrip("/")  # noqa: PLW2901
            found[name] = file
    return sorted(found.items())


def _legible(name: str) -> str:
    """A file name that can be stored and printed: bytes that are no UTF-8 are read as GB18030, as in Chinese archives."""
    try:
        name.encode()
    except UnicodeEncodeError:
        blob = name.encode("utf-8", "surrogateescape")
        return blob.decode("gb18030", "replace")
    return name


def _walk(root: Path) -> Iterator[tuple[str, Path]]:
    for folder, folders, names in os.walk(root, followlinks=False):
        linked = [name for name in folders if (Path(folder) / name).is_symlink()]
        folders[:] = sorted(
            name for name in folders if name not in linked and not name.startswith(".") and name != "__MACOSX"
        )
        for name in sorted((*names, *linked)):
            path = Path(folder) / name
            yield _legible(path.relative_to(root).as_posix()), path


@dataclass
class Corrections:
    """The corrections of an inbox, and those that met a file of it. ``batches``: number of a batch → hash of its file.

    ``files`` are the names of all files; ``said`` is what was found of corrections themselves, not of the files.
    """

    files: Sequence[str] = ()
    batches: Mapping[str, str] = field(default_factory=dict)
    all: list[Correction] = field(default_factory=list)
    met: set[Correction] = field(default_factory=set)
    said: list[Finding] = field(default_factory=list)

    def of(self, draft: Draft) -> list[Correction]:
        """The corrections of a file; they count as met. A path means one file, a bare name any file of that name."""
        found = [
            c
            for c in self.all
            if is_meant(c, draft.file, draft.sha256, self.batches)
            and (c.file == draft.file or c.file not in self.files)
        ]
        self.met.update(found)
        return found

    def apply(self, draft: Draft) -> None:
        """Correct the grids of a file.

        Raises:
            UnreadableStream: a stream that cannot be read to its end.
        """
        own, grids = self.of(draft), draft.content.grids
        if not own:
            return
        try:
            made, draft.corrections, said = corrected(grids, own, draft.file)
        except UnreadableStream:
            raise
        except ValueError:  # a record longer than a block: read whole
            made, draft.corrections, said = corrected([whole(grid) for grid in grids], own, draft.file)
        draft.content = replace(draft.content, grids=made)
        draft.findings += [f for f in said if f.place.file == draft.file]
        self.said += [f for f in said if f.place.file != draft.file]

    def close(self, notes: Mapping[str, Draft]) -> None:
        """Say of each file of corrections which of its rows met nothing, and count what became of them."""
        self.said += [never_matched(c) for c in self.all if c not in self.met]
        for file, draft in notes.items():
            draft.findings += [f for f in self.said if f.place.file == file]
            wrong = {f.place.row for f in draft.findings if f.outcome is Outcome.REJECT_ROW}
            unused = {f.place.row for f in draft.findings if f.code == "CORRECTION_UNMATCHED"}
            rows = {c.place.row for c in self.all if c.place.file == file} | wrong
            draft.left_aside = Counts(
                Tally(len(rows), len(rows) - len(wrong | unused), len(wrong), excluded=len(unused - wrong))
            )


def open_corrections(file: str, path: Path, corrections: Corrections) -> Draft:
    """A file of corrections/: its rows are taken in, and what is wrong with it is said as of any file."""
    draft = _begun(file, path)
    if draft.findings:
        return draft
    try:
        found, draft.findings = read_corrections(path, file)
    except OSError:
        draft.findings.append(_unreadable(file))
        return draft
    corrections.all += found
    return draft


def _begun(file: str, path: Path) -> Draft:
    """A draft with its hash, or with the finding that says why it is not read."""
    draft = Draft(file=file, path=path)
    name = PurePosixPath(file).name
    why = _not_followed(path)
    if why:
        draft.findings.append(file_skipped(file, why))
    elif name.startswith(_LOCK_PREFIXES) or name in _SYSTEM_FILES:
        draft.findings.append(file_skipped(file, "是临时文件或系统文件"))
    else:
        try:
            with path.open("rb") as opened:
                draft.sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
            draft.size = path.stat().st_size
        except OSError:
            draft.findings.append(_unreadable(file))
    return draft


def _unreadable(file: str) -> Finding:
    message = "读不了（没有权限，或磁盘有问题），未导入"
    return file_rejected(file, "FILE_CORRUPT", message, "请检查文件权限，或重新放入")


def open_file(
    file: str,
    path: Path,
    kind: Kind | None,
    options: ReadingOptions,
    *,
    corrections: Corrections,
    answers: AnswerBook,
) -> Draft:
    """First pass: bytes, hash, grids, corrections, tables."""
    draft = _begun(file, path)
    draft.book = answers
    if draft.findings:
        return draft
    try:
        draft.content = _content(draft, path)
    except OSError:
        draft.findings.append(_unreadable(file))
        return draft
    draft.findings += draft.content.findings
    try:
        corrections.apply(draft)
        readings = [reading for grid in draft.content.grids for reading in _readings(grid, draft, kind, options)]
    except UnreadableStream as error:
        draft.findings.append(unreadable_stream(path, error, file))
        return draft
    draft.sheets = _distinct_sheets(draft, readings)
    if draft.content.content is Content.TABLES:
        _judge_sheets(draft)
    return draft


def _content(draft: Draft, path: Path) -> FileContent:
    """What the file holds; a text whose encoding a person named is read in that encoding."""
    with path.open("rb") as opened:
        head = opened.read(_HEAD_BYTES)
    draft.container = container_of(head)
    content = read_content(path, draft.file)
    doubt = next((f for f in content.findings if f.code == "ENCODING_DOUBTFUL"), None)
    if doubt is None:
        return content
    profile = first_line_profile(head)
    draft.profiles.append(profile)
    question = question_of(doubt.code, of=profile.profile_id, about="文字的编码")
    answer = draft.answer_to(question.key, profile.profile_id)
    if answer is None:
        return replace(content, findings=tuple(asked(f, question) if f is doubt else f for f in content.findings))
    draft.answered[question.key] = (question, answer)
    try:
        plain = decoded_copy(path, answer.answer)
    except NotDecodable as error:
        return replace(content, findings=(broken_stream(path, error.position, draft.file),))
    drop_with(draft, plain)
    content = read_content(plain, draft.file)
    return replace(content, findings=(applied(answer, question, doubt.place), *content.findings))


def _readings(grid: Grid, draft: Draft, kind: Kind | None, options: ReadingOptions) -> list[SheetReading]:
    """What a sheet holds: its forms, else its tables. A big ledger is read by column, any other big text whole."""
    file = draft.file
    if grid.stream is not None:
        reading = read_sheet(grid, file, kind)
        reading = with_answered_units(draft, reading) if reading else None
        if reading and reading.table and reading.table.kind is Kind.PAYMENTS:
            try:
                return [replace(reading, columns=ledger_columns(reading.table, options))]
            except UnreadableStream:
                raise
            except ValueError:  # a record longer than a block: read whole
                pass
        grid = whole_corrected(grid)
    forms = find_forms(grid) if kind is None or kind.is_form else []
    if forms:
        return [SheetReading(grid, title=form.title, form=form) for form in forms]
    return [with_answered_units(draft, reading) for reading in read_sheets(grid, file, kind)]


def _not_followed(path: Path) -> str:
    """Why a name of the inbox is not opened: a link may point anywhere, a device never ends."""
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return "是符号链接，不跟随"
    return "" if stat.S_ISREG(mode) else "不是普通文件"


def _distinct_sheets(draft: Draft, sheets: list[SheetReading]) -> list[SheetReading]:
    """Sheets with the same rows are read once, the visible one first."""
    kept: list[SheetReading] = []
    for sheet in sorted(sheets, key=lambda s: s.grid.hidden):
        if sheet.table:
            twin = next((other for other in kept if other.table and _same_rows(other.grid, sheet.grid)), None)
            if twin:
                place = Place(file=draft.file, sheet=sheet.grid.sheet)
                message = f"与工作表「{twin.grid.sheet}」内容相同，只读后者"
                draft.findings.append(logged("DUPLICATE_SHEET", place, message))
                draft.twins.append(twin.grid.sheet)
                continue
        kept.append(sheet)
    order = {id(sheet): position for position, sheet in enumerate(sheets)}
    return sorted(kept, key=lambda sheet: order[id(sheet)])


def _same_rows(one: Grid, other: Grid) -> bool:
    if len(one.rows) != len(other.rows):
        return False
    return all(_cells(a) == _cells(b) for a, b in zip(one.rows, other.rows, strict=True))


def _cells(row: Sequence[object]) -> list[str]:
    texts = [cell_text(cell) for cell in row]
    while texts and not texts[-1]:
        texts.pop()
    return texts


def _judge_sheets(draft: Draft) -> None:
    """Take the tables' findings; a sheet beside a recognised one that holds no table is only a remark."""
    recognised = any(sheet.table or sheet.form for sheet in draft.sheets)
    for sheet in draft.sheets:
        draft.findings += sheet.findings
        finding = sheet.finding
        if finding is None or draft.content.chapters:  # the text of a report holds tables that are no exports
            continue
        beside = recognised and (sheet.weak or sheet.grid.hidden or finding.code == "WRONG_TABLE")
        if beside:
            message = "不是可导入的表，已略过"
            finding = logged(
                finding.code, finding.place, message, "如应导入，请检查这张工作表的表头", value=finding.value
            )
        draft.findings.append(finding)
    if not draft.sheets and not draft.is_refused:
        message = "文件里没有任何内容，未导入"
        draft.findings.append(file_rejected(draft.file, "NO_DATA_ROWS", message, "请重新导出；没有数据的不要放入"))
