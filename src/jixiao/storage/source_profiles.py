"""Sources of exports and what people answered to their questions: remembered, shown, revoked. What an answer does: intake/answers.py."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.orm import Session

from jixiao.domain.findings import Question
from jixiao.errors import UsageError
from jixiao.intake.answers import Answer, AnswerBook, SourceProfile
from jixiao.storage import tables as t

if TYPE_CHECKING:
    from jixiao.intake.readings import FileReading


@dataclass(frozen=True)
class StoredAnswer:
    """An answer as the store keeps it. ``kind`` and ``heads`` are those of its source, empty for an answer of one file."""

    answer_id: int
    of: str
    question: str
    answer: str
    about: str
    file: str
    by: str
    answered_at: datetime
    revoked_at: datetime | None
    revoked_by: str
    kind: str = ""
    heads: tuple[str, ...] = ()


def remember_profiles(session: Session, file: str, profiles: Iterable[SourceProfile]) -> None:
    """Take down that a source was seen."""
    now = datetime.now(UTC)
    for profile in profiles:
        row = session.get(t.SourceProfileRow, profile.profile_id)
        if row is None:
            row = t.SourceProfileRow(
                profile_id=profile.profile_id,
                kind=profile.kind,
                heads=list(profile.heads),
                container=profile.container,
                first_seen=now,
            )
            session.add(row)
        row.file, row.last_seen = file, now
    session.flush()


def remember_answer(session: Session, question: Question, answer: str, *, file: str, by: str) -> int:
    """Keep an answer, and revoke an earlier one to the same question; returns its number. The same again is not kept twice."""
    standing = session.scalars(
        sa.select(t.AnswerRow).where(
            t.AnswerRow.of == question.of, t.AnswerRow.question == question.key, t.AnswerRow.revoked_at.is_(None)
        )
    ).all()
    for row in standing:
        if row.answer == answer:
            return row.id
        row.revoked_at, row.revoked_by = datetime.now(UTC), by
    made = t.AnswerRow(
        of=question.of,
        question=question.key,
        answer=answer,
        about=question.about,
        file=file,
        by=by,
        answered_at=datetime.now(UTC),
    )
    session.add(made)
    session.flush()
    return made.id


def remember_reading(session: Session, file: FileReading, *, by: str) -> None:
    """Keep the sources of a file, and the answers that were given with the command and applied to it."""
    remember_profiles(session, file.file, file.profiles)
    for question, answer in file.applied:
        if answer.answer_id is None:
            remember_answer(session, question, answer.answer, file=file.file, by=answer.by or by)


def remembered(session: Session) -> AnswerBook:
    """All answers that hold."""
    rows = session.scalars(sa.select(t.AnswerRow).where(t.AnswerRow.revoked_at.is_(None)).order_by(t.AnswerRow.id))
    return AnswerBook(
        tuple(Answer(r.of, r.question, r.answer, r.by, r.answered_at.date(), answer_id=r.id) for r in rows)
    )


def answers(session: Session, *, with_revoked: bool = False) -> list[StoredAnswer]:
    """The answers of a store, the newest first."""
    query = sa.select(t.AnswerRow, t.SourceProfileRow).outerjoin(
        t.SourceProfileRow, t.SourceProfileRow.profile_id == t.AnswerRow.of
    )
    if not with_revoked:
        query = query.where(t.AnswerRow.revoked_at.is_(None))
    return [_stored(row, profile) for row, profile in session.execute(query.order_by(t.AnswerRow.id.desc()))]


def _stored(row: t.AnswerRow, profile: t.SourceProfileRow | None) -> StoredAnswer:
    return StoredAnswer(
        row.id,
        row.of,
        row.question,
        row.answer,
        row.about,
        row.file,
        row.by,
        row.answered_at,
        row.revoked_at,
        row.revoked_by,
        profile.kind if profile else "",
        tuple(profile.heads) if profile else (),
    )


def revoke_answer(session: Session, answer_id: int, *, by: str) -> StoredAnswer:
    """Let an answer hold no more; the question is asked again.

    Raises:
        UsageError: there is no such answer, or it is revoked already.
    """
    row = session.get(t.AnswerRow, answer_id)
    if row is None:
        raise UsageError(f"没有编号为 {answer_id} 的答复", "用 jixiao show --answers 查看编号")
    if row.revoked_at is not None:
        raise UsageError(f"答复 {answer_id} 已经撤销", "用 jixiao show --answers 查看现有的答复")
    row.revoked_at, row.revoked_by = datetime.now(UTC), by
    session.flush()
    return _stored(row, session.get(t.SourceProfileRow, row.of))


def known_source(session: Session, text: str) -> tuple[str, str] | None:
    """The id and a file of the one source whose id begins so; None where there is none or several."""
    rows = session.scalars(sa.select(t.SourceProfileRow).where(t.SourceProfileRow.profile_id.startswith(text))).all()
    return (rows[0].profile_id, rows[0].file) if text and len(rows) == 1 else None
