"""The use cases, in the order of the year: import an inbox, judge its quality, evaluate, find gaps, report, draft messages.

Each stage opens the store by itself and may be tried again; it hands on a receipt, never rows. Tasks call these one to
one; the command line calls check_paths and the readers. Neighbours: bootstrap.py (settings → store), application.py.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jixiao import __version__
from jixiao.application import (
    AnnualRequest,
    GapReceipt,
    GapRow,
    ImportReceipt,
    LeftOut,
    NoticeReceipt,
    QualityReceipt,
    RenderReceipt,
    RunSummary,
    ScoringReceipt,
    UnitSummary,
)
from jixiao.domain.books import Kind, Unit, UnitBooks
from jixiao.domain.evaluation import Evaluation, Gap, RunInfo
from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.domain.quality import CheckResult
from jixiao.errors import ExitCode, UsageError

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy.orm import Session

    from jixiao.intake.inbox import FileReading, InboxReading
    from jixiao.notify import Digest
    from jixiao.rules.registry import RuleBook

PERIOD = "annual"
_log = logging.getLogger(__name__)

# Without these a unit cannot be evaluated at all; the other kinds only leave checks out.
_NEEDED = (Kind.INDICATORS, Kind.BUDGET_EXECUTION)
_STAGE_INTAKE, _STAGE_QUALITY, _STAGE_EVALUATION = "intake", "quality", "evaluation"


@contextmanager
def open_store(database_url: str) -> Iterator[Session]:
    """One transaction: committed when the block ends well, else nothing of it is stored."""
    from sqlalchemy.orm import Session

    from jixiao.storage.engine import open_engine

    with Session(open_engine(database_url)) as session, session.begin():
        yield session


def snapshots_folder(database_url: str, var: str) -> Path:
    """Where ledger snapshots lie: beside a SQLite store, else under ``var``."""
    from jixiao.storage.engine import sqlite_folder

    return (sqlite_folder(database_url) or Path(var)) / "snapshots"


def run_folder(request: AnnualRequest) -> Path:
    return Path(request.out) / str(request.year) / PERIOD


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
    return f"{_placed(worst[0])}{more}。{worst[0].fix}"


def _placed(finding: Finding) -> str:
    """The message with its place before it, once."""
    where = finding.place.chinese
    return finding.message if not where or finding.message.startswith(where) else f"{where}：{finding.message}"


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


def _tree_sha256(root: Path, pattern: str) -> str:
    """Hash of the files below a folder, by their relative paths and contents."""
    made = hashlib.sha256()
    for path in sorted(p for p in root.rglob(pattern) if p.is_file()):
        made.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return made.hexdigest()


def rules_sha256() -> str:
    """Hash of all rule files."""
    from jixiao.rules.loader import SETS_ROOT

    return _tree_sha256(SETS_ROOT, "*.yaml")


def templates_sha256() -> str:
    """Hash of all templates: another wording is another run."""
    from jixiao.resources import templates_root

    return _tree_sha256(templates_root(), "*")


def _run_info(request: AnnualRequest, reading: InboxReading) -> tuple[RunInfo, str]:
    """The run's id follows from inputs, rules, templates, parameters and code alone."""
    inputs = [
        [f.file, f.sha256, f.outcome.value, [[t.kind.value, t.sheet, sorted(t.scope_units)] for t in f.tables]]
        for f in reading.files
    ]
    inputs_sha256, rules = _digest(inputs), rules_sha256()
    parameters = [request.year, PERIOD, request.as_of, sorted(request.units), request.region]
    short = _digest([inputs_sha256, rules, templates_sha256(), parameters, __version__])[:8]
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


def _store_inbox(session: Session, reading: InboxReading, run_id: str, *, year: int, snapshots: Path) -> list[Finding]:
    from jixiao.storage import intake_store
    from jixiao.storage.run_store import RunInput, replace_inputs

    intake_store.remember_units(session, reading.units)
    inputs: list[RunInput] = []
    findings: list[Finding] = []
    for file in reading.files:
        findings += _with_units(file)
        for table in file.tables:
            stored = intake_store.store_table(
                session, table, file=file.file, sha256=file.sha256, year=year, snapshots_folder=snapshots
            )
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
    replace_inputs(session, run_id, inputs)
    return findings


