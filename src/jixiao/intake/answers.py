"""Questions that files ask, and the answers that people gave: once a source, never again.

A question about the layout of an export (money unit, meaning of a head, encoding) is answered for its source: the kind of
table, its heads and its container. One about a single file (of another year, changes against the store) is answered for
that file's content. Answers are read from a file here; the store remembers them (storage/source_profiles.py).
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path, PurePosixPath

from jixiao.domain.books import Kind
from jixiao.domain.findings import Finding, Outcome, Place, Question
from jixiao.domain.money import MoneyUnit
from jixiao.errors import UsageError, reason_of
from jixiao.intake.grids.grid import logged
from jixiao.intake.instructions import InstructionRow, read_instructions
from jixiao.intake.rows.budget_columns import CHOICES as MEANINGS
from jixiao.intake.rows.values import NotADate, read_date
from jixiao.intake.tables.column_maps import CellType, normalised_label
from jixiao.intake.tables.table import Table

YES, NO = "是", "否"
IGNORE = "忽略"
MONEY_UNITS = tuple(unit.value for unit in MoneyUnit)
ENCODINGS = ("gb18030", "big5", "shift_jis", "euc_kr")
# What each question may be answered with; a finding that asks has one of these codes.
CHOICES: Mapping[str, tuple[str, ...]] = {
    "MIXED_UNITS": (*MONEY_UNITS, IGNORE),
    "UNIT_IMPLAUSIBLE": MONEY_UNITS,
    "AMBIGUOUS_COLUMN": tuple(MEANINGS),
    "ENCODING_DOUBTFUL": ENCODINGS,
    "PERIOD_MISMATCH": (YES, NO),
    "SNAPSHOT_DIFF": (YES, NO),
    "MATURITY_LOWER": (YES, NO),
}
_ID_DIGITS = 16
# A hash may be written by its first digits, as lists print it.
_SHORT_HASH = 8
_HASH_DIGITS = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class SourceProfile:
    """Where an export comes from, as far as it shows: the kind of table, its heads as they are compared, the container."""

    kind: str
    heads: tuple[str, ...]
    container: str

    @property
    def profile_id(self) -> str:
        """The first digits of a hash over all of it: the same for next month's export of the same system."""
        text = json.dumps([self.kind, self.heads, self.container], ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_ID_DIGITS]


def container_of(head: bytes) -> str:
    """What kind of file the first bytes begin, as far as it tells one system's exports from another's."""
    begins = head.lstrip(b"\xef\xbb\xbf \r\n\t")
    if head.startswith(b"PK"):
        return "zip"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return "ole"
    return "markup" if begins.startswith(b"<") else "text"


def first_line_profile(head: bytes) -> SourceProfile:
    """The profile of a text whose encoding nobody knows: its heads are the bytes of its first line."""
    line = head.splitlines()[0] if head else b""
    return SourceProfile("", (hashlib.sha256(line).hexdigest(),), container_of(head))


def profile_of(kind: str, heads: Iterable[str], container: str) -> SourceProfile:
    """The profile of a table with these heads, in whatever order its columns stand."""
    compared = {normalised_label(head.replace("\n\n", "")) for head in heads}
    return SourceProfile(kind, tuple(sorted(compared - {""})), container)


@dataclass(frozen=True)
class Answer:
    """What a person answered. ``of``: a profile's id, a file's sha256 or name; empty: every file that asks.

    ``question`` is its key, or the code alone. ``answer_id`` is set where the store remembers it.
    """

    of: str
    question: str
    answer: str
    by: str = ""
    on: date | None = None
    answer_id: int | None = None

    @property
    def said(self) -> str:
        """Who said it, when, and where it is kept, for messages."""
        who = "，".join(part for part in (self.by, self.on.isoformat() if self.on else "") if part)
        kept = f"答复 {self.answer_id}" if self.answer_id is not None else "答复文件"
        return f"{kept}：{who}" if who else kept


@dataclass(frozen=True)
class AnswerBook:
    """All answers at hand. Those given with the command go before remembered ones, the exact before the general."""

    answers: tuple[Answer, ...] = ()

    def find(self, key: str, *, file: str, sha256: str, profile: str = "") -> Answer | None:
        """The answer to exactly this question of a file, if somebody gave one."""
        return self._best(comparable_key(key), file=file, sha256=sha256, profile=profile)

    def answer_to(self, question: Question, *, file: str, sha256: str) -> Answer | None:
        """The answer to a question that was asked: to exactly this one, else one that names its code alone."""
        exact = self.find(question.key, file=file, sha256=sha256, profile=question.of)
        return exact or self._best(comparable_key(question.code), file=file, sha256=sha256, profile=question.of)

    def made_exact(self, asked: Iterable[tuple[str, str, Question]]) -> AnswerBook:
        """With an exact answer for each question of (file, sha256, question) that one by the code alone answers.

        Which of several questions a code alone means is only known once a file has asked.
        """
        made = list(self.answers)
        for file, sha256, question in asked:
            code = comparable_key(question.code)
            answer = self._best(code, file=file, sha256=sha256, profile=question.of)
            exact = replace(answer, of=question.of, question=question.key) if answer else None
            if exact and exact not in made:
                made.append(exact)
        return AnswerBook(tuple(made))

    def _best(self, question: str, *, file: str, sha256: str, profile: str) -> Answer | None:
        found = [
            (answer.answer_id is not None, rank, at, answer)
            for at, answer in enumerate(self.answers)
            if comparable_key(answer.question) == question
            and (rank := _rank_of(answer.of, file=file, sha256=sha256, profile=profile)) is not None
        ]
        return min(found, key=lambda item: item[:3])[3] if found else None


