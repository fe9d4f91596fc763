"""What a reading changes in the snapshots in force: rows added, changed and vanished, the money unit, the maturity.

Asked before anything is stored (ADR 0010). The comparison itself is storage/differences.py, what is in force
storage/batches.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from jixiao.domain.books import BudgetLine, Kind
from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.domain.money import yuan_text
from jixiao.errors import StoreError

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy.orm import Session

    from jixiao.intake.answers import AnswerBook
    from jixiao.intake.readings import FileReading, InboxReading, TableReading
    from jixiao.storage.batches import Adoption, Scope
    from jixiao.storage.differences import SnapshotDiff
    from jixiao.storage.intake_store import StoredBatch

_T = TypeVar("_T")
# 快报 is given up for 决算, 决算 for 批复; the way back is asked about.
_MATURITY_ORDER = ("", "快报", "决算", "批复")
_UNITS_SHOWN = 5


@dataclass(frozen=True)
class _Part:
    """One table of a scope, and the file that it stands in."""

    file: FileReading
    table: TableReading


@dataclass(frozen=True)
class _Doubt:
    """What is found of one unit's snapshot; None where nothing is."""

    diff: SnapshotDiff | None = None
    sizes: tuple[Finding, ...] = ()
    lost: str = ""


def against_store(
    session: Session,
    reading: InboxReading,
    *,
    year: int,
    folder: Path,
    yes: bool = False,
    maturity: str = "",
    scope: frozenset[str] = frozenset(),
    answers: AnswerBook | None = None,
) -> InboxReading:
    """The reading with what it changes in the store, said of each file. ``yes``: a change is told, not asked.

    ``folder`` holds the ledger snapshots, ``maturity`` is what a person says of the figures, ``scope`` are the units that
    were read (empty: all of each file), ``answers`` what people answered to the questions.
    """
    from jixiao.cycle.answering import StoreQuestions, with_store_question
    from jixiao.intake.answers import NO_ANSWERS

    questions = StoreQuestions(answers or NO_ANSWERS)
    reading = replace(reading, files=tuple(_in_which_unit(session, f, year=year, folder=folder) for f in reading.files))
    parts = _parts_of(reading, year)
    held = _Held(session, parts, year=year, folder=folder)
    found: dict[str, list[Finding]] = defaultdict(list)
    asked: dict[str, str] = {}
    doubts = _doubts(held, parts)
    for one, tables in parts.items():
        doubt = doubts.get(one, _Doubt())
        say, say_without_sizes = (
            partial(_said, held, one, tables, d, maturity=maturity) for d in (doubt, replace(doubt, sizes=()))
        )
        said = questions.settle(say, say_without_sizes, [(part.file, part.table) for part in tables], yes=yes)
        files = list(dict.fromkeys(part.file.file for part in tables))
        for finding in said:
            found[finding.place.file].append(finding)
        if any(f.outcome is Outcome.ASK_USER for f in said):
            asked |= dict.fromkeys(files, files[0])
    for place, message in _units_that_stay(session, held, parts, scope):
        found[place.file].append(_stays(place, message))
    _hold_together(parts, asked | {file: file for file in questions.refused if file not in asked}, found)
    made = []
    for file in reading.files:
        own = [
            with_store_question(f, file.sha256) if f.outcome is Outcome.ASK_USER and f.question is None else f
            for f in found.get(file.file, ())
        ]
        made.append(questions.close(_with(file, own)))
    return replace(reading, files=tuple(made))


def _in_which_unit(session: Session, file: FileReading, *, year: int, folder: Path) -> FileReading:
    """A file that is refused for its sums alone is asked about where it is 10⁴ away from what is in force: what does not
    add up follows from the unit.
    """
    from jixiao.cycle.answering import with_store_question
    from jixiao.intake.scopes import FOLLOW_FROM_THE_UNIT
    from jixiao.storage.batches import in_force

    said: list[Finding] = []
    for table in file.unkept:
        adoptions = in_force(session, year=year, units=table.scope_units, kinds=[table.kind])
        batches: dict[int, list[str]] = defaultdict(list)
        for adoption in adoptions:
            for batch in adoption.batch_ids:
                batches[batch].append(adoption.scope.unit_code)
        said += _sizes_against(session, file.file, table, batches, folder) if batches else []
    if not said:
        return file
    kept = [f for f in file.findings if f.code not in FOLLOW_FROM_THE_UNIT]
    asked = [with_store_question(f, file.sha256) if f.question is None else f for f in said]
    return replace(file, findings=(*kept, *asked), outcome=Outcome.ASK_USER)


