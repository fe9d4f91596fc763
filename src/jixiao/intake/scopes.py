"""Files against each other: copies, parts and versions of one scope, money units, adjustments, numbers of rows."""

from __future__ import annotations

from dataclasses import replace

from jixiao.domain.books import Indicator, KeyTask, Kind
from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.intake.asking import ask_of_sizes
from jixiao.intake.drafts import Draft
from jixiao.intake.grids.grid import (
    file_rejected,
    logged,
)
from jixiao.intake.money_sizes import implausible_sizes
from jixiao.intake.readings import Scope
from jixiao.intake.rows.adjustments import adjustments_against_lines
from jixiao.intake.rows.reader import (
    ReadingOptions,
    indicator_id,
)
from jixiao.intake.rows.units import UnitDirectory

FOLLOW_FROM_THE_UNIT = frozenset({"IDENTITY", "SUM_MISMATCH", "CONTROL_TOTAL", "OVERSPENT"})


def drop_copies(drafts: list[Draft]) -> None:
    """One file a kind and unit: the same bytes again are ignored, other bytes are a question of which is right.

    A ledger may come in parts: files of one unit without a common voucher are read together.
    """
    owners: dict[Scope, list[Draft]] = {}
    for draft in drafts:
        if draft.is_kept_out:
            continue
        scopes = {scope for table in draft.tables for scope in table.scopes}
        twice = _sheets_of_one_scope(draft)
        if twice:
            draft.findings.append(twice)
            continue
        taken = {scope: owners[scope] for scope in sorted(scopes) if scope in owners}
        copy = next((one for one in next(iter(taken.values()), []) if one.sha256 == draft.sha256), None)
        if copy and len(taken) == len(scopes):
            draft.findings.append(
                logged(
                    "DUPLICATE_FILE",
                    Place(file=draft.file),
                    f"与《{copy.file}》内容完全相同，只导入后者",
                    "可删除重复的文件",
                )
            )
            draft.set_aside()
            continue
        conflict = next((scope for scope, others in taken.items() if not _are_parts(draft, others, scope)), None)
        if conflict:
            draft.findings.append(_two_versions(draft, owners[conflict][0], conflict))
            continue
        if taken:
            draft.findings.append(_ledger_parts(draft, [one for others in taken.values() for one in others]))
        for scope in scopes:
            owners.setdefault(scope, []).append(draft)


def _are_parts(draft: Draft, others: list[Draft], scope: Scope) -> bool:
    """Whether a ledger has no voucher of a unit in common with the ledgers read before."""
    kind, code, _ = scope
    if kind is not Kind.PAYMENTS:
        return False
    own = _vouchers(draft, code)
    return "" not in own and all(
        "" not in theirs and not own & theirs for theirs in (_vouchers(o, code) for o in others)
    )


def _vouchers(draft: Draft, code: str) -> set[str]:
    frames = [table.ledger for table in draft.tables if table.ledger is not None]
    return {voucher for frame in frames for voucher in frame.loc[frame["unit_code"] == code, "voucher_no"]}


def _ledger_parts(draft: Draft, others: list[Draft]) -> Finding:
    names = "、".join(f"《{name}》" for name in dict.fromkeys(one.file for one in others))
    message = f"与{names}是同一单位的支付明细，凭证号没有重复，按分开导出的几部分合并计算"
    return logged("LEDGER_PARTS", Place(file=draft.file), message, "如其中一份已作废，请移走", value=names)


def _two_versions(draft: Draft, first: Draft, scope: Scope) -> Finding:
    kind, code, project = scope
    return replace(
        file_rejected(
            draft.file,
            "DUPLICATE_SCOPE",
            f"与《{first.file}》都是单位「{code}」{f'项目「{project}」' if project else ''}的{kind.chinese}而内容不同，无法判断以哪个为准，未导入",
            "请只保留正确的一个，移走另一个",
            value=first.file,
        ),
        unit_code=code,
    )


def _sheets_of_one_scope(draft: Draft) -> Finding | None:
    """Two differing 预算执行情况表 of one unit in one workbook; ledgers and indicators may go on over sheets."""
    seen: dict[str, str] = {}
    for table in draft.tables:
        if table.kind is not Kind.BUDGET_EXECUTION:
            continue
        for code in table.scope_units:
            if code in seen:
                place = Place(file=draft.file, sheet=table.sheet)
                message = f"与工作表「{seen[code]}」都是单位「{code}」的{table.kind.chinese}而内容不同，整个文件未导入"
                return Finding(
                    code="DUPLICATE_SCOPE",
                    severity=Severity.ERROR,
                    place=place,
                    message=message,
                    fix="请只保留正确的一张工作表",
                    unit_code=code,
                    outcome=Outcome.REJECT_FILE,
                )
            seen[code] = table.sheet
    return None


