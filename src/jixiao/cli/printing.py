"""What the commands print: Chinese or English, tables by column width as a terminal counts it, JSON alone on stdout.

All of it goes through ``echo`` or ``print_json``: texts of files never reach the terminal as control sequences.
"""

from __future__ import annotations

import dataclasses
import json
import re
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
# Controls, marks of direction and of no width, half surrogates, line ends. Not: rare characters of private or new ranges.
_ACTIVE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Characters that JSON itself lets through, yet a terminal or a reader's eye may obey: C1 controls, marks of direction
# and of no width, half surrogates.
_ACTIVE_IN_JSON = re.compile("[\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def set_language(language: str) -> None:
    """``zh`` or ``en``; anything else stays Chinese."""
    global _language  # noqa: PLW0603 - one language a process, decided before the command runs
    _language = "en" if language.lower().startswith("en") else "zh"


def language() -> str:
    """``zh`` or ``en``."""
    return _language


def say(chinese: str, english: str) -> str:
    """The text in the language of this process."""
    return english if _language == "en" else chinese


def echo(*lines: object, err: bool = False) -> None:
    """Print each of ``lines`` on a line of its own; the only way by which text reaches the terminal.

    Most of it comes from files of strangers: none of it moves the cursor, colours, reorders or begins another line.
    """
    for line in lines:
        typer.echo(one_line(line), err=err)


def complain(message: str, fix: str = "") -> None:
    """An error on stderr: what and where, then what to do."""
    echo(f"{say('错误', 'Error')}：{message}", err=True)
    if fix:
        echo(f"{say('怎么办', 'What to do')}：{fix}", err=True)


def progress(text: str) -> None:
    """A progress line; on stderr, so that stdout stays what was asked for."""
    echo(f"· {text}", err=True)


def width(text: str) -> int:
    """Columns that a terminal needs: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> list[str]:
    """The lines of a plain table; columns in ``right`` are aligned to the right. Nothing is cut."""
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
    return lines


def one_line(text: object) -> str:
    """A text as a terminal may get it: no line breaks, no control sequences, nothing that reorders or hides."""
    made = str(text)
    if made.isprintable():  # nearly every text: worth not searching twice
        return made
    return "".join(" " if unicodedata.category(c) in _ACTIVE else c for c in made)


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
    """One JSON document on stdout, nothing else there; what a terminal would obey stands escaped."""
    document = json.dumps(plain(value), ensure_ascii=False, indent=2)
    # All of them stand inside strings: JSON's own marks are plain ASCII.
    sys.stdout.write(_ACTIVE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", document) + "\n")
