"""The use cases, in the order of the year: import an inbox, judge its quality, evaluate, find gaps, report, draft messages.

Each stage opens the store by itself and may be tried again; it hands on a receipt, never rows. Tasks call these one to
one; the command line reads files and results through here too. Neighbours: bootstrap.py (settings → store),
application.py (requests and receipts).
"""

from __future__ import annotations

import getpass
import hashlib
import json
import logging
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jixiao import __version__
from jixiao.application import (
    AnnualRequest,
    GapReceipt,
    GapRow,
    ImportReceipt,
    NoticeReceipt,
    QualityReceipt,
    RenderReceipt,
    RunSummary,
    ScoringReceipt,
    UnitSummary,
)
from jixiao.domain.books import Kind, Unit, UnitBooks
from jixiao.domain.evaluation import Evaluation, Gap, LeftOut, RunInfo
from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.domain.quality import CheckResult
from jixiao.errors import ExitCode, UsageError

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy.orm import Session

    from jixiao.intake.inbox import FileReading, InboxReading
    from jixiao.notify import Digest
    from jixiao.rules.registry import RuleBook
    from jixiao.storage.intake_store import InputBatch, StoredBatch
    from jixiao.storage.run_store import RunInput

PERIOD = "annual"
_log = logging.getLogger(__name__)

# Without these a unit cannot be evaluated at all; the other kinds only leave checks out.
_NEEDED = (Kind.INDICATORS, Kind.BUDGET_EXECUTION)
# What a program leaves beside the files that it has open, or a system in every folder.
_NOT_IN_USE = ("~$", ".")


@contextmanager
def open_store(database_url: str, *, create: bool = True) -> Iterator[Session]:
    """One transaction: committed when the block ends well, else nothing of it is stored.

    ``create`` False: a store that is not there is a UsageError, and none is made.
    """
    from sqlalchemy.orm import Session

    from jixiao.storage.engine import open_engine

    with Session(open_engine(database_url, create=create)) as session, session.begin():
        yield session


def snapshots_folder(database_url: str, var: str) -> Path:
    """Where ledger snapshots lie: beside a SQLite store, else under ``var``."""
    from jixiao.storage.engine import sqlite_folder

    return (sqlite_folder(database_url) or Path(var)) / "snapshots"


def run_folder(request: AnnualRequest) -> Path:
    """Where the outputs of a run stand, as the request names it."""
    return Path(request.out) / str(request.year) / PERIOD


def need_writable(folder: Path) -> None:
    """Make sure, by trying, that ``folder`` can be made and written before anything is computed; nothing is left there.

    Raises:
        UsageError: a file stands in its way, or it cannot be made or written.
    """
    missing = [path for path in (folder, *folder.parents) if not os.path.lexists(path)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (FileExistsError, NotADirectoryError):
        there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
        raise UsageError(
            f"输出文件夹 {folder} 建不了：{there} 是一个文件", "用 --out 指定另一个文件夹，或移走该文件"
        ) from None
    except (OSError, ValueError) as error:
        why = "没有写权限" if isinstance(error, PermissionError) else getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"输出文件夹 {folder} 写不了：{why}", "用 --out 指定一个可以写的文件夹，或检查权限和磁盘空间"
        ) from error
    finally:
        for path in missing:
            with suppress(OSError):  # never made, or somebody else already writes there
                path.rmdir()


# ── intake ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def outcome_code(outcomes: Iterable[Outcome]) -> int:
    """The exit code of a set of files: the highest of theirs (CONTRACT §1)."""
    codes = {
        Outcome.REJECT_ROW: ExitCode.ROWS_REJECTED,
        Outcome.REJECT_FILE: ExitCode.FILE_REJECTED,
        Outcome.ASK_USER: ExitCode.QUESTION,
    }
    return max((codes.get(outcome, ExitCode.DONE) for outcome in outcomes), default=ExitCode.DONE)


def _why(reading: FileReading) -> str:
    """The worst finding of a file, as the reason why it was left out."""
    worst = [f for f in reading.findings if f.outcome.rank >= Outcome.REJECT_ROW.rank] or list(reading.findings)
    worst.sort(key=lambda f: (-f.outcome.rank, f.sort_key))
    if not worst:
        return reading.outcome.chinese
    more = f"（另有 {len(worst) - 1} 处）" if len(worst) > 1 else ""
    return f"{worst[0].placed_message}{more}。{worst[0].fix}"


def _left_out_of(reading: InboxReading) -> list[LeftOut]:
    left = []
    for file in reading.files:
        if file.outcome.rank < Outcome.REJECT_ROW.rank:
            continue
        units = file.left_out_units
        if not units and file.outcome is not Outcome.REJECT_ROW:
            left.append(LeftOut("", file.file, _why(file)))
        left += [LeftOut(unit, file.file, _why(file)) for unit in units]
    return left