def import_inbox(request: AnnualRequest) -> ImportReceipt:
    """Read the inbox, store what is accepted, open the run. One transaction: nothing is half stored.

    Raises:
        UsageError: the inbox is not there or holds no file.
    """
    from jixiao.storage import run_store

    inbox = Path(request.inbox)
    if not inbox.is_dir():
        raise UsageError(
            f"收件文件夹 {request.inbox} 不存在",
            "用 --inbox 指定存放导出文件的文件夹；想先看示例：jixiao example 文件夹",
        )
    scope = frozenset(request.units)
    reading = read_files([inbox], year=request.year, scope=scope, database_url=request.database_url)
    if not reading.files:
        raise UsageError(f"收件文件夹 {request.inbox} 是空的", "放入导出文件后再运行")
    info, rules = _run_info(request, reading)
    left_out = _left_out_of(reading)
    ready, incomplete = _missing_kinds(reading, scope, {left.unit_code for left in left_out})
    left_out += incomplete
    names = {unit.code: unit.name for unit in reading.units}
    with open_store(request.database_url) as session:
        run_store.open_run(
            session,
            info,
            rules_sha256=rules,
            parameters={"units": sorted(request.units), "region": request.region},
            folder=str(run_folder(request)),
            by=_who(),
        )
        findings = _store_inbox(
            session,
            reading,
            info.run_id,
            year=request.year,
            snapshots=snapshots_folder(request.database_url, request.var),
        )
        findings += [_incomplete(left) for left in incomplete]
        run_store.replace_findings(session, info.run_id, findings, stage=_STAGE_INTAKE)
        run_store.replace_units(session, info.run_id, [(unit, names.get(unit, "")) for unit in ready], left_out)
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
    from jixiao.storage import intake_store

    reading = read_files(paths, year=year, scope=scope, database_url=database_url)
    done = []
    with open_store(database_url) as session:
        intake_store.remember_units(session, reading.units)
        for file in reading.files:
            for table in file.tables:
                intake_store.store_table(
                    session,
                    table,
                    file=file.file,
                    sha256=file.sha256,
                    year=year,
                    snapshots_folder=snapshots_folder(database_url, var),
                )
            done.append(StoredFile(file.file, file.outcome, len(file.tables), file.rows_accepted))
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
        books = intake_store.load_books(session, run_id, unit_codes, year=request.year, snapshots_folder=folder)
        batches = intake_store.input_batches(session, run_id)
        ledgers = intake_store.ledger_frame(session, batches, unit_codes, folder)
    payments = [frame.assign(file=batch.file) for batch, frame in ledgers]
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


def record_quality(
    request: AnnualRequest, run_id: str, unit_codes: Sequence[str], results: Sequence[CheckResult]
) -> QualityReceipt:
    """Turn the results of the suites into findings; a critical one closes the gate of its unit alone."""
    from jixiao.storage import run_store

    findings = [finding for result in results for finding in _quality_findings(result)]
    closed = sorted({f.unit_code for f in findings if f.critical and f.unit_code})
    with open_store(request.database_url) as session:
        files = {i.kind: i.name for i in run_store.run_inputs(session, run_id)}
        findings = [f if f.place.file else replace(f, place=Place(_file_of(f, files))) for f in findings]
        run_store.replace_findings(session, run_id, findings, stage=_STAGE_QUALITY, units=unit_codes)
        first = {unit: next(f for f in findings if f.critical and f.unit_code == unit) for unit in closed}
        run_store.leave_out(
            session,
            run_id,
            [LeftOut(unit, f.place.file, f"{_placed(f)}。{f.fix}") for unit, f in first.items()],
        )
    return QualityReceipt(len(findings), tuple(closed), sum(not result.ran for result in results))


_TABLE_KINDS = {
    "payments": Kind.PAYMENTS,
    "budget_lines": Kind.BUDGET_EXECUTION,
    "indicators": Kind.INDICATORS,
    "key_tasks": Kind.KEY_TASKS,
}


