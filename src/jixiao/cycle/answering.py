"""Answers of people: to what a file asks, to what a re-export would change in the store, and how they are kept and revoked.

What a file asks is found in intake/asking.py; what an answer is in intake/answers.py; they are kept by storage/source_profiles.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from jixiao.cycle.stores import open_store, who_runs
from jixiao.domain.findings import Finding, Outcome, Question, Severity
from jixiao.errors import StoreError, UsageError

if TYPE_CHECKING:
    from jixiao.intake.answers import Answer, AnswerBook
    from jixiao.intake.readings import FileReading, InboxReading, TableReading
    from jixiao.storage.source_profiles import StoredAnswer


def answers_at_hand(given: Path | None, *, database_url: str = "") -> AnswerBook:
    """The answers of a file (``--answer``), and behind them those that the store remembers, if it is there.

    Raises:
        UsageError: the file cannot be read, or answers what cannot be asked.
    """
    from jixiao.intake.answers import AnswerBook, read_answers
    from jixiao.storage.source_profiles import remembered

    book = read_answers(given) if given is not None else AnswerBook()
    if not database_url:
        return book
    with suppress(UsageError, StoreError), open_store(database_url, create=False) as session:
        return AnswerBook((*book.answers, *remembered(session).answers))
    return book


# ── what a re-export would change ────────────────────────────────────────────────────────────────────────────────────


@dataclass
class StoreQuestions:
    """What is asked of files because of what is in force, and what people answered to it."""

    answers: AnswerBook
    applied: dict[str, list[tuple[Question, Answer]]] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)

    def settle(
        self,
        say: Callable[..., Iterable[Finding]],
        say_without_sizes: Callable[..., Iterable[Finding]],
        parts: Sequence[tuple[FileReading, TableReading]],
        *,
        yes: bool,
    ) -> list[Finding]:
        """The findings of one scope. ``say(yes=…)`` finds them, with every change agreed to or not;
        ``say_without_sizes`` leaves out the doubt about the money unit.
        """
        from jixiao.intake.answers import NO, applied

        said = list(say(yes=yes))
        sizes = [f for f in said if f.code == "UNIT_IMPLAUSIBLE" and self._unit_is_answered(f, parts)]
        if sizes and any(f.outcome is Outcome.ASK_USER for f in sizes):
            say, said = say_without_sizes, [*map(_still_apart, sizes), *say_without_sizes(yes=yes)]
        asked = [self._with_question(f, parts) for f in said if f.outcome is Outcome.ASK_USER]
        kept = [f for f in said if f.outcome is not Outcome.ASK_USER]
        settled = [(f, f.question, self._answer(f, parts)) for f in asked if f.question]
        given = [(f, question, answer) for f, question, answer in settled if answer is not None]
        if not given or (len(given) < len(asked) and all(answer.answer != NO for _, _, answer in given)):
            return [*kept, *asked]
        for finding, question, answer in given:
            self.applied.setdefault(finding.place.file, []).append((question, answer))
        remarks = [applied(answer, question, finding.place) for finding, question, answer in given]
        if any(answer.answer == NO for _, _, answer in given):
            self.refused |= {file.file for file, _ in parts}
            return remarks
        told = [_by_answer(f) for f in say(yes=True) if f not in kept]
        return [*kept, *told, *remarks]

    def _answer(self, finding: Finding, parts: Iterable[tuple[FileReading, TableReading]]) -> Answer | None:
        file = _file_of(finding, parts)
        if finding.question is None or file is None:
            return None
        return self.answers.answer_to(finding.question, file=file.file, sha256=file.sha256)

    def _with_question(self, finding: Finding, parts: Sequence[tuple[FileReading, TableReading]]) -> Finding:
        from jixiao.intake.answers import asked, question_of, unit_question

        file = _file_of(finding, parts)
        if finding.code == "UNIT_IMPLAUSIBLE":
            table = next(table for one, table in parts if one is file)
            about = f"{table.kind.chinese}的金额单位"
            detail = unit_question(table.kind)
            return asked(finding, question_of(finding.code, of=table.profile, detail=detail, about=about))
        return with_store_question(finding, file.sha256 if file else "")

    def _unit_is_answered(self, finding: Finding, parts: Iterable[tuple[FileReading, TableReading]]) -> bool:
        file = _file_of(finding, parts)
        return file is not None and any(question.code == finding.code for question, _ in file.applied)

    def close(self, file: FileReading) -> FileReading:
        """The file with the answers that were applied to it; nothing of it is kept where the answer was no."""
        waits = file.outcome.rank >= Outcome.ASK_USER.rank
        counts = file.counts.all_rejected if waits else file.counts
        made = replace(file, applied=(*file.applied, *self.applied.get(file.file, ())), counts=counts)
        if file.file not in self.refused:
            return made
        findings = tuple(f for f in file.findings if f.outcome.rank <= Outcome.ACCEPT_LOGGED.rank)
        counts = file.counts.all_excluded
        return replace(made, tables=(), findings=findings, counts=counts, outcome=Outcome.ACCEPT_LOGGED)


def with_store_question(finding: Finding, sha256: str) -> Finding:
    """A finding that asks whether a file may change the store, with its question: another change is another question."""
    from jixiao.intake.answers import asked, question_of

    detail = " ".join(part for part in (finding.unit_code, finding.value) if part)
    about = f"单位 {finding.unit_code} 是否照这份替换现行数据" if finding.unit_code else "是否照这份替换现行数据"
    return asked(finding, question_of(finding.code, of=sha256, detail=detail, about=about))


def _file_of(finding: Finding, parts: Iterable[tuple[FileReading, TableReading]]) -> FileReading | None:
    return next((file for file, _ in parts if file.file == finding.place.file), None)


def _still_apart(finding: Finding) -> Finding:
    message = finding.message.removesuffix("，未导入") + "；已按答复的单位读取"
    return replace(finding, message=message, severity=Severity.WARNING, outcome=Outcome.ACCEPT_WITH_WARNING)


def _by_answer(finding: Finding) -> Finding:
    """A change that was agreed to by an answer, not by ``--yes``."""
    words = ("已按 --yes", "已按答复")
    return replace(finding, message=finding.message.replace(*words), fix=finding.fix.replace(*words))


# ── answering by hand ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Answered:
    """An answer that was kept: its number, the question, what it holds for."""

    answer_id: int
    question: Question
    answer: str
    file: str


def answer_question(reading: InboxReading, question: str, answer: str, *, database_url: str, by: str = "") -> Answered:
    """Keep the answer to a question that one of these files asks.

    Raises:
        UsageError: no file asks it, several questions may be meant, or the answer is none of its choices; says which are.
    """
    from jixiao.intake.answers import checked_answer, checked_question, comparable_key
    from jixiao.storage.source_profiles import remember_answer, remember_profiles

    wanted = comparable_key(checked_question(question))
    asked = {q: file for file in reading.files for q in file.questions}
    found = [q for q in asked if wanted in {comparable_key(q.key), comparable_key(q.code)}]
    exact = [q for q in found if comparable_key(q.key) == wanted]
    found = exact or found
    if not asked:
        raise UsageError("这个文件没有待答复的问题", "用 jixiao check 文件 查看结果")
    if not found:
        raise UsageError(f"这个文件没有问「{question}」", f"它问的是：{_listed(asked)}")
    if len({(q.key, q.of) for q in found}) > 1:
        raise UsageError(f"「{question}」有 {len(found)} 个，不知道答的是哪一个", f"写全问题：{_listed(found)}")
    chosen = found[0]
    text = checked_answer(chosen.key, answer)
    file = asked[chosen]
    with open_store(database_url) as session:
        remember_profiles(session, file.file, file.profiles)
        number = remember_answer(session, chosen, text, file=file.file, by=by or who_runs())
    return Answered(number, chosen, text, file.file)


def answer_for_source(source: str, question: str, answer: str, *, database_url: str, by: str = "") -> Answered:
    """Keep an answer for a source or a file's content that is known by its id alone.

    Raises:
        UsageError: neither is known, or the answer is none of the question's choices.
    """
    from jixiao.intake.answers import checked_answer, checked_question, question_of
    from jixiao.storage.source_profiles import known_source, remember_answer

    key = checked_question(question)
    text = checked_answer(key, answer)
    code, _, detail = key.partition(":")
    with open_store(database_url) as session:
        known = known_source(session, source)
        if known is None:
            raise UsageError(f"找不到文件或来源「{source}」", "写文件的路径，或 jixiao show --answers 所列的来源编号")
        profile_id, file = known
        about = f"{code} {detail}".strip()
        asked = question_of(code, of=profile_id, detail=detail, about=about)
        number = remember_answer(session, asked, text, file=file, by=by or who_runs())
    return Answered(number, asked, text, file)


def _listed(questions: Iterable[Question]) -> str:
    return "；".join(f"{q.key}（{q.about}：{'、'.join(q.choices)}）" for q in questions)


def list_answers(*, database_url: str, with_revoked: bool = False) -> list[StoredAnswer]:
    """The answers that a store remembers, the newest first."""
    from jixiao.storage.source_profiles import answers

    with open_store(database_url, create=False) as session:
        return answers(session, with_revoked=with_revoked)


def revoke(answer_id: int, *, database_url: str, by: str = "") -> StoredAnswer:
    """Let an answer hold no more.

    Raises:
        UsageError: there is no such answer, or it is revoked already.
    """
    from jixiao.storage.source_profiles import revoke_answer

    with open_store(database_url, create=False) as session:
        return revoke_answer(session, answer_id, by=by or who_runs())
