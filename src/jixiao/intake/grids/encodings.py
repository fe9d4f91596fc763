"""Which encoding the bytes of a text file are in. What the text holds: delimited.py.

Order of trial (CONTRACT §3): byte order mark, NUL bytes → UTF-16, strict UTF-8, GB18030 where known heads *and* common
characters confirm it: Big5, Shift-JIS and EUC-KR decode as GB18030 without an error, into rare characters.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.intake.grids.documents import markdown_chapters, subject_chapters
from jixiao.intake.grids.grid import file_rejected, logged
from jixiao.intake.grids.records import HEAD_WORDS_NEEDED, head_words, is_han
from jixiao.intake.grids.stream import UTF8

GB18030 = "gb18030"
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
# Encodings of neighbours, and how a clerk may have heard of them.
_NEIGHBOURS = {"big5": "Big5（繁体中文）", "shift_jis": "Shift-JIS（日文）", "euc_kr": "EUC-KR（韩文）"}
_HEAD_BYTES = 65536
_JUDGED_CHARACTERS = 8192
# Of Chinese of this trade some 90 % are common characters; of other encodings read as GB18030 never 30 %.
_COMMON_SHARE = 0.5
# With Chinese heads in their place a column of people's names, of which only some 30 % are common, is no objection.
_COMMON_SHARE_BELOW_HEADS = 0.15
_HAN_LEAST = 4
# Delimiters, digits and line ends put a NUL into every second byte of UTF-16; strays in UTF-8 are few.
_NUL_SHARE = 0.2
_NUL_SHARE_LEAST = 0.01
_SHOWN_BYTES = 8


@cache
def _common_characters() -> frozenset[str]:
    """The most frequent characters of modern Chinese, with those of column heads and of the subjects of the budget."""
    return frozenset((files("jixiao.intake.grids") / "common_characters.txt").read_text(encoding="utf-8"))


def common_share(text: str) -> float:
    """How many of the Chinese characters of a text are common ones; 0 where there are too few to judge."""
    han = [mark for mark in text[:_JUDGED_CHARACTERS] if is_han(mark)]
    return sum(mark in _common_characters() for mark in han) / len(han) if len(han) >= _HAN_LEAST else 0.0


def _is_chinese(text: str) -> bool:
    """Whether known heads and common characters confirm that a text was decoded rightly."""
    words, chinese_words = head_words(text)
    if words >= HEAD_WORDS_NEEDED:
        below_heads = chinese_words >= HEAD_WORDS_NEEDED
        return common_share(text) >= (_COMMON_SHARE_BELOW_HEADS if below_heads else _COMMON_SHARE)
    is_narrative = bool(markdown_chapters(text) or subject_chapters(lines(text)))
    return is_narrative and common_share(text) >= _COMMON_SHARE


def lines(text: str) -> list[str]:
    """The lines of a text without marks of the byte order."""
    return [line.lstrip("\ufeff") for line in text.splitlines()]


# ── a whole file ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Decoded:
    """The text of a file, None where no encoding explains its bytes, and the remarks on its encoding."""

    text: str | None
    findings: tuple[Finding, ...] = ()


def decode(blob: bytes, file: str) -> Decoded:
    """The text of a whole file."""
    if blob.startswith(codecs.BOM_UTF8):
        return _marked(blob, UTF8, file, len(codecs.BOM_UTF8))
    utf16 = utf16_of(blob[:_HEAD_BYTES])
    if utf16:
        made = _marked(blob, utf16, file, len(codecs.BOM_UTF16) if blob[:2] in _UTF16 else 0)
        return Decoded(made.text, (read_as_utf16(file),)) if made.text is not None else made
    try:
        return Decoded(blob.decode(UTF8), _strays(blob, file))
    except UnicodeDecodeError as error:
        return _without_mark(blob, error.start, file)


def _without_mark(blob: bytes, not_utf8: int, file: str) -> Decoded:
    """The text of bytes that bear no mark and are no UTF-8 from ``not_utf8`` on."""
    try:
        text = blob.decode(GB18030)
    except UnicodeDecodeError as error:
        return Decoded(None, (_undecoded(blob, not_utf8, error.start, file),))
    if _is_chinese(text):
        return Decoded(text, (read_as_gb18030(file), *_strays(blob, file)))
    nearly_utf8 = _is_chinese(blob.decode(UTF8, "replace"))
    return Decoded(None, (_broken(blob, not_utf8, file) if nearly_utf8 else _doubtful(blob, file),))


def _marked(blob: bytes, encoding: str, file: str, begin: int) -> Decoded:
    """The text after a mark of the byte order."""
    try:
        text = blob[begin:].decode(encoding)
    except UnicodeDecodeError as error:
        return Decoded(None, (_broken(blob, begin + error.start, file),))
    return Decoded(text, _strays(blob, file) if encoding == UTF8 else ())


def _undecoded(blob: bytes, not_utf8: int, not_gb18030: int, file: str) -> Finding:
    """Why bytes are neither UTF-8 nor GB18030: broken in the one that nearly explains them, else of another encoding."""
    if _is_chinese(blob.decode(UTF8, "replace")):
        return _broken(blob, not_utf8, file)
    if _is_chinese(blob.decode(GB18030, "replace")):
        return _broken(blob, not_gb18030, file)
    if _neighbours(blob):
        return _doubtful(blob, file)
    # The later of the two breaks is the one that the nearest encoding cannot explain.
    return _broken(blob, max(not_utf8, not_gb18030), file)


def _neighbours(blob: bytes) -> list[str]:
    """The neighbours' encodings that explain all bytes of a file, by their names."""
    found = []
    for encoding, name in _NEIGHBOURS.items():
        try:
            blob.decode(encoding)
        except UnicodeDecodeError:
            continue
        found.append(name)
    return found


