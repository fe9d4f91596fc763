"""预算执行情况表 → BudgetLine, with the sums and identities a printed table must hold. Other kinds are in rows.py.

Printed amounts may be rounded or cut: sums are compared as intervals (domain/interval.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from functools import reduce

from jixiao.domain.books import Amount, BudgetLine
from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.domain.interval import Interval, printed_interval
from jixiao.domain.money import MoneyUnit
from jixiao.domain.names import bare_name, comparable
from jixiao.intake.grids.cells import cell_text, decimals, says_nothing
from jixiao.intake.grids.grid import CellError, is_blank, logged
from jixiao.intake.money_sizes import is_jump, size_question
from jixiao.intake.rows.reader import ReadingOptions, RowReader, Rows, row_rejected
from jixiao.intake.rows.units import UnitFinder
from jixiao.intake.rows.values import Money, NotANumber, read_money, read_quantity
from jixiao.intake.tables.bodies import DataRow, row_list
from jixiao.intake.tables.column_maps import line_levels, line_parents
from jixiao.intake.tables.table import Table, money_unit_of

# Columns whose figures of one line are of one size.
_COMPARED = ("original", "adjusted", "executed")
_COLUMN_PAIRS_LEAST = 2
PHASES = ("original", "carry_and_adjust", "adjusted", "executed")
_PARTS = ("carry_in", "adjustments")
_PROJECTS, _BASIC = "项目支出", "基本支出"
_TOTAL_LEVEL, _GROUP_LEVEL, _LINE_LEVEL = 0, 1, 2
# Above this a number in a rate column can be no share of 1, unless the money says so.
_SHARE_MAX = Decimal("1.5")


@dataclass(frozen=True)
class _Line:
    """One line with its amounts as read, before the precision of the columns is known."""

    row: DataRow
    unit_code: str
    name: str
    money: dict[str, Money]


def read_execution(table: Table, finder: UnitFinder, options: ReadingOptions) -> Rows:
    """Type the lines of 预算执行情况表, level and parent included, and test identities and sums."""
    reader = RowReader(table, finder, options)
    try:
        units = {column: money_unit_of(table, column, options.money_unit) for column in (*PHASES, *_PARTS)}
    except ValueError as error:
        reader.out.findings.append(unsupported_unit(table, finder.file, str(error)))
        return reader.out
    notes = _Notes()

    def build(row: DataRow, unit_code: str) -> _Line | None:
        name = row.text("line_name")
        if not any(not is_blank(row.cells.get(column)) for column in (*PHASES, *_PARTS)) and not row.text(
            "reported_rate"
        ):
            return None
        if not name:
            place = table.place(finder.file, row.number, "line_name")
            message = f"「{table.label('line_name')}」是空的"
            reader.out.reject(
                row_rejected("REQUIRED_VALUE_EMPTY", place, message, "请填写项目名称", unit_code=unit_code)
            )
            return None
        money = _amounts(reader, row, unit_code, units, notes)
        return None if money is None else _Line(row, unit_code, name, money)

    out = reader.read(build)
    lines = [line for line in out.rows if isinstance(line, _Line)]
    out.findings += _remarks(table, finder.file, notes)
    out.rows = []
    by_unit: dict[str, list[_Line]] = {}
    for line in lines:
        by_unit.setdefault(line.unit_code, []).append(line)
    out.findings += _columns_apart(table, finder.file, lines, units)
    broken_units = {finding.unit_code for finding in out.findings if finding.outcome is Outcome.REJECT_ROW}
    for unit_code in sorted(by_unit):
        _one_unit(reader, by_unit[unit_code], units, whole=unit_code not in broken_units)
    return out


def _columns_apart(table: Table, file: str, lines: list[_Line], units: dict[str, MoneyUnit]) -> Iterator[Finding]:
    """A column that most lines make 10⁴ smaller than another, whose head states another unit: which unit is it in?"""
    stated = [column for column in _COMPARED if column in table.column_units]
    for column in (c for c in _COMPARED if c in table.columns and units[c] is MoneyUnit.YUAN):
        for other in (c for c in stated if units[c] is MoneyUnit.WAN):
            pairs = [
                (line, line.money[column], line.money[other])
                for line in lines
                if column in line.money and other in line.money and line.money[column].fen and line.money[other].fen
            ]
            jumps = [pair for pair in pairs if is_jump(pair[1].fen, pair[2].fen)]
            if len(pairs) < _COLUMN_PAIRS_LEAST or 2 * len(jumps) <= len(pairs):
                continue
            line, small, large = jumps[0]
            place = table.place(file, line.row.number, column)
            what = (
                f"「{line.name}」的「{table.label(column)}」{_shown(small.fen, MoneyUnit.YUAN)}，"
                f"同一行的「{table.label(other)}」{_shown(large.fen, MoneyUnit.WAN)}"
            )
            yield size_question(place, what, line.unit_code, cell_text(line.row.cells.get(column)))
            return


class _Notes:
    """Rows whose amounts were normalised, by what was done."""

    def __init__(self) -> None:
        self.normalised: list[tuple[int, str, str]] = []
        self.negative: list[tuple[int, str, str]] = []
        self.below_fen: list[tuple[int, str, str]] = []


def _amounts(
    reader: RowReader, row: DataRow, unit_code: str, units: dict[str, MoneyUnit], notes: _Notes
) -> dict[str, Money] | None:
    if reader.error_cell(row, unit_code, (*PHASES, *_PARTS)):
        return None
    table, found = reader.table, {}
    for column in (*PHASES, *_PARTS):
        cell = row.cells.get(column)
        required = column in {"adjusted", "executed"}
        if is_blank(cell) or (not required and says_nothing(cell_text(cell))):
            continue
        try:
            money = read_money(cell, units[column])
        except NotANumber:
            place = table.place(reader.file, row.number, column)
            message = f"「{table.label(column)}」写的是「{cell_text(cell)}」，不是金额"
            fix = "请填写金额；确实没有发生的填 0"
            reader.out.reject(
                row_rejected("REQUIRED_VALUE_EMPTY", place, message, fix, unit_code=unit_code, value=cell_text(cell))
            )
            return None
        found[column] = money
        seen = (row.number, column, cell_text(cell))
        if money.normalised:
            notes.normalised.append(seen)
        if money.negative_style:
            notes.negative.append(seen)
        if money.below_fen:
            notes.below_fen.append(seen)
    return found


def _remarks(table: Table, file: str, notes: _Notes) -> Iterator[Finding]:
    for code, seen, what in (
        ("NUMBER_NORMALISED", notes.normalised, "含货币符号、千分位、全角或空格，已转为数值"),
        ("NEGATIVE_STYLE", notes.negative, "用括号或后置负号表示负数，已转为负数"),
    ):
        if seen:
            row, column, text = seen[0]
            place = table.place(file, row, column)
            rows = row_list(sorted({number for number, _, _ in seen}))
            yield logged(code, place, f"第 {rows} 行的金额{what}", value=text)
    for row, column, text in notes.below_fen:
        place = table.place(file, row, column)
        yield Finding(
            code="SUB_CENT",
            severity=Severity.WARNING,
            place=place,
            message=f"「{table.label(column)}」{text} 有超过分的小数，按分截断入账",
            fix="请核对原始金额",
            value=text,
            outcome=Outcome.ACCEPT_WITH_WARNING,
        )
    if "month_executed" in table.columns:
        place = table.place(file, table.head_row + 1, "executed")
        month = table.label("month_executed")
        message = f"执行数取「{table.label('executed')}」（{place.column} 列），未取「{month}」"
        yield logged("PERIOD_BASIS", place, message, "如应取本月数，请只保留本月数一列")


def unsupported_unit(table: Table, file: str, unit: str) -> Finding:
    return unsupported_money(table.place(file, table.head_row + 1), unit)


def unsupported_money(place: Place, unit: str) -> Finding:
    """The finding that keeps out a file whose money is in 千元, 百万元 or 亿元."""
    return Finding(
        code="MONEY_UNIT_UNSUPPORTED",
        severity=Severity.ERROR,
        place=place,
        message=f"注明的金额单位是「{unit}」，只能导入元或万元，整个文件未导入",
        fix="请换算为元或万元后重新导出，并在表头写明单位",
        value=unit,
        outcome=Outcome.REJECT_FILE,
    )


def _one_unit(reader: RowReader, lines: list[_Line], units: dict[str, MoneyUnit], *, whole: bool) -> None:
    """Type the lines of one unit. ``whole``: none of its rows was rejected, so its sums can be tested."""
    table, out = reader.table, reader.out
    places = _places(lines, units)
    rates = _Rates(table, lines)
    typed: list[BudgetLine] = []
    parents = _Parents(lines, units, places).found
    for position, line in enumerate(lines, start=1):
        level = line_level(line.name)
        amounts = {
            column: Amount(money.fen, units[column], places[column])
            for column, money in line.money.items()
            if column in PHASES
        }
        if "carry_and_adjust" not in amounts and set(_PARTS) & set(line.money):
            parts = [column for column in _PARTS if column in line.money]
            fen = sum(line.money[column].fen for column in parts)
            amounts["carry_and_adjust"] = Amount(fen, units[parts[0]], max(places[column] for column in parts))
        rate, pct, rate_places = rates.of(line)
        built = BudgetLine(
            unit_code=line.unit_code,
            name=line.name,
            level=level,
            parent=parents.get(position, ""),
            position=position,
            original=amounts.get("original"),
            carry_and_adjust=amounts.get("carry_and_adjust"),
            adjusted=amounts.get("adjusted"),
            executed=amounts.get("executed"),
            reported_rate=rate,
            reported_rate_pct=pct,
            rate_places=rate_places,
            place=table.place(reader.file, line.row.number),
        )
        broken = _identity(reader, built)
        if broken:
            out.reject(broken)
            whole = False
            continue
        typed.append(built)
    out.findings += rates.findings(reader.file, lines[0].unit_code)
    out.findings += _overspent(reader, typed)
    if whole:
        out.findings += _sum_mismatches(reader, typed)
    total = next((line for line in typed if line.level == _TOTAL_LEVEL), None)
    if total and total.executed:
        out.control_fen = (out.control_fen or 0) + total.executed.fen
    out.rows += typed


class _Parents:
    """The line that each line of a unit belongs to, by position: 项目支出 for a project, the total where none stands.

    Below 基本支出 stand 人员经费 and 公用经费 alone, and what is printed between it and a 项目支出 that adds up without.
    """

    def __init__(self, lines: list[_Line], units: dict[str, MoneyUnit], places: dict[str, int]) -> None:
        self._lines, self._units, self._decimals = lines, units, places
        levels = [line_level(line.name) for line in lines]
        self._groups = [at for at, level in enumerate(levels) if level == _GROUP_LEVEL]
        self._projects = [at for at in self._groups if _is_projects(lines[at].name)]
        basic = next((lines[at].name for at in self._groups if at not in self._projects), "")
        total = next((line.name for line, level in zip(lines, levels, strict=True) if level == _TOTAL_LEVEL), "")
        self.found: dict[int, str] = {}
        between: list[int] = []
        for at, level in enumerate(levels):
            if level != _LINE_LEVEL:
                continue
            above = max((group for group in self._groups if group < at), default=None)
            if basic and line_parents().get(bare_name(lines[at].name)) == _BASIC:
                parent = basic
            elif above in self._projects:
                parent = lines[above or 0].name
            else:
                parent = next((lines[g].name for g in self._projects if g > at), "")
                if parent and above is not None:
                    between.append(at)
                parent = parent or (lines[self._projects[-1]].name if self._projects else total or _PROJECTS)
            self.found[at + 1] = parent
        if between and not self._adds_up(with_these=between) and self._adds_up(with_these=[]):
            self.found.update({at + 1: basic for at in between})

    def _adds_up(self, *, with_these: list[int]) -> bool:
        """Whether the projects below the first 项目支出, with some lines above it, give its print in every phase."""
        first = self._projects[0]
        end = next((group for group in self._groups if group > first), len(self._lines))
        members = [at for at in range(first + 1, end) if line_level(self._lines[at].name) == _LINE_LEVEL]
        members = [*with_these, *members]
        if not members:
            return False
        for phase in PHASES:
            printed = self._lines[first].money.get(phase)
            amounts = [money for at in members if (money := self._lines[at].money.get(phase)) is not None]
            if printed is None or not amounts:
                continue
            total = reduce(Interval.plus, (self._interval(money, phase) for money in amounts))
            if not total.meets(self._interval(printed, phase)):
                return False
        return True

    def _interval(self, money: Money, phase: str) -> Interval:
        return _interval(Amount(money.fen, self._units[phase], self._decimals[phase]))


def _places(lines: list[_Line], units: dict[str, MoneyUnit]) -> dict[str, int]:
    """The most decimals seen in each column. A column of nothing but zeros shows none: it is printed as the others."""
    places = dict.fromkeys(units, 0)
    silent = set(units)
    for line in lines:
        for column, money in line.money.items():
            places[column] = max(places[column], money.places)
            if money.fen:
                silent.discard(column)
    widest = max(places.values())
    return {column: max(shown, widest) if column in silent else shown for column, shown in places.items()}


def line_level(name: str) -> int:
    """0 total, 1 basic or project expenditure, 2 anything else; numbering and 其中： do not matter."""
    for reading in (comparable(name), bare_name(name), re.sub(r"[(:：].*$", "", bare_name(name))):
        if reading in _levels():
            return _levels()[reading]
    return _LINE_LEVEL


def _levels() -> dict[str, int]:
    return line_levels()


def _interval(amount: Amount) -> Interval:
    """The true values of a printed amount, in fen: rounded or cut, whichever."""
    if amount.is_exact:
        return Interval.point(amount.fen)
    value = Decimal(amount.fen) / amount.unit.fen
    return printed_interval(value, amount.places).scaled(amount.unit.fen)


def _printed(amount: Amount) -> str:
    """An amount as the table prints it, with its unit."""
    value = (Decimal(amount.fen) / amount.unit.fen).normalize()
    return f"{value:f} {amount.unit.value}"


def _shown(fen: int, unit: MoneyUnit) -> str:
    return f"{(Decimal(fen) / unit.fen).normalize():f} {unit.value}"


def _identity(reader: RowReader, line: BudgetLine) -> Finding | None:
    """年初 + 调整 = 调整后, within the print's precision."""
    original, change, adjusted = line.original, line.carry_and_adjust, line.adjusted
    if original is None or change is None or adjusted is None:
        return None
    if _interval(original).plus(_interval(change)).meets(_interval(adjusted)):
        return None
    table = reader.table
    place = table.place(reader.file, line.place.row, "adjusted")
    total = _shown(original.fen + change.fen, adjusted.unit)
    return row_rejected(
        "IDENTITY",
        place,
        f"「{line.name}」年初预算 {_printed(original)} ＋ 结转及追加追减 {_printed(change)} ＝ {total}，"
        f"与「{table.label('adjusted')}」{_printed(adjusted)} 不符，超出四舍五入或截位的误差",
        "请核对这三个数，改正其一",
        unit_code=line.unit_code,
        value=_printed(adjusted),
        expected=total,
    )


