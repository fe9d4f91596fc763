"""One digest an owner: which gaps are theirs, how to reach them, what stands in the subject. Pure; see outbox.py."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jixiao.domain.books import Contact, Unit
from jixiao.domain.evaluation import Gap, RunInfo
from jixiao.domain.periods import ANNUAL
from jixiao.reports.model import period_text
from jixiao.reports.plain_text import one_line

UNNAMED_OWNER = "责任科室未定"
DEFAULT_CHANNEL = "mail"
# Plain addresses only: no display name, no quoting, no control characters, nothing a header could be grown from.
_ADDRESS = re.compile(
    r"(?=.{3,254}$)[A-Za-z0-9_%+-]+(?:\.[A-Za-z0-9_%+-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)


@dataclass(frozen=True)
class Digest:
    """All that one owner of one unit has to do, in one message.

    ``email`` is empty where the contacts give none that can be used; ``trouble`` then says so in the message itself.
    """

    owner: str
    email: str
    channel: str
    unit_code: str
    unit_name: str
    subject: str
    gaps: tuple[Gap, ...]
    trouble: str = ""


def draft_digests(gaps: Iterable[Gap], contacts: Sequence[Contact], unit: Unit, *, run: RunInfo) -> tuple[Digest, ...]:
    """Return one digest for each owner that has gaps in ``unit``, in the order of the owners' names.

    An owner sees only their own items, the most urgent first. A gap of another unit is nobody's business here.
    """
    by_owner: dict[str, list[Gap]] = {}
    for gap in gaps:
        if gap.unit_code == unit.code:
            by_owner.setdefault(one_line(gap.owner) or UNNAMED_OWNER, []).append(gap)
    return tuple(
        _digest(owner, items, contacts=contacts, unit=unit, run=run) for owner, items in sorted(by_owner.items())
    )


def occasion_text(run: RunInfo) -> str:
    """What the run was for, as a letter calls it."""
    return "绩效自评" if run.period == ANNUAL else "绩效运行监控"


def _digest(owner: str, gaps: Sequence[Gap], *, contacts: Sequence[Contact], unit: Unit, run: RunInfo) -> Digest:
    ordered = tuple(sorted(gaps, key=lambda gap: (gap.due_on, gap.severity.rank, gap.indicator, gap.gap_id)))
    contact = next((c for c in contacts if c.unit_code == unit.code and one_line(c.owner) == owner), None)
    stated = contact.email.strip() if contact else ""
    name = one_line(unit.name) or f"单位 {one_line(unit.code)}"
    usable = bool(_ADDRESS.fullmatch(stated))
    return Digest(
        owner=owner,
        email=stated if usable else "",
        channel=one_line(contact.channel if contact else "") or DEFAULT_CHANNEL,
        unit_code=unit.code,
        unit_name=name,
        subject=f"【待办 {len(ordered)} 项】{name}{period_text(run)}{occasion_text(run)}，请于 {ordered[0].due_on.isoformat()} 前答复",
        gaps=ordered,
        trouble="" if usable else _trouble(owner, stated, known=contact is not None),
    )


def _trouble(owner: str, stated: str, *, known: bool) -> str:
    if not known:
        return f"责任人通讯录中没有「{owner}」，本通知没有收件人。请在通讯录中补上该科室的邮箱。"
    if not stated:
        return f"责任人通讯录中「{owner}」没有填写邮箱，本通知没有收件人。请补填。"
    return f"责任人通讯录中「{owner}」的邮箱「{one_line(stated)}」写法有误，本通知没有收件人。请改正。"
