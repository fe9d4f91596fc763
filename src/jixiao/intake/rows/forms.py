"""A form → its head, its fund lines and its indicators, all of one subject. Where its blocks stand: tables/forms.py."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal

from jixiao.domain.books import Amount, BudgetLine, Indicator, Kind, PerformanceForm
from jixiao.domain.findings import Finding, Outcome, Severity
from jixiao.domain.money import MoneyUnit
from jixiao.domain.names import comparable
from jixiao.intake.grids.cells import cell_text, decimals, percent_text, says_nothing
from jixiao.intake.grids.grid import CellError, is_blank, logged
from jixiao.intake.rows.reader import ReadingOptions, Rows, indicator_id, row_rejected, unknown_unit
from jixiao.intake.rows.units import Doubt, UnitFinder, same_unit_name
from jixiao.intake.rows.values import Money, NotANumber, read_money, read_quantity
from jixiao.intake.tables.forms import FormTable, FundBlock, IndicatorBlock
from jixiao.intake.tables.table import UNSUPPORTED_MONEY_UNITS

_FILLER = re.compile(r"^(?:指标\s*\d*)?\s*[:：]?\s*(?:[.…·。]+|/|／|-+|—+|…*等*)?$")
_PREFIX = re.compile(r"^[★☆*\s]*(?:指标\s*\d+\s*[:：]\s*)?[★☆*\s]*")
_TOTAL_NAME = re.compile(r"(?:资金|预算|经费|支出)?(?:总额|合计|总计|总金额|总数)|支出预算数$|^总额|^金额$|^合计")
_PART_NAME = re.compile(r"^其中")
# 指标性质 as codes: 1 ≥ 2 > 3 = 4 < 5 ≤ 6 定性 (facts of forms with a drop-down).
_OPERATOR_CODES = {"1": "≥", "2": "＞", "3": "=", "4": "＜", "5": "≤", "6": ""}
_NO_OPERATOR = frozenset({"定性", "文字描述", "其他", "正向", "反向", "正向指标", "反向指标", "定量"})
_YES = frozenset({"√", "✓", "✔", "☑", "■", "v", "V", "是", "1", "Y", "y"})
_LIKELIHOODS = {"likely_yes": "确定能", "likely_maybe": "有可能", "likely_no": "不可能"}
_AMOUNTS = ("original", "carry_and_adjust", "adjusted", "executed", "forecast")
_PROJECT_CODE = re.compile(r"^([0-9A-Za-z]{12,30})[-—_\s]+(\S.*)$", re.DOTALL)
_FILLED_ON = re.compile(r"填[报表]日期\s*[:：]?\s*(\d{4}\s*[-年./]\s*\d{1,2}(?:\s*[-月./]\s*\d{1,2})?)")
_SHARE_MOST = Decimal("1.5")
_SHORT_NAME = 4
_USUAL_PLACES = 2


def read_form(form: FormTable, finder: UnitFinder, options: ReadingOptions) -> Rows:
    """The rows of one form: a PerformanceForm, then its BudgetLines and Indicators, all with the form's ``project``.

    A form whose unit nobody can tell is refused whole; a row with an unreadable amount is rejected.
    """
    return _Form(form, finder, options).read()


class _Form:
    """One form while it is read."""

    def __init__(self, form: FormTable, finder: UnitFinder, options: ReadingOptions) -> None:
        self.form, self.finder, self.options, self.file = form, finder, options, finder.file
        self.out = Rows()
        named = form.fields.get("project")
        printed = " ".join(named.text.split()) if named else ""
        coded = _PROJECT_CODE.match(printed)
        self.project = printed
        self.project_code = coded[1] if coded else self._field("project_code")
        self.unit_code = ""

    def read(self) -> Rows:
        found = self._unit()
        if isinstance(found, Doubt):
            self.out.findings.append(unknown_unit(self.form.place(self.file, self.form.first_row), found))
            return self.out
        lines = len(self.form.fund.rows) if self.form.fund else 0
        rows = 1 + lines + (len(self.form.indicators.rows) if self.form.indicators else 0)
        if self.options.scope and found not in self.options.scope:
            self.out.outside.add(found)
            self.out.excluded += rows
            return self.out
        self.unit_code = found
        self.out.units.add(found)
        fund = list(self._lines(self.form.fund)) if self.form.fund else []
        indicators = list(self._indicators(self.form.indicators)) if self.form.indicators else []
        self.out.rows += [self._head(fund), *fund, *indicators]
        return self.out

    def _field(self, name: str) -> str:
        cell = self.form.fields.get(name)
        return cell.text if cell else ""

    # ── whose form it is ─────────────────────────────────────────────────────────────────────────────────────────────

    def _unit(self) -> str | Doubt:
        """The unit that the form states, by code or by one of the names that it prints for it."""
        code = unicodedata.normalize("NFKC", self._field("unit_code")).strip()
        if code:
            return self.finder.of_row(code, "")
        names = [n for n in (self._field("unit"), self._field("implementer"), self.finder.title.unit_name) if n]
        directory = self.finder.directory
        for name in names:
            if exact := directory.code_of(name):
                return exact
        for name in names:
            if found := self._by_part(name):
                self._say_name(name, found)
                return found
        department = comparable(self._field("department"))
        others = [c for c, unit in directory.units.items() if comparable(unit.name) != department]
        if not names and len(others) == 1:
            return others[0]
        return self.finder.whole()

    def _by_part(self, name: str) -> str:
        """The one registered unit whose name the printed one lengthens or shortens: 某市某县第一中学, 第一中学."""
        bare = comparable(name)
        units = [u for u in self.finder.directory.units.values() if len(comparable(u.name)) >= _SHORT_NAME]
        for test in (
            lambda unit: bare.endswith(unit) or unit.endswith(bare),
            lambda unit: bare.startswith(unit) or unit.startswith(bare),
            lambda unit: same_unit_name(bare, unit),
        ):
            found = [u.code for u in units if len(bare) >= _SHORT_NAME and test(comparable(u.name))]
            if len(found) == 1:
                return found[0]
        return ""

    def _say_name(self, name: str, code: str) -> None:
        unit = self.finder.directory.units[code]
        message = f"单位名称写作「{name}」，按名册中的「{unit.name}」（{code}）读取"
        place = self.form.place(self.file, self.form.first_row)
        self.out.findings.append(logged("TEXT_NORMALISED", place, message, "如不是同一单位，请改正", value=name))

    # ── head ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _head(self, fund: list[BudgetLine]) -> PerformanceForm:
        form, texts, totals = self.form, self.form.texts, self.form.totals
        total = next((line for line in fund if line.level == 0), None)
        return PerformanceForm(
            unit_code=self.unit_code,
            kind=form.kind,
            project=self.project,
            project_code=self.project_code,
            department=self._field("department"),
            implementer=self._field("implementer") or self._field("unit"),
            title=next((text for text in form.title.texts[1:] if text), ""),
            period=self._period(),
            filled_on=self._filled_on(),
            goal_text=texts.get("goal_text", ""),
            result_text=texts.get("result_text", ""),
            problems=texts.get("problems", ""),
            measures=texts.get("measures", ""),
            grade=totals["grade"].text if "grade" in totals else "",
            total_weight=self._total("weight"),
            total_score=self._total("score"),
            execution_weight=total.points if total else None,
            execution_score=total.score if total else None,
            place=form.place(self.file, form.first_row),
        )

    def _total(self, name: str) -> Decimal | None:
        cell = self.form.totals.get(name)
        return self._points(cell.row, cell.column, "总分") if cell else None

    def _period(self) -> str:
        """The months that a monitoring form covers, as its heads say them: 1-6月."""
        fund = self.form.fund
        said = " ".join(fund.heads.values()) if fund else ""
        found = re.search(r"\d{1,2}[-—~至]\d{1,2}月", unicodedata.normalize("NFKC", said))
        return found[0] if found else ""

    def _filled_on(self) -> str:
        stated = self._field("filled_on")
        rows = self.form.grid.rows[self.form.first_row : self.form.last_row + 1]
        texts = (cell_text(cell) for row in rows for cell in row if isinstance(cell, str))
        found = next((m[1] for text in texts if (m := _FILLED_ON.search(unicodedata.normalize("NFKC", text)))), "")
        return stated or "".join(found.split())

    # ── funds ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _money_unit(self, fund: FundBlock) -> MoneyUnit | None:
        stated = fund.money_unit or self.form.title.money_unit
        if stated in UNSUPPORTED_MONEY_UNITS:
            from jixiao.intake.rows.execution import unsupported_money

            place = self.form.place(self.file, fund.head_row)
            self.out.findings.append(unsupported_money(place, stated))
            return None
        return MoneyUnit(stated) if stated else self.options.money_unit or MoneyUnit.YUAN

    def _lines(self, fund: FundBlock) -> Iterator[BudgetLine]:
        unit = self._money_unit(fund)
        if unit is None:
            return
        read = [(row, at, self._amounts(fund, row, unit)) for row, at in fund.rows]
        places = {name: max((m[name].places for _, _, m in read if m and name in m), default=0) for name in _AMOUNTS}
        total_row = self._total_row(fund)
        total_name = ""
        for position, (row, at, money) in enumerate(read):
            if money is None:
                continue
            name = self._line_name(row, at)
            level = 0 if row == total_row else 1
            total_name = total_name or (name if level == 0 else "")
            amounts = {key: Amount(money[key].fen, unit, places[key]) if key in money else None for key in _AMOUNTS}
            text, pct, shown = self._rate(fund, row, amounts)
            if not name and not any(amounts.values()) and not text:
                continue
            yield BudgetLine(
                unit_code=self.unit_code,
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
                place=self.form.place(self.file, row),
                project=self.project,
                points=self._points(row, fund.columns.get("points", -1), "分值"),
                score=self._points(row, fund.columns.get("score", -1), "得分"),
                forecast=amounts["forecast"],
            )

    def _total_row(self, fund: FundBlock) -> int:
        """The row of the whole: named so, else the first."""
        named = (row for row, at in fund.rows if self._is_total(self._line_name(row, at)))
        return next(named, fund.rows[0][0] if fund.rows else -1)

    @staticmethod
    def _is_total(name: str) -> bool:
        bare = comparable(name)
        return not _PART_NAME.match(bare) and bool(_TOTAL_NAME.search(bare))

    def _line_name(self, row: int, at: int) -> str:
        return " ".join(cell_text(self._cell(row, at)).rstrip("：:").split())

    def _amounts(self, fund: FundBlock, row: int, unit: MoneyUnit) -> dict[str, Money] | None:
        """The amounts of a fund row; None with the finding where one cannot be read: the row is rejected."""
        found: dict[str, Money] = {}
        for name in _AMOUNTS:
            at = fund.columns.get(name, -1)
            cell = self._cell(row, at)
            if at < 0 or is_blank(cell) or (isinstance(cell, str) and says_nothing(cell)):
                continue
            place = self.form.place(self.file, row, at)
            head = "".join(fund.heads.get(at, "").split()) or "金额"
            if isinstance(cell, CellError):
                code = "FORMULA_NO_VALUE" if cell.formula_without_value else "CELL_ERROR"
                self.out.reject(
                    row_rejected(
                        code, place, f"「{head}」是错误值 {cell.text}", "请修复公式，或填入数值",
                        unit_code=self.unit_code, value=cell.text,
                    )
                )  # fmt: skip
                return None
            try:
                found[name] = read_money(cell, unit)
            except NotANumber:
                shown = cell_text(cell)
                self.out.reject(
                    row_rejected(
                        "REQUIRED_VALUE_EMPTY", place, f"「{head}」写的是「{shown}」，不是金额", "请填写金额；没有发生的填 0",
                        unit_code=self.unit_code, value=shown,
                    )
                )  # fmt: skip
                return None
        return found

    def _rate(self, fund: FundBlock, row: int, amounts: dict[str, Amount | None]) -> tuple[str, Decimal | None, int]:
        """执行率 as printed, in percent, and its decimals."""
        at = fund.columns.get("execution_rate", -1)
        cell = self._cell(row, at)
        if at < 0 or is_blank(cell):
            return "", None, _USUAL_PLACES
        if isinstance(cell, CellError):
            place = self.form.place(self.file, row, at)
            message = f"执行率是错误值 {cell.text}，已忽略并按金额重算"
            self.out.findings.append(logged("CELL_ERROR", place, message, "请修复公式", value=cell.text))
            return "", None, _USUAL_PLACES
        text = self._shown(row, at)
        try:
            number, unit = read_quantity(text)
        except NotANumber:
            return text, None, _USUAL_PLACES
        pct = number if unit == "%" else self._in_percent(number, amounts)
        return text, pct, decimals(number)

    @staticmethod
    def _in_percent(number: Decimal, amounts: dict[str, Amount | None]) -> Decimal:
        """A rate without a sign: the reading, 0.95 or 95, that the amounts come nearest to."""
        base, spent = amounts["adjusted"] or amounts["original"], amounts["executed"]
        if base and spent and base.fen:
            true = Decimal(spent.fen) * 100 / base.fen
            return min((number, number * 100), key=lambda pct: abs(pct - true))
        return number * 100 if abs(number) <= _SHARE_MOST else number

    # ── indicators ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _indicators(self, block: IndicatorBlock) -> Iterator[Indicator]:
        carried = {"level1": "", "level2": ""}
        above = dict(self._merged_tops(block))
        coded = self._operators_are_codes(block)
        position = 0
        label = next(iter(block.block_labels.values()), "")
        for row in block.rows:
            label = block.block_labels.get(row, label)
            self._carry(carried, row, block, above)
            texts = {name: self._shown(row, at) for name, at in block.columns.items()}
            name = self._name(texts.get("name", ""))
            target = self._target(texts, coded=coded)
            measured = [target, texts.get("actual", ""), texts.get("weight", ""), texts.get("score", "")]
            if _FILLER.match(name) and not any(measured[:2]):
                self._leave_out(row, name, any(measured))
                continue
            if self._broken(row, block):
                continue
            if not name and not any(measured[:2]):
                continue
            position += 1
            yield Indicator(
                unit_code=self.unit_code,
                indicator_id=indicator_id(position),
                position=position,
                level1=carried["level1"] or ("" if "level1" in block.columns else label),
                level2=carried["level2"],
                name=name or carried["level2"],
                target=target,
                actual=texts.get("actual", ""),
                actual_source=texts.get("actual_source", ""),
                deviation=texts.get("deviation", ""),
                reason=texts.get("reason", ""),
                weight=self._points(row, block.columns.get("weight", -1), "分值"),
                score=self._points(row, block.columns.get("score", -1), "得分"),
                owner=texts.get("owner", ""),
                standard=texts.get("standard", ""),
                place=self.form.place(self.file, row),
                project=self.project,
                likelihood=self._likelihood(texts),
            )

    def _leave_out(self, row: int, name: str, has_points: bool) -> None:  # noqa: FBT001
        """A filler of the form is no indicator. One that carries points is told: nothing may vanish silently."""
        if has_points:
            place = self.form.place(self.file, row)
            message = f"「{name or '空白指标'}」没有名称、目标值和完成值却有分值或得分，未作为指标"
            fix = "是指标的请填写名称和目标值；不是的请清空分值"
            self.out.findings.append(
                Finding(
                    "REQUIRED_VALUE_EMPTY", Severity.WARNING, place, message, fix, self.unit_code,
                    outcome=Outcome.ACCEPT_WITH_WARNING,
                )
            )  # fmt: skip

    @staticmethod
    def _name(printed: str) -> str:
        return _PREFIX.sub("", printed).strip()

    def _carry(
        self, carried: dict[str, str], row: int, block: IndicatorBlock, above: dict[tuple[int, int], tuple[int, int]]
    ) -> None:
        """一级 and 二级 of merged cells go down; a new 一级 ends the 二级 before it."""
        for level, below in (("level1", "level2"), ("level2", "")):
            at = block.columns.get(level, -1)
            if at < 0:
                continue
            text = self._shown(*above.get((row, at), (row, at)))
            if text and text != carried[level]:
                carried[level] = text
                if below:
                    carried[below] = ""

    def _merged_tops(self, block: IndicatorBlock) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        """Cell of a merged label → the first cell of its range, which holds the text. Points are never filled down."""
        levels = {block.columns.get("level1", -1), block.columns.get("level2", -1)} - {-1}
        for first_row, first, last_row, last in self.form.grid.merged:
            for at in levels & set(range(first, last + 1)):
                for row in range(first_row, min(last_row, self.form.last_row) + 1):
                    yield (row, at), (first_row, first)

    def _operators_are_codes(self, block: IndicatorBlock) -> bool:
        at = block.columns.get("operator", -1)
        found = [self._shown(row, at) for row in block.rows if at >= 0]
        return bool(any(found)) and all(text in _OPERATOR_CODES for text in found if text)

    def _target(self, texts: dict[str, str], *, coded: bool) -> str:
        """Operator, value and unit joined as they stand; one cell to the letter."""
        if texts.get("target"):
            return texts["target"]
        value = texts.get("value_adjusted") or texts.get("value", "")
        operator = texts.get("operator", "")
        operator = _OPERATOR_CODES[operator] if coded and operator in _OPERATOR_CODES else operator
        operator = "" if operator in _NO_OPERATOR else operator
        unit = texts.get("unit", "")
        unit = "" if says_nothing(unit) else unit
        if not value or says_nothing(value):
            return value
        return f"{operator}{value}{'' if unit and value.endswith(unit) else unit}"

    @staticmethod
    def _likelihood(texts: dict[str, str]) -> str:
        ticked = [said for name, said in _LIKELIHOODS.items() if texts.get(name, "") in _YES]
        return ticked[0] if len(ticked) == 1 else ""

    def _broken(self, row: int, block: IndicatorBlock) -> bool:
        """Whether a needed cell holds an error value: then the row is rejected."""
        for name in ("name", "target", "value", "actual"):
            at = block.columns.get(name, -1)
            cell = self._cell(row, at)
            if isinstance(cell, CellError):
                code = "FORMULA_NO_VALUE" if cell.formula_without_value else "CELL_ERROR"
                head = "".join(block.heads.get(at, "").split())
                place = self.form.place(self.file, row, at)
                self.out.reject(
                    row_rejected(
                        code, place, f"「{head}」是错误值 {cell.text}", "请修复公式，或填入数值",
                        unit_code=self.unit_code, value=cell.text,
                    )
                )  # fmt: skip
                return True
        return False

    # ── cells ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _cell(self, row: int, at: int) -> object:
        cells = self.form.grid.rows[row]
        return cells[at] if 0 <= at < len(cells) else None

    def _shown(self, row: int, at: int) -> str:
        """A cell as the sheet shows it: 95% for 0.95 in a percent format, 10.50 for 10.5 with two decimals."""
        cell = self._cell(row, at)
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

    def _points(self, row: int, at: int, what: str) -> Decimal | None:
        """Printed 分值 or 得分; None where blank or left out. A text there is a warning, the row stays."""
        cell = self._cell(row, at)
        text = self._shown(row, at)
        if at < 0 or not text or (isinstance(cell, str) and says_nothing(text)):
            return None
        try:
            number, unit = read_quantity(cell)
        except NotANumber:
            number, unit = None, ""
        if number is None or unit not in {"", "分"}:
            place = self.form.place(self.file, row, at)
            message = f"「{what}」写的是「{text}」，不是数字，按未填处理"
            self.out.findings.append(
                Finding(
                    "NUMBER_UNREADABLE", Severity.WARNING, place, message, "请改成数字", self.unit_code,
                    value=text, outcome=Outcome.ACCEPT_WITH_WARNING,
                )
            )  # fmt: skip
            return None
        return number


def columns_of(form: FormTable) -> dict[str, int]:
    """Canonical column → 0-based column of a form's blocks, for the places of findings; of two blocks the indicators'."""
    fund = {
        f"fund_{name}" if name in _SHARED else name: at for name, at in (form.fund.columns if form.fund else {}).items()
    }
    return fund | (form.indicators.columns if form.indicators else {})


# Both blocks have these; the fund block's go by another name.
_SHARED = frozenset({"score", "reason", "points"})


def heads_of(form: FormTable) -> dict[str, str]:
    """Canonical column → its head as printed: the mark of a region's form."""
    heads = form.indicators.heads if form.indicators else {}
    fund = form.fund.heads if form.fund else {}
    return {name: "".join((heads.get(at) or fund.get(at, "")).split()) for name, at in columns_of(form).items()}


def kinds_of_forms() -> tuple[Kind, ...]:
    """The kinds that ``read_form`` gives."""
    return tuple(kind for kind in Kind if kind.is_form)