def _overspent(reader: RowReader, lines: list[BudgetLine]) -> Iterator[Finding]:
    for line in lines:
        if line.executed is None or line.adjusted is None or line.level == _TOTAL_LEVEL:
            continue
        if _interval(line.executed).low <= _interval(line.adjusted).high:
            continue
        place = reader.table.place(reader.file, line.place.row, "executed")
        yield Finding(
            code="OVERSPENT",
            severity=Severity.WARNING,
            place=place,
            message=(
                f"「{line.name}」实际支出 {_printed(line.executed)} 超过调整预算 "
                f"{_printed(line.adjusted)}，需填写超支原因"
            ),
            fix="请填写原因，或更正金额",
            unit_code=line.unit_code,
            value=_printed(line.executed),
            expected=f"≤ {_printed(line.adjusted)}",
            outcome=Outcome.ACCEPT_WITH_WARNING,
        )


def _sum_mismatches(reader: RowReader, lines: list[BudgetLine]) -> Iterator[Finding]:
    """项目 add up to 项目支出, 基本支出 and 项目支出 to the total, in each of the four phases.

    Where no 项目支出 is printed the projects stand beside 基本支出: what lacks then is a warning, the rows may be a choice.
    """
    totals = [line for line in lines if line.level == _TOTAL_LEVEL]
    groups = [line for line in lines if line.level == _GROUP_LEVEL]
    for group in groups:
        if _is_projects(group.name):
            children = [line for line in lines if line.level == _LINE_LEVEL and line.parent == group.name]
            yield from _compare(reader, group, children)
    has_projects = any(_is_projects(group.name) for group in groups)
    if len(totals) != 1:
        return
    if has_projects and len(groups) > 1:
        yield from _compare(reader, totals[0], groups)
    elif groups and not has_projects:
        direct = [line for line in lines if line.level == _LINE_LEVEL and line.parent == totals[0].name]
        for finding in _compare(reader, totals[0], [*groups, *direct]) if direct else ():
            yield replace(finding, severity=Severity.WARNING, outcome=Outcome.ACCEPT_WITH_WARNING)


