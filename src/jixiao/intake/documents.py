"""Chapters of the self-evaluation text, from .docx and Markdown. Tables of workbooks are in containers.py."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable

from jixiao.intake.grid import Content, FileContent, TextChapter, file_rejected, file_skipped

_NUMBERS = "一二三四五六七八九"
_CHAPTER = re.compile(rf"^(?:#{{1,6}}\s*)?\**([{_NUMBERS}])\s*[、.．]\s*(.*\S)\s*$", re.DOTALL)
_ANY_CHAPTER = re.compile(rf"^[\ufeff\s]*(?:#{{1,6}}\s*)?\**[{_NUMBERS}]\s*[、.．]", re.MULTILINE)
# A heading is a short line; a longer one that begins with 一、 is a sentence that counts.
_HEADING_MAX = 60
_CHAPTERS_NEEDED = 2


def read_docx(blob: bytes, file: str) -> FileContent:
    """The chapters of a Word file; its tables are no narrative."""
    import docx

    try:
        paragraphs = [paragraph.text for paragraph in docx.Document(io.BytesIO(blob)).paragraphs]
    except Exception as error:  # noqa: BLE001 - python-docx raises whatever its parts provoke
        why = f"《{file}》打不开：不是完整的 Word 文件（{type(error).__name__}），未导入"
        finding = file_rejected(file, "FILE_CORRUPT", why, "请用 WPS 或 Word 打开后另存为 .docx 再放入")
        return FileContent(Content.NOTHING, findings=(finding,))
    chapters = numbered_chapters(paragraphs)
    if not chapters:
        skipped = file_skipped(file, "是 Word 文件，但没有以「一、二、…」编号的章节")
        return FileContent(Content.NOTHING, findings=(skipped,))
    return FileContent(Content.TEXT, chapters=chapters)


def markdown_chapters(text: str) -> tuple[TextChapter, ...]:
    """The chapters of a Markdown or plain text, one paragraph a line."""
    if not _ANY_CHAPTER.search(text):
        return ()
    found = numbered_chapters(line.lstrip("\ufeff") for line in text.splitlines())
    return found if len(found) >= _CHAPTERS_NEEDED else ()


def numbered_chapters(paragraphs: Iterable[str]) -> tuple[TextChapter, ...]:
    """Chapters 一 … 九 in order. ``1.``, （一） and a number that steps back are text of the chapter they stand in."""
    chapters: list[TextChapter] = []
    number, heading, at = 0, "", 0
    body: list[str] = []
    for position, paragraph in enumerate(paragraphs, start=1):
        text = paragraph.strip()
        found = _CHAPTER.match(text)
        following = _NUMBERS.index(found[1]) + 1 if found else 0
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


def _is_heading(text: str) -> bool:
    heading = re.split("[:：]", text, maxsplit=1)[0]
    return len(heading) <= _HEADING_MAX and "。" not in heading


def _split_heading(text: str) -> tuple[str, list[str]]:
    """``预算部门名称：某局`` → heading and the first paragraph."""
    heading, _, rest = text.replace("：", ":", 1).partition(":")
    return heading.strip(), [rest.strip()] if rest.strip() else []