def _missing_kinds(reading: InboxReading, scope: frozenset[str], excluded: set[str]) -> tuple[list[str], list[LeftOut]]:
    """Units that can be evaluated, and those that lack a table without which they cannot."""
    held: dict[str, set[Kind]] = {}
    file_of: dict[str, str] = {}
    for file in reading.files:
        for table in file.tables:
            if table.kind in {Kind.UNIT_REGISTER, Kind.CONTACTS}:
                continue
            for unit in table.scope_units:
                held.setdefault(unit, set()).add(table.kind)
                file_of.setdefault(unit, file.file)
    ready, left = [], []
    for unit in sorted(set(held) | scope):
        if unit in excluded or (scope and unit not in scope):
            continue
        missing = [kind.chinese for kind in _NEEDED if kind not in held.get(unit, set())]
        if missing:
            why = f"没有收到{'、'.join(missing)}，无法评价。把它放进收件文件夹后重新运行"
            left.append(LeftOut(unit, file_of.get(unit, ""), why))
        else:
            ready.append(unit)
    return ready, left


def _with_units(reading: FileReading) -> tuple[Finding, ...]:
    """Findings of a file that speaks of one unit alone belong to that unit."""
    units = {unit for table in reading.tables for unit in table.scope_units} | set(reading.left_out_units)
    if len(units) != 1:
        return reading.findings
    unit = next(iter(units))
    return tuple(f if f.unit_code else f.in_unit(unit) for f in reading.findings)


def _digest(value: object) -> str:
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
    return _tree_sha256(Path(__file__).resolve().parent, "*.csv", _DATA_FOLDERS)


# Packages that hold tables of data; the examples are inputs, not part of the program.
_DATA_FOLDERS = ("intake", "checks", "reports", "rules", "scoring", "gaps")


def _run_info(
    request: AnnualRequest, reading: InboxReading, units: Iterable[Unit], tables: Iterable[StoredBatch]
) -> tuple[RunInfo, str]:
    """The run's id follows from inputs, what was read of them, the units as they are known, rules, templates, tables of
    data, parameters and code alone. Returns the run and the hash of the rules.
    """
    files = [[f.file, f.sha256, f.outcome.value, sorted(repr(x) for x in f.findings)] for f in reading.files]
    read = [[table.kind.value, table.reading_sha256, table.units] for table in tables]
    known = sorted([unit.code, unit.name, unit.division_code] for unit in units)
    inputs_sha256, rules = _digest([files, read, known]), rules_sha256()
    parameters = [request.year, PERIOD, request.as_of, sorted(request.units), request.region]
    short = _digest([inputs_sha256, rules, templates_sha256(), data_sha256(), parameters, __version__])[:8]
    run_id = f"{request.year}-{PERIOD}-{short}"
    return RunInfo(run_id, request.year, PERIOD, request.as_of, __version__, inputs_sha256), rules


def _batches(units: Sequence[str], size: int) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(units[i : i + size]) for i in range(0, len(units), size))


def read_files(
    paths: Sequence[Path],
    *,
    year: int,
    scope: frozenset[str] = frozenset(),
    database_url: str = "",
    kind: Kind | None = None,
    money_unit: str = "",
) -> InboxReading:
    """Read files or folders without storing anything. With a store, its units help to find whose a file is.

    Raises:
        UsageError: a path is not there.
    """
    from jixiao.domain.money import MoneyUnit
    from jixiao.intake.inbox import read_inbox
    from jixiao.storage.intake_store import known_units

    for path in paths:
        if not path.exists():
            raise UsageError(f"找不到 {path}", "检查路径；收件文件夹用 --inbox 指定")
    known: tuple[Unit, ...] = ()
    if database_url:
        with open_store(database_url) as session:
            known = known_units(session)
    return read_inbox(
        paths, year=year, known=known, scope=scope, kind=kind, money_unit=MoneyUnit(money_unit) if money_unit else None
    )


def _store_inbox(
    session: Session, reading: InboxReading, *, year: int, snapshots: Path
) -> tuple[list[RunInput], list[StoredBatch]]:
    """Store all that was accepted; returns every file as an input of a run, and the batches."""
    from jixiao.storage import intake_store
    from jixiao.storage.run_store import RunInput

    intake_store.remember_units(session, reading.units)
    inputs: list[RunInput] = []
    batches: list[StoredBatch] = []
    for file in reading.files:
        for table in file.tables:
            stored = intake_store.store_table(
                session, table, file=file.file, sha256=file.sha256, year=year, snapshots_folder=snapshots
            )
            batches.append(stored)
            inputs.append(
                RunInput(
                    file.file,
                    file.sha256,
                    table.kind.value,
                    table.rows_accepted,
                    table.rows_rejected,
                    file.outcome.value,
                    stored.batch_id,
                )
            )
        if not file.tables:
            inputs.append(RunInput(file.file, file.sha256, "", 0, file.rows_rejected, file.outcome.value))
    return inputs, batches