def _file_of(finding: Finding, files: Mapping[str, str]) -> str:
    return files.get(_TABLE_KINDS.get(finding.value, Kind.INDICATORS).value, "")


def _quality_findings(result: CheckResult) -> Iterator[Finding]:
    if not result.ran:
        yield Finding(
            code="CHECK_NOT_RUN",
            severity=Severity.WARNING,
            place=Place(),
            value=result.table,
            message=f"检查「{result.why}」（{result.expectation_id}）没有运行：{result.error}",
            fix="检查没有运行不等于通过；请把这条信息交给系统管理员",
        )
        return
    for row in result.failing:
        what = f"「{row.indicator}」" if row.indicator else ""
        yield Finding(
            code=result.code,
            severity=result.severity,
            place=Place(row.file, row.sheet, row.row),
            unit_code=row.unit_code,
            indicator=row.indicator,
            value=row.value,
            message=f"{what}{row.column}{f'「{row.value}」' if row.value else ''}：{result.why}",
            fix=result.fix,
            critical=result.critical,
        )


# ── evaluation ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _form_heads(session: Session, run_id: str) -> dict[tuple[str, str], tuple[str, ...]]:
    """The printed heads of each indicator form of a run, by file and sheet: the mark of its region."""
    from jixiao.storage import intake_store

    batches = intake_store.input_batches(session, run_id)
    return {(b.file, b.sheet): tuple(b.heads.values()) for b in batches if b.kind is Kind.INDICATORS}


def rules_for(books: UnitBooks, heads: Mapping[tuple[str, str], tuple[str, ...]], *, region: str) -> RuleBook:
    """The rules in force for a unit at the end of the evaluated year; ``heads`` by file and sheet of the form."""
    from jixiao.rules.registry import rule_book

    place = books.indicators[0].place if books.indicators else Place()

    return rule_book(
        on=date(books.year, 12, 31),
        division_code=books.unit.division_code,
        unit_name=books.unit.name,
        form_heads=heads.get((place.file, place.sheet), ()),
        default_region=region,
    )


