"""Text from the books made inert for what we print: XML, HTML, CSV, file names. The printing is in the neighbours.

Everything an office hands in is a stranger's text: it may hold control characters that XML cannot hold, marks that turn
the reading direction, or a beginning that a spreadsheet runs as a formula. None of it may act.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

# Controls but tab and line feed, half surrogates, non-characters; marks that reorder what a reader sees (“exe.xslx”).
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)
_LINE_ENDS = re.compile("\r\n|\r|\x85|\u2028|\u2029")
# What a spreadsheet may be left to evaluate: a number, perhaps signed, perhaps after “=”, with a short unit (=100%,
# -4.91%, =500项). No bracket, bar, colon, quote or letter can stand in it, so it reaches no function and no program.
_HARMLESS = re.compile(r"=?[-+]?[\d.,]+[%‰\u4e00-\u9fff]{0,6}")
_RUNS_IN_A_SPREADSHEET = ("=", "+", "-", "@")
# Blanks and characters without width, which may stand before a formula and hide it; not in ``isspace`` alone.
_INVISIBLE_BEGINNING = re.compile(
    "^[\\s\x00-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0]+"
)
_HIDES_A_BEGINNING = ("\t", "\r", "\n", "\0")
_UNSAFE_IN_NAMES = re.compile(r"[^0-9A-Za-z\u3400-\u4dbf\u4e00-\u9fff（）._-]+")
_DEVICE_NAMES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_NAME_LENGTH = 60


def inert_text(text: str) -> str:
    """Return ``text`` without characters that a document cannot hold; line ends become a line feed."""
    if text.isprintable():  # nearly every text: worth not searching twice
        return text
    return _UNPRINTABLE.sub("", _LINE_ENDS.sub("\n", text))


def one_line(text: str) -> str:
    """Return ``text`` on one line, for subjects, headers and file names."""
    return " ".join(inert_text(text).split())


def csv_text(text: str) -> str:
    """Return ``text`` as a CSV cell that no spreadsheet runs: an apostrophe stands before what could be a formula."""
    clean = inert_text(text)
    if text.startswith(_HIDES_A_BEGINNING) or clean.startswith(_HIDES_A_BEGINNING):
        return f"'{clean}"
    read = _as_a_spreadsheet_reads(clean)
    runs = read.startswith(_RUNS_IN_A_SPREADSHEET) and not _HARMLESS.fullmatch(read)
    return f"'{clean}" if runs else clean


def _as_a_spreadsheet_reads(text: str) -> str:
    """Full-width signs as their plain ones, without invisible characters or blanks at the beginning."""
    if text.isascii():
        return text.lstrip()
    return _INVISIBLE_BEGINNING.sub("", unicodedata.normalize("NFKC", text))


def safe_name(text: str, *, most_bytes: int = 0) -> str:
    """Return ``text`` as one path segment on any system. Where something had to change, a short hash keeps it distinct.

    ``301002`` stays ``301002``; ``../../etc`` names no other folder; ``con`` is not a device. ``most_bytes`` is how long
    the segment may be in UTF-8, hash and all (0: only the number of characters is limited).
    """
    name = _UNSAFE_IN_NAMES.sub("_", text).strip("._ ")[:_NAME_LENGTH].rstrip(".")
    fits = not most_bytes or len(name.encode()) <= most_bytes
    if name and name == text and fits and not _DEVICE_NAMES.fullmatch(name):
        return name
    return marked_name(text, name, most_bytes=most_bytes)


def marked_name(text: str, name: str, *, most_bytes: int = 0) -> str:
    """``name``, cut to ``most_bytes`` (0: whole) with a short hash of ``text`` behind it."""
    mark = f"-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
    if most_bytes:
        name = name.encode()[: max(0, most_bytes - len(mark))].decode("utf-8", "ignore").rstrip("._ ")
    return f"{name.replace('.', '_') or 'unit'}{mark}"