def need_inbox(inbox: Path) -> None:
    """Make sure that there is a folder to read.

    Raises:
        UsageError: it is not there, or it is a file.
    """
    if inbox.is_dir():
        return
    if inbox.exists():
        raise UsageError(
            f"{inbox} 是文件，不是文件夹",
            f"用 --inbox 指定存放导出文件的文件夹；只核对这一个文件：jixiao check {inbox}",
        )
    raise UsageError(
        f"收件文件夹 {inbox} 不存在", "用 --inbox 指定存放导出文件的文件夹；想先看示例：jixiao example 文件夹"
    )


def import_inbox(request: AnnualRequest) -> ImportReceipt:
    """Read the inbox, store what is accepted, open the run. One transaction: nothing is half stored.

    Raises:
        UsageError: the inbox is not there or holds no file, or the output folder cannot be written.
    """
    from jixiao.storage import intake_store, run_store

    need_writable(run_folder(request))
    inbox = Path(request.inbox)
    need_inbox(inbox)
    scope = frozenset(request.units)
    reading = read_files([inbox], year=request.year, scope=scope, database_url=request.database_url)
    if not reading.files:
        raise UsageError(f"收件文件夹 {request.inbox} 是空的", "放入导出文件后再运行")
    left_out = _left_out_of(reading)
    ready, incomplete = _missing_kinds(reading, scope, {left.unit_code for left in left_out})
    left_out += incomplete
    findings = [finding for file in reading.files for finding in _with_units(file)]
    findings += [_incomplete(left) for left in incomplete]
    with open_store(request.database_url) as session:
        snapshots = snapshots_folder(request.database_url, request.var)
        inputs, batches = _store_inbox(session, reading, year=request.year, snapshots=snapshots)
        known = {unit.code: unit for unit in intake_store.known_units(session)}
        units = [known.get(code, Unit(code)) for code in ready]
        info, rules = _run_info(request, reading, units, batches)
        run_store.open_run(
            session,
            info,
            rules_sha256=rules,
            parameters={"units": sorted(request.units), "region": request.region},
            folder=str(run_folder(request).absolute()),
            by=_who(),
        )
        run_store.replace_inputs(session, info.run_id, inputs)
        run_store.replace_findings(session, info.run_id, findings, stage=run_store.STAGE_INTAKE)
        run_store.replace_units(session, info.run_id, units, left_out)
        code = _exit_code(session, info.run_id)
    return ImportReceipt(
        run_id=info.run_id,
        unit_batches=_batches(ready, request.batch_size),
        files=len(reading.files),
        rows=sum(file.rows_accepted for file in reading.files),
        rejected_rows=sum(file.rows_rejected for file in reading.files),
        left_out=tuple(left_out),
        findings_by_code=dict(sorted(Counter(f.code for f in findings).items())),
        exit_code=code,
    )


def _incomplete(left: LeftOut) -> Finding:
    return Finding(
        code="SCOPE_INCOMPLETE",
        severity=Severity.ERROR,
        place=Place(left.file),
        message=f"单位 {left.unit_code}：{left.why}",
        fix="补齐后重新运行",
        unit_code=left.unit_code,
    )


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


@dataclass(frozen=True)
class StoredFile:
    """What ``import_files`` did with a file."""

    file: str
    outcome: Outcome
    batches: int
    rows: int


def import_files(
    paths: Sequence[Path], *, year: int, database_url: str, var: str, scope: frozenset[str] = frozenset()
) -> tuple[InboxReading, tuple[StoredFile, ...]]:
    """Intake into the store without a run. A file that is rejected or asks a question stores nothing."""
    reading = read_files(paths, year=year, scope=scope, database_url=database_url)
    with open_store(database_url) as session:
        _store_inbox(session, reading, year=year, snapshots=snapshots_folder(database_url, var))
    done = [StoredFile(file.file, file.outcome, len(file.tables), file.rows_accepted) for file in reading.files]
    return reading, tuple(done)