def _is_projects(name: str) -> bool:
    return bare_name(name).startswith(_PROJECTS)


def _compare(reader: RowReader, parent: BudgetLine, children: list[BudgetLine]) -> Iterator[Finding]:
    partial = any(comparable(child.name).startswith("其中") for child in children) and parent.level != _TOTAL_LEVEL
    for phase in PHASES:
        printed: Amount | None = getattr(parent, phase)
        amounts: list[Amount | None] = [getattr(child, phase) for child in children]
        stated = [amount for amount in amounts if amount is not None]
        if printed is None or not stated or len(stated) < len(amounts):
            continue
        total = reduce(Interval.plus, (_interval(amount) for amount in stated))
        fen = sum(amount.fen for amount in stated)
        if total.meets(_interval(printed)) or (partial and fen < printed.fen):
            continue
        finding = _sum_mismatch(reader, parent, phase, fen=fen, count=len(stated))
        excess = _overspend_fen(children) if phase == "executed" else 0
        # A line overspent by just this difference is one fault, said by OVERSPENT already: the file stays readable.
        if excess and fen - printed.fen == excess:
            finding = replace(finding, severity=Severity.WARNING, outcome=Outcome.ACCEPT_WITH_WARNING)
        yield finding


def _overspend_fen(lines: list[BudgetLine]) -> int:
    return sum(
        max(0, line.executed.fen - line.adjusted.fen)
        for line in lines
        if line.executed is not None and line.adjusted is not None
    )


