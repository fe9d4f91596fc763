"""Commands that keep what they read: import and its way back, and the list of batches. Looking alone is in checking.py."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jixiao.cli.checking import end_with, year_or_last
from jixiao.cli.options import Answers, Db, Json, Units, YearOption
from jixiao.cli.printing import echo, print_json, say, table
from jixiao.cli.progress import shown_progress
from jixiao.cli.reading_report import file_json, print_reading
from jixiao.domain.books import Kind
from jixiao.domain.money import yuan_text
from jixiao.errors import UsageError

if TYPE_CHECKING:
    from jixiao.cycle import StoredFile
    from jixiao.storage.batches import BatchSummary

_PANEL = "接收文件"
_MATURITIES = ("快报", "决算", "批复")
_UNITS_SHOWN = 2


def register(app: typer.Typer) -> None:
    app.command("import", rich_help_panel=_PANEL)(import_)
    app.command("batches", rich_help_panel=_PANEL)(batches)


def import_(
    paths: Annotated[list[Path] | None, typer.Argument(metavar="PATH...", help="文件或文件夹")] = None,
    year: YearOption = None,
    unit: Units = None,
    yes: Annotated[bool, typer.Option("--yes", help="重新导出改变或去掉现行数据的行时，照样入库")] = False,
    answer: Answers = None,
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
    with shown_progress(say("正在接收", "Importing")) as step:
        reading, stored = import_files(
            paths,
            year=year_or_last(year),
            database_url=store_url(db),
            var=settings().var,
            scope=frozenset(unit or ()),
            yes=yes,
            maturity=maturity,
            answers=answer,
            on_file=step,
        )

    if json:
        print_json(
            [
                file_json(file)
                | {
                    "batches": list(done.batch_ids),
                    "superseded": list(done.superseded),
                    "known": done.was_known,
                    "maturity": done.maturity or None,
                }
                for file, done in zip(reading.files, stored, strict=True)
            ]
        )
        end_with(reading)
    print_reading(reading)
    echo("")
    for done in stored:
        if done.batch_ids:
            echo(_what_was_done(done))
    kept = [done for done in stored if done.batch_ids]
    rows = sum(done.rows for done in kept)
    echo(say(f"已入库 {len(kept)} 个文件，{rows} 行", f"Stored {len(kept)} files, {rows} rows"))
    end_with(reading)


def _what_was_done(done: StoredFile) -> str:
    """``已入库：a.csv → 批次 3（决算），取代批次 1``; a file that was there before says when it came."""
    numbers, gone = "、".join(map(str, done.batch_ids)), "、".join(map(str, done.superseded))
    at = f"{done.imported_at.astimezone():%Y-%m-%d %H:%M}" if done.imported_at else ""
    told = f"（{done.maturity}）" if done.maturity else ""
    if done.was_known and not gone:
        return say(
            f"此前已导入过，没有变化：{done.file} → 批次 {numbers}{told}，{at} 导入",
            f"imported before, nothing changed: {done.file} → batch {numbers}{told}, {at}",
        )
    how = say("已入库", "stored")
    if done.was_known:
        how = say(f"此前（{at}）已导入过，重新作为现行数据", f"imported before ({at}), in force again")
    replaced = say(f"，取代批次 {gone}", f", supersedes {gone}") if gone else ""
    return f"{how}：{done.file} → {say('批次', 'batch')} {numbers}{told}{replaced}"


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
                    "withdrawn": list(r.withdrawn),
                }
                for r in done
            ]
        )
        return
    for r in done:
        gone, now = "、".join(map(str, r.withdrawn)), "、".join(map(str, r.batch_ids))
        what = say(
            f"现行数据恢复为批次 {now}" if now else "此前没有数据，现为空", f"in force again: {now or 'nothing'}"
        )
        echo(say(f"{r.scope.chinese}：已撤销批次 {gone}，{what}", f"{r.scope.chinese}: reverted {gone}, {what}"))


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
    shown = [
        (
            str(row.batch_id),
            str(row.year),
            _units(row),
            f"{row.kind.chinese}{f'（{row.part}）' if row.part else ''}",
            str(row.rows),
            "" if row.total_fen is None else yuan_text(row.total_fen),
            row.maturity,
            _state(row),
            f"{row.imported_at.astimezone():%Y-%m-%d %H:%M}",
            f"{row.file}{f'「{row.sheet}」' if row.sheet else ''}",
        )
        for row in rows
    ]
    for line in table(head, shown, right=(0, 4, 5)):
        echo(line)


def _units(batch: BatchSummary) -> str:
    if len(batch.units) <= _UNITS_SHOWN:
        return "、".join(batch.units)
    return say(f"{len(batch.units)} 个单位", f"{len(batch.units)} units")


def _state(batch: BatchSummary) -> str:
    """Whether a batch is in force: for all of its units, for some, for none. A register never is as a whole."""
    if batch.kind is Kind.UNIT_REGISTER:
        return say("已记入名册", "kept")
    if not batch.in_force:
        return say("已被取代或撤销", "superseded")
    if len(batch.units_in_force) < len(batch.units):
        of = f"{len(batch.units_in_force)}/{len(batch.units)}"
        return say(f"部分现行 {of}", f"in force {of}")
    return say("现行", "in force")
