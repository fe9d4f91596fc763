"""Commands that tend the installation: rules, doctor."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import typer

from jixiao.cli.options import Db, Json
from jixiao.cli.printing import echo, print_json, say, table
from jixiao.errors import ExitCode


def register(app: typer.Typer) -> None:
    app.command("rules", rich_help_panel="规则与查询")(rules)
    app.command("doctor", rich_help_panel="安装与维护")(doctor)


def rules(
    region: Annotated[str, typer.Option("--region", help="行政区划代码，例如 320500")] = "",
    on: Annotated[
        datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="哪一天有效的规则（默认今天）")
    ] = None,
    json: Json = False,
) -> None:
    """有效的规则及其来源：规则、值、文号、条款、起始日期。"""
    from jixiao.rules.registry import rule_book
    from jixiao.settings import region_code

    day = on.date() if on else date.today()  # noqa: DTZ011 - the office's calendar
    book = rule_book(on=day, division_code=region_code(region, where="选项 --region 的值"))
    if json:
        print_json(
            {
                "region": book.region,
                "sets": book.name,
                "on": day,
                "rules": [r.model_dump(mode="json") for r in book.rules.values()],
            }
        )
        return
    echo(f"{book.name}（{book.why}），{day} 有效")
    rows = [
        (
            r.id,
            r.title,
            str(r.value) if not isinstance(r.value, (dict, list)) else "（见 --json）",
            r.cited,
            r.effective.isoformat(),
        )
        for r in book.rules.values()
    ]
    echo(*table(("规则", "内容", "值", "来源", "起始"), rows))


def doctor(db: Db = "", json: Json = False) -> None:
    """检查安装：版本、数据库、模板、规则、流程部分、磁盘；说明怎么办。"""
    from jixiao.bootstrap import store_url
    from jixiao.installation import examine

    checks = examine(store_url(db))
    if json:
        print_json(checks)
    else:
        for check in checks:
            mark = say("正常", "ok") if check.ok else say("有问题", "problem")
            echo(f"{mark}  {check.name}：{check.found}")
            if check.fix:
                echo(f"        {say('怎么办', 'What to do')}：{check.fix}")
    if not all(check.ok for check in checks):
        raise typer.Exit(int(ExitCode.FAILURE))
