"""The outbox: each digest as a mail that can be opened and sent by hand (.eml), and as JSON for a channel. Not sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, time, timedelta, timezone
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jixiao.domain.evaluation import Gap, RunInfo
from jixiao.notify.digest import Digest, occasion_text
from jixiao.reports.model import period_text
from jixiao.reports.plain_text import inert_text, one_line, safe_name
from jixiao.reports.tables import json_bytes
from jixiao.reports.writing import write_whole
from jixiao.resources import templates_root

if TYPE_CHECKING:
    from jinja2 import Template

OUTBOX = "outbox"
MESSAGE = "message/owner_digest"
_CHINA = timezone(timedelta(hours=8))
_OFFICE_OPENS = time(9, 0)
# A name under which no mail host exists (RFC 6761): the id must not claim somebody's host.
_ID_HOST = "jixiao.invalid"


def write_outbox(
    digests: Iterable[Digest], *, run: RunInfo, folder: Path, templates: str | Path = ""
) -> tuple[str, ...]:
    """Write ``outbox/<unit>-<owner>.eml`` and ``.json`` for each digest under ``folder``; nothing is sent.

    A “-” in the unit's part is written “~”, so that two pairs of unit and owner never share a file.
    Returns the paths relative to ``folder``. The same digests of the same run give the same bytes: date, message id and
    boundary follow from the run's day, its id, unit and owner.

    Raises:
        UsageError: the message templates are missing or broken.
        OSError: the folder cannot be written.

    """
    root = templates_root(templates) / MESSAGE
    written: list[str] = []
    for digest in digests:
        text = _body(root / "body.txt", digest, run)
        page = _body(root / "body.html", digest, run)
        stem = _stem(digest)
        contents = {
            f"{OUTBOX}/{stem}.eml": _mail(digest, text=text, page=page, run=run),
            f"{OUTBOX}/{stem}.json": json_bytes(_document(digest, text=text, run=run)),
        }
        for name, content in contents.items():
            write_whole(folder / name, content)
        written += contents
    return tuple(written)


def _stem(digest: Digest) -> str:
    """``<unit>-<owner>``. No unit's part holds “-”, so that no two pairs of unit and owner share a name."""
    return f"{safe_name(digest.unit_code).replace('-', '~')}-{safe_name(digest.owner)}"


def _mail(digest: Digest, *, text: str, page: str, run: RunInfo) -> bytes:
    """A draft that a mail program opens for sending (X-Unsent), with a plain and an HTML alternative."""
    fingerprint = hashlib.sha256(f"{run.run_id}\0{digest.unit_code}\0{digest.owner}".encode("utf-8", "replace"))
    message = EmailMessage(policy=SMTP)
    message["Subject"] = one_line(digest.subject)
    if digest.email:
        message["To"] = Address(one_line(digest.owner), addr_spec=digest.email)
    message["Date"] = format_datetime(datetime.combine(run.as_of, _OFFICE_OPENS, _CHINA))
    message["Message-ID"] = f"<{fingerprint.hexdigest()[:32]}@{_ID_HOST}>"
    message["X-Unsent"] = "1"
    message["X-Jixiao-Run"] = one_line(run.run_id)
    message.set_content(text, cte="base64")
    message.add_alternative(page, subtype="html", cte="base64")
    message.set_boundary(f"=_{fingerprint.hexdigest()[32:]}")
    return message.as_bytes()


def _document(digest: Digest, *, text: str, run: RunInfo) -> dict[str, Any]:
    return {
        "run": run.run_id,
        "channel": digest.channel,
        "to": digest.email,
        "owner": digest.owner,
        "unit_code": digest.unit_code,
        "unit_name": digest.unit_name,
        "subject": digest.subject,
        "trouble": digest.trouble,
        "text": text,
        "gaps": [_item(gap) for gap in digest.gaps],
    }


def _item(gap: Gap) -> dict[str, Any]:
    return {
        "gap_id": gap.gap_id,
        "project": gap.project,
        "indicator_id": gap.indicator_id,
        "indicator": gap.indicator,
        "kind": gap.kind.value,
        "severity": gap.severity.value,
        "due_on": gap.due_on.isoformat(),
        "message": gap.message,
        "fix": gap.fix,
        "file": gap.place.file,
        "sheet": gap.place.sheet,
        "row": gap.place.row,
        "column": gap.place.column,
    }


def _body(template: Path, digest: Digest, run: RunInfo) -> str:
    from jinja2 import TemplateError

    from jixiao.errors import UsageError

    first_due = digest.gaps[0].due_on.isoformat()
    try:
        ready = _compiled(template, template.stat().st_mtime_ns)
        return ready.render(
            digest=digest, run=run, period=period_text(run), occasion=occasion_text(run), first_due=first_due
        )
    except (OSError, TemplateError) as error:
        raise UsageError(f"通知模板《{template.name}》不能使用：{error}", "请从安装包恢复模板") from error


@lru_cache(maxsize=16)
def _compiled(template: Path, _changed_ns: int) -> Template:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    is_page = template.suffix == ".html"
    environment = ImmutableSandboxedEnvironment(
        # a plain text part knows no markup: escaping there would print &lt; to the reader
        autoescape=is_page,
        undefined=StrictUndefined,
        finalize=lambda value: (
            inert_text(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
        ),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.from_string(template.read_text(encoding="utf-8"))
