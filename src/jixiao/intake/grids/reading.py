"""Bytes → grids: which reader a file is given to, by its content."""

from __future__ import annotations

from jixiao.intake.grids.grid import INPUT_SUFFIXES, Content, FileContent, file_corrupt, file_skipped, suffix_of


def read_content(blob: bytes, file: str) -> FileContent:
    """Read what the bytes of a file hold. ``file`` is its name for messages.

    Recognised by content: zip, OLE, picture, text; the extension only words the message when nothing fits.
    """
    from jixiao.intake.grids import delimited, markup, workbooks

    if workbooks.is_container(blob):
        return workbooks.read_container(blob, file)
    if why := workbooks.known_other_format(blob):
        meant = suffix_of(file) in INPUT_SUFFIXES
        finding = file_corrupt(file, f"名称是「{suffix_of(file)}」，内容却{why}") if meant else file_skipped(file, why)
        return FileContent(Content.NOTHING, findings=(finding,))
    if markup.is_markup(blob):
        return markup.read_markup(blob, file)
    return delimited.read_text(blob, file)
