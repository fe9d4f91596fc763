"""What the commands print: Chinese or English, tables by column width as a terminal counts it, JSON alone on stdout."""

from __future__ import annotations

import dataclasses
import json
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import typer

_language = "zh"


def set_language(language: str) -> None:
    """``zh`` or ``en``; anything else stays Chinese."""
    global _language  # noqa: PLW0603 - one language a process, decided before the command runs
    _language = "en" if language.lower().startswith("en") else "zh"


def say(chinese: str, english: str) -> str:
    """The text in the language of this process."""
    return english if _language == "en" else chinese


def complain(message: str, fix: str = "") -> None:
    """An error on stderr: what and where, then what to do."""
    typer.echo(f"{say('错误', 'Error')}：{message}", err=True)
    if fix:
        typer.echo(f"{say('怎么办', 'What to do')}：{fix}", err=True)


def progress(text: str) -> None:
    """A progress line; on stderr, so that stdout stays what was asked for."""
    typer.echo(f"· {text}", err=True)


def width(text: str) -> int:
    """Columns that a terminal needs: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> str:
    """A plain table; columns in ``right`` are aligned to the right. Nothing is cut."""
    body = [tuple(head), *(tuple(one_line(cell) for cell in row) for row in rows)]
    widths = [max(width(row[i]) for row in body) for i in range(len(head))]
    rights = set(right)
    lines = []
    for row in body:
        cells = []
        for i, cell in enumerate(row):
            pad = " " * (widths[i] - width(cell))
            cells.append(pad + cell if i in rights else cell + pad)
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "  ".join("─" * w for w in widths))
    return "\n".join(lines)


def one_line(text: str) -> str:
    """Text of a file on a terminal: no line breaks, no control sequences."""
    return "".join(c if c.isprintable() else " " for c in str(text))


def plain(value: Any) -> Any:
    """A value as JSON can hold it."""
    made = value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        made = {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    elif isinstance(value, Enum):
        made = value.value
    elif isinstance(value, Decimal):
        made = f"{value:f}"
    elif isinstance(value, (date, datetime)):
        made = value.isoformat()
    elif isinstance(value, Path):
        made = str(value)
    elif isinstance(value, dict):
        made = {str(k): plain(v) for k, v in value.items()}
    elif isinstance(value, (list, tuple)):
        made = [plain(v) for v in value]
    return made


def print_json(value: Any) -> None:
    """One JSON document on stdout, nothing else there."""
    sys.stdout.write(json.dumps(plain(value), ensure_ascii=False, indent=2) + "\n")
