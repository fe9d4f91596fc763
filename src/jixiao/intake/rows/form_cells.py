"""The cells of a form as its rows read them: texts as the sheet shows them, points, errors with their place.

Used by form_lines.py (funds) and form_indicators.py; the form as a whole is in forms.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from jixiao.domain.findings import Finding, Outcome, Severity
from jixiao.intake.grids.cells import cell_text, decimals, percent_text, says_nothing
from jixiao.intake.grids.grid import CellError
from jixiao.intake.rows.reader import Rows, row_rejected
from jixiao.intake.rows.values import NotANumber, read_quantity
from jixiao.intake.tables.forms import FormTable

_POINT_UNITS = frozenset({"", "分", "%"})
_PERCENT = Decimal(100)


@dataclass
class FormCells:
    """One form while it is read: its cells, whose it is, and what was found so far."""

    form: FormTable
    file: str
    project: str = ""
    unit_code: str = ""
    out: Rows = field(default_factory=Rows)

    def cell(self, row: int, at: int) -> object:
        cells = self.form.grid.rows[row]
        return cells[at] if 0 <= at < len(cells) else None

    def shown(self, row: int, at: int) -> str:
        """A cell as the sheet shows it: 95% for 0.95 in a percent format, 10.50 for 10.5 with two decimals."""
        cell = self.cell(row, at)
        if isinstance(cell, CellError):
            return cell.text
        if isinstance(cell, (int, float)) and not isinstance(cell, bool):
            if (row, at) in self.form.grid.percent_cells:
                return percent_text(cell, self.form.grid.percent_cells[row, at])
            text = cell_text(cell)
            places = self.form.grid.shown_places.get((row, at), 0)
            short = places - decimals(Decimal(text))
            return f"{Decimal(text):.{places}f}" if short > 0 else text
        return cell_text(cell)

    def points(self, row: int, at: int, what: str) -> Decimal | None:
        """Printed 分值 or 得分; None where blank or left out. A text there is a warning, the row stays.

        A share of the hundred (10%, or 0.1 in a percent format) is that many points.
        """
        cell = self.cell(row, at)
        text = self.shown(row, at)
        if at < 0 or not text or (isinstance(cell, str) and says_nothing(text)):
            return None
        if isinstance(cell, CellError):
            self.warn(
                "CELL_ERROR", row, at, f"「{what}」是错误值 {text}，按未填处理", "请修复公式，或填入数值", value=text
            )
            return None
        try:
            number, unit = read_quantity(text if (row, at) in self.form.grid.percent_cells else cell)
        except NotANumber:
            number, unit = None, ""
        if number is None or unit not in _POINT_UNITS or (unit == "%" and not 0 <= number <= _PERCENT):
            self.warn(
                "NUMBER_UNREADABLE",
                row,
                at,
                f"「{what}」写的是「{text}」，不是数字，按未填处理",
                "请改成数字",
                value=text,
            )
            return None
        return number

    def warn(
        self, code: str, row: int, at: int | None, message: str, fix: str, *, value: str = "", indicator: str = ""
    ) -> None:
        """A warning at a cell; the row stays."""
        self.out.findings.append(
            Finding(
                code=code,
                severity=Severity.WARNING,
                place=self.form.place(self.file, row, at),
                message=message,
                fix=fix,
                unit_code=self.unit_code,
                indicator=indicator,
                value=value,
                outcome=Outcome.ACCEPT_WITH_WARNING,
            )
        )

    def reject(self, code: str, row: int, at: int, message: str, fix: str, *, value: str) -> None:
        """The finding that keeps a row out."""
        place = self.form.place(self.file, row, at)
        self.out.reject(row_rejected(code, place, message, fix, unit_code=self.unit_code, value=value))

    def reject_error(self, row: int, at: int, head: str, error: CellError) -> None:
        """A row whose cell holds an error value is kept out."""
        if error.formula_without_value:
            message = f"「{head}」是公式，但文件里没有保存计算结果"
            fix = "请用 WPS 或 Excel 打开、重新计算并保存，或改成数值"
            self.reject("FORMULA_NO_VALUE", row, at, message, fix, value=error.text)
            return
        message = f"「{head}」是错误值 {error.text}"
        self.reject("CELL_ERROR", row, at, message, "请修复公式，或填入数值", value=error.text)