# ── quality ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def quality_frames(request: AnnualRequest, run_id: str, unit_codes: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The tables of a batch of units as the suites see them, a frame a table, every row with its place.

    Keys payments, budget_lines, indicators, key_tasks. Missing numbers are NA, missing texts empty.
    """
    import pandas as pd

    from jixiao.storage import intake_store

    folder = snapshots_folder(request.database_url, request.var)
    with open_store(request.database_url) as session:
        batches = intake_store.input_batches(session, run_id, unit_codes)
        books = intake_store.load_books(session, run_id, unit_codes, year=request.year, batches=batches)
        ledgers = intake_store.ledger_rows(session, batches, unit_codes, folder)
    payments = [ledger.frame.assign(file=ledger.file) for ledger in ledgers]
    columns = ["unit_code", "file", "sheet", "row", "voucher_no", "line_name", "amount_fen", "paid_on"]
    ledger = pd.concat(payments, ignore_index=True)[columns] if payments else pd.DataFrame(columns=columns)
    units = list(books.values())

    def placed(row: Any) -> dict[str, Any]:
        return {"unit_code": row.unit_code, "file": row.place.file, "sheet": row.place.sheet, "row": row.place.row}

    def frame(rows: list[dict[str, Any]], numbers: Mapping[str, str]) -> pd.DataFrame:
        made = pd.DataFrame(rows)
        return made.astype({name: kind for name, kind in {"row": "Int64", **numbers}.items() if name in made})

    lines = [
        placed(x)
        | {
            "name": x.name,
            "level": x.level,
            "original_fen": x.original.fen if x.original else None,
            "adjusted_fen": x.adjusted.fen if x.adjusted else None,
            "executed_fen": x.executed.fen if x.executed else None,
            "reported_rate_pct": None if x.reported_rate_pct is None else float(x.reported_rate_pct),
        }
        for u in units
        for x in u.lines
    ]
    indicators = [
        placed(x)
        | {
            name: getattr(x, name)
            for name in ("indicator_id", "level1", "name", "target", "actual", "actual_source", "deviation", "reason")
        }
        | {"weight": None if x.weight is None else float(x.weight)}
        for u in units
        for x in u.indicators
    ]
    tasks = [placed(x) | {"duty": x.duty, "name": x.name, "completion": x.completion} for u in units for x in u.tasks]
    fen = {"original_fen": "Int64", "adjusted_fen": "Int64", "executed_fen": "Int64", "reported_rate_pct": "Float64"}
    return {
        "payments": ledger,
        "budget_lines": frame(lines, {"level": "Int64", **fen}),
        "indicators": frame(indicators, {"weight": "Float64"}),
        "key_tasks": frame(tasks, {}),
    }


def quality_limits(request: AnnualRequest) -> dict[str, Decimal]:
    """The limits that the suites ask about, by rule id, as they hold at the end of the evaluated year.

    Raises:
        RuleSetError: no rule set states one of them.
    """
    from jixiao.rules.registry import rule_book

    rules = rule_book(on=date(request.year, 12, 31), default_region=request.region)
    return {name: rules.number(name) for name in _QUALITY_LIMITS}


def tables_handed_in(request: AnnualRequest, run_id: str, unit_codes: Sequence[str]) -> dict[str, dict[str, str]]:
    """Which units of a batch handed in which table: table → unit → file. Keys as in ``quality_frames``."""
    from jixiao.storage import intake_store

    tables = {kind: table for table, kind in _TABLE_KINDS.items()}
    found: dict[str, dict[str, str]] = {}
    with open_store(request.database_url) as session:
        for (unit, kind), file in intake_store.files_by_unit(session, run_id, unit_codes).items():
            if kind in tables:
                found.setdefault(tables[kind], {})[unit] = file
    return found


def leave_out_units(request: AnnualRequest, run_id: str, left_out: Sequence[LeftOut]) -> None:
    """Record units on which a stage broke, and remove what the run computed of them: what follows no longer sees them."""
    from jixiao.storage import run_store

    codes = {left.unit_code for left in left_out}
    with open_store(request.database_url) as session:
        written = [file for unit, file in run_store.files_of(session, run_id) if unit in codes]
        run_store.leave_out(session, run_id, left_out, failed=True)
    _remove_files(run_folder(request), written)


def record_quality(
    request: AnnualRequest, run_id: str, unit_codes: Sequence[str], results: Sequence[CheckResult]
) -> QualityReceipt:
    """Turn the results of the suites into findings; a critical one closes the gate of its unit alone.

    A check that did not run is a finding of each unit that it was to judge.
    """
    from jixiao.storage import intake_store, run_store

    with open_store(request.database_url) as session:
        files = intake_store.files_by_unit(session, run_id, unit_codes)
        findings = [finding for result in results for finding in _quality_findings(result, unit_codes, files)]
        run_store.replace_findings(session, run_id, findings, stage=run_store.STAGE_QUALITY, units=unit_codes)
        closing: dict[str, Finding] = {}
        for finding in findings:
            if finding.critical and finding.unit_code:
                closing.setdefault(finding.unit_code, finding)
        run_store.leave_out(
            session,
            run_id,
            [LeftOut(unit, f.place.file, f"{f.placed_message}。{f.fix}") for unit, f in sorted(closing.items())],
        )
    return QualityReceipt(len(findings), tuple(sorted(closing)), sum(not result.ran for result in results))


_QUALITY_LIMITS = ("quality.payment.most_yuan", "quality.rate.most_pct", "quality.weight.most")
_TABLE_KINDS = {
    "payments": Kind.PAYMENTS,
    "budget_lines": Kind.BUDGET_EXECUTION,
    "indicators": Kind.INDICATORS,
    "key_tasks": Kind.KEY_TASKS,
}


def _quality_findings(
    result: CheckResult, unit_codes: Sequence[str], files: Mapping[tuple[str, Kind], str]
) -> Iterator[Finding]:
    kind = _TABLE_KINDS[result.table]
    if not result.ran:
        for unit in [row.unit_code for row in result.failing] or unit_codes:
            yield Finding(
                code="CHECK_NOT_RUN",
                severity=Severity.WARNING,
                place=Place(files.get((unit, kind), "")),
                unit_code=unit,
                message=f"{kind.chinese}的检查「{result.why}」（{result.expectation_id}）没有运行：{result.error}",
                fix="检查没有运行不等于通过；请把这条信息交给系统管理员",
            )
        return
    for row in result.failing:
        what = f"「{row.indicator}」" if row.indicator else ""
        yield Finding(
            code=result.code,
            severity=result.severity,
            place=Place(row.file or files.get((row.unit_code, kind), ""), row.sheet, row.row),
            unit_code=row.unit_code,
            indicator=row.indicator,
            value=row.value,
            message=f"{what}{row.column}{f'「{row.value}」' if row.value else ''}：{result.why}",
            fix=result.fix,
            critical=result.critical,
        )


# ── evaluation ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _form_heads(batches: Iterable[InputBatch]) -> dict[tuple[str, str], tuple[str, ...]]:
    """The printed heads of each indicator form, by file and sheet: the mark of its region."""
    return {(b.file, b.sheet): tuple(b.heads.values()) for b in batches if b.kind is Kind.INDICATORS}


def rules_for(books: UnitBooks, heads: Mapping[tuple[str, str], tuple[str, ...]], *, region: str) -> RuleBook:
    """The rules in force for a unit at the end of the evaluated year; ``heads`` by file and sheet of the form."""
    from jixiao.rules.registry import rule_book

    place = books.indicators[0].place if books.indicators else Place()
    return rule_book(
        on=date(books.year, 12, 31),
        division_code=books.unit.division_code,
        form_heads=heads.get((place.file, place.sheet), ()),
        unit_name=books.unit.name,
        default_region=region,
    )


def _merged(*stages: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings of several stages. What an earlier list says of a row under one code, a later one does not repeat;
    within a stage every finding counts: two checks may fail on one row.
    """
    said: set[tuple[object, ...]] = set()
    kept: list[Finding] = []
    for findings in stages:
        fresh = [(f, _subject(f)) for f in findings]
        kept += [f for f, subject in fresh if subject not in said]
        said |= {subject for _, subject in fresh}
    return tuple(sorted(kept, key=lambda f: f.sort_key))


