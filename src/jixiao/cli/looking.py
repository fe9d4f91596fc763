"""Commands that look at what was computed: runs, show, findings, gaps, explain, notify."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jixiao.cli.options import Db, Json, Project, Run, Units, Year
from jixiao.cli.printing import echo, one_line, print_json, say, table
from jixiao.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from jixiao.domain.evaluation import Evaluation, Score
    from jixiao.storage.run_store import RunLine

_PANEL = "查看结果"
_UNITS_SHOWN = 10
_NAMES_LENGTH = 200


def register(app: typer.Typer) -> None:
    app.command("runs", rich_help_panel=_PANEL)(runs)
    app.command("show", rich_help_panel=_PANEL)(show)
    app.command("findings", rich_help_panel=_PANEL)(findings)
    app.command("gaps", rich_help_panel=_PANEL)(gaps)
    app.command("explain", rich_help_panel=_PANEL)(explain)
    app.command("notify", rich_help_panel="催办")(notify)


def _newest(session: Session, year: int, run: str, units: Sequence[str] = ()) -> str:
    """The run asked for, else the newest completed one of the year, an annual one where there is any; with one unit, the
    newest that holds it.

    Raises:
        UsageError: there is none.
    """
    from jixiao.domain.periods import ANNUAL
    from jixiao.storage.run_store import list_runs, newest_completed

    if run:
        if not list_runs(session, run_id=run):
            raise UsageError(f"没有编号为 {run} 的运行", "用 jixiao runs 查看编号")
        return run
    unit = units[0] if len(units) == 1 else None
    asked = ((unit, ANNUAL), (unit, ""), (None, ANNUAL), (None, ""))
    found = next(filter(None, (newest_completed(session, year, code, period=period) for code, period in asked)), None)
    if found is None:
        raise UsageError(f"{year} 年度还没有完成的运行", f"先运行 jixiao annual {year} --inbox 收件文件夹")
    return found


def _need_units(session: Session, run_id: str, units: Iterable[str]) -> None:
    """Refuse units of which the run knows nothing: an empty answer would read as “nothing found”.

    Raises:
        UsageError: names the units that the run knows.
    """
    from jixiao.storage.run_store import evaluated_units, units_left_out

    left_out = {left.unit_code for left in units_left_out(session, run_id)} - {""}
    known = sorted({*evaluated_units(session, run_id), *left_out})
    unknown = [unit for unit in units if unit not in known]
    if unknown:
        shown = "、".join(known[:_UNITS_SHOWN]) + (f" 等 {len(known)} 个" if len(known) > _UNITS_SHOWN else "")
        raise UsageError(
            f"运行 {run_id} 中没有单位 {'、'.join(unknown)}",
            f"可用的单位编码：{shown}" if known else f"用 jixiao show {run_id} 查看收到了哪些文件",
        )


_STATES = {"completed": "完成", "running": "未完成", "failed": "失败"}


def _run_cells(line: RunLine) -> tuple[str, ...]:
    started = line.started_at.strftime("%Y-%m-%d %H:%M:%S")
    return (
        line.run_id,
        str(line.year),
        line.as_of.isoformat(),
        _STATES.get(line.outcome, line.outcome),
        str(line.units),
        str(line.projects),
        str(line.left_out),
        str(line.attempts),
        started,
        line.by,
    )


def runs(db: Db = "", json: Json = False) -> None:
    """全部运行，最近的在前。"""
    from jixiao.bootstrap import store_url
    from jixiao.cycle import open_store
    from jixiao.storage.run_store import list_runs

    with open_store(store_url(db), create=False) as session:
        lines = list_runs(session)
    if json:
        print_json(lines)
        return
    if not lines:
        echo(say("还没有运行。先试：jixiao demo", "No runs yet. Try: jixiao demo"))
        return
    head = ("运行编号", "年度", "以哪天为准", "状态", "单位", "项目", "未评价", "次数", "最近开始（UTC）", "操作人")
    echo(*table(head, map(_run_cells, lines), right=(4, 5, 6, 7)))


def _about(unit_code: str, project: str) -> str:
    """A unit by its code, a project of it by its name too."""
    return f"{unit_code}「{one_line(project)}」" if project else unit_code


def show(
    run: Annotated[str, typer.Argument(metavar="RUN", help="运行编号")] = "",
    answers: Annotated[bool, typer.Option("--answers", help="列出库中记住的答复，已撤销的也列")] = False,
    db: Db = "",
    json: Json = False,
) -> None:
    """一次运行：参数、收到的文件、评价的单位、未评价的单位和原因。"""
    from jixiao.bootstrap import store_url

    if answers:
        from jixiao.cli.answering import print_answers
        from jixiao.cycle.answering import list_answers

        print_answers(list_answers(database_url=store_url(db), with_revoked=True), json=json)
        return
    if not run:
        raise UsageError("没有给出运行编号", "用 jixiao runs 查看编号；看答复用 --answers")
    from jixiao.cycle import open_store
    from jixiao.domain.periods import period_text
    from jixiao.storage import run_store

    with open_store(store_url(db), create=False) as session:
        found = run_store.list_runs(session, run_id=run)
        if not found:
            raise UsageError(f"没有编号为 {run} 的运行", "用 jixiao runs 查看编号")
        info = run_store.run_info(session, run)
        inputs = run_store.run_inputs(session, run)
        left_out = run_store.units_left_out(session, run)
        files = run_store.report_files(session, run)
        evaluated = run_store.results(session, run)
    units = [(u.unit_code, u.unit_name, u.score_text, u.grade) for u in evaluated if not u.project]
    projects = [(u.unit_code, u.unit_name, u.project, u.score_text, u.grade) for u in evaluated if u.project]
    if json:
        print_json(
            {
                "run": found[0],
                "inputs_sha256": info.inputs_sha256,
                "code_version": info.code_version,
                "rules": info.rule_sets,
                "inputs": inputs,
                "units": [dict(zip(("unit_code", "unit_name", "score", "grade"), row, strict=True)) for row in units],
                "projects": [
                    dict(zip(("unit_code", "unit_name", "project", "score", "grade"), row, strict=True))
                    for row in projects
                ],
                "left_out": left_out,
                "files": files,
            }
        )
        return
    line = found[0]
    echo(
        f"{line.run_id}：{period_text(line.year, line.period)}，以 {line.as_of} 为准，{_STATES.get(line.outcome, line.outcome)}，输出在 {line.folder}"
    )
    echo(f"程序版本 {info.code_version}，输入摘要 {info.inputs_sha256[:16]}，规则：{'；'.join(info.rule_sets)}")
    echo(
        "",
        *table(
            ("文件", "表", "行", "未接收", "结果", "口径", "批次", "sha256"),
            [
                (
                    i.name,
                    i.kind or "—",
                    str(i.rows),
                    str(i.rejected_rows),
                    i.outcome,
                    i.maturity,
                    str(i.batch_id or ""),
                    i.sha256[:12],
                )
                for i in inputs
            ],
            right=(2, 3),
        ),
    )
    if units:
        echo("", *table(("单位编码", "单位", "得分", "等级"), units, right=(2,)))
    if projects:
        shown = [(code, one_line(project), score, grade) for code, _, project, score, grade in projects]
        echo("", *table(("单位编码", "项目", "得分", "等级"), shown, right=(2,)))
    for left in left_out:
        echo(f"未评价 {_about(left.unit_code, left.project) or left.file}：{one_line(left.why)}")


def findings(year: Year, unit: Units = None, run: Run = "", db: Db = "", json: Json = False) -> None:
    """发现的问题，按原因归并，重的在前。"""
    from jixiao.bootstrap import store_url
    from jixiao.cli.reading_report import finding_json
    from jixiao.cycle import open_store, run_findings
    from jixiao.reports.finding_texts import finding_text

    with open_store(store_url(db), create=False) as session:
        units = tuple(unit or ())
        run_id = _newest(session, year, run, units)
        _need_units(session, run_id, units)
        found = run_findings(session, run_id, units=units)
    if json:
        print_json([finding_json(f) for f in found])
        return
    for (severity, code), group in groupby(found, key=lambda f: (f.severity, f.code)):
        rows = list(group)
        text = finding_text(code)
        echo(f"[{severity.chinese}] {text.title}（{code}） × {len(rows)}")
        for f in rows:
            echo(f"    {_about(f.unit_code, f.project) or '—'}  {f.placed_message}")
        echo(f"    为什么：{text.why}")
        echo(f"    怎么改：{rows[0].fix or text.fix}", "")
    echo(say(f"共 {len(found)} 条", f"{len(found)} findings"))


def gaps(
    year: Year,
    owner: Annotated[str, typer.Option("--owner", help="只看这个责任科室")] = "",
    status: Annotated[str, typer.Option("--status", help="open 等")] = "",
    unit: Units = None,
    run: Run = "",
    db: Db = "",
    json: Json = False,
) -> None:
    """待办问题：谁、欠什么、什么时候到期。"""
    from jixiao.bootstrap import store_url
    from jixiao.cycle import open_store
    from jixiao.storage.run_store import gaps_of

    with open_store(store_url(db), create=False) as session:
        units = tuple(unit or ())
        run_id = _newest(session, year, run, units)
        _need_units(session, run_id, units)
        found = gaps_of(session, run_id, units or None)
    found = tuple(g for g in found if (not owner or g.owner == owner) and (not status or g.status == status))
    if json:
        print_json(found)
        return
    for holder, group in groupby(sorted(found, key=lambda g: (g.owner, g.unit_code, g.project)), key=lambda g: g.owner):
        rows = list(group)
        echo(f"{one_line(holder)}（{len(rows)}）")
        for g in rows:
            echo(
                f"  {g.gap_id}  {_about(g.unit_code, g.project)}  {g.kind.chinese}  {g.due_on} 前  {one_line(g.message)}"
            )
            echo(f"      怎么办：{g.fix}（{g.place.chinese}）")
    echo(say(f"共 {len(found)} 个", f"{len(found)} gaps"))


def _of_project(evaluations: Sequence[Evaluation], project: str) -> list[Evaluation]:
    """The evaluations of a unit that ``project`` can mean: all where it is empty.

    Raises:
        UsageError: none of the unit's projects is called so.
    """
    from jixiao.domain.names import comparable

    if not project:
        return list(evaluations)
    wanted = comparable(project)
    exact = [e for e in evaluations if e.project and comparable(e.project) == wanted]
    found = exact or [e for e in evaluations if e.project and wanted in comparable(e.project)]
    if not found:
        names = "、".join(one_line(e.project) for e in evaluations if e.project)[:_NAMES_LENGTH]
        raise UsageError(
            f"这个单位没有评价过叫「{project}」的项目", f"可用的项目：{names}" if names else "去掉 --project"
        )
    return found


def _score_of(evaluations: Sequence[Evaluation], indicator: str) -> tuple[Evaluation, Score]:
    """The indicator that is meant, and whose it is: of the whole unit where it has one of that name, else of a project.

    Raises:
        UsageError: there is none, or it may be one of several.
    """
    from jixiao.domain.names import comparable

    wanted = comparable(indicator)
    scores = [(e, s) for e in evaluations for s in e.scores]
    exact = [
        (e, s) for e, s in scores if indicator == s.indicator.indicator_id or comparable(s.indicator.name) == wanted
    ]
    near = exact or [(e, s) for e, s in scores if wanted and wanted in comparable(s.indicator.name)]
    of_unit = [(e, s) for e, s in near if not e.project] or near
    if len(of_unit) == 1 or (exact and len({e.project for e, _ in of_unit}) == 1):
        return of_unit[0]
    if len({e.project for e, _ in near}) > 1 and exact:
        names = "、".join(dict.fromkeys(one_line(e.project) for e, _ in near if e.project))[:_NAMES_LENGTH]
        raise UsageError(f"有多个项目都有指标「{indicator}」", f"用 --project 写明是哪个项目：{names}")
    names = "、".join(s.indicator.name for _, s in (near or scores)[:10])
    what = "有多项指标含" if near else "没有指标叫"
    raise UsageError(f"{what}「{indicator}」", f"写全名或编号，例如：{names}")


def explain(
    year: Year,
    unit: Annotated[str, typer.Argument(metavar="UNIT", help="单位编码")],
    indicator: Annotated[str, typer.Argument(metavar="INDICATOR", help="指标名称或编号")],
    project: Project = "",
    run: Run = "",
    db: Db = "",
    json: Json = False,
) -> None:
    """这一分为什么：得分 → 规则（文号、条款）→ 公式和数 → 账上的行（文件、工作表、行、摘要）。"""
    from jixiao.bootstrap import store_url
    from jixiao.cycle import open_store, rules_of_run
    from jixiao.storage.run_store import evaluations_of

    with open_store(store_url(db), create=False) as session:
        run_id = _newest(session, year, run, (unit,))
        _need_units(session, run_id, (unit,))
        evaluations = evaluations_of(session, run_id, (unit,))
        if not evaluations:
            raise UsageError(f"运行 {run_id} 没有评价单位 {unit}", f"用 jixiao show {run_id} 查看为什么没有评价它")
        evaluation, score = _score_of(_of_project(evaluations, project), indicator)
        rules = rules_of_run(session, run_id, evaluation)
    if json:
        named = {"project": evaluation.project} if evaluation.project else {}
        print_json({"run": run_id, "unit_code": unit, **named, "indicator": score.indicator, "score": score})
        return
    i = score.indicator
    whose = f"{unit} {evaluation.books.unit.name}" + (
        f" · {one_line(evaluation.project)}" if evaluation.project else ""
    )
    echo(f"{whose} · {i.indicator_id} {i.name} · {score.status.chinese} · 运行 {run_id}")
    echo(
        f"目标 {i.target}  自报 {score.reported_value or '（空）'}  账算 {score.derived_value or '—'}  偏差 {score.deviation or '—'}"
    )
    for step in score.trace.steps:
        echo(f"  {step.what}")
        echo(f"      {step.formula}")
        if step.rule_id:
            rule = rules.rule(step.rule_id)
            echo(f"      规则 {rule.id}：{rule.cited}，{rule.effective} 起")
        for row in step.rows:
            echo(f"      ← {row.says}　{row.place.chinese}　sha256 {row.sha256[:12]}")


def notify(
    year: Year,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="写到哪个文件夹（默认该次运行的输出文件夹）")
    ] = None,
    run: Run = "",
    db: Db = "",
    json: Json = False,
) -> None:
    """把催办写成草稿文件（.eml 和 .json）；不发送。"""
    from jixiao.bootstrap import store_url
    from jixiao.cycle import need_writable, open_store, write_messages

    if out is not None:
        need_writable(out)
    url = store_url(db)
    with open_store(url, create=False) as session:
        run_id = _newest(session, year, run)
    folder, files, digests = write_messages(url, run_id, folder=out)
    if json:
        print_json({"run": run_id, "folder": str(folder), "files": files})
        return
    for owner, count in sorted(Counter({d.owner: len(d.gaps) for d in digests}).items()):
        echo(f"{one_line(owner)}：{count} 项")
    echo(
        say(
            f"草稿 {len(digests)} 封写在 {folder / 'outbox'}，没有发送",
            f"{len(digests)} drafts in {folder / 'outbox'}, none sent",
        )
    )