def _sum_mismatch(reader: RowReader, parent: BudgetLine, phase: str, *, fen: int, count: int) -> Finding:
    table = reader.table
    printed: Amount = getattr(parent, phase)
    place = table.place(reader.file, parent.place.row, phase)
    column = table.label(phase if phase in table.columns else _PARTS[0])
    total = _shown(fen, printed.unit)
    return Finding(
        code="SUM_MISMATCH",
        severity=Severity.ERROR,
        place=place,
        message=(
            f"「{parent.name}」的「{column}」是 {_printed(printed)}，下级 {count} 行合计 {total}，"
            f"相差 {_shown(fen - printed.fen, printed.unit)}，超出四舍五入或截位的误差"
        ),
        fix="请核对是否漏行、多行或录错；只导出了一页时请导出全部",
        unit_code=parent.unit_code,
        value=_printed(printed),
        expected=total,
        outcome=Outcome.REJECT_FILE,
    )


class _Rates:
    """The column of reported rates: its scale is decided by executed ÷ adjusted, its text kept as printed."""

    def __init__(self, table: Table, lines: list[_Line]) -> None:
        self.table = table
        self.ignored: list[tuple[int, str]] = []
        self.forms: dict[str, list[int]] = {}
        self._numbers: dict[int, tuple[Decimal, str]] = {}
        for line in lines:
            cell = line.row.cells.get("reported_rate")
            if isinstance(cell, CellError):
                self.ignored.append((line.row.number, cell.text))
                continue
            text = cell_text(cell)
            if not text or says_nothing(text):
                continue
            try:
                number, mark = read_quantity(cell)
            except NotANumber:
                continue
            form = "百分号" if mark == "%" else self._form(line, number, cell)
            self.forms.setdefault(form, []).append(line.row.number)
            self._numbers[line.row.number] = (number * 100 if form == "小数" else number, form)
        self._undecided()
        shown = [decimals(pct.normalize()) for pct, form in self._numbers.values() if form != "百分号"]
        self.places = max(shown, default=0)

    def _form(self, line: _Line, number: Decimal, cell: object) -> str:
        """百分数 (95.09) or 小数 (0.9509), by which of them the amounts are nearer to."""
        where = (line.row.number - 1, self.table.columns["reported_rate"])
        if where in self.table.grid.percent_cells and isinstance(cell, (int, float)):
            return "小数"
        executed, adjusted = line.money.get("executed"), line.money.get("adjusted")
        if executed is None or adjusted is None or adjusted.fen <= 0 or (executed.fen == 0 and number == 0):
            return "未定"
        share = Decimal(executed.fen) / Decimal(adjusted.fen)
        return "小数" if abs(number - share) <= abs(number / 100 - share) else "百分数"

    def _undecided(self) -> None:
        """Where the amounts do not tell, the rest of the column does; alone, a number up to 1.5 is a share of 1."""
        rows = self.forms.pop("未定", [])
        for row in rows:
            number, _ = self._numbers[row]
            others = {form: len(seen) for form, seen in self.forms.items() if form != "百分号"}
            form = max(others, key=lambda f: others[f]) if others else ("小数" if number <= _SHARE_MAX else "百分数")
            self._numbers[row] = (number * 100 if form == "小数" else number, form)
        for row in rows:
            self.forms.setdefault(self._numbers[row][1], []).append(row)

    def of(self, line: _Line) -> tuple[str, Decimal | None, int]:
        """Printed text, reading in percent, decimals of the print."""
        cell = line.row.cells.get("reported_rate")
        if isinstance(cell, CellError):
            return "", None, _USUAL_PLACES
        found = self._numbers.get(line.row.number)
        if found is None:
            return cell_text(cell), None, _USUAL_PLACES
        pct, form = found
        if form == "百分号":
            return cell_text(cell), pct, decimals(pct)
        where = (line.row.number - 1, self.table.columns["reported_rate"])
        shown = self.table.grid.percent_cells.get(where)
        places = max(self.places, shown or 0)
        if places > _COMPUTED_PLACES:  # the cell holds a formula's result: its format says what is printed
            places = _USUAL_PLACES if shown is None else shown
        printed = pct.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
        return f"{printed:f}%", printed, places

    def findings(self, file: str, unit_code: str) -> Iterator[Finding]:
        for row, text in self.ignored:
            place = self.table.place(file, row, "reported_rate")
            yield logged(
                "CELL_ERROR",
                place,
                f"执行率是错误值 {text}，已忽略并按金额重算",
                "请修复公式",
                value=text,
            ).in_unit(unit_code)
        if len(self.forms) > 1:
            rarest = min(self.forms, key=lambda form: (len(self.forms[form]), min(self.forms[form])))
            place = self.table.place(file, min(self.forms[rarest]), "reported_rate")
            message = f"执行率列混用{'、'.join(self.forms)}，均以金额重算为准"
            yield logged("RATE_SCALE", place, message).in_unit(unit_code)


# A rate with more decimals than this was computed by the sheet, not typed; it is shown with two.
_COMPUTED_PLACES = 4
_USUAL_PLACES = 2
