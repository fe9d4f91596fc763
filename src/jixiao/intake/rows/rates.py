"""The column of reported rates of a 预算执行情况表: its scale is decided by the amounts, its text kept as printed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from jixiao.domain.findings import Finding
from jixiao.intake.grids.cells import cell_text, decimals, rounded, says_nothing
from jixiao.intake.grids.grid import CellError, logged
from jixiao.intake.rows.printed_lines import PrintedLine
from jixiao.intake.rows.values import NotANumber, read_quantity
from jixiao.intake.tables.table import Table

# Above this a number in a rate column can be no share of 1, unless the money says so.
_SHARE_MAX = Decimal("1.5")
# A rate with more decimals than this was computed by the sheet, not typed; it is shown with two.
_COMPUTED_PLACES = 4
_USUAL_PLACES = 2
_PER_MILLE = re.compile(r"([+-]?\d+(?:\.\d+)?)‰")
_SHARE, _PERCENT_SIGN, _PERCENT, _MILLE, _OPEN = "小数", "百分号", "百分数", "千分号", "未定"
_SIGNED = frozenset({_PERCENT_SIGN, _MILLE})


def rate_readings(cell: object) -> tuple[tuple[Decimal, int], ...]:
    """Every reading of a rate cell as (percent, decimals): a bare number may be a share of 1 or a percentage."""
    text = cell_text(cell)
    if isinstance(cell, CellError) or not text or says_nothing(text):
        return ()
    if (mille := _per_mille(text)) is not None:
        return ((mille, decimals(mille)),)
    try:
        number, mark = read_quantity(cell)
    except NotANumber:
        return ()
    if decimals(number) > _COMPUTED_PLACES:  # a formula's result: exact as far as it goes, and no further
        number = rounded(number, _COMPUTED_PLACES)
    if mark == "%":
        return ((number, decimals(number)),)
    return (number, decimals(number)), (number * 100, max(0, decimals(number) - 2))


def _per_mille(text: str) -> Decimal | None:
    found = _PER_MILLE.fullmatch(unicodedata.normalize("NFKC", text).replace(" ", ""))
    return Decimal(found[1]) / 10 if found else None


class Rates:
    """The rates of some lines. ``forms`` are the ways in which they are written, with the rows of each."""

    def __init__(self, table: Table, lines: Sequence[PrintedLine]) -> None:
        self.table = table
        self.ignored: list[tuple[int, str]] = []
        self.forms: dict[str, list[int]] = {}
        self._numbers: dict[int, tuple[Decimal, str]] = {}
        for line in lines:
            cell = line.row.cells.get("reported_rate")
            if isinstance(cell, CellError):
                self.ignored.append((line.row.number, cell.text))
                continue
            read = self._read(line, cell)
            if read is not None:
                self.forms.setdefault(read[1], []).append(line.row.number)
                self._numbers[line.row.number] = read
        self._undecided()
        shown = [decimals(pct.normalize()) for pct, form in self._numbers.values() if form not in _SIGNED]
        self.places = max(shown, default=0)

    def _read(self, line: PrintedLine, cell: object) -> tuple[Decimal, str] | None:
        """The rate in percent and the way it is written; None for a blank, a placeholder or a text."""
        text = cell_text(cell)
        if not text or says_nothing(text):
            return None
        if (mille := _per_mille(text)) is not None:
            return mille, _MILLE
        try:
            number, mark = read_quantity(cell)
        except NotANumber:
            return None
        form = _PERCENT_SIGN if mark == "%" else self._form(line, number, cell)
        return (number * 100 if form == _SHARE else number), form

    def _form(self, line: PrintedLine, number: Decimal, cell: object) -> str:
        """百分数 (95.09) or 小数 (0.9509), by which of them the amounts are nearer to."""
        where = (line.row.number - 1, self.table.columns["reported_rate"])
        if where in self.table.grid.percent_cells and isinstance(cell, (int, float)):
            return _SHARE
        executed, budget = line.amounts.get("executed"), line.budget
        if executed is None or budget is None or budget.fen <= 0 or (executed.fen == 0 and number == 0):
            return _OPEN
        share = Decimal(executed.fen) / Decimal(budget.fen)
        return _SHARE if abs(number - share) <= abs(number / 100 - share) else _PERCENT

    def _undecided(self) -> None:
        """Where the amounts do not tell, the rest of the column does; alone, a number up to 1.5 is a share of 1."""
        rows = self.forms.pop(_OPEN, [])
        for row in rows:
            number, _ = self._numbers[row]
            others = {form: len(seen) for form, seen in self.forms.items() if form not in _SIGNED}
            form = max(others, key=lambda f: others[f]) if others else (_SHARE if number <= _SHARE_MAX else _PERCENT)
            self._numbers[row] = (number * 100 if form == _SHARE else number, form)
        for row in rows:
            self.forms.setdefault(self._numbers[row][1], []).append(row)

    def percent_of(self, line: PrintedLine) -> tuple[Decimal, int] | None:
        """The rate in percent with the decimals it shows; None where the line prints none."""
        _, pct, places = self.of(line)
        return None if pct is None else (pct, places)

    def of(self, line: PrintedLine) -> tuple[str, Decimal | None, int]:
        """Printed text, reading in percent, decimals of the print."""
        cell = line.row.cells.get("reported_rate")
        if isinstance(cell, CellError):
            return "", None, _USUAL_PLACES
        found = self._numbers.get(line.row.number)
        if found is None:
            return cell_text(cell), None, _USUAL_PLACES
        pct, form = found
        if form in _SIGNED:
            return cell_text(cell), pct, decimals(pct)
        where = (line.row.number - 1, self.table.columns["reported_rate"])
        shown = self.table.grid.percent_cells.get(where)
        places = max(self.places, shown or 0)
        if places > _COMPUTED_PLACES:  # the cell holds a formula's result: its format says what is printed
            places = _USUAL_PLACES if shown is None else shown
        printed = rounded(pct, places)
        return f"{printed:f}%", printed, places

    def findings(self, file: str, units: Mapping[int, str]) -> Iterator[Finding]:
        """Error values that were passed over, and a column written in several ways. ``units``: row → unit."""
        for row, text in self.ignored:
            place = self.table.place(file, row, "reported_rate")
            yield logged(
                "CELL_ERROR",
                place,
                f"执行率是错误值 {text}，已忽略并按金额重算",
                "请修复公式",
                value=text,
            ).in_unit(units.get(row, ""))
        if len(self.forms) > 1:
            rarest = min(self.forms, key=lambda form: (len(self.forms[form]), min(self.forms[form])))
            row = min(self.forms[rarest])
            place = self.table.place(file, row, "reported_rate")
            message = f"执行率列混用{'、'.join(self.forms)}，均以金额重算为准"
            yield logged("RATE_SCALE", place, message).in_unit(units.get(row, ""))
