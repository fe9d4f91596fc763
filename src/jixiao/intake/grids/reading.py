"""Bytes → grids: which reader a file is given to, by its content."""

from __future__ import annotations

from pathlib import Path

from jixiao.intake.grids.grid import INPUT_SUFFIXES, Content, FileContent, file_corrupt, file_skipped, suffix_of

_SNIFF_BYTES = 65536


def read_content(path: Path, file: str) -> FileContent:
    """Read what a file holds. ``file`` is its name for messages.

    Recognised by content: zip, OLE, picture, text; the extension only words the message when nothing fits.

    Raises:
        OSError: it cannot be read.
    """
    from jixiao.intake.grids import delimited, markup, workbooks

    with path.open("rb") as opened:
        head = opened.read(_SNIFF_BYTES)
    if workbooks.is_container(head):
        return workbooks.read_container(path.read_bytes(), file)
    if why := workbooks.known_other_format(head):
        meant = suffix_of(file) in INPUT_SUFFIXES
        finding = file_corrupt(file, f"名称是「{suffix_of(file)}」，内容却{why}") if meant else file_skipped(file, why)
        return FileContent(Content.NOTHING, findings=(finding,))
    if markup.is_markup(head):
        return markup.read_markup(path.read_bytes(), file)
    return delimited.read_text_file(path, file)
