"""Bytes → grids: which reader a file is given to, by its content."""

from __future__ import annotations

import os
from pathlib import Path

from jixiao.intake.grids import limits
from jixiao.intake.grids.grid import (
    INPUT_SUFFIXES,
    FileContent,
    file_corrupt,
    file_rejected,
    file_skipped,
    suffix_of,
)

_SNIFF_BYTES = 65536


def read_content(path: Path, file: str) -> FileContent:
    """Read what a file holds. ``file`` is its name for messages.

    Recognised by content: zip, OLE, picture, markup, text; the extension only words the message when nothing fits.

    Raises:
        OSError: it cannot be read.
    """
    from jixiao.intake.grids import delimited, markup, workbooks
    from jixiao.intake.grids.remarks import file_too_large, nothing

    with path.open("rb") as opened:
        before = os.fstat(opened.fileno())
        head = opened.read(_SNIFF_BYTES)
        reader = (
            workbooks.read_container
            if workbooks.is_container(head)
            else markup.read_markup
            if markup.is_markup(head)
            else None
        )
        if reader is not None:
            blob = head + opened.read(limits.FILE_BYTES + 1 - len(head))
            after = os.fstat(opened.fileno())
            if len(blob) > limits.FILE_BYTES:
                return nothing(file_too_large(file, "文件太大"))
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                return nothing(file_corrupt(file, "读取时文件还在变化（可能还在复制或保存）"))
            return reader(blob, file)
    if why := workbooks.known_other_format(head):
        meant = suffix_of(file) in INPUT_SUFFIXES
        finding = file_corrupt(file, f"名称是「{suffix_of(file)}」，内容却{why}") if meant else file_skipped(file, why)
        return nothing(finding)
    if why := workbooks.old_format(head):
        return nothing(file_rejected(file, "KIND_UNKNOWN", why, "请用 WPS 或 Excel 另存为 .xlsx 后再放入"))
    return delimited.read_text_file(path, file)
