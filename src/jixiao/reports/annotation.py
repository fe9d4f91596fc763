"""Annotated copies: what was read, with the faulty cells coloured and a comment that says what is wrong and how to mend it.

Made for the person who must mend the file. A copy is always a new file: the source is never touched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from jixiao.domain.findings import Finding, Severity
from jixiao.reports.plain_text import inert_text

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

    from jixiao.intake.grids.grid import Grid

# Yellow, orange, red, blue: told apart in print too, because each comment begins with its severity in words.
_COLOURS = {Severity.ERROR: "FFFFC7CE", Severity.QUESTION: "FFBDD7EE", Severity.WARNING: "FFFFEB9C"}
# Above this openpyxl needs minutes and gigabytes: the copy is then made of the values alone.
_KEEP_LOOK_BYTES = 4 * 2**20
_LIST_SHEET = "核对结果"
_LIST_HEAD = ("级别", "工作表", "行", "列", "问题", "怎么改", "代码")
_SHEET_NAME_MAX = 31
_SHEET_NAME_FORBIDDEN = re.compile(r"[\[\]:*?/\\]")
_CELL_TEXT_MAX = 32_767
_COMMENT_WIDTH, _COMMENT_HEIGHT = 320, 120
# Excel's own limits: a longer sheet goes on in the next one only in the outputs; here the copy follows the source.
_ROWS_MAX = 1_048_576
_WORKBOOK = ".xlsx"


@dataclass(frozen=True)
class Annotated:
    """A copy made: of which file, where it lies, how many findings it marks. ``marked`` of several findings in a cell
    counts each.
    """

    file: str
    path: Path
    marked: int


def annotate(path: Path, file: str, findings: Sequence[Finding], folder: Path) -> Annotated | None:
    """Write the annotated copy of a file below ``folder``; None where it holds no table or nothing is to be mended.

    ``file`` is its name in messages, which may have folders in it.

    Raises:
        OSError: the copy cannot be written.
    """
    told = [f for f in findings if f.severity in _COLOURS]
    if not told:
        return None
    made = _copy_of(path, file)
    if made is None:
        return None
    book, sheets, in_sheet_order = made
    marked = 0
    for name, of_sheet in _by_sheet(told, in_sheet_order).items():
        if name in sheets:
            marked += _mark(sheets[name], of_sheet)
    _list(book, told)
    target = _target(folder, file)
    target.parent.mkdir(parents=True, exist_ok=True)
    book.save(target)
    return Annotated(file, target, marked)


def _target(folder: Path, file: str) -> Path:
    """``子目录/支付明细（批注）.xlsx`` below ``folder``; a file of another type keeps its ending, so that no two collide."""
    parts = [part for part in PurePosixPath(file).parts if part not in {"", ".", "..", "/"}]
    stem = parts[-1].removesuffix(_WORKBOOK) if parts else "文件"
    return folder.joinpath(*parts[:-1], f"{stem}（批注）{_WORKBOOK}")


def _by_sheet(findings: Iterable[Finding], sheets: Sequence[str]) -> dict[str, list[Finding]]:
    """Findings by the sheet that they name; a file of one unnamed sheet has them all there."""
    only = sheets[0] if len(sheets) == 1 else ""
    found: dict[str, list[Finding]] = {}
    for f in findings:
        found.setdefault(f.place.sheet or only, []).append(f)
    return found


def _copy_of(path: Path, file: str) -> tuple[Any, dict[str, Worksheet], list[str]] | None:
    """The workbook to mark, its sheets by the name that findings use, and these names in order."""
    from jixiao.intake.grids.reading import read_content

    grids = read_content(path, file).grids
    if not grids:
        return None
    names = [grid.sheet for grid in grids]
    kept = _with_its_look(path)
    if kept is not None and set(names) <= set(kept.sheetnames):
        return kept, {name: kept[name] for name in names}, names
    return (*_of_values(grids), names)


def _with_its_look(path: Path) -> Any:
    """The workbook as openpyxl opens it, with its formats; None where it is no .xlsx, too big, or not to be opened."""
    import zipfile

    from openpyxl import load_workbook

    if path.stat().st_size > _KEEP_LOOK_BYTES or not zipfile.is_zipfile(path):
        return None
    try:
        return load_workbook(path, keep_links=False)
    except Exception:  # noqa: BLE001 - openpyxl raises KeyErrors and worse on odd files; the values are at hand
        return None


def _of_values(grids: Sequence[Grid]) -> tuple[Any, dict[str, Worksheet]]:
    """A plain workbook of what was read. Text stays text: nothing in it is a formula."""
    from openpyxl import Workbook

    from jixiao.intake.grids.cells import cell_text

    book = Workbook()
    book.remove(book.active) if book.active is not None else None
    sheets: dict[str, Worksheet] = {}
    for number, grid in enumerate(grids, start=1):
        sheet = book.create_sheet(_sheet_name(grid.sheet or "Sheet1", number, set(book.sheetnames)))
        sheets[grid.sheet] = sheet
        for r, row in enumerate(grid.rows[:_ROWS_MAX], start=1):
            for c, value in enumerate(row, start=1):
                if value is None or value == "":
                    continue
                cell = sheet.cell(r, c)
                if isinstance(value, (int, float)) and not isinstance(value, bool):
                    cell.value = value
                else:
                    cell.value = inert_text(cell_text(value))[:_CELL_TEXT_MAX]
                    cell.data_type = "s"
    return book, sheets


def _sheet_name(name: str, number: int, taken: set[str]) -> str:
    made = _SHEET_NAME_FORBIDDEN.sub("_", inert_text(name)).strip("'")[:_SHEET_NAME_MAX] or f"Sheet{number}"
    return made if made not in taken else f"{made[: _SHEET_NAME_MAX - 4]}_{number}"


def _mark(sheet: Worksheet, findings: Sequence[Finding]) -> int:
    """Colour the cells of a sheet's findings and comment them. A finding without a cell stands in the row's first one,
    without a row in A1.
    """
    from openpyxl.comments import Comment
    from openpyxl.styles import PatternFill

    by_cell: dict[str, list[Finding]] = {}
    for f in findings:
        if f.place.row:
            by_cell.setdefault(f"{f.place.column or 'A'}{min(f.place.row, _ROWS_MAX)}", []).append(f)
    for reference, found in by_cell.items():
        worst = min(found, key=lambda f: list(_COLOURS).index(f.severity))
        cell = _anchor(sheet, reference)
        cell.fill = PatternFill("solid", fgColor=_COLOURS[worst.severity])
        text = "\n".join(f"【{f.severity.chinese}】{inert_text(f.message)}\n怎么改：{inert_text(f.fix)}" for f in found)
        comment = Comment(text[:_CELL_TEXT_MAX], "jixiao")
        comment.width, comment.height = _COMMENT_WIDTH, _COMMENT_HEIGHT
        cell.comment = comment
    return sum(len(found) for found in by_cell.values())


def _anchor(sheet: Worksheet, reference: str) -> Any:
    """The cell, or the first one of the merged range that it lies in: only that one can be written."""
    from openpyxl.cell.cell import MergedCell

    cell = sheet[reference]
    if not isinstance(cell, MergedCell):
        return cell
    area = next(area for area in sheet.merged_cells.ranges if reference in area)
    return sheet.cell(area.min_row, area.min_col)


def _list(book: Any, findings: Sequence[Finding]) -> None:
    """A last sheet with every finding, so that those without a cell are seen as well."""
    from openpyxl.styles import Alignment, Font

    sheet = book.create_sheet(_sheet_name(_LIST_SHEET, len(book.sheetnames) + 1, set(book.sheetnames)))
    sheet.append(list(_LIST_HEAD))
    for f in findings:
        place = f.place
        row = (f.severity.chinese, place.sheet, place.row, place.column, f.message, f.fix, f.code)
        sheet.append([inert_text(value)[:_CELL_TEXT_MAX] if isinstance(value, str) else value for value in row])
        for cell in sheet[sheet.max_row]:
            if isinstance(cell.value, str):
                cell.data_type = "s"
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for column, width in zip("ABCDEFG", (8, 14, 6, 6, 70, 50, 22), strict=True):
        sheet.column_dimensions[column].width = width
    sheet.freeze_panes = "A2"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    if sheet.sheet_properties.pageSetUpPr is not None:
        sheet.sheet_properties.pageSetUpPr.fitToPage = True
