"""What is said of a container: that its name lies, that it is too large, what in it was never run. Findings in words.

Why a file is not opened comes as ``Refused`` (archives.py) and becomes a finding here.
"""

from __future__ import annotations

from collections.abc import Iterable

from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.intake.grids import limits
from jixiao.intake.grids.archives import Refused
from jixiao.intake.grids.grid import (
    Content,
    FileContent,
    column_letter,
    file_corrupt,
    file_rejected,
    logged,
    suffix_of,
)


def nothing(*findings: Finding) -> FileContent:
    """A file of which nothing is read, and why."""
    return FileContent(Content.NOTHING, findings=findings)


def refusal(file: str, refused: Refused) -> Finding:
    """The finding on a file that is not opened."""
    return file_too_large(file, refused.why) if refused.too_large else file_corrupt(file, refused.why)


def file_too_large(file: str, why: str) -> Finding:
    """A file that is whole, but bigger than is read in bounded memory."""
    return file_rejected(
        file,
        "FILE_TOO_LARGE",
        f"{why}，超出一次能读取的上限，未导入",
        "请在原系统导出为 CSV（不限行数），或按月份、单位分成几个文件后再放入",
    )


def type_findings(file: str, actual: str, expected: set[str]) -> tuple[Finding, ...]:
    """What is said of a file whose name says another type than its content."""
    suffix = suffix_of(file)
    if suffix == ".et":
        return (logged("WPS_ET", Place(file=file), "是 WPS 表格（.et），已读取"),)
    if suffix in expected:
        return ()
    message = f"扩展名是「{suffix or '无'}」，内容其实是 {actual}，已按内容读取"
    return (logged("FILE_TYPE_MISMATCH", Place(file=file), message),)


def macros_ignored(file: str) -> Finding:
    """Macros are never run, and that is said."""
    return logged(
        "MACROS_IGNORED", Place(file=file), "含有宏，没有运行，只读取了单元格", "无需处理；建议另存为不带宏的 .xlsx"
    )


def links_ignored(file: str) -> Finding:
    """Links to other files are never followed, and that is said."""
    message = "含有指向其他文件或数据源的链接，没有打开，数值以保存时为准"
    return logged("EXTERNAL_LINKS", Place(file=file), message, "请确认保存前已更新链接；建议把链接转为数值")


def too_long(file: str, sheet: str, places: Iterable[tuple[int, int, int]]) -> tuple[Finding, ...]:
    """Cells that hold more text than a cell can: each is left out, its row is read without it."""
    return tuple(
        Finding(
            code="CELL_TOO_LONG",
            severity=Severity.WARNING,
            place=Place(file, sheet, row + 1, column_letter(column)),
            message=f"这一格有 {length} 个字，超过单元格的上限 {limits.CELL_CHARACTERS} 个，没有读取这一格",
            fix="请检查这一格的内容，缩短后重新放入",
            value=str(length),
            expected=str(limits.CELL_CHARACTERS),
            outcome=Outcome.ACCEPT_WITH_WARNING,
        )
        for row, column, length in places
    )
