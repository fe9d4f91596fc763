"""Findings: what a check says about a figure, with its place. The codes' fixed texts are in finding_texts.py."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import groupby


class Severity(StrEnum):
    """``critical`` closes the gate of its unit; it prints as an error in the contract's four severities."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    QUESTION = "question"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)

    @property
    def chinese(self) -> str:
        return {"error": "错误", "warning": "警告", "info": "提示", "question": "待确认"}[self.value]


class Outcome(StrEnum):
    """What happened to a file, mildest first."""

    ACCEPT = "accept"
    ACCEPT_LOGGED = "accept_logged"
    ACCEPT_WITH_WARNING = "accept_with_warning"
    REJECT_ROW = "reject_row"
    ASK_USER = "ask_user"
    REJECT_FILE = "reject_file"

    @property
    def rank(self) -> int:
        return list(Outcome).index(self)

    @property
    def chinese(self) -> str:
        return {
            "accept": "接收",
            "accept_logged": "接收（已规范化）",
            "accept_with_warning": "接收（有警告）",
            "reject_row": "部分行未接收",
            "ask_user": "待答复，未入库",
            "reject_file": "未接收",
        }[self.value]


# In these a place is a paragraph, not a row.
_PARAGRAPHS = (".docx",)


@dataclass(frozen=True)
class Place:
    """Where something stands in the books. ``row`` is 1-based as Excel shows it, ``column`` a letter; sheet is
    empty in a CSV. In a Word file ``row`` is the paragraph's number, and ``sheet`` the heading above it.
    """

    file: str = ""
    sheet: str = ""
    row: int | None = None
    column: str = ""

    @property
    def chinese(self) -> str:
        parts = [f"《{self.file}》"] if self.file else []
        parts += [f"工作表「{self.sheet}」"] if self.sheet else []
        counted = "段" if self.file.lower().endswith(_PARAGRAPHS) else "行"
        parts += [f"第 {self.row} {counted}"] if self.row else []
        parts += [f"{self.column} 列"] if self.column else []
        return " ".join(parts)


def row_ranges(rows: Iterable[int]) -> str:
    """Row numbers as people write them: ``7–11、15``."""
    parts = []
    for _, group in groupby(enumerate(sorted(set(rows))), key=lambda pair: pair[1] - pair[0]):
        run = [row for _, row in group]
        parts.append(f"{run[0]}–{run[-1]}" if len(run) > 1 else f"{run[0]}")
    return "、".join(parts)


@dataclass(frozen=True)
class Question:
    """What a person must decide before a file is kept. ``key`` names the question for answers and scripts, ``about`` says
    it in words. ``of`` is what an answer holds for: the id of the file's source profile where the question is about its
    layout, the content's sha256 where it is about this one file.
    """

    key: str
    choices: tuple[str, ...]
    about: str
    of: str = ""

    @property
    def code(self) -> str:
        """The code of the finding that asks."""
        return self.key.partition(":")[0]


@dataclass(frozen=True)
class Finding:
    """One line of the list of findings.

    ``value`` is what was found, ``expected`` what would be right, both as printed. ``critical`` closes the gate of
    the unit: it is not evaluated. ``extra`` holds the row's unmapped columns. ``project`` is the project that it is
    about, empty where it is about the unit, or a file of several subjects. ``question`` is what outcome ask_user asks.
    """

    code: str
    severity: Severity
    place: Place
    message: str
    fix: str = ""
    unit_code: str = ""
    indicator: str = ""
    value: str = ""
    expected: str = ""
    outcome: Outcome = Outcome.ACCEPT
    critical: bool = False
    extra: dict[str, str] = field(default_factory=dict)
    project: str = ""
    question: Question | None = None

    def in_unit(self, unit_code: str) -> Finding:
        return replace(self, unit_code=unit_code)

    @property
    def placed_message(self) -> str:
        """The message with its place before it, once."""
        where = self.place.chinese
        return self.message if not where or self.message.startswith(where) else f"{where}：{self.message}"

    @property
    def sort_key(self) -> tuple[object, ...]:
        """Worst first, then by code and place: the same findings always stand in the same order."""
        p = self.place
        return (
            self.severity.rank,
            self.code,
            self.unit_code,
            self.project,
            p.file,
            p.sheet,
            p.row or 0,
            p.column,
            self.indicator,
            self.message,
        )
