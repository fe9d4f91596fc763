"""Commands that run a cycle: demo, example, annual, monitor."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jixiao.cli.options import Answers, Db, Json, Out, Units, Year
from jixiao.cli.printing import echo, one_line, print_json, progress, say, table
from jixiao.errors import UsageError, reason_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jixiao.application import EvaluationRequest, RunSummary, UnitSummary
    from jixiao.domain.evaluation import LeftOut

_PANEL = "开始"
_DEMO = "suzhou-2022"
_DEMO_YEAR = 2022
_REASONS_SHOWN = 2
_RESULTS_SHOWN = 20
_REPORTS = ("/report.docx", "/report.html")
_REPORTS_SHOWN = 6
_DEMO_TITLE = "示例 · 苏州市科技服务中心"


def register(app: typer.Typer) -> None:
    app.command("demo", rich_help_panel=_PANEL)(demo)
    app.command("example", rich_help_panel=_PANEL)(example)
    app.command("annual", rich_help_panel="年度自评")(annual)
    app.command("monitor", rich_help_panel="运行监控")(monitor)


def _run(request: EvaluationRequest) -> RunSummary:
    from jixiao.application import load_application
    from jixiao.bootstrap import log_to_file
    from jixiao.cycle import need_inbox, need_writable, run_folder

    # Before the server is started: what is wrong here is said at once.
    need_inbox(Path(request.inbox))
    need_writable(run_folder(request))
    log_to_file(request.var)
    return load_application().run(request, progress=progress)


def demo(out: Out = Path("out"), db: Db = "", json: Json = False) -> None:
    """在自带的 2022 年示例上运行整个年度自评（自带嵌入式流程服务，不需要网络和账号）。"""
    from jixiao.bootstrap import evaluation_request
    from jixiao.examples import inbox_folder

    request = evaluation_request(_DEMO_YEAR, inbox=inbox_folder(_DEMO), out=out, db=db, title=_DEMO_TITLE)
    _finish(_run(request), json=json)


def example(folder: Annotated[Path, typer.Argument(metavar="DIR", help="写到哪个文件夹")]) -> None:
    """把自带示例的收件文件夹写出来，供试用。"""
    from jixiao.examples import write_inbox

    try:
        written = write_inbox(_DEMO, folder)
    except FileExistsError as error:
        # The example's own words name the files; the system's, for a folder that is a file, come with a number.
        said = str(error) if error.errno is None else f"{folder}：{reason_of(error)}"
        raise UsageError(said, "换一个空文件夹") from error
    except OSError as error:
        raise UsageError(f"示例写不到 {folder}：{reason_of(error)}", "换一个能写的文件夹") from error
    for path in written:
        echo(str(path))
    echo(
        say(
            f"试运行：jixiao annual {_DEMO_YEAR} --inbox {folder}", f"Try: jixiao annual {_DEMO_YEAR} --inbox {folder}"
        ),
        err=True,
    )


Inbox = Annotated[Path, typer.Option("--inbox", metavar="DIR", help="收件文件夹，可含子文件夹")]
AsOf = Annotated[datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="以哪一天为准（默认今天）")]


def annual(
    year: Year,
    inbox: Inbox,
    out: Out = Path("out"),
    unit: Units = None,
    as_of: AsOf = None,
    answer: Answers = None,
    db: Db = "",
    json: Json = False,
) -> None:
    """年度绩效自评（部门整体和项目）：接收 → 校验 → 复算打分 → 待办 → 报告 → 起草催办。"""
    from jixiao.bootstrap import evaluation_request

    request = evaluation_request(
        year,
        inbox=inbox,
        out=out,
        db=db,
        units=tuple(unit or ()),
        as_of=as_of.date() if as_of else None,
        answers=answer,
    )
    _finish(_run(request), json=json)


def monitor(
    year: Year,
    period: Annotated[str, typer.Argument(metavar="PERIOD", help="Q1–Q4 或 M1–M12：到该季度或月份末的累计数")],
    inbox: Inbox,
    out: Out = Path("out"),
    unit: Units = None,
    as_of: AsOf = None,
    answer: Answers = None,
    db: Db = "",
    json: Json = False,
) -> None:
    """绩效运行监控：读绩效运行监控表，列出累计执行、指标和核对发现；不评分。"""
    from jixiao.bootstrap import evaluation_request
    from jixiao.domain.periods import ANNUAL, period_of

    try:
        wanted = period_of(period)
    except ValueError:
        wanted = ANNUAL
    if wanted == ANNUAL:
        raise UsageError(
            f"没有「{period}」这个监控期", "写 Q1 到 Q4（季度）或 M1 到 M12（月份）；全年自评用 jixiao annual"
        )
    request = evaluation_request(
        year,
        inbox=inbox,
        out=out,
        db=db,
        units=tuple(unit or ()),
        as_of=as_of.date() if as_of else None,
        period=wanted,
        answers=answer,
    )
    _finish(_run(request), json=json)


def _finish(summary: RunSummary, *, json: bool) -> None:
    if json:
        print_json(summary)
    else:
        print_summary(summary)
    raise typer.Exit(summary.exit_code)


def _who(left: LeftOut) -> str:
    return f"{left.unit_code}「{one_line(left.project)}」" if left.project else left.unit_code or left.file


def _print_results(results: Sequence[UnitSummary], *, file: str) -> None:
    """What was evaluated, units or projects, the first of them."""
    if not results:
        return
    of_projects = bool(results[0].project)
    head = (
        say("单位编码", "Code"),
        say("项目", "Project") if of_projects else say("单位", "Unit"),
        say("得分", "Score"),
        say("等级", "Grade"),
        say("执行率%", "Executed %"),
        say("错误", "Errors"),
        say("警告", "Warnings"),
        say("待办", "Gaps"),
    )
    shown = results[:_RESULTS_SHOWN]
    rows = [
        (
            u.unit_code,
            one_line(u.project) or u.unit_name,
            u.score or "—",
            u.grade or "—",
            u.execution_rate or "—",
            str(u.errors),
            str(u.warnings),
            str(u.gaps),
        )
        for u in shown
    ]
    echo(*table(head, rows, right=(2, 4, 5, 6, 7)))
    if len(results) > len(shown):
        what, whats = ("项目", "projects") if of_projects else ("单位", "units")
        echo(
            say(
                f"…… 共 {len(results)} 个{what}，全部见 {file}",
                f"… {len(results)} {whats}, all in {file}",
            )
        )


def print_summary(summary: RunSummary) -> None:
    """What a run came to: score, grade, what was found, who owes what, where the reports are."""
    from jixiao.reports.finding_texts import finding_text

    echo("")
    echo(say(f"运行 {summary.run_id}", f"Run {summary.run_id}"))
    _print_results(summary.units, file="units.csv")
    _print_results(summary.projects, file="projects.csv")
    for subject, group in groupby(summary.left_out, key=_who):
        reasons = [one_line(left.why) for left in group]
        for why in reasons[:_REASONS_SHOWN]:
            echo(say(f"未评价 {subject}：{why}", f"Left out {subject}: {why}"), err=True)
        if len(reasons) > _REASONS_SHOWN:
            echo(
                say(
                    f"    …… {subject} 共 {len(reasons)} 条原因，全部见 run.json",
                    f"    … {len(reasons)} reasons, all in run.json",
                ),
                err=True,
            )
    echo("")
    counted = summary.findings_by_severity
    echo(
        say(
            f"核对发现 {sum(counted.values())} 条：错误 {counted['error']}，警告 {counted['warning']}，待确认 {counted['question']}，提示 {counted['info']}",
            f"{sum(counted.values())} findings: {counted['error']} errors, {counted['warning']} warnings, {counted['question']} questions, {counted['info']} notes",
        )
    )
    for code, count in summary.findings_by_code.items():
        echo(f"  {count:>4}  {finding_text(code).title}（{code}）")
    echo(say(f"待办问题 {sum(summary.gaps_by_owner.values())} 个：", f"{sum(summary.gaps_by_owner.values())} gaps:"))
    for owner, count in summary.gaps_by_owner.items():
        echo(f"  {count:>4}  {one_line(owner)}")
    folder = Path(summary.folder)
    echo(say(f"报告和表格在 {folder}：", f"Reports and tables in {folder}:"))
    reports = [file for file in summary.files if file.endswith(_REPORTS)]
    echo(*(f"  {folder / file}" for file in reports[:_REPORTS_SHOWN]))
    if len(reports) > _REPORTS_SHOWN:
        echo(say(f"  …… 共 {len(reports)} 份", f"  … {len(reports)} in all"))
    echo(
        say(
            f"  {folder / 'outbox'}（{summary.messages} 封起草的催办，未发送）",
            f"  {folder / 'outbox'} ({summary.messages} drafted messages, none sent)",
        )
    )
    if summary.seconds:
        parts = "，".join(f"{name} {value:.1f} 秒" for name, value in summary.seconds.items())
        echo(say(f"用时：{parts}", f"Time: {parts}"), err=True)