def _subject(f: Finding) -> tuple[object, ...]:
    return (f.code, f.unit_code, f.place.file, f.place.sheet, f.place.row, f.indicator)


def evaluate_unit(books: UnitBooks, rules: RuleBook, *, earlier: Sequence[Iterable[Finding]] = ()) -> Evaluation:
    """Score one unit and review it; ``earlier`` are the findings of the stages before, a list each. Pure."""
    from jixiao.checks import review
    from jixiao.scoring.unit_score import score_unit

    scoring = score_unit(books, rules)
    return replace(scoring.evaluation, findings=_merged(review(scoring, rules), *earlier))


def _by_unit(session: Session, run_id: str, stage: str, unit_codes: Sequence[str]) -> dict[str, list[Finding]]:
    from jixiao.storage import run_store

    found: dict[str, list[Finding]] = {}
    for finding in run_store.findings_of(session, run_id, stages=(stage,), units=unit_codes):
        found.setdefault(finding.unit_code, []).append(finding)
    return found


def _twice(books: UnitBooks) -> LeftOut | None:
    """Why a unit's indicators cannot be told apart, None where they can."""
    seen: dict[str, Place] = {}
    for indicator in books.indicators:
        if first := seen.get(indicator.indicator_id):
            why = (
                f"指标编号「{indicator.indicator_id}」出现两次：{first.chinese}，{indicator.place.chinese}。"
                "每个单位只交一份绩效指标（自评）表，编号不得重复；改正后重新运行"
            )
            return LeftOut(books.unit.code, indicator.place.file, why)
        seen[indicator.indicator_id] = indicator.place
    return None