def number_on(drafts: list[Draft]) -> None:
    """Indicators and key tasks are numbered within their unit over all its sheets and files, in their order."""
    last: dict[tuple[Kind, str], int] = {}
    for draft in drafts:
        if draft.is_kept_out:
            continue
        for at, table in enumerate(draft.tables):
            if table.kind not in {Kind.INDICATORS, Kind.KEY_TASKS}:
                continue
            rows: list[object] = []
            for row in table.rows:
                assert isinstance(row, (Indicator, KeyTask))
                number = last[table.kind, row.unit_code] = last.get((table.kind, row.unit_code), 0) + 1
                rows.append(_numbered(row, number))
            draft.tables[at] = replace(table, rows=tuple(rows))


def _numbered(row: Indicator | KeyTask, number: int) -> Indicator | KeyTask:
    if isinstance(row, Indicator):
        return replace(row, position=number, indicator_id=indicator_id(number))
    return replace(row, position=number)


def judge_money_sizes(drafts: list[Draft]) -> None:
    """Files whose money unit the size of the figures contradicts wait for an answer."""
    read = {draft.file: draft for draft in drafts if not draft.is_kept_out or is_kept_out_by_sums(draft)}
    tables = [(draft.file, table) for draft in read.values() for table in draft.tables]
    for finding in implausible_sizes(tables):
        draft = read[finding.place.file]
        asked = ask_of_sizes(draft, finding)
        if asked.outcome is not Outcome.ASK_USER:
            draft.findings.append(asked)
            continue
        # In the wrong unit a rounded figure looks exact: what does not add up there follows from the unit.
        draft.findings = [f for f in draft.findings if f.code not in FOLLOW_FROM_THE_UNIT]
        draft.findings.append(asked)


def judge_adjustments(drafts: list[Draft]) -> None:
    """预算指标明细 against the 预算执行情况表 of the same units."""
    read = {draft.file: draft for draft in drafts if not draft.is_kept_out}
    tables = [(draft.file, table) for draft in read.values() for table in draft.tables]
    for finding in adjustments_against_lines(tables):
        read[finding.place.file].findings.append(finding)


def is_kept_out_by_sums(draft: Draft) -> bool:
    """Whether nothing but sums keeps a file out: read in another money unit they may hold."""
    return all(
        f.code in FOLLOW_FROM_THE_UNIT for f in draft.findings if f.outcome in {Outcome.REJECT_FILE, Outcome.ASK_USER}
    )


def judge_scope(drafts: list[Draft], options: ReadingOptions, directory: UnitDirectory) -> None:
    """A file whose every row is outside the scope is refused, unless another file feeds that kind."""
    if not options.scope:
        return
    fed = {table.kind for draft in drafts if not draft.is_refused for table in draft.tables if table.rows_accepted}
    for draft in drafts:
        if not draft.outside or draft.is_refused or any(t.rows_accepted or t.rows_rejected for t in draft.tables):
            continue
        codes = "、".join(sorted(draft.outside))
        wanted = "、".join(sorted(options.scope))
        count = sum(table.rows_excluded for table in draft.tables)
        place = _first_data(draft)
        if set(draft.kinds) <= fed:
            draft.findings.append(
                logged("ROWS_EXCLUDED", Place(file=draft.file), f"属于范围外的单位（{codes}），已略过")
            )
            continue
        draft.findings.append(
            Finding(
                code="UNIT_OUT_OF_SCOPE",
                severity=Severity.ERROR,
                place=place,
                message=f"本次导入范围是 {wanted}，这里 {count} 行都是 {codes}，未导入",
                fix=f"请选对单位（--unit）或文件{_scope_hint(options.scope, directory)}",
                value=codes,
                expected=wanted,
                outcome=Outcome.REJECT_FILE,
            )
        )


def _scope_hint(scope: frozenset[str], directory: UnitDirectory) -> str:
    """``：是否 001002？``: the codes that the scope may have meant."""
    meant = [padded for code in sorted(scope) if (padded := directory.padded(code))]
    return f"：是否 {'、'.join(meant)}？" if meant else ""


def _first_data(draft: Draft) -> Place:
    for table in draft.tables:
        column = table.mapping.get("unit_code") or table.mapping.get("unit_name", "")
        return Place(draft.file, table.sheet, table.header_row + 1, column)
    return Place(file=draft.file)
