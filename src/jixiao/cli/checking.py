"""Commands that look at files and texts without keeping anything: check, target. Keeping is in receiving.py."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jixiao.cli.options import Answers, Db, Json, Units, YearOption
from jixiao.cli.printing import echo, one_line, print_json, say
from jixiao.cli.progress import shown_progress
from jixiao.cli.reading_report import file_json, print_reading
from jixiao.errors import UsageError, reason_of

if TYPE_CHECKING:
    from jixiao.intake.readings import InboxReading

_PANEL = "接收文件"


def register(app: typer.Typer) -> None:
    app.command("check", rich_help_panel=_PANEL)(check)
    app.command("target", rich_help_panel="规则与查询")(target)


def end_with(reading: InboxReading) -> None:
    from jixiao.cycle import outcome_code

    raise typer.Exit(outcome_code(file.outcome for file in reading.files))


Paths = Annotated[list[Path], typer.Argument(metavar="PATH...", help="文件或文件夹")]


def year_or_last(year: int | None) -> int:
    from datetime import date

    return year or date.today().year - 1  # noqa: DTZ011 - the office's calendar


def check(
    paths: Paths,
    year: YearOption = None,
    unit: Units = None,
    kind: Annotated[str, typer.Option("--kind", help="按这一种表读，不自动识别")] = "",
    money_unit: Annotated[str, typer.Option("--money-unit", metavar="元|万元", help="表内没有写明金额单位时按此")] = "",
    annotate: Annotated[
        Path | None, typer.Option("--annotate", metavar="DIR", help="另存批注副本：有问题的单元格上色并写明怎么改")
    ] = None,
    answer: Answers = None,
    against_db: Annotated[bool, typer.Option("--against-db", help="与库中现行数据比较：新增、变更、消失的行")] = False,
    db: Db = "",
    json: Json = False,
) -> None:
    """只核对，不入库：一次列出每个文件的全部问题。"""
    from jixiao.bootstrap import settings, store_url
    from jixiao.cycle import read_files, snapshots_folder
    from jixiao.domain.books import Kind

    if kind and kind not in set(Kind):
        raise UsageError(f"没有「{kind}」这种表", f"可用：{'、'.join(k.value for k in Kind)}")
    if money_unit not in {"", "元", "万元"}:
        raise UsageError(f"金额单位「{money_unit}」不认识", "写 元 或 万元")
    with shown_progress(say("正在核对", "Checking")) as step:
        reading = read_files(
            paths,
            year=year_or_last(year),
            scope=frozenset(unit or ()),
            database_url=store_url(db) if against_db else db,
            against=snapshots_folder(store_url(db), settings().var) if against_db else None,
            kind=Kind(kind) if kind else None,
            money_unit=money_unit,
            answers=answer,
            remembered_in=store_url(db),
            on_file=step,
        )

    if json:
        print_json([file_json(file) for file in reading.files])
    else:
        print_reading(reading)
    if annotate:
        _annotate(reading, annotate)
    end_with(reading)


def _annotate(reading: InboxReading, folder: Path) -> None:
    """Write the copies; what is said of them goes to stderr, so that --json stays alone on stdout."""
    from jixiao.reports.annotation import annotate

    made = []
    for file in reading.files:
        try:
            copy = annotate(file.path, file.file, file.findings, folder)
        except OSError as error:
            raise UsageError(f"批注副本写不了：{reason_of(error)}", "用 --annotate 指定一个可以写的文件夹") from error
        made += [copy] if copy else []
    if made:
        echo("", err=True)
    for copy in made:
        echo(say(f"批注副本：{copy.path}（{copy.marked} 处）", f"Annotated: {copy.path} ({copy.marked})"), err=True)
    if not made:
        echo(say("没有需要批注的表格", "Nothing to annotate"), err=True)


def target(
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT...", help="目标值或完成值，例如 '>=15000项'")
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", help="第一列（text）逐行为目标值的 CSV")] = None,
    json: Json = False,
) -> None:
    """目标值、完成值怎样读：运算符、数值、单位、类别。"""
    from jixiao.domain.target import parse_target

    given = [*(texts or ()), *(_texts_of(file) if file else ())]
    if not given:
        raise UsageError("没有给出要读的目标值", "写在命令后面，或用 --file 给一个 CSV")
    read = [parse_target(text).as_json() for text in given]
    if json:
        print_json(read)
        return
    for one in read:
        parts = [
            f"{label} {one[key]}"
            for key, label in (
                ("kind", "类别"),
                ("operator", "运算符"),
                ("value", "数值"),
                ("unit", "单位"),
                ("note", "说明"),
            )
            if one[key]
        ]
        echo(f"{one_line(one['text'])}：{'，'.join(parts)}")


def _texts_of(file: Path) -> Iterable[str]:
    try:
        rows = list(csv.reader(io.StringIO(file.read_text(encoding="utf-8-sig"), newline="")))
    except OSError as error:
        raise UsageError(f"读不了 {file}：{reason_of(error)}", "检查路径和权限") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"读不了 {file}：不是 UTF-8 的 CSV", "另存为 UTF-8 的 CSV，首行为 text") from error
    start = 1 if rows and rows[0] and rows[0][0].strip() == "text" else 0
    return [row[0] if row else "" for row in rows[start:]]
