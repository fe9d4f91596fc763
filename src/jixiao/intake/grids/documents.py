"""Chapters of the self-evaluation text, from .docx and Markdown. Tables of workbooks are in containers.py."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence

from jixiao.intake.grids.grid import Content, FileContent, TextChapter, file_corrupt, file_skipped
from jixiao.intake.tables.column_maps import narrative_subjects

_NUMBERS = "一二三四五六七八九"
_CHAPTER = re.compile(rf"^(?:#{{1,6}}\s*)?\**([{_NUMBERS}])\s*[、.．]\s*(.*\S)\s*$", re.DOTALL)
_ANY_CHAPTER = re.compile(rf"^[\ufeff\s]*(?:#{{1,6}}\s*)?\**[{_NUMBERS}]\s*[、.．]", re.MULTILINE)
# A heading is a short line; a longer one that begins with 一、 is a sentence that counts.
_HEADING_MAX = 60
_CHAPTERS_NEEDED = 2
# Other numberings, the widest first. They also number paragraphs, so they count only over prescribed subjects.
_MARK = r"^(?:#{1,6}\s*)?\**"
_OTHER_STYLES = (
    re.compile(rf"{_MARK}第([{_NUMBERS}])(?:部分|章)\s*[、.．:：]?\s*(.*\S)\s*$", re.DOTALL),
    re.compile(rf"{_MARK}[（(]([{_NUMBERS}])[）)]\s*[、.．]?\s*(.*\S)\s*$", re.DOTALL),
    re.compile(rf"{_MARK}([1-9])\s*[、.．](?!\d)\s*(.*\S)\s*$", re.DOTALL),
)
NARRATIVE_NEEDS = (
    "自评报告文字需要编号的章节标题，如「一、预算部门名称」「二、年度履职目标完成情况」「三、部门概况」「五、存在问题及改进措施」"
    "（也认「第一部分」「（一）」「1.」）；不是自评报告的请移走"
)


def read_docx(blob: bytes, file: str) -> FileContent:
    """The chapters of a Word file; its tables are no narrative."""
    import docx

    try:
        paragraphs = [paragraph.text for paragraph in docx.Document(io.BytesIO(blob)).paragraphs]
    except Exception:  # noqa: BLE001 - python-docx raises whatever its parts provoke
        finding = file_corrupt(file, "不是完整的 Word 文件，可能已损坏或未下载完整")
        return FileContent(Content.NOTHING, findings=(finding,))
    chapters = numbered_chapters(paragraphs) or subject_chapters(paragraphs)
    if not chapters:
        skipped = file_skipped(file, "是 Word 文件，但没有编号的章节", NARRATIVE_NEEDS)
        return FileContent(Content.NOTHING, findings=(skipped,))
    return FileContent(Content.TEXT, chapters=chapters, preamble=tuple(paragraphs[: chapters[0].paragraph - 1]))


def markdown_chapters(text: str) -> tuple[TextChapter, ...]:
    """The chapters of a Markdown or plain text, one paragraph a line."""
    if not _ANY_CHAPTER.search(text):
        return ()
    found = numbered_chapters(line.lstrip("\ufeff") for line in text.splitlines())
    return found if len(found) >= _CHAPTERS_NEEDED else ()


def subject_chapters(paragraphs: Sequence[str]) -> tuple[TextChapter, ...]:
    """Chapters numbered 第一部分, （一） or 1., where at least two, and half of them, are headed by prescribed subjects."""
    for style in _OTHER_STYLES:
        chapters = numbered_chapters(paragraphs, style)
        prescribed = sum(any(word in chapter.heading for word in narrative_subjects()) for chapter in chapters)
        if prescribed >= _CHAPTERS_NEEDED and 2 * prescribed >= len(chapters):
            return chapters
    return ()


def numbered_chapters(paragraphs: Iterable[str], style: re.Pattern[str] = _CHAPTER) -> tuple[TextChapter, ...]:
    """Chapters 一 … 九 in order. ``1.``, （一） and a number that steps back are text of the chapter they stand in."""
    chapters: list[TextChapter] = []
    number, heading, at = 0, "", 0
    body: list[str] = []
    for position, paragraph in enumerate(paragraphs, start=1):
        text = paragraph.strip()
        found = style.match(text)
        following = _place_of(found[1]) if found else 0
        if found and following > number and _is_heading(found[2]):
            if number:
                chapters.append(TextChapter(number, heading, tuple(body), at))
            number, at = following, position
            heading, body = _split_heading(found[2].strip("* \t"))
        elif number and text:
            body.append(text)
    if number:
        chapters.append(TextChapter(number, heading, tuple(body), at))
    return tuple(chapters)


def _place_of(numeral: str) -> int:
    return int(numeral) if numeral.isascii() else _NUMBERS.index(numeral) + 1


def _is_heading(text: str) -> bool:
    heading = re.split("[:：]", text, maxsplit=1)[0]
    return len(heading) <= _HEADING_MAX and "。" not in heading


def _split_heading(text: str) -> tuple[str, list[str]]:
    """``预算部门名称：某局`` → heading and the first paragraph."""
    heading, _, rest = text.replace("：", ":", 1).partition(":")
    return heading.strip(), [rest.strip()] if rest.strip() else []
