"""Text files: which encoding, and the delimited table or the Markdown chapters in them. Workbooks are in containers.py.

Order of trial: BOM, NUL bytes → UTF-16, strict UTF-8, GB18030 where known heads confirm it (CONTRACT §3).
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.intake.grids.documents import NARRATIVE_NEEDS, markdown_chapters, subject_chapters
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
from jixiao.intake.grids.stream import DelimitedStream, NotDecodable, decoded_copy, drop_with
from jixiao.intake.tables.column_maps import known_head_words

_SNIFF_CHARACTERS = 8192
_HEAD_BYTES = 65536
_HEAD_WORDS_NEEDED = 2
# Below this a file is read whole: its rows fit into memory many times.
STREAM_FROM_BYTES = 4 * 2**20
_STREAM_HEAD_BYTES = 2**18
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_text_file(path: Path, file: str) -> FileContent:
    """Read a text file from disk. A big one that begins like a table is handed on as a stream, with its first rows."""
    if path.stat().st_size >= STREAM_FROM_BYTES:
        streamed = _stream(path, file)
        if streamed is not None:
            return streamed
    return read_text(path.read_bytes(), file)


def _stream(path: Path, file: str) -> FileContent | None:
    """The first rows of a big table and the stream of all of them; None where a whole reading must decide."""
    with path.open("rb") as opened:
        head = opened.read(_STREAM_HEAD_BYTES)
    encoding, finding = _encoding_of(head, file)
    if not encoding:
        return None
    text = codecs.getincrementaldecoder(encoding)("strict").decode(head)
    delimiter = _delimiter(text)
    if not delimiter or not _looks_like_a_table(text) or text.lstrip("\ufeff").lower().startswith("sep="):
        return None
    first = _rows(text[: text.rfind("\n") + 1], delimiter)
    width = Counter(len(row) for row in first).most_common(1)[0][0] if first else 0
    if width < _HEAD_WORDS_NEEDED:
        return None
    try:
        plain = path if encoding == "utf-8" else decoded_copy(path, encoding)
    except NotDecodable:
        return None
    stream = DelimitedStream(plain, delimiter, width)
    if plain != path:
        drop_with(stream, plain)
    grid = Grid(sheet="", rows=first, stream=stream)
    return FileContent(Content.TABLES, (grid,), findings=(finding,) if finding else ())


def _encoding_of(head: bytes, file: str) -> tuple[str, Finding | None]:
    """The encoding that the first bytes are in, in the order of CONTRACT §3; empty where it is not plain."""
    if head.startswith(_UTF16_MARKS) or b"\0" in head:
        if not head.startswith(_UTF16_MARKS):
            return "", None
        return "utf-16", logged("ENCODING_UTF16", Place(file=file, row=1), "按 UTF-16（Unicode 文本）读取")
    for encoding in ("utf-8", "gb18030"):
        try:
            text = codecs.getincrementaldecoder(encoding)("strict").decode(head)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8":
            # Heads in ASCII say nothing of what follows.
            return ("utf-8", None) if not text.isascii() else ("", None)
        return encoding, _read_as_gb18030(file)
    return "", None


def _read_as_gb18030(file: str) -> Finding:
    place = Place(file=file, row=1)
    return logged("ENCODING_GB18030", place, "按 GB18030 编码读取（不是 UTF-8）", "无需处理；可另存为 CSV UTF-8")


def whole(grid: Grid) -> Grid:
    """The grid with all its rows, for a kind that is not read by column."""
    if grid.stream is None:
        return grid
    text = grid.stream.path.read_text(encoding="utf-8-sig", errors="replace")
    return Grid(sheet=grid.sheet, rows=_rows(text, grid.stream.delimiter))


def read_text(blob: bytes, file: str) -> FileContent:
    """Read a text file: chapters, or one delimited table, or nothing."""
    suffix = suffix_of(file)
    if not blob.strip(b" \r\n\t\0"):
        if suffix not in TEXT_TABLE_SUFFIXES | WORKBOOK_SUFFIXES | WORD_SUFFIXES:
            return _nothing(file_skipped(file, "是空文件"))
        return _nothing(file_corrupt(file, "是空文件，没有任何内容"))
    text, finding = decode(blob, file)
    if text is None:
        assert finding is not None
        return _nothing(finding if suffix in TEXT_TABLE_SUFFIXES else _no_table(file))
    findings: tuple[Finding, ...] = (finding,) if finding else ()
    chapters = markdown_chapters(text)
    no_table = suffix not in TEXT_TABLE_SUFFIXES and not _looks_like_a_table(text)
    if not chapters and no_table:
        chapters = subject_chapters(_lines(text))
    if chapters:
        return _narrative(chapters, text, findings)
    if no_table:
        return _nothing(_no_table(file))
    if suffix in WORKBOOK_SUFFIXES:
        message = f"扩展名是「{suffix}」，内容其实是文本表格，已按内容读取"
        findings += (logged("FILE_TYPE_MISMATCH", Place(file=file), message),)
    grid = Grid(sheet="", rows=_rows(text, _delimiter(text) or ","))
    return FileContent(Content.TABLES, (grid,), findings=findings)


def _no_table(file: str) -> Finding:
    """What a text is that holds neither table nor chapters: a broken workbook by its name, or no input at all."""
    if suffix_of(file) in WORKBOOK_SUFFIXES | WORD_SUFFIXES:
        what = "Word 文件" if suffix_of(file) in WORD_SUFFIXES else "工作簿"
        return file_corrupt(file, f"内容不是{what}，可能已损坏或未下载完整")
    return file_skipped(file, "不是表格，也没有编号的章节", NARRATIVE_NEEDS)


def _narrative(chapters: tuple[TextChapter, ...], text: str, findings: tuple[Finding, ...]) -> FileContent:
    above = tuple(_lines(text)[: chapters[0].paragraph - 1])
    return FileContent(Content.TEXT, chapters=chapters, preamble=above, findings=findings)


def _lines(text: str) -> list[str]:
    return [line.lstrip("\ufeff") for line in text.splitlines()]


def _nothing(finding: Finding) -> FileContent:
    return FileContent(Content.NOTHING, findings=(finding,))


def decode(blob: bytes, file: str) -> tuple[str | None, Finding | None]:
    """The text of ``blob``, and the remark on its encoding; no text where no encoding explains the bytes."""
    place = Place(file=file, row=1)
    if blob.startswith(b"\xef\xbb\xbf"):
        return _strict(blob[3:], "utf-8", file)
    if blob.startswith(_UTF16_MARKS) or b"\0" in blob[:_HEAD_BYTES]:
        return _decode_utf16(blob, file)
    try:
        return blob.decode("utf-8"), None
    except UnicodeDecodeError as error:
        not_utf8 = error
    try:
        text = blob.decode("gb18030")
    except UnicodeDecodeError as error:
        # The later of the two breaks is the one that the nearest encoding cannot explain.
        return None, _broken(blob, max(not_utf8.start, error.start), file)
    if _looks_like_a_table(text) or markdown_chapters(text) or subject_chapters(_lines(text)):
        return text, _read_as_gb18030(file)
    return None, Finding(
        code="ENCODING_DOUBTFUL",
        severity=Severity.QUESTION,
        place=place,
        message="编码无法确定：不是 UTF-8，按 GB18030 读取又认不出任何表头，未导入",
        fix="请用 WPS 或 Excel 打开确认文字无误后，另存为 CSV UTF-8 再放入",
        outcome=Outcome.ASK_USER,
    )


def _strict(blob: bytes, encoding: str, file: str) -> tuple[str | None, Finding | None]:
    try:
        return blob.decode(encoding), None
    except UnicodeDecodeError as error:
        return None, _broken(blob, error.start, file)


def _decode_utf16(blob: bytes, file: str) -> tuple[str | None, Finding | None]:
    if blob.startswith(_UTF16_MARKS):
        encoding = "utf-16"
    else:  # ASCII digits and delimiters put their NUL in the high byte
        encoding = "utf-16-le" if blob[1:_HEAD_BYTES:2].count(0) >= blob[0:_HEAD_BYTES:2].count(0) else "utf-16-be"
    text, finding = _strict(blob, encoding, file)
    if text is None:
        return None, finding
    remark = logged("ENCODING_UTF16", Place(file=file, row=1), "按 UTF-16（Unicode 文本）读取")
    return text, remark


def broken_stream(path: Path, position: int, file: str) -> Finding:
    """The finding on bytes of a big file that no encoding explains."""
    with path.open("rb") as opened:
        row, left = 1, position
        while left > 0 and (chunk := opened.read(min(left, _STREAM_HEAD_BYTES))):
            row, left = row + chunk.count(b"\n"), left - len(chunk)
        bytes_there = opened.read(8)
    return _broken_at(bytes_there, row, file)


def _broken(blob: bytes, position: int, file: str) -> Finding:
    return _broken_at(blob[position : position + 8], blob.count(b"\n", 0, position) + 1, file)


def _broken_at(there: bytes, row: int, file: str) -> Finding:
    return file_rejected(
        file,
        "ENCODING_BROKEN",
        "这一行的字节用 UTF-8、GB18030 都读不通，文件可能已损坏，未导入",
        "请重新导出，或用 WPS 打开检查该行后另存为 CSV UTF-8",
        row=row,
        value=there.hex(" "),
    )


def _looks_like_a_table(text: str) -> bool:
    """Whether known column heads stand near the top."""
    delimiter = _delimiter(text)
    if not delimiter:
        return False
    return known_head_words(_rows(text[:_SNIFF_CHARACTERS], delimiter)) >= _HEAD_WORDS_NEEDED


def _delimiter(text: str) -> str:
    """The delimiter of the first lines, by count; empty where none stands."""
    head = text[:_SNIFF_CHARACTERS]
    counts = {mark: head.count(mark) for mark in "\t,;|"}
    best = max(counts, key=lambda mark: counts[mark])
    return best if counts[best] else ""


def _rows(text: str, delimiter: str) -> Sequence[Sequence[object]]:
    """Rows by physical record: a quoted line break stays inside its cell. NULs are cut: csv refuses them."""
    csv.field_size_limit(2**31 - 1)
    return list(csv.reader(io.StringIO(text.replace("\0", ""), newline=""), delimiter=delimiter))
