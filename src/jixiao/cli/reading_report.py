"""What ``check`` and ``import`` say of the files they read: findings grouped by cause, the worst first, on few screens.

The same as JSON for scripts (CONTRACT §3), where every finding is listed. Copies with marked cells: reports/annotation.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from jixiao.cli.printing import echo, one_line, say, table
from jixiao.domain.findings import Finding, Outcome, Severity

if TYPE_CHECKING:
    from jixiao.intake.readings import FileReading, InboxReading

# A cause shows its first places; the rest are in --json and in the annotated copies.
_PLACES_SHOWN = 3
# What a file is only in company comes after what is wrong with a file itself.
_ABOUT_THE_OTHERS = frozenset({"DUPLICATE_SCOPE", "DUPLICATE_FILE"})
_FEN_PER_YUAN = 100


def finding_json(finding: Finding) -> dict[str, object]:
    """One finding as CONTRACT §3 prints it."""
    place = finding.place
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "file": place.file,
        "sheet": place.sheet or None,
        "row": place.row,
        "column": place.column or None,
        "unit_code": finding.unit_code or None,
        "project": finding.project or None,
        "indicator": finding.indicator or None,
        "value": finding.value or None,
        "expected": finding.expected or None,
        "message": finding.message,
        "fix": finding.fix,
        "question": _question_json(finding),
        "extra": finding.extra,
    }


def _question_json(finding: Finding) -> dict[str, object] | None:
    """What is asked, so that a script can answer it with --answer; null where nothing is."""
    asked = finding.question
    if asked is None:
        return None
    return {"key": asked.key, "choices": list(asked.choices), "about": asked.about, "of": asked.of}


def file_json(file: FileReading) -> dict[str, object]:
    """One file as CONTRACT §3 prints it, every finding listed."""
    kinds = list(dict.fromkeys(table.kind.value for table in file.tables))
    several = len(kinds) > 1
    return {
        "file": file.file,
        "kind": kinds if several else next(iter(kinds), None),
        "outcome": file.outcome.value,
        "rows_accepted": file.rows_accepted,
        "rows_rejected": file.rows_rejected,
        "control_total": file.control_total,
        **_counts_json(file),
        "findings": [finding_json(f) for f in file.findings],
    }


def _counts_json(file: FileReading) -> dict[str, object]:
    """Rows and money of the file, and what became of them: what came in is what is accounted for."""
    rows, fen = file.counts.rows, file.counts.fen
    return {
        "rows_in_file": rows.in_file,
        "rows_excluded": rows.excluded,
        "rows_not_data": file.counts.not_data,
        "fen_in_file": fen.in_file if fen else None,
        "fen_accepted": fen.accepted if fen else None,
        "fen_rejected": fen.rejected if fen else None,
        "fen_excluded": fen.excluded if fen else None,
    }


def print_reading(reading: InboxReading) -> None:
    """The files in a table, then the causes: each with its count, its first places and the mend."""
    files = sorted(reading.files, key=lambda f: (-f.outcome.rank, f.file))
    for line in table(*_files_table(files), right=(3, 4, 5)):
        echo(line)
    findings = [(file.outcome, f) for file in reading.files for f in file.findings]
    findings += [(Outcome.ACCEPT_LOGGED, f) for f in reading.findings]
    for line in _causes(findings):
        echo(line)
    echo("", _summary(files))


def _files_table(files: Sequence[FileReading]) -> tuple[Sequence[str], list[Sequence[str]]]:
    head = say("结果 文件 表 接收行 未接收行 合计（元）", "Outcome File Kind Accepted Rejected Total(yuan)").split(" ")
    rows: list[Sequence[str]] = []
    for file in files:
        kinds = "、".join(dict.fromkeys(t.kind.chinese for t in file.tables)) or "—"
        total = file.control_total
        shown = "" if total is None else f"{total // _FEN_PER_YUAN:,}.{total % _FEN_PER_YUAN:02d}"
        if total is not None and total < 0:
            shown = f"-{-total // _FEN_PER_YUAN:,}.{-total % _FEN_PER_YUAN:02d}"
        rejected = str(file.rows_rejected) if file.rows_rejected else ""
        rows.append((file.outcome.chinese, file.file, kinds, str(file.rows_accepted), rejected, shown))
    return head, rows


def _causes(findings: Iterable[tuple[Outcome, Finding]]) -> Iterator[str]:
    """Errors, questions and warnings with place, message and mend; remarks, which ask for nothing, a line each."""
    ordered = sorted(
        findings, key=lambda pair: (pair[1].code in _ABOUT_THE_OTHERS, -pair[1].outcome.rank, *pair[1].sort_key)
    )
    told = [f for _, f in ordered if f.severity is not Severity.INFO]
    remarks = [f for _, f in ordered if f.severity is Severity.INFO]
    for (severity, _, code), group in groupby(told, key=lambda f: (f.severity, f.outcome, f.code)):
        yield from _cause(severity, code, list(group))
    if remarks:
        yield ""
        yield say("已自动处理，无需改动：", "Dealt with, nothing to do:")
    for code, group in groupby(sorted(remarks, key=lambda f: f.sort_key), key=lambda f: f.code):
        yield _remark(code, list(group))


def _cause(severity: Severity, code: str, found: list[Finding]) -> Iterator[str]:
    from jixiao.reports.finding_texts import finding_text

    yield ""
    yield f"[{severity.chinese}] {finding_text(code).title}（{code}） {_count(found)}"
    shown = found[:_PLACES_SHOWN]
    for f in shown:
        yield f"  {one_line(f.placed_message)}"
    if len(found) > len(shown):
        yield say(
            f"  …… 同类共 {len(found)} 处，其余 {len(found) - len(shown)} 处用 --json 或 --annotate 看",
            f"  … {len(found)} in all; the other {len(found) - len(shown)} with --json or --annotate",
        )
    for fix in dict.fromkeys(f.fix for f in shown if f.fix):
        yield f"  {say('怎么改', 'Mend')}：{fix}"


def _remark(code: str, found: list[Finding]) -> str:
    from jixiao.reports.finding_texts import finding_text

    more = say(f"（同类共 {_count(found)}）", f" ({_count(found)})") if len(found) > 1 else ""
    return f"  · {finding_text(code).title}：{one_line(found[0].placed_message)}{more}"


def _count(found: Sequence[Finding]) -> str:
    files = len({f.place.file for f in found})
    if files > 1:
        return say(f"{len(found)} 处，{files} 个文件", f"{len(found)} in {files} files")
    return say(f"{len(found)} 处", f"{len(found)}")


def _summary(files: Sequence[FileReading]) -> str:
    counts = Counter(file.outcome for file in files)
    parts = [f"{outcome.chinese} {counts[outcome]}" for outcome in reversed(Outcome) if counts[outcome]]
    accepted, rejected = sum(f.rows_accepted for f in files), sum(f.rows_rejected for f in files)
    return say(
        f"共 {len(files)} 个文件：{'，'.join(parts)}。接收 {accepted} 行，未接收 {rejected} 行",
        f"{len(files)} files; {accepted} rows accepted, {rejected} rejected",
    )