def _broken(run_id: str, unit: str, error: Exception) -> LeftOut:
    """What is said of a unit on which the evaluation broke; the error's own words go to the log alone."""
    _log.error("评价单位 %s 失败（运行 %s）", unit, run_id, exc_info=error)
    return LeftOut(unit, "", f"评价中断（{type(error).__name__}），请把本次运行编号 {run_id} 和日志交给系统管理员")


def evaluate_units(request: AnnualRequest, run_id: str, unit_codes: Sequence[str]) -> ScoringReceipt:
    """Evaluate a batch of units. One that fails, or cannot be stored, is left out with the reason; the others go on."""
    from jixiao.storage import intake_store, run_store

    evaluations: list[Evaluation] = []
    unclear: list[LeftOut] = []
    broken: list[LeftOut] = []
    with open_store(request.database_url) as session:
        folder = snapshots_folder(request.database_url, request.var)
        batches = intake_store.input_batches(session, run_id, unit_codes)
        ledgers = intake_store.ledger_rows(session, batches, unit_codes, folder)
        books = intake_store.load_books(
            session, run_id, unit_codes, year=request.year, batches=batches, ledgers=ledgers
        )
        heads = _form_heads(batches)
        stages = [
            _by_unit(session, run_id, stage, unit_codes) for stage in (run_store.STAGE_INTAKE, run_store.STAGE_QUALITY)
        ]
        for code, one in books.items():
            if twice := _twice(one):
                unclear.append(twice)
                continue
            try:
                rules = rules_for(one, heads, region=request.region)
                evaluations.append(evaluate_unit(one, rules, earlier=[stage.get(code, ()) for stage in stages]))
            except Exception as error:  # noqa: BLE001 - one unit's failure never stops the others
                broken.append(_broken(run_id, code, error))
        refused = run_store.replace_evaluations(session, run_id, evaluations, units=unit_codes)
        broken += [_broken(run_id, unit, error) for unit, error in refused.items()]
        run_store.leave_out(session, run_id, unclear)
        run_store.leave_out(session, run_id, broken, failed=True)
    stored = [e for e in evaluations if e.unit_code not in refused]
    return ScoringReceipt(
        units=len(stored),
        indicators=sum(len(e.scores) for e in stored),
        findings=sum(len(e.findings) for e in stored),
    )


# ── gaps, reports, messages ──────────────────────────────────────────────────────────────────────────────────────────


def find_unit_gaps(request: AnnualRequest, run_id: str, unit_codes: Sequence[str]) -> GapReceipt:
    """Find and store the gaps of a batch of evaluated units."""
    from jixiao.gaps.detection import find_gaps
    from jixiao.storage import intake_store, run_store

    with open_store(request.database_url) as session:
        found: list[Gap] = []
        heads = _form_heads(intake_store.input_batches(session, run_id, unit_codes))
        for evaluation in run_store.evaluations_of(session, run_id, unit_codes):
            rules = rules_for(evaluation.books, heads, region=request.region)
            found += find_gaps(evaluation, rules, as_of=request.as_of)
        run_store.replace_gaps(session, run_id, found, units=unit_codes)
    return GapReceipt(len(found))


def render_units(request: AnnualRequest, run_id: str, unit_codes: Sequence[str]) -> RenderReceipt:
    """Write the reports of a batch of evaluated units under the run's folder."""
    from jixiao.reports import write_unit
    from jixiao.storage import run_store

    folder = run_folder(request)
    with open_store(request.database_url) as session:
        info = run_store.run_info(session, run_id)
        gaps = _gaps_by_unit(run_store.gaps_of(session, run_id, unit_codes))
        evaluations = run_store.evaluations_of(session, run_id, unit_codes)
    made = []
    for evaluation in evaluations:
        of_unit = gaps.get(evaluation.unit_code, [])
        rendered = write_unit(evaluation, of_unit, run=replace(info, rule_sets=(evaluation.rule_set,)), folder=folder)
        made += [(rendered.unit_code, file, _file_sha256(folder / file)) for file in rendered.files]
    with open_store(request.database_url) as session:
        run_store.replace_reports(session, run_id, made, units=unit_codes)
    return RenderReceipt(len(evaluations), tuple(file for _, file, _ in made))


def _gaps_by_unit(gaps: Iterable[Gap]) -> dict[str, list[Gap]]:
    found: dict[str, list[Gap]] = {}
    for gap in gaps:
        found.setdefault(gap.unit_code, []).append(gap)
    return found


