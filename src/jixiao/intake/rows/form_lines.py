"""The fund rows of a form → BudgetLine: exact amounts in the unit that the block prints, 执行率 as printed.

Cells: form_cells.py. Where the block stands: tables/form_blocks.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from jixiao.domain.books import Amount, BudgetLine, Kind
from jixiao.domain.money import MoneyUnit
from jixiao.intake.grids.cells import cell_text, decimals, says_nothing
from jixiao.intake.grids.grid import CellError, is_blank, logged
from jixiao.intake.rows.form_cells import FormCells
from jixiao.intake.rows.values import Money, NotANumber, read_money, read_quantity
from jixiao.intake.tables.form_blocks import AMOUNTS, FundBlock, is_total_of_funds
from jixiao.intake.tables.table import UNSUPPORTED_MONEY_UNITS

# 0.95 and 95 are both written for 95 %; without amounts to tell, a share beyond this is a percentage.
_SHARE_MOST = Decimal("1.5")
_USUAL_PLACES = 2
# The budget of the whole country has 15 digits in 元; what is longer is a slip, and fits no store.
_FEN_MOST = 10**17
_SPOKEN = {"executed": "执行数", "original": "预算数"}


class FundReader:
    """The fund block of one form."""

    def __init__(self, cells: FormCells, fund: FundBlock, given: MoneyUnit | None) -> None:
        self.cells, self.fund, self.given = cells, fund, given

    def read(self) -> list[BudgetLine]:
        """The lines in their order; a row with an unreadable amount is rejected, one without anything is none."""
        unit = self._money_unit()
        if unit is None:
            return []
        read = [(row, at, self._amounts(row, unit)) for row, at in self.fund.rows]
        lines = list(self._lines(read, unit))
        self._remark_blank_total(lines)
        return lines

    def _money_unit(self) -> MoneyUnit | None:
        form = self.cells.form
        stated = self.fund.money_unit or form.title.money_unit
        if stated in UNSUPPORTED_MONEY_UNITS:
            from jixiao.intake.rows.execution import unsupported_money

            place = form.place(self.cells.file, self.fund.head_row)
            self.cells.out.findings.append(unsupported_money(place, stated))
            return None
        return MoneyUnit(stated) if stated else self.given or MoneyUnit.YUAN

    def _lines(self, read: list[tuple[int, int, dict[str, Money] | None]], unit: MoneyUnit) -> Iterator[BudgetLine]:
        places = {name: max((m[name].places for _, _, m in read if m and name in m), default=0) for name in AMOUNTS}
        columns = self.fund.columns
        total_row = self._total_row()
        total_name = ""
        for position, (row, at, money) in enumerate(read):
            if money is None:
                continue
            name = self._name(row, at)
            level = 0 if row == total_row else 1
            total_name = total_name or (name if level == 0 else "")
            amounts = {key: Amount(money[key].fen, unit, places[key]) if key in money else None for key in AMOUNTS}
            text, pct, shown = self._rate(row, amounts)
            if not name and not any(amounts.values()) and not text:
                self.cells.out.fillers += 1
                continue
            yield BudgetLine(
                unit_code=self.cells.unit_code,
                name=name,
                level=level,
                parent=total_name if level else "",
                position=position,
                original=amounts["original"],
                carry_and_adjust=amounts["carry_and_adjust"],
                adjusted=amounts["adjusted"],
                executed=amounts["executed"],
                reported_rate=text,
                reported_rate_pct=pct,
                rate_places=shown,
                place=self.cells.form.place(self.cells.file, row),
                project=self.cells.project,
                points=self.cells.points(row, columns.get("points", -1), "分值"),
                score=self.cells.points(row, columns.get("score", -1), "得分"),
                forecast=amounts["forecast"],
            )

    def _total_row(self) -> int:
        """The row of the whole: named so, else the first."""
        named = (row for row, at in self.fund.rows if is_total_of_funds(self._name(row, at)))
        return next(named, self.fund.rows[0][0] if self.fund.rows else -1)

    def _name(self, row: int, at: int) -> str:
        return " ".join(cell_text(self.cells.cell(row, at)).rstrip("：:").split())

    def _remark_blank_total(self, lines: list[BudgetLine]) -> None:
        """A form whose total row is not filled in says nothing of the money."""
        needed = "original" if self.cells.form.kind is Kind.GOALS_FORM else "executed"
        total = next((line for line in lines if line.level == 0), None)
        at = self.fund.columns.get(needed, -1)
        if total is None or getattr(total, needed) is not None:
            return
        row = (total.place.row or 1) - 1
        if at < 0 and needed == "executed":
            return  # the form has no such column
        if at >= 0 and says_nothing(self.cells.shown(row, at)) and self.cells.shown(row, at):
            return
        head = self._head(at) or _SPOKEN[needed]
        message = f"「{total.name or '资金总额'}」的「{head}」没有填写，空白不等于 0"
        fix = "请填写金额；没有发生的填 0，不涉及的填「—」"
        self.cells.warn("REQUIRED_VALUE_EMPTY", row, at if at >= 0 else None, message, fix)

    def _head(self, at: int) -> str:
        return "".join(self.fund.heads.get(at, "").split())

    def _amounts(self, row: int, unit: MoneyUnit) -> dict[str, Money] | None:
        """The amounts of a fund row; None with the finding where one cannot be read: the row is rejected."""
        found: dict[str, Money] = {}
        for name in AMOUNTS:
            at = self.fund.columns.get(name, -1)
            cell = self.cells.cell(row, at)
            if at < 0 or is_blank(cell) or (isinstance(cell, str) and says_nothing(cell)):
                continue
            head = self._head(at) or "金额"
            if isinstance(cell, CellError):
                self.cells.reject_error(row, at, head, cell)
                return None
            shown = cell_text(cell)
            try:
                money = read_money(cell, unit)
            except NotANumber:
                money = None
            if money is None or abs(money.fen) > _FEN_MOST:
                message = f"「{head}」写的是「{shown}」，不是金额"
                self.cells.reject("REQUIRED_VALUE_EMPTY", row, at, message, "请填写金额；没有发生的填 0", value=shown)
                return None
            self._remark(money, row, at, shown)
            found[name] = money
        return found

    def _remark(self, money: Money, row: int, at: int, shown: str) -> None:
        place = self.cells.form.place(self.cells.file, row, at)
        findings = self.cells.out.findings
        if money.negative_style:
            findings.append(logged("NEGATIVE_STYLE", place, "用括号或后置负号表示负数，已转为负数", value=shown))
        elif money.normalised:
            message = "金额含货币符号、千分位、全角、空格或单位，已转为数值"
            findings.append(logged("NUMBER_NORMALISED", place, message, value=shown))
        if money.below_fen:
            message = f"「{self._head(at) or '金额'}」{shown} 有超过分的小数，按分截断入账"
            self.cells.warn("SUB_CENT", row, at, message, "请核对原始金额", value=shown)

    def _rate(self, row: int, amounts: dict[str, Amount | None]) -> tuple[str, Decimal | None, int]:
        """执行率 as printed, in percent, and its decimals."""
        at = self.fund.columns.get("execution_rate", -1)
        cell = self.cells.cell(row, at)
        if at < 0 or is_blank(cell):
            return "", None, _USUAL_PLACES
        if isinstance(cell, CellError):
            place = self.cells.form.place(self.cells.file, row, at)
            message = f"执行率是错误值 {cell.text}，已忽略并按金额重算"
            self.cells.out.findings.append(logged("CELL_ERROR", place, message, "请修复公式", value=cell.text))
            return "", None, _USUAL_PLACES
        text = self.cells.shown(row, at)
        try:
            number, unit = read_quantity(text)
        except NotANumber:
            return text, None, _USUAL_PLACES
        pct = number if unit == "%" else _in_percent(number, amounts)
        return text, pct, max(0, decimals(number) - (0 if pct == number else _USUAL_PLACES))


def _in_percent(number: Decimal, amounts: dict[str, Amount | None]) -> Decimal:
    """A rate without a sign: the reading, 0.95 or 95, that the amounts come nearest to."""
    base, spent = amounts["adjusted"] or amounts["original"], amounts["executed"]
    if base and spent and base.fen:
        true = Decimal(spent.fen) * 100 / base.fen
        return min((number, number * 100), key=lambda pct: abs(pct - true))
    return number * 100 if abs(number) <= _SHARE_MOST else number
