"""预算执行情况表 → BudgetLine, with the sums and identities a printed table must hold. Other kinds are in reader.py.

The steps, each in its own file: printed_lines.py (rows with their amounts), budget_columns.py (what 调整预算数 means),
line_tree.py (parents, 其中), line_sums.py (what must add up), rates.py (执行率).
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from jixiao.domain.books import BudgetLine
from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.domain.money import MoneyUnit
from jixiao.domain.names import bare_name, comparable
from jixiao.intake.grids.cells import cell_text, says_nothing
from jixiao.intake.grids.grid import CellError, is_blank, logged
from jixiao.intake.money_sizes import is_jump, size_question
from jixiao.intake.rows.budget_columns import settle
from jixiao.intake.rows.code_lists import (
    CLASS_DIGITS,
    CodeListName,
    code_list,
    conflicts,
    split_code,
    unknown_codes,
)
from jixiao.intake.rows.line_sums import Relation, Sums, print_style, relations_of
from jixiao.intake.rows.line_tree import LineTree, is_subject_code, parent_names, tree_of
from jixiao.intake.rows.printed_lines import (
    LINE_LEVEL,
    MONEY_COLUMNS,
    PHASES,
    TOTAL_LEVEL,
    PrintedLine,
    amounts_of,
    column_places,
    line_level,
    money_text,
)
from jixiao.intake.rows.rates import Rates
from jixiao.intake.rows.reader import ReadingOptions, RowReader, Rows, row_rejected
from jixiao.intake.rows.units import UnitFinder
from jixiao.intake.rows.values import Money, NotANumber, read_code, read_money
from jixiao.intake.tables.bodies import DataRow, row_list
from jixiao.intake.tables.table import Table, money_unit_of

__all__ = ["PHASES", "line_level", "read_execution", "unsupported_money", "unsupported_unit"]

# Columns whose figures of one line are of one size.
_COMPARED = ("original", "adjusted", "executed")
_COLUMN_PAIRS_LEAST = 2
_REQUIRED = frozenset({"adjusted", "executed"})
# The 科目 of a row: its code, and its name where the project has a column of its own.
_CODE_COLUMNS = ("function_code", "economic_code")
_SUBJECT_NAMES = {
    "function_name": CodeListName.EXPENDITURE_FUNCTIONS,
    "economic_name": CodeListName.DEPARTMENT_ECONOMIC,
}
_SUBJECT_LISTS = {
    "function_code": CodeListName.EXPENDITURE_FUNCTIONS,
    "economic_code": CodeListName.DEPARTMENT_ECONOMIC,
}
_SUBJECT_WORDS = ("科目", "功能分类", "经济分类")
_UNIT_COLUMNS = ("unit_code", "unit_name")
_SUBTOTALS = frozenset({"小计"})
_WIDE = frozenset("WF")


@dataclass
class _Notes:
    """Rows whose amounts were normalised, by what was done; rows that state no amount."""

    normalised: list[tuple[int, str, str]] = field(default_factory=list)
    negative: list[tuple[int, str, str]] = field(default_factory=list)
    below_fen: list[tuple[int, str, str]] = field(default_factory=list)
    without_amount: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True)
class _Unit:
    """The rows of one unit, sorted out. ``whole``: none of them was rejected, so that sums can be tested."""

    code: str
    lines: tuple[PrintedLine, ...]
    tree: LineTree
    parents: dict[int, str]
    whole: bool

    @property
    def relations(self) -> tuple[Relation, ...]:
        return tuple(relations_of(self.lines, self.tree, self.parents)) if self.whole else ()

    @property
    def kept(self) -> list[int]:
        return [at for at in range(len(self.lines)) if self.tree.is_line(at)]


def read_execution(table: Table, finder: UnitFinder, options: ReadingOptions) -> Rows:
    """Type the lines of 预算执行情况表, level and parent included, and test identities and sums."""
    try:
        units = {column: money_unit_of(table, column, options.money_unit) for column in MONEY_COLUMNS}
    except ValueError as error:
        return Rows(findings=[unsupported_unit(table, finder.file, str(error))])
    return _Execution(table, finder, options, units).read()


class _Execution:
    """One table while it is read."""

    def __init__(self, table: Table, finder: UnitFinder, options: ReadingOptions, units: dict[str, MoneyUnit]) -> None:
        self.table, self.file, self.options, self.units = table, finder.file, options, units
        self.reader = RowReader(table, finder, options)
        self.reader.out = self.out = Rows(table=table)
        self.notes = _Notes()
        self._places: dict[str, int] = {}
        self._over_all = _rows_over_all_units(table)

    def read(self) -> Rows:
        self.reader.read(self._line, aside=self._is_total)
        self.out.findings = [*self._without_filled_totals(self.out.findings), *self._totals_remark()]
        lines = [line for line in self.out.rows if isinstance(line, PrintedLine)]
        self.out.rows = []
        self.out.findings += _remarks(self.table, self.file, self.notes)
        if not lines:
            return self.out
        lines = self._settled(lines)
        lines = self._with_executed(lines)
        self._places = column_places([*lines, *self._asides()], self.units)
        lines = [self._with_amounts(line) for line in lines]
        self.out.findings += _columns_apart(self.table, self.file, lines, self.units)
        lines = self._without_conflicts(lines)
        rates = Rates(self.table, lines)
        units = self._sorted(lines)
        style = print_style(lines, [relation for unit in units for relation in unit.relations], rates)
        sums = Sums(self.table, self.file, style)
        for unit in units:
            for relation in unit.relations:
                self.out.findings += sums.compare(relation)
            for at in unit.kept:
                self.out.findings += sums.spending(unit.lines[at], rates.of(unit.lines[at])[1])
            self._type(unit, rates)
        self.out.findings += rates.findings(self.file, {line.row.number: line.unit_code for line in lines})
        self.out.findings += self._hierarchy(units)
        if all(unit.whole for unit in units) and not self.out.outside:
            for relation in self._printed_totals(units):
                self.out.findings += sums.compare(relation)
        return self.out

    # ---------------------------------------------------------------------------------------------- one row

    def _without_filled_totals(self, findings: list[Finding]) -> Iterator[Finding]:
        """A total over all units has no unit to be filled down."""
        aside = {row.number for row in self.reader.aside}
        return (f for f in findings if f.code != "FILL_DOWN" or f.place.row not in aside)

    def _totals_remark(self) -> Iterator[Finding]:
        numbers = [row.number for row in self.reader.aside]
        if numbers:
            message = f"第 {row_list(numbers)}是几个单位的合计，只作核对，不计入数据"
            yield logged("TOTAL_ROW_SKIPPED", self.table.place(self.file, numbers[0]), message)

    def _is_total(self, row: DataRow) -> bool:
        return row.number in self._over_all or _names_a_total(self.table, row)

    def _line(self, row: DataRow, unit_code: str) -> PrintedLine | None:
        """The row with its amounts; None where it states none, or is rejected (with the finding)."""
        name, code, is_detail = _name_and_code(self.table, row)
        stated = [column for column in MONEY_COLUMNS if not is_blank(row.cells.get(column))]
        if not stated and not row.text("reported_rate"):
            self.out.excluded += 1
            self.notes.without_amount.append((row.number, name))
            return None
        if not name:
            place = self.table.place(self.file, row.number, "line_name")
            message = f"「{self.table.label('line_name')}」是空的"
            self.out.reject(row_rejected("REQUIRED_VALUE_EMPTY", place, message, "请填写项目名称", unit_code=unit_code))
            return None
        money = self._money(row, unit_code)
        if money is None:
            return None
        return PrintedLine(row, unit_code, name, money, code, _indent(self.table, row), is_detail=is_detail)

    def _money(self, row: DataRow, unit_code: str) -> dict[str, Money] | None:
        """The amounts of a row by column; None (with the finding) where one cannot be read."""
        if self.reader.error_cell(row, unit_code, MONEY_COLUMNS):
            return None
        found = {}
        for column in MONEY_COLUMNS:
            cell = row.cells.get(column)
            if is_blank(cell) or (column not in _REQUIRED and says_nothing(cell_text(cell))):
                continue
            try:
                money = read_money(cell, self.units[column])
            except NotANumber:
                self._reject_amount(row, unit_code, column, f"写的是「{cell_text(cell)}」，不是金额")
                return None
            found[column] = money
            seen = (row.number, column, cell_text(cell))
            for happened, list_ in (
                (money.normalised, self.notes.normalised),
                (money.negative_style, self.notes.negative),
                (money.below_fen, self.notes.below_fen),
            ):
                if happened:
                    list_.append(seen)
        return found

    def _reject_amount(self, row: DataRow, unit_code: str, column: str, what: str) -> None:
        self.out.reject(
            row_rejected(
                "REQUIRED_VALUE_EMPTY",
                self.table.place(self.file, row.number, column),
                f"「{self.table.label(column)}」{what}",
                "请填写金额；确实没有发生的填 0",
                unit_code=unit_code,
                value=cell_text(row.cells.get(column)),
            )
        )

    # ---------------------------------------------------------------------------------------------- all rows

    def _settled(self, lines: list[PrintedLine]) -> list[PrintedLine]:
        """The lines with the ambiguous column under the name that it means."""
        settled = settle(
            self.table,
            self.file,
            lines,
            units=self.units,
            places=column_places(lines, self.units),
            answers=self.options.meanings,
        )
        self.out.findings += [settled.finding] if settled.finding else []
        self.table = self.out.table = self.reader.table = settled.table
        return list(settled.lines)

    def _with_executed(self, lines: list[PrintedLine]) -> list[PrintedLine]:
        """The lines whose executed amount is stated: a blank beside a budget is not zero, the row is rejected.

        A column that is blank throughout was not filled in yet: that is said once, the payments may tell.
        """
        empty = [line for line in lines if line.money and "executed" not in line.money]
        if not empty:
            return lines
        if not any("executed" in line.money for line in lines):
            place = self.table.place(self.file, empty[0].row.number, "executed")
            self.out.findings.append(
                Finding(
                    code="REQUIRED_VALUE_EMPTY",
                    severity=Severity.WARNING,
                    place=place,
                    message=f"「{self.table.label('executed')}」整列都是空的，按没有填写处理，不当作 0",
                    fix="请填写实际支出数；确实没有发生的填 0",
                    outcome=Outcome.ACCEPT_WITH_WARNING,
                )
            )
            return lines
        for line in empty:
            self._reject_amount(line.row, line.unit_code, "executed", f"是空的（「{line.name}」）")
        rejected = {line.row.number for line in empty}
        return [line for line in lines if line.row.number not in rejected]

    def _with_amounts(self, line: PrintedLine) -> PrintedLine:
        return replace(line, amounts=amounts_of(line.money, self.units, self._places))

    def _without_conflicts(self, lines: list[PrintedLine]) -> list[PrintedLine]:
        """The lines whose 科目 code does not bear the name of another code."""
        for column in (c for c in _CODE_COLUMNS if c in self.table.columns):
            lists = _SUBJECT_LISTS[column]
            named = {
                line.row.number: (_code_text(self.table, line.row, column), self._subject_name(line, column))
                for line in lines
            }
            pairs = list(named.values())
            wrong = conflicts([code for code, _ in pairs], [name for _, name in pairs], lists, self.options.year)
            for line in lines:
                conflict = wrong.get(named[line.row.number])
                if conflict:
                    place = self.table.place(self.file, line.row.number, column)
                    self.out.reject(
                        row_rejected(
                            "CODE_NAME_CONFLICT",
                            place,
                            conflict.message,
                            conflict.fix,
                            unit_code=line.unit_code,
                            value=conflict.code,
                        )
                    )
            lines = [line for line in lines if named[line.row.number] not in wrong]
            codes = [code for code, _ in named.values() if is_subject_code(split_code(code)[0])]
            if unknown := unknown_codes(codes, lists, self.options.year):
                place = self.table.place(self.file, self.table.head_row + 1, column)
                message = f"{lists.value}代码「{'、'.join(unknown)}」不在 {self.options.year} 年的科目表中，按原样保留"
                self.out.findings.append(
                    logged(
                        "CODE_UNKNOWN", place, message, "请核对代码；地方自设的科目不需处理", value="、".join(unknown)
                    )
                )
        return lines

    def _subject_name(self, line: PrintedLine, column: str) -> str:
        """What a row calls its 科目; empty where its name is that of a project."""
        name_column = column.replace("_code", "_name")
        if name_column in self.table.columns:
            return line.row.text(name_column)
        head = comparable(self.table.label("line_name"))
        return line.name if any(word in head for word in _SUBJECT_WORDS) else ""

    def _sorted(self, lines: list[PrintedLine]) -> list[_Unit]:
        """The lines by unit, those out that break 年初 + 调整 = 调整后."""
        by_unit: dict[str, list[PrintedLine]] = {}
        style = print_style(lines, [], Rates(self.table, lines))
        plain = Sums(self.table, self.file, style)
        for line in lines:
            broken = plain.identity(line)
            if broken:
                self.out.reject(broken)
            else:
                by_unit.setdefault(line.unit_code, []).append(line)
        missing = {finding.unit_code for finding in self.out.findings if finding.outcome is Outcome.REJECT_ROW}
        units = {code: _unit(code, by_unit[code], whole=code not in missing) for code in sorted(by_unit)}
        for total in self._totals_of_one_unit(list(units.values())):
            code = total.unit_code
            units[code] = _unit(code, [*units[code].lines, total], whole=units[code].whole)
        return list(units.values())

    def _totals_of_one_unit(self, units: Sequence[_Unit]) -> Iterator[PrintedLine]:
        """A 合计 at the end that was set aside as one over all units, but is that of the last unit alone."""
        details = [line for unit in units for line in self._details(unit)]
        for row in [row for row in self.reader.aside if row.number in self._over_all]:
            line = next(line for line in self._asides() if line.row.number == row.number)
            line = self._with_amounts(line)
            last = max((d for d in details if d.row.number < row.number), key=lambda d: d.row.number, default=None)
            if last is None or Relation(line, tuple(details)).agrees:
                continue
            own = next(unit for unit in units if unit.code == last.unit_code)
            if Relation(line, tuple(self._details(own))).agrees:
                self._over_all.discard(row.number)
                self.reader.aside.remove(row)
                self.out.excluded -= 1
                self.out.findings = [
                    f for f in self.out.findings if f.code != "TOTAL_ROW_SKIPPED" or f.place.row != row.number
                ]
                yield replace(line, unit_code=own.code)

    def _type(self, unit: _Unit, rates: Rates) -> None:
        """The lines of one unit as BudgetLine; parents and parts are left out of them and counted as excluded."""
        kept = unit.kept
        self.out.excluded += len(unit.lines) - len(kept)
        names = Counter(bare_name(unit.lines[at].name) for at in kept)
        for position, at in enumerate(kept, start=1):
            line, amounts = unit.lines[at], unit.lines[at].amounts
            rate, pct, rate_places = rates.of(line)
            # Two 行政运行 of two 款 are told apart by their codes.
            twice = names[bare_name(line.name)] > 1 and is_subject_code(line.code) and not line.is_detail
            typed = BudgetLine(
                unit_code=line.unit_code,
                name=f"{line.code} {line.name}" if twice else line.name,
                level=unit.tree.levels[at],
                parent=unit.parents.get(at, ""),
                position=position,
                original=amounts.get("original"),
                carry_and_adjust=amounts.get("carry_and_adjust"),
                adjusted=amounts.get("adjusted"),
                executed=amounts.get("executed"),
                reported_rate=rate,
                reported_rate_pct=pct,
                rate_places=rate_places,
                place=self.table.place(self.file, line.row.number),
            )
            self.out.rows.append(typed)
        total = next((unit.lines[at] for at in kept if unit.tree.levels[at] == TOTAL_LEVEL), None)
        if total and (executed := total.amounts.get("executed")):
            self.out.control_fen = (self.out.control_fen or 0) + executed.fen

    def _hierarchy(self, units: Sequence[_Unit]) -> Iterator[Finding]:
        """One remark on all parents, one on all parts."""
        parents = sorted(unit.lines[at].row.number for unit in units for at in unit.tree.parents)
        if parents:
            message = f"第 {row_list(parents)}是上级（类、款、项或小计）行，只与下级核对，不重复相加"
            yield logged("HIERARCHY_ROWS", self.table.place(self.file, parents[0], "line_name"), message)
        parts = sorted(
            (unit.lines[at].row.number, unit.lines[whole].name)
            for unit in units
            for at, whole in unit.tree.parts.items()
        )
        if parts:
            numbers, whole = [number for number, _ in parts], parts[0][1]
            message = f"第 {row_list(numbers)}是上一行（如「{whole}」）的其中数，已含在内，不重复相加"
            yield logged("HIERARCHY_ROWS", self.table.place(self.file, numbers[0], "line_name"), message)

    # ---------------------------------------------------------------------------------------------- printed totals

    def _asides(self) -> list[PrintedLine]:
        """Printed totals that belong to no unit: over all units, and subtotals, with what can be read of them."""
        found = []
        for row in (*self.reader.aside, *self.reader.totals):
            name = _name_and_code(self.table, row)[0] or next(
                (row.text(column) for column in _UNIT_COLUMNS if row.text(column)), "合计"
            )
            money = {}
            for column in MONEY_COLUMNS:
                cell = row.cells.get(column)
                if is_blank(cell) or isinstance(cell, CellError) or says_nothing(cell_text(cell)):
                    continue
                try:
                    money[column] = read_money(cell, self.units[column])
                except NotANumber:
                    continue
            found.append(PrintedLine(row, "", name, money))
        return found

    def _printed_totals(self, units: Sequence[_Unit]) -> Iterator[Relation]:
        """小计 against the rows since some row above it, 合计 over all units against the units."""
        details = sorted((line for unit in units for line in self._details(unit)), key=lambda line: line.row.number)
        for printed in map(self._with_amounts, self._asides()):
            if printed.row.number in self._over_all:
                yield Relation(printed, tuple(details), of_details=True, of_several_units=True)
                continue
            above = [line for line in details if line.row.number < printed.row.number]
            starts = [at for at in range(len(above)) if at == 0 or _begins_anew(above[at - 1], above[at])]
            choices = [Relation(printed, tuple(above[start:]), of_details=True) for start in reversed(starts)]
            if choices and not any(choice.agrees for choice in choices):
                yield choices[0]

    def _details(self, unit: _Unit) -> list[PrintedLine]:
        """The lines of a unit that no other line of it is a part of."""
        return [unit.lines[at] for at in unit.kept if not self._has_children(unit, at)]

    def _has_children(self, unit: _Unit, at: int) -> bool:
        level, name = unit.tree.levels[at], unit.lines[at].name
        if level == LINE_LEVEL:
            return False
        if level == TOTAL_LEVEL:
            return len(unit.kept) > 1
        return name in unit.parents.values()


def _begins_anew(before: PrintedLine, line: PrintedLine) -> bool:
    """Whether something is printed between two lines (a group, a total, a head), or another unit begins."""
    return line.row.number > before.row.number + 1 or line.unit_code != before.unit_code


def _unit(code: str, lines: Sequence[PrintedLine], *, whole: bool) -> _Unit:
    tree = tree_of(lines, whole=whole)
    return _Unit(code, tuple(lines), tree, parent_names(lines, tree), whole)


def _rows_over_all_units(table: Table) -> set[int]:
    """The first or last row of a table of several units where it is a total that names none of them."""
    at = [table.columns[column] for column in _UNIT_COLUMNS if column in table.columns]
    if not at:
        return set()
    merged = {row for first, left, last, right in table.grid.merged for row in range(first + 1, last + 1) if left in at}
    rows = [
        (index + 1, row)
        for index, row in enumerate(table.grid.rows)
        if index > table.head_row and any(not is_blank(table.cell(row, column)) for column in MONEY_COLUMNS)
    ]
    named = [
        {text for i in at if i < len(row) and (text := cell_text(row[i])) and line_level(text) != TOTAL_LEVEL}
        for _, row in rows
    ]
    if len(set(map(frozenset, named)) - {frozenset()}) < 2:
        return set()
    found = set()
    for position in {0, len(rows) - 1}:
        number, row = rows[position]
        words = [
            cell_text(table.cell(row, column)) for column in ("line_name", *_UNIT_COLUMNS) if column in table.columns
        ]
        is_total = any(word and line_level(word) == TOTAL_LEVEL for word in words)
        if is_total and not named[position] and number - 1 not in merged:
            found.add(number)
    return found


def _names_a_total(table: Table, row: DataRow) -> bool:
    """Whether 合计 or 小计 stands where a unit should stand, and no line is named."""
    if row.text("line_name"):
        return False
    words = [cell_text(table.cell(row.raw, column)) for column in _UNIT_COLUMNS if column in table.columns]
    return any(word and (line_level(word) == TOTAL_LEVEL or comparable(word) in _SUBTOTALS) for word in words)


def _name_and_code(table: Table, row: DataRow) -> tuple[str, str, bool]:
    """The name of a line, its 科目 code, and whether it is a project that names its 科目 in another column."""
    own = row.text("line_name")
    subject = next((text for column in _SUBJECT_NAMES if (text := row.text(column))), "")
    is_detail = bool(own) and any(column in table.columns for column in _SUBJECT_NAMES)
    for column in _CODE_COLUMNS:
        if text := _code_text(table, row, column):
            code, in_cell = split_code(text)
            return own or subject or in_cell, code, is_detail
    stated, rest = split_code(own or subject)
    if rest and _is_known_code(stated, own or subject):
        return rest, stated, is_detail
    return own or subject, "", is_detail


def _code_text(table: Table, row: DataRow, column: str) -> str:
    """A code as the row itself states it: a blank is not filled down, it may stand below the code above."""
    return read_code(table.cell(row.raw, column))[0] if column in table.columns else ""


def _is_known_code(code: str, text: str) -> bool:
    """Whether the digits before a name are the code of a 科目, not a part of the name: 863计划 and 20231号工程 have none.

    A code that the lists do not hold needs a mark behind it, one of three digits its own name.
    """
    if not is_subject_code(code):
        return False
    lists = [code_list(name) for name in _SUBJECT_LISTS.values()]
    own = {comparable(name) for one in lists for name in one.names_of(code)}
    if len(code) == CLASS_DIGITS:
        return comparable(split_code(text)[1]) in own
    is_below_a_class = any(one.names_of(code[:CLASS_DIGITS]) for one in lists)
    return bool(own) or (is_below_a_class and not split_code(text)[1].startswith(text.strip()[len(code) :][:1]))


def _indent(table: Table, row: DataRow) -> int:
    """How far the name of a row is moved to the right, in half-width blanks."""
    for column in ("line_name", *_SUBJECT_NAMES):
        cell = table.cell(row.raw, column)
        if isinstance(cell, str) and cell.strip():
            blanks = cell[: len(cell) - len(cell.lstrip())]
            return sum(2 if unicodedata.east_asian_width(blank) in _WIDE else 1 for blank in blanks)
    return 0


def _columns_apart(
    table: Table, file: str, lines: Sequence[PrintedLine], units: dict[str, MoneyUnit]
) -> Iterator[Finding]:
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
                f"「{line.name}」的「{table.label(column)}」{money_text(small.fen, MoneyUnit.YUAN)}，"
                f"同一行的「{table.label(other)}」{money_text(large.fen, MoneyUnit.WAN)}"
            )
            yield size_question(place, what, line.unit_code, cell_text(line.row.cells.get(column)))
            return


def _remarks(table: Table, file: str, notes: _Notes) -> Iterator[Finding]:
    for code, seen, what in (
        ("NUMBER_NORMALISED", notes.normalised, "含货币符号、千分位、全角或空格，已转为数值"),
        ("NEGATIVE_STYLE", notes.negative, "用括号或后置负号表示负数，已转为负数"),
    ):
        if seen:
            row, column, text = seen[0]
            place = table.place(file, row, column)
            rows = row_list(sorted({number for number, _, _ in seen}))
            yield logged(code, place, f"第 {rows}的金额{what}", value=text)
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
    silent = [(row, name) for row, name in notes.without_amount if name and line_level(name) == LINE_LEVEL]
    if silent:
        place = table.place(file, silent[0][0], "line_name")
        message = f"第 {row_list([row for row, _ in silent])}（如「{silent[0][1]}」）没有任何金额，未计入"
        yield logged("ROWS_EXCLUDED", place, message, "如应计入，请补填金额；没有发生的填 0", value=silent[0][1])
    if "month_executed" in table.columns:
        place = table.place(file, table.head_row + 1, "executed")
        month = table.label("month_executed")
        message = f"执行数取「{table.label('executed')}」（{place.column} 列），未取「{month}」"
        yield logged("PERIOD_BASIS", place, message, "如应取本月数，请只保留本月数一列")


def unsupported_unit(table: Table, file: str, unit: str) -> Finding:
    """The finding that keeps out a table whose money is in 千元, 百万元 or 亿元."""
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