def _file_sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_messages(
    database_url: str, run_id: str, *, folder: Path | None = None
) -> tuple[Path, tuple[str, ...], tuple[Digest, ...]]:
    """Write the digests of a run into ``folder``/outbox (None: the run's own folder); nothing is sent.

    Returns the folder, the files written relative to it, and the digests.
    """
    from jixiao.notify import draft_digests, write_outbox
    from jixiao.storage import intake_store, run_store
    from jixiao.storage.tables import RunRow

    with open_store(database_url) as session:
        info = run_store.run_info(session, run_id)
        evaluated = run_store.evaluated_units(session, run_id)
        units = sorted(run_store.run_units(session, run_id, evaluated), key=lambda unit: unit.code)
        gaps = _gaps_by_unit(run_store.gaps_of(session, run_id, evaluated))
        contacts = intake_store.contacts_of(session, run_id, tuple(gaps))
        into = folder or Path(session.get_one(RunRow, run_id).folder)
    digests = tuple(
        digest
        for unit in units
        for digest in draft_digests(gaps.get(unit.code, ()), contacts.get(unit.code, ()), unit, run=info)
    )
    return into, write_outbox(digests, run=info, folder=into), digests


def draft_messages(request: AnnualRequest, run_id: str) -> NoticeReceipt:
    """Draft one digest an owner into the outbox of the run and record them; nothing is sent."""
    from jixiao.storage import run_store

    _, files, digests = write_messages(request.database_url, run_id, folder=run_folder(request))
    letters = [file for file in files if file.endswith(".eml")]
    with open_store(request.database_url) as session:
        run_store.replace_messages(
            session,
            run_id,
            [
                {
                    "unit_code": digest.unit_code,
                    "owner": digest.owner,
                    "channel": digest.channel,
                    "address": digest.email,
                    "gaps": len(digest.gaps),
                    "file": file,
                }
                for digest, file in zip(digests, letters, strict=True)
            ],
        )
    return NoticeReceipt(len(digests), tuple(sorted({digest.owner for digest in digests})))


# ── closing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _remove_stale(
    folder: Path, written: Iterable[tuple[str, str]], keep: Iterable[str], *, scope: Sequence[str]
) -> None:
    """Remove what earlier runs wrote here and this one did not: reports of units left out, old drafts.

    ``written`` are unit and file as the store knows them; a run of all units (empty ``scope``) asks the run.json that
    lies here too, for another store may have written it. A run of some units leaves the other units' files alone.
    Anything a person put here stays.
    """
    known = {file for unit, file in written if not scope or unit in scope}
    known |= {file.removesuffix(".eml") + ".json" for file in known if file.endswith(".eml")}
    if not scope:
        known |= _files_of_run_json(folder)
    _remove_files(folder, known - set(keep))


def _remove_files(folder: Path, names: Iterable[str]) -> None:
    """Remove files of a run by their paths relative to its folder, and the folders that this leaves empty."""
    for name in names:
        path = folder / name
        if ".." in Path(name).parts or not path.is_relative_to(folder):
            continue
        path.unlink(missing_ok=True)
        for parent in path.parents:
            if parent == folder or not parent.is_dir() or any(parent.iterdir()):
                break
            parent.rmdir()


def _files_of_run_json(folder: Path) -> set[str]:
    try:
        return {str(name) for name in json.loads((folder / "run.json").read_text(encoding="utf-8"))["files"]}
    except (OSError, ValueError, LookupError, TypeError):
        return set()


def _exit_code(session: Session, run_id: str) -> int:
    """The exit code that the run's inputs, left-out units, failures and gates call for; where several apply, the
    highest.
    """
    from jixiao.storage import run_store

    codes = [outcome_code(Outcome(i.outcome) for i in run_store.run_inputs(session, run_id))]
    if run_store.units_left_out(session, run_id, failed=True):
        codes.append(ExitCode.FAILURE)
    if run_store.units_left_out(session, run_id, failed=False):
        codes.append(ExitCode.ROWS_REJECTED)
    if any(f.critical for f in run_store.findings_of(session, run_id, stages=(run_store.STAGE_QUALITY,))):
        codes.append(ExitCode.GATE)
    return int(max(codes))