def _merged(*lists: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings of several stages; what an earlier list says of a place is not said again."""
    found: dict[tuple[object, ...], Finding] = {}
    for findings in lists:
        for f in findings:
            p = f.place
            found.setdefault((f.code, f.unit_code, p.file, p.sheet, p.row, f.indicator), f)
    return tuple(sorted(found.values(), key=lambda f: f.sort_key))


def evaluate_unit(books: UnitBooks, rules: RuleBook, *, earlier: Iterable[Finding] = ()) -> Evaluation:
    """Score one unit and review it; ``earlier`` are the findings of intake and quality on it. Pure."""
    from jixiao.checks import review
    from jixiao.scoring.unit_score import score_unit

    scoring = score_unit(books, rules)
    return replace(scoring.evaluation, findings=_merged(review(scoring, rules), earlier))


def evaluate_units(request: AnnualRequest, run_id: str, unit_codes: Sequence[str]) -> ScoringReceipt:
    """Evaluate a batch of units. One that fails is left out with the reason; the others go on."""
    from jixiao.storage import intake_store, run_store

    evaluations, failed = [], []
    with open_store(request.database_url) as session:
        folder = snapshots_folder(request.database_url, request.var)
        books = intake_store.load_books(session, run_id, unit_codes, year=request.year, snapshots_folder=folder)
        heads = _form_heads(session, run_id)
        earlier: dict[str, list[Finding]] = {}
        for finding in run_store.findings_of(session, run_id, stages=(_STAGE_INTAKE, _STAGE_QUALITY), units=unit_codes):
            earlier.setdefault(finding.unit_code, []).append(finding)
        for code, one in books.items():
            try:
                rules = rules_for(one, heads, region=request.region)
                evaluations.append(evaluate_unit(one, rules, earlier=earlier.get(code, ())))
            except Exception as error:  # noqa: BLE001 - one unit's failure never stops the others
                _log.exception("评价单位 %s 失败", code)
                failed.append(
                    LeftOut(
                        code, "", f"评价中断：{type(error).__name__}：{error}。请把本次运行编号 {run_id} 交给系统管理员"
                    )
                )
        run_store.replace_evaluations(session, run_id, evaluations)
        run_store.replace_findings(
            session, run_id, [f for e in evaluations for f in e.findings], stage=_STAGE_EVALUATION, units=unit_codes
        )
        run_store.leave_out(session, run_id, failed)
    return ScoringReceipt(
        units=len(evaluations),
        indicators=sum(len(e.scores) for e in evaluations),
        findings=sum(len(e.findings) for e in evaluations),
    )


# ── gaps, reports, messages ──────────────────────────────────────────────────────────────────────────────────────────


def find_unit_gaps(request: AnnualRequest, run_id: str, unit_codes: Sequence[str]) -> GapReceipt:
    """Find and store the gaps of a batch of evaluated units."""
    from jixiao.gaps.detection import find_gaps
    from jixiao.storage import run_store

    with open_store(request.database_url) as session:
        found: list[Gap] = []
        heads = _form_heads(session, run_id)
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
        gaps = run_store.gaps_of(session, run_id, unit_codes)
        evaluations = run_store.evaluations_of(session, run_id, unit_codes)
    made = []
    for evaluation in evaluations:
        of_unit = [gap for gap in gaps if gap.unit_code == evaluation.unit_code]
        rendered = write_unit(evaluation, of_unit, run=replace(info, rule_sets=(evaluation.rule_set,)), folder=folder)
        made += [(rendered.unit_code, file, _file_sha256(folder / file)) for file in rendered.files]
    with open_store(request.database_url) as session:
        run_store.replace_reports(session, run_id, made, units=unit_codes)
    return RenderReceipt(len(evaluations), tuple(file for _, file, _ in made))


def _file_sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_messages(
    database_url: str, run_id: str, *, folder: Path | None = None
) -> tuple[Path, tuple[str, ...], tuple[Digest, ...]]:
    """Write the digests of a run into ``folder``/outbox (None: the run's own folder); nothing is sent.

    Returns the folder, the files written relative to it, and the digests.
    """
    from jixiao.notify import draft_digests, write_outbox
    from jixiao.storage import run_store
    from jixiao.storage.tables import RunRow

    with open_store(database_url) as session:
        info = run_store.run_info(session, run_id)
        gaps = run_store.gaps_of(session, run_id)
        evaluations = run_store.evaluations_of(session, run_id)
        into = folder or Path(session.get_one(RunRow, run_id).folder)
    by_unit: dict[str, list[Gap]] = {}
    for gap in gaps:
        by_unit.setdefault(gap.unit_code, []).append(gap)
    digests = tuple(
        digest
        for e in evaluations
        for digest in draft_digests(by_unit.get(e.unit_code, ()), e.books.contacts, e.books.unit, run=info)
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


def _remove_stale(folder: Path, keep: Iterable[str]) -> None:
    """Remove what an earlier run wrote here and this one did not: reports of units left out, old messages.

    Only files that the earlier run.json lists are touched; anything a person put there stays.
    """
    try:
        earlier = json.loads((folder / "run.json").read_text(encoding="utf-8")).get("files", [])
    except (OSError, ValueError, AttributeError):
        return
    kept = set(keep)
    for name in earlier:
        path = folder / str(name)
        if name in kept or ".." in Path(str(name)).parts or not path.is_relative_to(folder):
            continue
        path.unlink(missing_ok=True)
        if path.parent != folder and path.parent.is_dir() and not any(path.parent.iterdir()):
            path.parent.rmdir()


def _exit_code(session: Session, run_id: str) -> int:
    """The exit code that the run's inputs, left-out units and gates call for; where several apply, the highest."""
    from jixiao.storage import run_store

    code = outcome_code(Outcome(i.outcome) for i in run_store.run_inputs(session, run_id))
    if run_store.units_left_out(session, run_id):
        code = max(code, ExitCode.ROWS_REJECTED)
    if any(f.critical for f in run_store.findings_of(session, run_id, stages=(_STAGE_QUALITY,))):
        code = max(code, ExitCode.GATE)
    return int(code)


def close_run(
    request: AnnualRequest, run_id: str, *, seconds: dict[str, float], left_out: Sequence[LeftOut] = ()
) -> RunSummary:
    """Write units.csv and run.json, end the attempt, and sum up.

    ``left_out`` are units that a stage could not work at all; they are recorded with the run.
    """
    from jixiao.reports import InputFile, write_run
    from jixiao.storage import run_store

    folder = run_folder(request)
    with open_store(request.database_url) as session:
        run_store.leave_out(session, run_id, left_out)
        summary = _summary(session, request, run_id, seconds=seconds)
        info = run_store.run_info(session, run_id)
        inputs = [InputFile(i.name, i.sha256, i.kind, i.rows) for i in run_store.run_inputs(session, run_id)]
        outbox = run_store.message_files(session, run_id)
        files = sorted([*summary.files, *outbox, *(file.removesuffix(".eml") + ".json" for file in outbox)])
        _remove_stale(folder, files)
        write_run(
            summary.units,
            run=info,
            inputs=inputs,
            left_out=summary.left_out,
            counts={
                "units": len(summary.units),
                "units_left_out": len(summary.left_out),
                "indicators": _count_scores(session, run_id),
                **{f"findings_{name}": n for name, n in summary.findings_by_severity.items()},
                "gaps": sum(summary.gaps_by_owner.values()),
                "messages": summary.messages,
            },
            seconds=seconds,
            files=files,
            folder=folder,
        )
        run_store.close_attempt(session, run_id, outcome="completed", seconds=seconds)
    return summary


def _count_scores(session: Session, run_id: str) -> int:
    import sqlalchemy as sa

    from jixiao.storage.tables import ScoreRow

    return session.scalar(sa.select(sa.func.count()).select_from(ScoreRow).where(ScoreRow.run_id == run_id)) or 0


def run_findings(session: Session, run_id: str, *, units: Sequence[str] = ()) -> tuple[Finding, ...]:
    """All findings of a run, each once, worst first: of evaluated units the reviewed ones, of the others what intake
    and quality said.
    """
    from jixiao.storage import run_store

    wanted = tuple(units) or None
    reviewed = run_store.findings_of(session, run_id, stages=(_STAGE_EVALUATION,), units=wanted)
    evaluated = set(run_store.evaluated_units(session, run_id))
    earlier = run_store.findings_of(session, run_id, stages=(_STAGE_INTAKE, _STAGE_QUALITY), units=wanted)
    return tuple(sorted([*reviewed, *(f for f in earlier if f.unit_code not in evaluated)], key=lambda f: f.sort_key))


def rules_of_run(session: Session, run_id: str, evaluation: Evaluation) -> RuleBook:
    """The rules by which a unit was evaluated in a run."""
    from jixiao.storage.tables import RunRow

    region = session.get_one(RunRow, run_id).parameters.get("region", "")
    return rules_for(evaluation.books, _form_heads(session, run_id), region=region)


def _summary(session: Session, request: AnnualRequest, run_id: str, *, seconds: dict[str, float]) -> RunSummary:
    from jixiao.storage import run_store

    evaluations = run_store.evaluations_of(session, run_id)
    gaps = run_store.gaps_of(session, run_id)
    left_out = run_store.units_left_out(session, run_id)
    findings = run_findings(session, run_id)
    open_gaps = Counter(gap.unit_code for gap in gaps)
    units = tuple(
        UnitSummary(
            unit_code=e.unit_code,
            unit_name=e.books.unit.name,
            score="" if e.score is None else f"{e.score:.2f}",
            grade=e.grade,
            errors=sum(f.severity is Severity.ERROR for f in e.findings),
            warnings=sum(f.severity is Severity.WARNING for f in e.findings),
            gaps=open_gaps[e.unit_code],
            execution_rate=next((line.execution_rate for line in e.lines if line.line.level == 0), ""),
        )
        for e in evaluations
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