NO_ANSWERS = AnswerBook()


def comparable_key(key: str) -> str:
    """A question's key as it is compared: width, case and blanks make no difference."""
    return "".join(unicodedata.normalize("NFKC", key).split()).casefold()


def _rank_of(of: str, *, file: str, sha256: str, profile: str) -> int | None:
    """How exactly an answer speaks of a file: 0 its content, 1 its source, 2 its name, 3 any file; None: of another."""
    if not of:
        return 3
    if of.casefold() == sha256 or (_is_hash(of) and sha256.startswith(of.casefold())):
        return 0
    if of.casefold() == profile:
        return 1
    return 2 if of in {file, PurePosixPath(file).name} else None


def _is_hash(text: str) -> bool:
    return len(text) >= _SHORT_HASH and set(text.casefold()) <= _HASH_DIGITS


# ── asking and answering ─────────────────────────────────────────────────────────────────────────────────────────────


def question_of(code: str, *, of: str, about: str, detail: str = "") -> Question:
    """The question that a finding of outcome ask_user asks. ``detail`` tells several of one code in a file apart."""
    return Question(f"{code}:{detail}" if detail else code, CHOICES[code], about, of)


def asked(finding: Finding, question: Question) -> Finding:
    """A finding with what it asks; the mend says how to answer."""
    how = f"或者答复：jixiao answer 文件 {question.code} {'|'.join(question.choices)}"
    fix = finding.fix if how in finding.fix else f"{finding.fix.rstrip('。')}；{how}"
    return replace(finding, question=question, fix=fix)


def applied(answer: Answer, question: Question, place: Place) -> Finding:
    """The remark that a question was not asked again, or that a table was read as a person said."""
    mend = f"如不对，用 jixiao answer --revoke {answer.answer_id} 撤销" if answer.answer_id is not None else "无需处理"
    message = f"{question.about}：按「{answer.answer}」处理（{answer.said}）"
    return logged("ANSWER_APPLIED", place, message, mend, value=answer.answer)


def unit_question(kind: Kind, head: str = "") -> str:
    """What tells questions about money units apart: the kind of table, and the head where one column alone is meant."""
    return f"{kind.chinese}·{head}" if head else kind.chinese


def head_of(table: Table, column: str) -> str:
    """The head of a canonical column as questions name it."""
    return normalised_label(table.labels.get(table.columns.get(column, -1), "").rpartition("\n\n")[2]) or column


def in_money_unit(table: Table, unit: MoneyUnit, column: str = "") -> Table:
    """The table with all its money, or one column of it, in the unit that a person named, whatever its heads say."""
    money = [c.name for c in table.map.columns if c.cell_type is CellType.MONEY and c.name in table.columns]
    named = [column] if column else money
    return replace(table, column_units={**table.column_units, **dict.fromkeys(named, unit.value)})


# ── a file of answers ────────────────────────────────────────────────────────────────────────────────────────────────


def read_answers(path: Path) -> AnswerBook:
    """The answers of a file (``--answer FILE``): columns 文件或来源, 问题, 答复, and 答复人, 答复日期 where known.

    Raises:
        UsageError: it cannot be read, asks for a question that there is none of, or answers none of its choices.
    """
    try:
        read = read_instructions(path, path.name, "answers")
    except OSError as error:
        raise UsageError(f"读不了答复文件 {path}：{reason_of(error)}", "检查路径和权限") from error
    refused = next((f for f in read.findings if f.outcome.rank >= Outcome.ASK_USER.rank), None)
    if refused:
        raise UsageError(refused.placed_message, refused.fix)
    return AnswerBook(tuple(_answer(row) for row in read.rows))


def _answer(row: InstructionRow) -> Answer:
    question = checked_question(row.text("question"), where=row.place.chinese)
    try:
        on = read_date(row.cells.get("on"))
    except NotADate as error:
        raise UsageError(f"{row.place.chinese}：答复日期「{error}」不是日期", "写成 2023-03-15 这样，或留空") from error
    answer = checked_answer(question, row.text("answer"), where=row.place.chinese)
    return Answer(row.text("of"), question, answer, row.text("by"), on)


def checked_question(question: str, *, where: str = "") -> str:
    """The key of a question with its code in order.

    Raises:
        UsageError: no question has this code; names those that there are.
    """
    code, mark, detail = unicodedata.normalize("NFKC", question).strip().partition(":")
    code = code.strip().upper()
    if code not in CHOICES:
        before = f"{where}：" if where else ""
        raise UsageError(f"{before}没有「{question}」这个问题", f"可以答复的问题：{'、'.join(CHOICES)}")
    return f"{code}{mark}{detail.strip()}"


def checked_answer(question: str, answer: str, *, where: str = "") -> str:
    """An answer as one of the choices of its question.

    Raises:
        UsageError: it is none of them; names them.
    """
    choices = CHOICES[question.partition(":")[0]]
    wanted = comparable_key(answer)
    found = next((choice for choice in choices if comparable_key(choice) == wanted), None)
    if found is None:
        before = f"{where}：" if where else ""
        raise UsageError(f"{before}「{question}」不能答复「{answer}」", f"可以答复：{'、'.join(choices)}")
    return found