def close_run(
    request: AnnualRequest, run_id: str, *, seconds: dict[str, float], left_out: Sequence[LeftOut] = ()
) -> RunSummary:
    """Write units.csv and run.json, end the attempt, and sum up.

    ``left_out`` are units on which a stage broke: what the run computed of them is removed, also from the folder.
    """
    from jixiao.reports import InputFile, write_run
    from jixiao.storage import run_store

    folder = run_folder(request)
    with open_store(request.database_url) as session:
        place = str(folder.absolute())
        written = run_store.files_in(session, place) | run_store.files_of(session, run_id)
        run_store.leave_out(session, run_id, left_out, failed=True)
        summary = _summary(session, request, run_id, seconds=seconds)
        info = run_store.run_info(session, run_id)
        inputs = [InputFile(i.name, i.sha256, i.kind, i.rows) for i in run_store.run_inputs(session, run_id)]
        outbox = run_store.message_files(session, run_id)
        files = sorted([*summary.files, *outbox, *(file.removesuffix(".eml") + ".json" for file in outbox)])
        _remove_stale(folder, written, files, scope=request.units)
        write_run(
            summary.units,
            run=info,
            inputs=inputs,
            left_out=summary.left_out,
            counts={
                "units": len(summary.units),
                "units_left_out": len(summary.left_out),
                "indicators": run_store.count_scores(session, run_id),
                **{f"findings_{name}": n for name, n in summary.findings_by_severity.items()},
                "gaps": sum(summary.gaps_by_owner.values()),
                "messages": summary.messages,
            },
            seconds=seconds,
            files=files,
            folder=folder,
        )
        run_store.close_attempt(session, run_id, outcome="completed", seconds=seconds, folder=place)
    return summary


def fail_run(request: AnnualRequest, run_id: str, *, seconds: dict[str, float]) -> None:
    """End the attempt of a run as failed. A store that cannot be written is logged: the failure that led here matters."""
    from sqlalchemy.exc import SQLAlchemyError

    from jixiao.errors import JixiaoError
    from jixiao.storage import run_store

    try:
        with open_store(request.database_url) as session:
            run_store.close_attempt(session, run_id, outcome="failed", seconds=seconds)
    except (SQLAlchemyError, JixiaoError):
        _log.exception("运行 %s 的失败没有记下来", run_id)


def run_findings(session: Session, run_id: str, *, units: Sequence[str] = ()) -> tuple[Finding, ...]:
    """All findings of a run, each once, worst first: of evaluated units the reviewed ones, of the others what intake
    and quality said.
    """
    from jixiao.storage import run_store

    wanted = tuple(units) or None
    reviewed = run_store.findings_of(session, run_id, stages=(run_store.STAGE_EVALUATION,), units=wanted)
    evaluated = set(run_store.evaluated_units(session, run_id))
    earlier = run_store.findings_of(
        session, run_id, stages=(run_store.STAGE_INTAKE, run_store.STAGE_QUALITY), units=wanted
    )
    return tuple(sorted([*reviewed, *(f for f in earlier if f.unit_code not in evaluated)], key=lambda f: f.sort_key))


def rules_of_run(session: Session, run_id: str, evaluation: Evaluation) -> RuleBook:
    """The rules by which a unit was evaluated in a run."""
    from jixiao.storage import intake_store
    from jixiao.storage.tables import RunRow

    region = session.get_one(RunRow, run_id).parameters.get("region", "")
    heads = _form_heads(intake_store.input_batches(session, run_id, (evaluation.unit_code,)))
    return rules_for(evaluation.books, heads, region=region)


def _summary(session: Session, request: AnnualRequest, run_id: str, *, seconds: dict[str, float]) -> RunSummary:
    from jixiao.storage import run_store

    gaps = run_store.gaps_of(session, run_id)
    left_out = run_store.units_left_out(session, run_id)
    findings = run_findings(session, run_id)
    found = Counter((f.unit_code, f.severity) for f in findings)
    open_gaps = Counter(gap.unit_code for gap in gaps)
    units = tuple(
        UnitSummary(
            unit_code=unit.unit_code,
            unit_name=unit.unit_name,
            score=unit.score_text,
            grade=unit.grade,
            errors=found[unit.unit_code, Severity.ERROR],
            warnings=found[unit.unit_code, Severity.WARNING],
            gaps=open_gaps[unit.unit_code],
            execution_rate=unit.execution_rate,
        )
        for unit in run_store.unit_results(session, run_id)
    )
    return RunSummary(
        run_id=run_id,
        year=request.year,
        folder=str(run_folder(request)),
        units=units,
        left_out=left_out,
        findings_by_code=dict(sorted(Counter(f.code for f in findings).items(), key=lambda pair: (-pair[1], pair[0]))),
        findings_by_severity={s.value: sum(f.severity is s for f in findings) for s in Severity},
        gaps_by_owner=dict(sorted(Counter(gap.owner for gap in gaps).items(), key=lambda pair: (-pair[1], pair[0]))),
        gap_rows=tuple(GapRow(g.owner, g.unit_code, g.indicator, g.message, g.due_on.isoformat()) for g in gaps),
        files=run_store.report_files(session, run_id),
        messages=len(run_store.message_files(session, run_id)),
        exit_code=_exit_code(session, run_id),
        seconds=seconds,
    )