def _sizes_against(
    session: Session, file: str, table: TableReading, batches: Mapping[int, list[str]], folder: Path
) -> list[Finding]:
    """What is 10⁴ away in a table from the same in some batches."""
    from jixiao.intake.money_sizes import implausible_against
    from jixiao.storage.differences import ledger_of, rows_of
    from jixiao.storage.tables import BudgetLineRow

    if table.kind is Kind.BUDGET_EXECUTION:
        return list(implausible_against(file, table, lines=_lines_of(rows_of(session, BudgetLineRow, batches))))
    if table.ledger is None:
        return []
    return list(implausible_against(file, table, paid=_paid_by_line(ledger_of(session, batches, folder))))


def _paid_by_line(ledger: pd.DataFrame) -> dict[tuple[str, str], int]:
    """(unit, line) → what a ledger paid for it, in fen."""
    sums = ledger.groupby(["unit_code", "line_name"], observed=True)["amount_fen"].sum().reset_index()
    return {(str(unit), str(line)): int(fen) for unit, line, fen in sums.itertuples(index=False)}


def _lines_of(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[BudgetLine]:
    """The 预算行 that stored rows hold, by unit as ``rows_of`` gives them."""
    from jixiao.storage.books_store import loaded_line
    from jixiao.storage.tables import BudgetLineRow

    return [loaded_line(BudgetLineRow(**row), Place(row=row["row"])) for of_unit in rows.values() for row in of_unit]


def _parts_of(reading: InboxReading, year: int) -> dict[Scope, list[_Part]]:
    """The tables that could be stored, by the scope that they would be adopted under."""
    from jixiao.storage.batches import Scope
    from jixiao.storage.intake_store import part_of, units_of

    found: dict[Scope, list[_Part]] = defaultdict(list)
    for file in reading.files:
        for table in file.tables if file.outcome.rank < Outcome.ASK_USER.rank else ():
            if table.kind is Kind.UNIT_REGISTER:  # its units are remembered one by one: it is no snapshot
                continue
            part = part_of(table)
            for unit in sorted(units_of(table)):
                found[Scope(year, unit, table.kind, part)].append(_Part(file, table))
    return _under_one(found)


def scopes_of(batches: Iterable[StoredBatch], year: int) -> dict[Scope, list[int]]:
    """The batches of one import by the scope that they are adopted under."""
    from jixiao.storage.batches import Scope

    found: dict[Scope, list[int]] = defaultdict(list)
    for batch in batches:
        for unit in batch.units if batch.kind is not Kind.UNIT_REGISTER else ():
            found[Scope(year, unit, batch.kind, batch.part)].append(batch.batch_id)
    return {scope: sorted(set(ids)) for scope, ids in _under_one(found).items()}


def _under_one(found: Mapping[Scope, list[_T]]) -> dict[Scope, list[_T]]:
    """What is of a whole and of its parts, under the scope that they are adopted under together."""
    from jixiao.storage.batches import merged_parts

    merged: dict[Scope, list[_T]] = defaultdict(list)
    for scope, under in sorted(merged_parts(found).items()):
        merged[under] += found[scope]
    return merged


class _Held:
    """What is in force of the units of a reading, and what each of its scopes would supersede."""

    def __init__(self, session: Session, parts: Mapping[Scope, Sequence[_Part]], *, year: int, folder: Path) -> None:
        from jixiao.storage.batches import hashes, in_force, maturities

        self.session, self.folder = session, folder
        self._by_unit: dict[tuple[str, Kind], list[Adoption]] = defaultdict(list)
        for adoption in in_force(session, year=year, units={scope.unit_code for scope in parts}):
            if adoption.batch_ids:
                self._by_unit[adoption.scope.unit_code, adoption.scope.kind].append(adoption)
        ids = {batch for adoptions in self._by_unit.values() for a in adoptions for batch in a.batch_ids}
        self.maturities, self.hashes = maturities(session, ids), hashes(session, ids)
        self.also = self._same_payments(parts)

    def beside(self, scope: Scope) -> list[Adoption]:
        """The other funds of a unit that are in force beside a single one."""
        held = self._by_unit.get((scope.unit_code, scope.kind), ())
        return [a for a in held if not scope.speaks_for(a.scope) and not scope.kind.is_form]

    def batches(self, scope: Scope) -> tuple[int, ...]:
        """The batches in force that a scope would supersede."""
        parts = self.also.get(scope, frozenset())
        held = self._by_unit.get((scope.unit_code, scope.kind), ())
        found = [a for a in held if scope.speaks_for(a.scope) or a.scope.part in parts]
        return tuple(sorted({batch for a in found for batch in a.batch_ids}))

    def units_of_batches(self, scopes: Iterable[Scope]) -> dict[int, list[str]]:
        """The batches that some scopes would supersede, each with the units that it is in force for among them."""
        found: dict[int, set[str]] = defaultdict(set)
        for scope in scopes:
            for batch in self.batches(scope):
                found[batch].add(scope.unit_code)
        return {batch: sorted(units) for batch, units in found.items()}

    def _same_payments(self, parts: Mapping[Scope, Sequence[_Part]]) -> dict[Scope, frozenset[str]]:
        """The funds in force whose vouchers stand in an export of another fund: one fund under two names, or a payment
        that was put to another one. Side by side these payments would count twice.
        """
        from jixiao.storage.differences import ledger_of

        found: dict[Scope, frozenset[str]] = {}
        for scope, tables in parts.items():
            beside = self.beside(scope) if scope.kind is Kind.PAYMENTS and scope.part else []
            if not beside:
                continue
            now = _ledger(tables, {scope.unit_code})
            vouchers = set(now["voucher_no"].astype("str")) - {""}
            same = set()
            for adoption in beside:
                try:
                    was = ledger_of(self.session, {b: [scope.unit_code] for b in adoption.batch_ids}, self.folder)
                except StoreError:
                    continue
                if vouchers & set(was["voucher_no"]):
                    same.add(adoption.scope.part)
            if same:
                found[scope] = frozenset(same)
        return found


def also_spoken_for(session: Session, reading: InboxReading, *, year: int, folder: Path) -> dict[Scope, frozenset[str]]:
    """Funds in force that the ledgers of a reading hold as well, by the scope of the ledger (``batches.adopt``)."""
    return _Held(session, _parts_of(reading, year), year=year, folder=folder).also


def without_lower_maturity(
    session: Session, scopes: Mapping[Scope, Sequence[int]], *, year: int
) -> dict[Scope, Sequence[int]]:
    """The scopes but those whose figures in force are of a higher maturity than the new ones: nobody is asked here."""
    from jixiao.storage.batches import in_force, maturities

    held: dict[Scope, list[int]] = {
        a.scope: list(a.batch_ids) for a in in_force(session, year=year, units={scope.unit_code for scope in scopes})
    }
    known = maturities(session, {batch for ids in (*held.values(), *scopes.values()) for batch in ids})
    kept: dict[Scope, Sequence[int]] = {}
    for scope, ids in scopes.items():
        old = [batch for other, of_other in held.items() if scope.speaks_for(other) for batch in of_other]
        if not _is_lower(_highest(known[batch] for batch in ids), _highest(known[batch] for batch in old)):
            kept[scope] = ids
    return kept


def _highest(stated: Iterable[str]) -> str:
    return max(stated, key=_MATURITY_ORDER.index, default="")


def _is_lower(new: str, old: str) -> bool:
    """Whether figures are of a lower maturity than others; figures that state none are of any."""
    return bool(new) and _MATURITY_ORDER.index(new) < _MATURITY_ORDER.index(old)


# ── what is found ────────────────────────────────────────────────────────────────────────────────────────────────────


def _doubts(held: _Held, parts: Mapping[Scope, Sequence[_Part]]) -> dict[Scope, _Doubt]:
    """What each scope changes; those that supersede nothing, or the same, are not in it."""
    known = {scope: tables for scope, tables in parts.items() if held.batches(scope)}
    # Subjects of one unit are compared apart; the units of one part together.
    by_part: dict[tuple[Kind, str], list[Scope]] = defaultdict(list)
    for scope in known:
        by_part[scope.kind, scope.part].append(scope)
    found: dict[Scope, _Doubt] = {}
    for scopes in by_part.values():
        of_part = {scope: known[scope] for scope in scopes}
        found |= _ledger_doubts(held, of_part) if scopes[0].kind is Kind.PAYMENTS else _row_doubts(held, of_part)
    return found


def _ledger_doubts(held: _Held, parts: Mapping[Scope, Sequence[_Part]]) -> dict[Scope, _Doubt]:
    from jixiao.intake.money_sizes import implausible_against
    from jixiao.storage.differences import ledger_changes, ledger_of

    by_unit = {scope.unit_code: scope for scope in parts}
    tables = [part for of_scope in parts.values() for part in of_scope]
    try:
        old = ledger_of(held.session, held.units_of_batches(parts), held.folder)
    except StoreError as error:
        if _are_mended(held, parts):
            return {}
        return {scope: _Doubt(lost=error.message) for scope in parts}
    new = _ledger(tables, set(by_unit))
    changes = ledger_changes(old, new)
    if not changes:
        return {}
    paid = _paid_by_line(old)
    first = tables[0]
    sizes: dict[str, list[Finding]] = defaultdict(list)
    for finding in implausible_against(first.file.file, replace(first.table, ledger=new), paid=paid):
        at = parts[by_unit[finding.unit_code]][0]
        place = replace(finding.place, file=at.file.file, sheet=at.table.sheet)
        sizes[finding.unit_code].append(replace(finding, place=place))
    return {by_unit[unit]: _Doubt(diff, tuple(sizes[unit])) for unit, diff in changes.items()}


def _ledger(parts: Sequence[_Part], units: set[str]) -> pd.DataFrame:
    """The payments of some units in some tables, each table once; no row is copied where all are wanted."""
    import pandas as pd

    frames = list({id(part.table): part.table.ledger for part in parts if part.table.ledger is not None}.values())
    made = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
    wanted = made["unit_code"].isin(units)
    return made if wanted.all() else made[wanted]


def _are_mended(held: _Held, parts: Mapping[Scope, Sequence[_Part]]) -> bool:
    """Whether the files are those whose snapshot was lost: storing them writes it again."""
    files = {part.file.sha256 for tables in parts.values() for part in tables}
    return {held.hashes[batch] for batch in held.units_of_batches(parts)} <= files


def _row_doubts(held: _Held, parts: Mapping[Scope, Sequence[_Part]]) -> dict[Scope, _Doubt]:
    from jixiao.intake.money_sizes import implausible_against
    from jixiao.storage.differences import ROW_TABLES, SnapshotDiff, row_changes, rows_of
    from jixiao.storage.intake_store import stored_values
    from jixiao.storage.tables import BudgetLineRow

    by_unit = {scope.unit_code: scope for scope in parts}
    kind = next(iter(parts)).kind
    batches = held.units_of_batches(parts)
    tables = list({id(part.table): part for of_scope in parts.values() for part in of_scope}.values())
    new: dict[type[Any], dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for part in tables:
        known: Any = part.table.rows
        for row in known:
            if row.unit_code in by_unit:
                into, values = stored_values(row)
                new[into][row.unit_code].append(values)
    changes: dict[str, SnapshotDiff] = defaultdict(SnapshotDiff)
    before: list[BudgetLine] = []
    for table in ROW_TABLES[kind]:
        old = rows_of(held.session, table, batches)
        if table is BudgetLineRow and kind is Kind.BUDGET_EXECUTION:
            before = _lines_of(old)
        for unit, diff in row_changes(table, old, new[table]).items():
            changes[unit] += diff
    sizes: dict[str, list[Finding]] = defaultdict(list)
    for part in tables if before else ():
        for finding in implausible_against(part.file.file, part.table, lines=before):
            sizes[finding.unit_code].append(finding)
    return {by_unit[unit]: _Doubt(diff, tuple(sizes[unit])) for unit, diff in changes.items()}


def _units_that_stay(
    session: Session, held: _Held, parts: Mapping[Scope, Sequence[_Part]], scope: frozenset[str]
) -> Iterator[tuple[Place, str]]:
    """Units that a superseded batch holds and this import does not: what is in force of them stays, which is said."""
    import sqlalchemy as sa

    from jixiao.storage import tables as t
    from jixiao.storage.chunks import chunks

    now = {(one.unit_code, one.kind) for one in parts}
    superseded: dict[int, list[Scope]] = defaultdict(list)
    for one in parts:
        for batch in held.batches(one):
            superseded[batch].append(one)
    standing: dict[tuple[int, Kind], set[str]] = defaultdict(set)
    for ids in chunks(sorted(superseded)):
        query = (
            sa.select(t.AdoptionBatchRow.batch_id, t.AdoptionRow.kind, t.AdoptionRow.unit_code)
            .join(t.AdoptionRow, t.AdoptionRow.id == t.AdoptionBatchRow.adoption_id)
            .where(t.AdoptionBatchRow.batch_id.in_(ids), t.AdoptionRow.superseded_by.is_(None))
        )
        for batch, kind, unit in session.execute(query):
            if (unit, Kind(kind)) not in now and (not scope or unit in scope):
                standing[batch, Kind(kind)].add(unit)
    for (batch, _), units in sorted(standing.items()):
        first = parts[superseded[batch][0]][0]
        shown = "、".join(sorted(units)[:_UNITS_SHOWN]) + (f" 等 {len(units)} 个" if len(units) > _UNITS_SHOWN else "")
        yield (
            Place(file=first.file.file, sheet=first.table.sheet),
            f"上次的批次 {batch} 还有单位 {shown}，这次没有：其现行数据保留不变",
        )


# ── what is said ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _said(
    held: _Held, scope: Scope, parts: Sequence[_Part], doubt: _Doubt, *, yes: bool, maturity: str
) -> Iterator[Finding]:
    """The findings of one scope, empty where it supersedes nothing."""
    batches = held.batches(scope)
    if doubt.sizes and not yes:  # in another unit every row differs: that says nothing more
        yield from doubt.sizes
        return
    yield from (_taken(finding) for finding in doubt.sizes)
    place = Place(file=parts[0].file.file, sheet=parts[0].table.sheet)
    if not maturity and {part.file.sha256 for part in parts} <= {held.hashes[batch] for batch in batches}:
        maturity = _highest(held.maturities[batch] for batch in batches)  # what a person said of this very file
    stated = _highest([maturity] if maturity else [stated_maturity(part.file, part.table) for part in parts])
    before = _highest(held.maturities[batch] for batch in batches)
    if _is_lower(stated, before):
        yield _lower_maturity(place, scope.unit_code, stated, before, yes=yes)
    if doubt.lost:
        yield _lost(place, scope.unit_code, doubt.lost, yes=yes)
    elif doubt.diff is not None:
        yield _changes(place, scope.unit_code, doubt.diff, batches, yes=yes)


def _taken(question: Finding) -> Finding:
    """A question about the money unit that ``--yes`` has answered."""
    message = question.message.removesuffix("，未导入") + "，已按 --yes 入库"
    return replace(question, message=message, severity=Severity.WARNING, outcome=Outcome.ACCEPT_WITH_WARNING)


def stated_maturity(file: FileReading, table: TableReading) -> str:
    """How far the figures of a table are: as its title says, else as the file's name does."""
    from jixiao.intake.tables.titles import maturity_of

    return table.maturity or maturity_of(file.file)


def _money(fen: int | None) -> str:
    return "" if fen is None else f" {yuan_text(fen)} 元"


def _changes(place: Place, unit: str, diff: SnapshotDiff, batch_ids: Sequence[int], *, yes: bool) -> Finding:
    """The question whether a re-export may change what is in force; only new rows are a remark."""
    counts = "，".join(
        f"{what} {count} 行{_money(fen)}"
        for what, count, fen in (
            ("新增", diff.added, diff.added_fen),
            ("变更", diff.changed, diff.changed_fen),
            ("消失", diff.vanished, diff.vanished_fen),
        )
        if count
    )
    batches = "、".join(str(batch) for batch in batch_ids)
    shown = f"。例如：{'、'.join(diff.examples)}" if diff.examples else ""
    message = f"与现行数据（批次 {batches}）相比，单位 {unit} {counts}{shown}"
    value = f"+{diff.added} ~{diff.changed} -{diff.vanished}"
    if not diff.loses_rows:
        code, severity, outcome, fix = "SNAPSHOT_ADDED", Severity.INFO, Outcome.ACCEPT_LOGGED, "无需处理"
    elif yes:
        code, severity, outcome = "SNAPSHOT_DIFF", Severity.WARNING, Outcome.ACCEPT_WITH_WARNING
        fix = "已按 --yes 替换；如不应替换，用 jixiao import --revert 批次号 恢复"
    else:
        code, severity, outcome = "SNAPSHOT_DIFF", Severity.QUESTION, Outcome.ASK_USER
        fix = "属实的用 jixiao import --yes 入库，替换现行数据；只导出了一部分的，请按整个范围重新导出"
    return Finding(
        code=code,
        severity=severity,
        place=place,
        message=message,
        fix=fix,
        unit_code=unit,
        value=value,
        outcome=outcome,
    )


def _lost(place: Place, unit: str, why: str, *, yes: bool) -> Finding:
    return Finding(
        code="SNAPSHOT_DIFF",
        severity=Severity.WARNING if yes else Severity.QUESTION,
        place=place,
        message=f"单位 {unit} 现行数据的{why}，无法比较这次变更了什么",
        fix="请从备份恢复快照文件夹，或先重新导入上次的文件；确认直接替换的用 jixiao import --yes",
        unit_code=unit,
        outcome=Outcome.ACCEPT_WITH_WARNING if yes else Outcome.ASK_USER,
    )


def _lower_maturity(place: Place, unit: str, stated: str, held: str, *, yes: bool) -> Finding:
    return Finding(
        code="MATURITY_LOWER",
        severity=Severity.WARNING if yes else Severity.QUESTION,
        place=place,
        message=f"单位 {unit} 的现行数据是{held}，这份是{stated}，替换后口径倒退",
        fix="确认要用它替换时加 --yes；写错的用 --maturity 指定",
        unit_code=unit,
        value=stated,
        expected=held,
        outcome=Outcome.ACCEPT_WITH_WARNING if yes else Outcome.ASK_USER,
    )


def _stays(place: Place, message: str) -> Finding:
    return Finding(
        code="SNAPSHOT_UNITS_KEPT",
        severity=Severity.INFO,
        place=place,
        message=message,
        fix="这些单位确已没有数据的，用 jixiao import --revert 批次号 撤销",
        outcome=Outcome.ACCEPT_LOGGED,
    )


def _hold_together(
    parts: Mapping[Scope, Sequence[_Part]], asked: dict[str, str], found: dict[str, list[Finding]]
) -> None:
    """What is not stored holds back the other files of its scopes: one alone would supersede what it is only a part of.

    ``asked`` maps each file that waits, or that was answered not to be stored, to the one that the question stands in.
    """
    before = -1
    while before != len(asked):
        before = len(asked)
        for tables in parts.values():
            files = list(dict.fromkeys(part.file.file for part in tables))
            waiting = next((asked[file] for file in files if file in asked), None)
            if waiting is not None:
                asked |= {file: waiting for file in files if file not in asked}
    for file, first in sorted(asked.items()):
        if any(f.outcome is Outcome.ASK_USER for f in found.get(file, ())):
            continue
        found.setdefault(file, []).append(
            Finding(
                code="SNAPSHOT_DIFF",
                severity=Severity.QUESTION,
                place=Place(file=file),
                message=f"与《{first}》是同一范围数据的几个部分，那一份没有入库，这份要和它一起入库",
                fix=f"先处理《{first}》的问题，再一起导入",
                value=first,
                outcome=Outcome.ASK_USER,
            )
        )


def _with(file: FileReading, findings: Sequence[Finding]) -> FileReading:
    worst = max((f.outcome for f in findings), key=lambda o: o.rank, default=file.outcome)
    outcome = worst if worst.rank > file.outcome.rank else file.outcome
    return replace(file, findings=(*file.findings, *findings), outcome=outcome)
