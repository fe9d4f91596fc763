"""Commands that keep what they read: import and its way back, and the list of batches. Looking alone is in checking.py."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jixiao.cli.checking import end_with, year_or_last
from jixiao.cli.options import Db, Json, Units, YearOption
from jixiao.cli.printing import echo, print_json, say, table
from jixiao.cli.reading_report import file_json, print_reading
from jixiao.errors import UsageError

_PANEL = "接收文件"
_MATURITIES = ("快报", "决算", "批复")
_FEN_PER_YUAN = 100


def register(app: typer.Typer) -> None:
    app.command("import", rich_help_panel=_PANEL)(import_)
    app.command("batches", rich_help_panel=_PANEL)(batches)


def import_(
    paths: Annotated[list[Path] | None, typer.Argument(metavar="PATH...", help="文件或文件夹")] = None,
    year: YearOption = None,
    unit: Units = None,
    yes: Annotated[bool, typer.Option("--yes", help="重新导出改变或去掉现行数据的行时，照样入库")] = False,
    maturity: Annotated[
        str, typer.Option("--maturity", metavar="快报|决算|批复", help="数据口径；默认按表上写的")
    ] = "",
    revert: Annotated[
        int | None, typer.Option("--revert", metavar="BATCH", help="撤销一个批次，恢复它之前的数据")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="撤销的原因，记入库中")] = "",
    db: Db = "",
    json: Json = False,
) -> None:
    """接收并入库，替换同一范围的现行数据。被拒收或有问题待答复的文件不入库。"""
    from jixiao.bootstrap import settings, store_url
    from jixiao.cycle import import_files

    if maturity and maturity not in _MATURITIES:
        raise UsageError(f"数据口径「{maturity}」不认识", f"写 {'、'.join(_MATURITIES)} 之一")
    if revert is not None:
        _revert(revert, database_url=store_url(db), reason=reason, json=json)
        return
    if not paths:
        raise UsageError("没有给出要接收的文件", "写上文件或文件夹；撤销批次用 --revert 批次号")
    reading, stored = import_files(
        paths,
        year=year_or_last(year),
        database_url=store_url(db),
        var=settings().var,
        scope=frozenset(unit or ()),
        yes=yes,
        maturity=maturity,
    )
    if json:
        print_json(
            [
                file_json(file)
                | {"batches": list(done.batch_ids), "superseded": list(done.superseded), "known": done.was_known}
                for file, done in zip(reading.files, stored, strict=True)
            ]
        )
        end_with(reading)
    print_reading(reading)
    echo("")
    for done in stored:
        if not done.batch_ids:
            continue
        numbers = "、".join(map(str, done.batch_ids))
        how = say("此前已导入过", "imported before") if done.was_known else say("已入库", "stored")
        gone = "、".join(map(str, done.superseded))
        replaced = say(f"，取代批次 {gone}", f", supersedes {gone}") if gone else ""
        echo(say(f"{how}：{done.file} → 批次 {numbers}{replaced}", f"{how}: {done.file} → batch {numbers}{replaced}"))
    kept = [done for done in stored if done.batch_ids]
    rows = sum(done.rows for done in kept)
    echo(say(f"已入库 {len(kept)} 个文件，{rows} 行", f"Stored {len(kept)} files, {rows} rows"))
    end_with(reading)


def _revert(batch: int, *, database_url: str, reason: str, json: bool) -> None:
    from jixiao.cycle import revert_batch

    done = revert_batch(batch, database_url=database_url, reason=reason or "撤销")
    if json:
        print_json(
            [
                {
                    "year": r.scope.year,
                    "unit_code": r.scope.unit_code,
                    "kind": r.scope.kind.value,
                    "part": r.scope.part,
                    "batches": list(r.batch_ids),
                }
                for r in done
            ]
        )
        return
    for r in done:
        part = f"（{r.scope.part}）" if r.scope.part else ""
        what = f"{r.scope.year} 年度 {r.scope.unit_code} {r.scope.kind.chinese}{part}"
        now = "、".join(map(str, r.batch_ids))
        echo(say(f"{what}：已恢复批次 {now}" if now else f"{what}：此前没有数据，现为空", f"{what}: {now or 'empty'}"))


def batches(year: YearOption = None, unit: Units = None, db: Db = "", json: Json = False) -> None:
    """已入库的批次：来自哪个文件、多少行、是否现行。"""
    from jixiao.bootstrap import store_url
    from jixiao.cycle import list_batches

    rows = list_batches(database_url=store_url(db), year=year, units=unit or ())
    if json:
        print_json(rows)
        return
    head = say(
        "批次 年度 单位 表 行数 合计（元） 口径 状态 导入时间 文件",
        "Batch Year Unit Kind Rows Total(yuan) Maturity State Imported File",
    ).split(" ")
    if not rows:
        echo(say("还没有入库的批次", "No batches yet"))
        return
    shown = []
    for row in rows:
        total = "" if row.total_fen is None else f"{row.total_fen / _FEN_PER_YUAN:,.2f}"
        state = say("现行", "in force") if row.in_force else say("已被取代", "superseded")
        units = (
            "、".join(row.units) if len(row.units) <= 2 else say(f"{len(row.units)} 个单位", f"{len(row.units)} units")
        )
        part = f"（{row.part}）" if row.part else ""
        shown.append(
            (str(row.batch_id), str(row.year), units, f"{row.kind.chinese}{part}", str(row.rows), total, row.maturity,
             state, f"{row.imported_at:%Y-%m-%d %H:%M}", row.file)
        )  # fmt: skip
    for line in table(head, shown, right=(0, 4, 5)):
        echo(line)
