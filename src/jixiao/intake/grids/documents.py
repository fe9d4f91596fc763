"""Word files: their tables as grids, and the chapters of the self-evaluation text; chapters of Markdown too.

Workbooks: workbooks.py. A Word file may hold both: forms in tables, and a narrative around them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from jixiao.intake.grids import limits
from jixiao.intake.grids.archives import Archive, Refused
from jixiao.intake.grids.grid import Content, FileContent, Grid, TextChapter, file_skipped
from jixiao.intake.grids.markup_walk import attribute, local
from jixiao.intake.grids.remarks import nothing, too_long
from jixiao.intake.grids.sheet_cells import SheetCells
from jixiao.intake.tables.column_maps import known_head_words, narrative_subjects

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
_HEAD_WORDS_NEEDED = 2
_ABOVE_LINES = 50
_NESTED = 10
_DIGITS = 9
# Blocks that stand around others without being text themselves, and marks in a paragraph that show as characters.
_WRAPPERS = {"sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag"}
_MARKS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_NO_TEXT = {
    "del",
    "moveFrom",
    "delText",
    "instrText",
    "pPr",
    "rPr",
    "drawing",
    "pict",
    "object",
    "AlternateContent",
    "rt",
}
NARRATIVE_NEEDS = (
    "自评报告文字需要编号的章节标题，如「一、预算部门名称」「二、年度履职目标完成情况」「三、部门概况」「五、存在问题及改进措施」"
    "（也认「第一部分」「（一）」「1.」）；不是自评报告的请移走"
)


def read_docx(archive: Archive, file: str) -> FileContent:
    """The tables and the chapters of a Word file. In a report, which has chapters of text, only forms count as tables.

    Raises: Refused, lxml.etree.LxmlError.
    """
    root = archive.tree("word/document.xml")
    body = next(iter(root.iterchildren("{*}body")), None)
    if body is None:
        raise Refused("里面没有正文")
    walk = _Body(limits.cells_allowed(len(archive.blob)))
    walk.read(body)
    paragraphs = walk.paragraphs
    chapters = numbered_chapters(paragraphs) or subject_chapters(paragraphs)
    told = sum(bool(chapter.paragraphs) for chapter in chapters) >= _CHAPTERS_NEEDED
    kept = [(cells, grid) for cells, grid in walk.grids() if not told or _is_a_form(grid)]
    above = tuple(paragraphs[: chapters[0].paragraph - 1]) if chapters else ()
    if any(told or _reads_as_a_table(grid) or _is_a_form(grid) for _, grid in kept):
        findings = tuple(finding for cells, _ in kept for finding in too_long(file, cells.sheet, cells.long))
        grids = tuple(grid for _, grid in kept)
        return FileContent(Content.TABLES, grids, chapters=chapters, preamble=above, findings=findings)
    if not chapters:
        return nothing(file_skipped(file, "是 Word 文件，但没有编号的章节，也没有认得出的表格", NARRATIVE_NEEDS))
    return FileContent(Content.TEXT, chapters=chapters, preamble=above)


def _is_a_form(grid: Grid) -> bool:
    """Whether a table is a form of its own. Other tables among the chapters of a report illustrate them: what they repeat
    is handed in as a workbook, and twice would be two versions of it.
    """
    from jixiao.intake.tables.forms import find_forms

    return bool(find_forms(grid))


def _reads_as_a_table(grid: Grid) -> bool:
    """Whether known heads stand in it; a table that only sets out a text has none."""
    return known_head_words(grid.rows) >= _HEAD_WORDS_NEEDED


class _Body:
    """The body of a Word file: its paragraphs, and its tables with the paragraphs above each.

    A merged cell is written once, in its first place. Text that was struck out in revision, notes and text boxes are
    no text of a paragraph; a table of contents is no paragraph of the text.
    """

    def __init__(self, allowed: int) -> None:
        self.paragraphs: list[str] = []
        self.tables: list[tuple[SheetCells, tuple[str, ...]]] = []
        self._allowed = allowed
        self._above: list[str] = []

    def grids(self) -> list[tuple[SheetCells, Grid]]:
        """The tables that hold anything, in their order, named 表1, 表2 …"""
        for number, (cells, _) in enumerate(self.tables, start=1):
            cells.sheet = f"表{number}"
        return [(cells, cells.grid(above=above)) for cells, above in self.tables if cells.count]

    def read(self, body: Any) -> None:
        for block in _blocks(body):
            if local(block.tag) == "p":
                text = _paragraph_text(block)
                self.paragraphs.append(text)
                if text.strip():
                    self._above.append(text.strip())
            else:
                self._read_table(block, 1)
                self._above.clear()

    def _read_table(self, table: Any, depth: int) -> None:
        if depth > _NESTED:
            raise Refused("表格层层嵌套，不合常理")
        cells = SheetCells("", self._allowed)
        self.tables.append((cells, tuple(self._above[-_ABOVE_LINES:])))
        open_below: dict[int, tuple[int, int]] = {}
        for row_at, row in enumerate(element for element in _children(table) if local(element.tag) == "tr"):
            column = _said(row, "trPr", "gridBefore")
            if _property(row, "trPr", "hidden") is not None:
                cells.hidden_rows.add(row_at)
            for cell in (element for element in _children(row) if local(element.tag) == "tc"):
                across = min(max(_said(cell, "tcPr", "gridSpan"), 1), limits.SPAN)
                merge = _property(cell, "tcPr", "vMerge")
                goes_on = merge is not None and _attribute(merge, "val") != "restart" and column in open_below
                if not goes_on:
                    self._close(cells, open_below, column, row_at)
                    cells.put(row_at, column, self._cell_text(cell, depth))
                    open_below[column] = (row_at, across) if merge is not None else (row_at, -across)
                column += across
            for start in [at for at in open_below if at >= column]:
                self._close(cells, open_below, start, row_at)
        for start in list(open_below):
            self._close(cells, open_below, start, row_at + 1)
        self._allowed -= cells.count

    @staticmethod
    def _close(cells: SheetCells, open_below: dict[int, tuple[int, int]], column: int, row: int) -> None:
        """The end of a cell: what it covered, from its first row to above ``row``."""
        first, across = open_below.pop(column, (row, 0))
        last_row = row - 1 if across > 0 else first
        if across and (last_row > first or abs(across) > 1):
            cells.merged.append((first, column, last_row, column + abs(across) - 1))

    def _cell_text(self, cell: Any, depth: int) -> str:
        texts = []
        for block in _blocks(cell):
            if local(block.tag) == "p":
                texts.append(_paragraph_text(block))
            else:
                self._read_table(block, depth + 1)
        return "\n".join(text for text in texts if text.strip())


def _children(parent: Any) -> Iterator[Any]:
    """The elements of a block, those inside content controls and insertions among them."""
    for child in parent:
        name = local(child.tag) if isinstance(child.tag, str) else ""
        if name in _WRAPPERS and not _is_contents(child):
            yield from _children(child)
        elif name:
            yield child


def _blocks(parent: Any) -> Iterator[Any]:
    return (child for child in _children(parent) if local(child.tag) in {"p", "tbl"})


def _is_contents(control: Any) -> bool:
    """Whether a content control is a table of contents: its lines would read as headings."""
    gallery = next(control.iter("{*}docPartGallery"), None) if local(control.tag) == "sdt" else None
    return gallery is not None and "Table of Contents" in _attribute(gallery, "val")


def _paragraph_text(paragraph: Any) -> str:
    texts: list[str] = []
    _gather(paragraph, texts)
    return "".join(texts)


def _gather(element: Any, texts: list[str]) -> None:
    for child in element:
        name = local(child.tag) if isinstance(child.tag, str) else ""
        if name == "t":
            texts.append(child.text or "")
        elif name in _MARKS:
            texts.append(_MARKS[name])
        elif name and name not in _NO_TEXT:
            _gather(child, texts)


def _property(element: Any, group: str, name: str) -> Any:
    for properties in element.iterchildren(f"{{*}}{group}"):
        return next(iter(properties.iterchildren(f"{{*}}{name}")), None)
    return None


def _said(element: Any, group: str, name: str) -> int:
    found = _property(element, group, name)
    text = _attribute(found, "val") if found is not None else ""
    return min(int(text), limits.CELLS_A_ROW) if text.isdecimal() and len(text) <= _DIGITS else 0


def _attribute(element: Any, name: str) -> str:
    return attribute(element.attrib, name)


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
