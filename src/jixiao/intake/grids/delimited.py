"""Text files: the delimited table or the Markdown chapters in them. Encodings: encodings.py; rows: records.py.

A big table is handed on as a stream (stream.py), with its first rows; all other texts are read whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from jixiao.domain.findings import Finding, Place
from jixiao.intake.grids.documents import NARRATIVE_NEEDS, markdown_chapters, subject_chapters
from jixiao.intake.grids.encodings import (
    GB18030,
    broken_stream,
    decode,
    encoding_of_head,
    lines,
    read_as_gb18030,
    read_as_utf16,
    text_of_head,
)
from jixiao.intake.grids.grid import (
    TEXT_TABLE_SUFFIXES,
    WORD_SUFFIXES,
    WORKBOOK_SUFFIXES,
    Content,
    FileContent,
    Grid,
    TextChapter,
    file_corrupt,
    file_rejected,
    file_skipped,
    logged,
    suffix_of,
)
from jixiao.intake.grids.records import (
    HEAD_WORDS_NEEDED,
    Layout,
    layout_of,
    looks_like_a_table,
    records,
    swallowed_at,
)
from jixiao.intake.grids.stream import (
    UTF8,
    DelimitedStream,
    NotDecodable,
    QuoteNotClosed,
    UnreadableStream,
    decoded_copy,
    drop_with,
    first_undecodable,
)

# Below this a file is read whole: its rows fit into memory many times.
STREAM_FROM_BYTES = 4 * 2**20
_STREAM_HEAD_BYTES = 2**18
# Delimiters that are no byte of any character in GB18030.
_NEVER_IN_GB18030 = ",;\t"


def read_text_file(path: Path, file: str) -> FileContent:
    """Read a text file from disk. A big one that begins like a table is handed on as a stream, with its first rows."""
    if path.stat().st_size >= STREAM_FROM_BYTES:
        streamed = _stream(path, file)
        if streamed is not None:
            return streamed
    return read_text(path.read_bytes(), file)


# ── a stream ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _stream(path: Path, file: str) -> FileContent | None:
    """The first rows of a big table and the stream of all of them; None where a whole reading must decide."""
    with path.open("rb") as opened:
        head = opened.read(_STREAM_HEAD_BYTES)
    encoding = encoding_of_head(head)
    text = text_of_head(head, encoding) if encoding else ""
    layout = layout_of(text)
    if layout is None or not looks_like_a_table(text):
        return None
    first = records(text, layout)
    if len(head) == _STREAM_HEAD_BYTES:  # the last row is cut
        first = first[:-1]
    width = _common_width(first)
    if width < HEAD_WORDS_NEEDED:
        return None
    try:
        stream = _stream_of(path, encoding, layout, width, text[: layout.begin])
    except NotDecodable:
        return None
    findings = {GB18030: [read_as_gb18030(file)], UTF8: []}.get(encoding, [read_as_utf16(file)])
    grid = Grid(sheet="", rows=first, stream=stream)
    return FileContent(Content.TABLES, (grid,), findings=(*findings, *_misnamed(file)))


def _stream_of(path: Path, encoding: str, layout: Layout, width: int, before: str) -> DelimitedStream:
    """The file itself where it can be cut as it stands, else its text in UTF-8 as a temporary file without ``before``.

    Raises:
        NotDecodable: bytes that ``encoding`` does not explain.
    """
    if not before and (encoding == UTF8 or (encoding == GB18030 and layout.delimiter in _NEVER_IN_GB18030)):
        return DelimitedStream(path, layout.delimiter, width, encoding)
    copy = decoded_copy(path, encoding, skip=len(before.encode(encoding)))
    stream = DelimitedStream(copy, layout.delimiter, width)
    drop_with(stream, copy)
    return stream


def _common_width(rows: Sequence[Sequence[object]]) -> int:
    """How many cells most rows have."""
    return Counter(len(row) for row in rows).most_common(1)[0][0] if rows else 0


def whole(grid: Grid) -> Grid:
    """The grid with all its rows, for a kind that is not read by column.

    Raises:
        NotDecodable: bytes that are not in the encoding of its stream.
        QuoteNotClosed: a quote that swallows rows.
    """
    stream = grid.stream
    if stream is None:
        return grid
    try:
        with stream.path.open(encoding=stream.encoding, newline="") as opened:
            text = opened.read()
    except UnicodeDecodeError as error:
        raise NotDecodable(first_undecodable(stream.path, stream.encoding)) from error
    rows = records(text, Layout(stream.delimiter))
    swallowed = swallowed_at(rows, stream.delimiter, stream.width)
    if swallowed is not None:
        raise QuoteNotClosed(swallowed + 1)
    return Grid(sheet=grid.sheet, rows=rows)


def unreadable_stream(path: Path, error: UnreadableStream, file: str) -> Finding:
    """The finding on a big file that cannot be read to its end."""
    if isinstance(error, QuoteNotClosed):
        return _quote_not_closed(file, error.row)
    assert isinstance(error, NotDecodable)
    return broken_stream(path, error.position, file)


# ── a whole text ─────────────────────────────────────────────────────────────────────────────────────────────────────


def read_text(blob: bytes, file: str) -> FileContent:
    """Read a text file: chapters, or one delimited table, or nothing."""
    suffix = suffix_of(file)
    if not blob.strip(b" \r\n\t\0"):
        meant = suffix in TEXT_TABLE_SUFFIXES | WORKBOOK_SUFFIXES | WORD_SUFFIXES
        why = file_corrupt(file, "是空文件，没有任何内容") if meant else file_skipped(file, "是空文件")
        return _nothing(why)
    decoded = decode(blob, file)
    if decoded.text is None:
        return _nothing(*decoded.findings) if suffix in TEXT_TABLE_SUFFIXES else _nothing(_no_table(file))
    is_table = suffix in TEXT_TABLE_SUFFIXES or looks_like_a_table(decoded.text)
    chapters = markdown_chapters(decoded.text)
    if not chapters and not is_table:
        chapters = subject_chapters(lines(decoded.text))
    if chapters:
        return _narrative(chapters, decoded.text, decoded.findings)
    return _table(decoded.text, decoded.findings, file) if is_table else _nothing(_no_table(file))


def _table(text: str, findings: tuple[Finding, ...], file: str) -> FileContent:
    """The rows of a text as one grid; nothing where a quote has swallowed some of them."""
    layout = layout_of(text) or Layout(",")
    rows = records(text, layout)
    swallowed = swallowed_at(rows, layout.delimiter, _common_width(rows)) if '"' in text else None
    if swallowed is not None:
        return _nothing(*findings, _quote_not_closed(file, swallowed + 1))
    return FileContent(Content.TABLES, (Grid(sheet="", rows=rows),), findings=(*findings, *_misnamed(file)))


def _misnamed(file: str) -> tuple[Finding, ...]:
    """The remark on a text under the name of a workbook."""
    suffix = suffix_of(file)
    if suffix not in WORKBOOK_SUFFIXES:
        return ()
    message = f"扩展名是「{suffix}」，内容其实是文本表格，已按内容读取"
    return (logged("FILE_TYPE_MISMATCH", Place(file=file), message),)


def _quote_not_closed(file: str, row: int) -> Finding:
    return file_rejected(
        file,
        "FILE_CORRUPT",
        '这一行的引号 " 没有成对，把后面的行都算进了一个单元格，未导入',
        "请用文本编辑器打开，在这一行补上或删去引号；或从原系统导出为 .xlsx",
        row=row,
    )


def _no_table(file: str) -> Finding:
    """What a text is that holds neither table nor chapters: a broken workbook by its name, or no input at all."""
    if suffix_of(file) in WORKBOOK_SUFFIXES | WORD_SUFFIXES:
        what = "Word 文件" if suffix_of(file) in WORD_SUFFIXES else "工作簿"
        return file_corrupt(file, f"内容不是{what}，可能已损坏或未下载完整")
    return file_skipped(file, "不是表格，也没有编号的章节", NARRATIVE_NEEDS)


def _narrative(chapters: tuple[TextChapter, ...], text: str, findings: tuple[Finding, ...]) -> FileContent:
    above = tuple(lines(text)[: chapters[0].paragraph - 1])
    return FileContent(Content.TEXT, chapters=chapters, preamble=above, findings=findings)


def _nothing(*findings: Finding) -> FileContent:
    return FileContent(Content.NOTHING, findings=findings)