def _doubtful(blob: bytes, file: str) -> Finding:
    candidates = _neighbours(blob)
    also = f"；可能是 {'、'.join(candidates)}" if candidates else ""
    return Finding(
        code="ENCODING_DOUBTFUL",
        severity=Severity.QUESTION,
        place=Place(file=file, row=1),
        message=f"编码无法确定：不是 UTF-8，按 GB18030 读取又认不出表头和常用字{also}，未导入",
        fix="请用 WPS 或 Excel 打开确认文字无误后，另存为 CSV UTF-8 再放入",
        outcome=Outcome.ASK_USER,
    )


def _strays(blob: bytes, file: str) -> tuple[Finding, ...]:
    """The remark on NUL bytes in a text, which are cut."""
    count = blob.count(0)
    return (nuls_cut(Place(file=file, row=_row_of(blob, blob.index(0))), count),) if count else ()


# ── the first bytes of a big one ─────────────────────────────────────────────────────────────────────────────────────


def utf16_of(head: bytes) -> str:
    """The kind of UTF-16 that the first bytes are in, by their mark or their NULs; empty where they are in none."""
    if head[:2] in _UTF16:
        return _UTF16[head[:2]]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    share = max(even, odd) / max(len(head) // 2, 1)
    if share < _NUL_SHARE_LEAST or min(even, odd) > max(even, odd) / 2:
        return ""
    if share < _NUL_SHARE and decodes(head, UTF8):
        return ""
    return "utf-16-le" if odd >= even else "utf-16-be"


def encoding_of_head(head: bytes) -> str:
    """The encoding that the first bytes of a file are in; empty where it takes the whole file to tell."""
    if utf16 := utf16_of(head):
        return utf16
    if decodes(head, UTF8):
        return UTF8
    return GB18030 if decodes(head, GB18030, _is_chinese) else ""


def decodes(head: bytes, encoding: str, confirmed: Callable[[str], bool] = bool) -> bool:
    """Whether bytes, cut anywhere, are in an encoding, and their text ``confirmed``."""
    try:
        return confirmed(text_of_head(head, encoding))
    except UnicodeDecodeError:
        return False


def text_of_head(head: bytes, encoding: str) -> str:
    """The text of the first bytes of a file; a character that is cut at the end is left out.

    Raises:
        UnicodeDecodeError: they are not in ``encoding``.
    """
    return codecs.getincrementaldecoder(encoding)("strict").decode(head)


# ── what is said ─────────────────────────────────────────────────────────────────────────────────────────────────────


def read_as_gb18030(file: str) -> Finding:
    """The remark on a text in GB18030."""
    place = Place(file=file, row=1)
    return logged("ENCODING_GB18030", place, "按 GB18030 编码读取（不是 UTF-8）", "无需处理；可另存为 CSV UTF-8")


def read_as_utf16(file: str) -> Finding:
    """The remark on a text in UTF-16."""
    return logged("ENCODING_UTF16", Place(file=file, row=1), "按 UTF-16（Unicode 文本）读取")


def nuls_cut(place: Place, count: int) -> Finding:
    """The remark on NUL bytes that stray in a text, from the first of them."""
    return logged("TEXT_NORMALISED", place, f"含 {count} 个空字节（NUL），已去掉")


def broken_stream(path: Path, position: int, file: str) -> Finding:
    """The finding on bytes of a big file that no encoding explains."""
    with path.open("rb") as opened:
        feeds = returns = 0
        left = position
        while left > 0 and (chunk := opened.read(min(left, _HEAD_BYTES))):
            feeds, returns = feeds + chunk.count(b"\n"), returns + chunk.count(b"\r")
            left -= len(chunk)
        there = opened.read(_SHOWN_BYTES)
    return _broken_at(there, (feeds or returns) + 1, file)


def _broken(blob: bytes, position: int, file: str) -> Finding:
    return _broken_at(blob[position : position + _SHOWN_BYTES], _row_of(blob, position), file)


def _row_of(blob: bytes, position: int) -> int:
    return blob.count(b"\n" if b"\n" in blob else b"\r", 0, position) + 1


def _broken_at(there: bytes, row: int, file: str) -> Finding:
    return file_rejected(
        file,
        "ENCODING_BROKEN",
        "这一行的字节用 UTF-8、GB18030 都读不通，文件可能已损坏，未导入",
        "请重新导出，或用 WPS 打开检查该行后另存为 CSV UTF-8",
        row=row,
        value=there.hex(" "),
    )
