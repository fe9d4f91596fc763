"""What a run shows on the dashboard, in Chinese. Texts from the books are data there: no mark-up of theirs takes effect."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jixiao.application import RunSummary, UnitSummary
from jixiao.domain.evaluation import LeftOut
from jixiao.domain.periods import ANNUAL
from jixiao.reports.finding_texts import finding_text

# A dashboard shows a page, not a province; the whole lists are in the files of the run.
ROWS_AT_MOST = 1000

STAGES = {
    "intake": "接收",
    "quality": "校验",
    "evaluation": "评价",
    "gaps": "查差距",
    "reports": "出报告",
    "messages": "拟通知",
}

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|~])")


def key(period: str, part: str) -> str:
    """The key of an artifact: the runs of one occasion follow each other under it. ``part``: progress, summary, …"""
    return f"{'annual' if period == ANNUAL else 'monitoring'}-{part}"


def cell(text: str) -> str:
    """One cell of a Markdown table: on one line, without mark-up, without control characters."""
    plain = " ".join(_CONTROL.sub("", text).split())
    return _MARKUP.sub(r"\\\1", html.escape(plain, quote=False)) or "—"


def plain(text: str) -> str:
    """One cell of a table artifact, which is JSON: only what no database holds is taken out."""
    return _CONTROL.sub("", text)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cut(total: int) -> str:
    return f"\n\n共 {total} 项，此处列出前 {ROWS_AT_MOST} 项；全部见结果文件夹。" if total > ROWS_AT_MOST else ""


def summary_markdown(summary: RunSummary) -> str:
    """Units and projects with score and grade, what was left out and why, and how long the stages took."""
    projects = f"、{len(summary.projects)} 个项目" if summary.projects else ""
    parts = [
        f"# {summary.occasion}",
        (
            f"运行编号 {cell(summary.run_id)} · 已评价 {len(summary.units)} 个单位{projects} · 未评价 {len(summary.left_out)} 项"
            f" · 待办 {sum(summary.gaps_by_owner.values())} 项 · 已拟通知 {summary.messages} 份（未发送）"
        ),
    ]
    figures = ("得分", "等级", "错误", "警告", "待办")
    if summary.units:
        units = [(cell(u.unit_code), cell(u.unit_name), *_figures(u)) for u in summary.units[:ROWS_AT_MOST]]
        parts += ["## 各单位", _table(("单位编码", "单位名称", *figures), units) + _cut(len(summary.units))]
    if summary.projects:
        rows = [(cell(u.unit_code), cell(u.project), *_figures(u)) for u in summary.projects[:ROWS_AT_MOST]]
        parts += ["## 各项目", _table(("单位编码", "项目", *figures), rows) + _cut(len(summary.projects))]
    if summary.left_out:
        left = [(cell(_who(out)), cell(out.file), cell(out.why)) for out in summary.left_out[:ROWS_AT_MOST]]
        parts += ["## 未评价", _table(("单位编码", "文件", "原因"), left) + _cut(len(summary.left_out))]
    if summary.seconds:
        parts += [
            "## 用时",
            _table(("阶段", "秒"), [(STAGES.get(name, cell(name)), f"{s:.1f}") for name, s in summary.seconds.items()]),
        ]
    return "\n\n".join(parts)


def _who(out: LeftOut) -> str:
    return f"{out.unit_code} 项目「{out.project}」" if out.project else out.unit_code


def _figures(result: UnitSummary) -> tuple[str, ...]:
    counts = (str(result.errors), str(result.warnings), str(result.gaps))
    return cell(result.score), cell(result.grade), *counts


def findings_table(summary: RunSummary) -> list[dict[str, Any]]:
    """The findings grouped by cause, most frequent first, with why and what to do."""
    ordered = sorted(summary.findings_by_code.items(), key=lambda item: (-item[1], item[0]))
    rows: list[dict[str, Any]] = []
    for code, count in ordered:
        text = finding_text(code)
        rows.append({"问题": text.title, "数量": count, "为什么": text.why, "怎么改": text.fix, "代码": code})
    return rows or [{"问题": "没有发现问题", "数量": 0, "为什么": "", "怎么改": "", "代码": "OK"}]


def gaps_table(summary: RunSummary) -> list[dict[str, Any]]:
    """The gaps with their owners and due dates."""
    rows: list[dict[str, Any]] = [
        {
            "责任科室": plain(gap.owner) or "（未指定）",
            "单位编码": plain(gap.unit_code),
            "项目": plain(gap.project),
            "指标": plain(gap.indicator),
            "问题": plain(gap.message),
            "限期": gap.due_on,
        }
        for gap in summary.gap_rows[:ROWS_AT_MOST]
    ]
    return rows or [{"责任科室": "—", "单位编码": "", "项目": "", "指标": "", "问题": "没有待办", "限期": ""}]


def gaps_description(summary: RunSummary) -> str:
    owners = "；".join(f"{cell(owner)} {count} 项" for owner, count in sorted(summary.gaps_by_owner.items()))
    return (f"按责任科室：{owners}" if owners else "没有待办") + _cut(len(summary.gap_rows))


def reports_markdown(summary: RunSummary) -> str:
    """Links to the files of the run on the machine it ran on."""
    folder = Path(summary.folder).resolve()
    files = [Path(name) for name in summary.files]
    absolute = [path if path.is_absolute() else folder / path for path in files]
    lines = [f"- [{cell(_shown(path, folder))}](<{path.as_uri()}>)" for path in absolute[:ROWS_AT_MOST]]
    return "\n".join([f"结果文件夹：[{cell(str(folder))}](<{folder.as_uri()}>)", "", *lines]) + _cut(len(files))


def _shown(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
