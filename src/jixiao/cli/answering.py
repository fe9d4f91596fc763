"""Answers to the questions of files: given by hand, listed, revoked. Files of answers are an option of check, import and annual."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jixiao.cli.checking import year_or_last
from jixiao.cli.options import Db, Json, Units, YearOption
from jixiao.cli.printing import echo, print_json, say, table
from jixiao.errors import UsageError

if TYPE_CHECKING:
    from jixiao.storage.source_profiles import StoredAnswer

_PANEL = "接收文件"


def register(app: typer.Typer) -> None:
    app.command("answer", rich_help_panel=_PANEL)(answer)


def answer(
    file: Annotated[str, typer.Argument(metavar="FILE|SOURCE", help="提问的文件，或来源编号")] = "",
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="问题，如 UNIT_IMPLAUSIBLE")] = "",
    reply: Annotated[str, typer.Argument(metavar="ANSWER", help="答复，是问题所列选择之一")] = "",
    year: YearOption = None,
    unit: Units = None,
    who: Annotated[str, typer.Option("--as", metavar="WHO", help="答复人；默认当前用户")] = "",
    revoke: Annotated[int | None, typer.Option("--revoke", metavar="ID", help="撤销这个编号的答复")] = None,
    db: Db = "",
    json: Json = False,
) -> None:
    """答复文件提出的问题：同一来源以后不再问。已有的答复见 jixiao show --answers。"""
    from jixiao.bootstrap import store_url

    if revoke is not None:
        _revoke(revoke, database_url=store_url(db), who=who, json=json)
        return
    if not (file and question and reply):
        raise UsageError(
            "要写明文件、问题和答复",
            "例如 jixiao answer 支付.csv UNIT_IMPLAUSIBLE 万元；问题和可选的答复见 jixiao check 文件 --json 的 question；撤销用 --revoke 编号",
        )
    _answer(file, question, reply, year=year, units=unit or (), who=who, database_url=store_url(db), json=json)


def _answer(
    file: str,
    question: str,
    reply: str,
    *,
    year: int | None,
    units: list[str] | tuple[()],
    who: str,
    database_url: str,
    json: bool,
) -> None:
    from jixiao.bootstrap import settings
    from jixiao.cycle import read_files, snapshots_folder
    from jixiao.cycle.answering import answer_for_source, answer_question

    if Path(file).exists():
        reading = read_files(
            [Path(file)],
            year=year_or_last(year),
            scope=frozenset(units),
            database_url=database_url,
            against=snapshots_folder(database_url, settings().var),
        )
        done = answer_question(reading, question, reply, database_url=database_url, by=who)
    else:
        done = answer_for_source(file, question, reply, database_url=database_url, by=who)
    if json:
        print_json({"answer": done.answer_id, "question": done.question, "value": done.answer, "file": done.file})
        return
    echo(
        say(
            f"答复 {done.answer_id}：{done.question.about} → {done.answer}。以后照此处理；撤销：jixiao answer --revoke {done.answer_id}",
            f"Answer {done.answer_id}: {done.question.key} → {done.answer}. Undo: jixiao answer --revoke {done.answer_id}",
        )
    )


def _revoke(answer_id: int, *, database_url: str, who: str, json: bool) -> None:
    from jixiao.cycle.answering import revoke

    gone = revoke(answer_id, database_url=database_url, by=who)
    if json:
        print_json(gone)
        return
    echo(say(f"已撤销答复 {answer_id}（{gone.about}：{gone.answer}），以后会再问", f"Revoked answer {answer_id}"))


def print_answers(answers: list[StoredAnswer], *, json: bool) -> None:
    """The answers that a store remembers, the newest first: for ``jixiao show --answers``."""
    from jixiao.domain.books import Kind

    if json:
        print_json(answers)
        return
    if not answers:
        echo(say("还没有答复", "No answers yet"))
        return
    head = say("编号 问题 答复 用于 答复人 日期 状态", "Id Question Answer For By Date State").split(" ")
    rows = []
    for one in answers:
        kind = Kind(one.kind).chinese if one.kind in set(Kind) else ""
        source = f"{kind}（来源 {one.of}，如《{one.file}》）" if one.heads else f"《{one.file}》（{one.of[:8]}）"
        state = say("有效", "holds")
        if one.revoked_at is not None:
            state = say(f"{one.revoked_at:%Y-%m-%d} 由 {one.revoked_by} 撤销", f"revoked {one.revoked_at:%Y-%m-%d}")
        asked = f"{one.about}（{one.question}）"
        rows.append((str(one.answer_id), asked, one.answer, source, one.by, f"{one.answered_at:%Y-%m-%d}", state))
    echo(*table(head, rows, right=(0,)))
