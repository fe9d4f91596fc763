"""A form → its head, its fund lines and its indicators, all of one subject. Where its blocks stand: tables/forms.py.

Its fund lines are read in form_lines.py, its indicators in form_indicators.py.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from decimal import Decimal

from jixiao.domain.books import BudgetLine, PerformanceForm
from jixiao.domain.names import comparable
from jixiao.intake.grids.cells import cell_text
from jixiao.intake.grids.grid import logged
from jixiao.intake.rows.form_cells import FormCells
from jixiao.intake.rows.form_indicators import IndicatorReader
from jixiao.intake.rows.form_lines import FundReader
from jixiao.intake.rows.reader import ReadingOptions, Rows, unknown_unit
from jixiao.intake.rows.units import Doubt, UnitFinder, same_unit_name
from jixiao.intake.tables.forms import FormTable, title_line

_PROJECT_CODE = re.compile(r"^([0-9A-Za-z]{12,30})[-—_\s]+(\S.*)$", re.DOTALL)
_FILLED_ON = re.compile(r"填[报表]日期\s*[:：]?\s*(\d{4}\s*[-年./]\s*\d{1,2}(?:\s*[-月./]\s*\d{1,2})?)")
_DATE_PARTS = re.compile(r"\d{4}\s*[-年./]\s*\d{1,2}")
_MONTHS = re.compile(r"\d{1,2}[-—~至到]\d{1,2}月")
# [620015]某局, 620015-某局: how a treasury platform prints a unit.
_CODE_AND_NAME = re.compile(r"[(\[（【]?(\d{3,20})[)\]）】]?[\s\-_—–:：]*([^\d\s].*)")
_SEAL = re.compile(r"\s*[（(](?:盖章|公章|签章|章)[)）]$")
# A shorter name (水务局) ends too many others to be one unit's.
_SHORT_NAME = 4


def read_form(form: FormTable, finder: UnitFinder, options: ReadingOptions) -> Rows:
    """The rows of one form: a PerformanceForm, then its BudgetLines and Indicators, all with the form's ``project``.

    A form whose unit nobody can tell is refused whole; a row with an unreadable amount or an error value is rejected.
    """
    named = form.fields.get("project")
    project = " ".join(named.text.split()) if named else ""
    cells = FormCells(form, finder.file, project)
    lines = len(form.fund.rows) if form.fund else 0
    cells.out.rows_in = 1 + lines + (len(form.indicators.rows) if form.indicators else 0)
    found = _Owner(cells, finder).unit()
    if isinstance(found, Doubt):
        cells.out.findings.append(unknown_unit(form.place(finder.file, form.first_row), found))
        return cells.out
    if options.scope and found not in options.scope:
        cells.out.outside.add(found)
        cells.out.excluded += cells.out.rows_in
        return cells.out
    cells.unit_code = found
    cells.out.units.add(found)
    funds = FundReader(cells, form.fund, options.money_unit).read() if form.fund else []
    indicators = IndicatorReader(cells, form.indicators).read() if form.indicators else []
    cells.out.rows += [_head(cells, funds), *funds, *indicators]
    _remark_hidden(cells)
    return cells.out


def _remark_hidden(cells: FormCells) -> None:
    form = cells.form
    rows = {row for row, _ in form.fund.rows} if form.fund else set()
    rows |= set(form.indicators.rows) if form.indicators else set()
    hidden = sorted(row + 1 for row in rows if row + 1 in form.grid.hidden_rows)
    if hidden:
        message = f"共 {len(hidden)} 行被隐藏或筛选掉了，仍已读取"
        cells.warn("HIDDEN_ROWS", hidden[0] - 1, None, message, "如不应计入，请删除这些行后重新放入")


class _Owner:
    """Whose form it is. The department above a unit is not the unit."""

    def __init__(self, cells: FormCells, finder: UnitFinder) -> None:
        self.cells, self.finder = cells, finder
        title = finder.title
        stated = (_field(cells.form, "unit"), _field(cells.form, "implementer"), title.unit_name)
        printed = [_SEAL.sub("", " ".join(name.split())) for name in stated if name]
        coded = [_CODE_AND_NAME.fullmatch(name) for name in printed]
        self.codes = [both[1] for both in coded if both]
        self.names = list(dict.fromkeys(both[2] if both else name for both, name in zip(coded, printed, strict=True)))

    def unit(self) -> str | Doubt:
        """The unit that the form states: by code, by a name as registered, by a longer or shorter one, by its folder."""
        code = (
            unicodedata.normalize("NFKC", _field(self.cells.form, "unit_code")).strip() or self.finder.title.unit_code
        )
        if code:
            return self.finder.of_row(code, "")
        directory = self.finder.directory
        for beside in self.codes:
            if beside in directory.units:
                return self.finder.of_row(beside, "")
        for name in self.names:
            if exact := directory.code_of(name):
                return exact
        for name in self.names:
            if found := self._by_part(name):
                self._say_name(name, found)
                return found
        if self.names:
            return directory.in_path(self.finder.file) or self._unknown()
        return self._unnamed()

    def _unnamed(self) -> str | Doubt:
        """A form that names no unit: its title, its folder, or the only unit there is beside the department above."""
        found = self.finder.whole()
        if isinstance(found, str):
            return found
        department = comparable(_field(self.cells.form, "department"))
        others = [c for c, unit in self.finder.directory.units.items() if comparable(unit.name) != department]
        return others[0] if department and len(others) == 1 else found

    def _unknown(self) -> Doubt:
        return Doubt(
            "UNKNOWN_UNIT",
            f"单位「{self.names[0]}」不在已知单位中",
            "请把预算单位名册（单位编码、单位名称）放进同一文件夹并登记该单位，或在表头写明「单位编码：…」",
        )

    def _by_part(self, name: str) -> str:
        """The registered unit whose name the printed one lengthens (某市某县第一中学) or shortens (第一中学).

        Of names that end the printed one the longest is meant; anything else must fit one unit only.
        """
        bare = comparable(name)
        if len(bare) < _SHORT_NAME:
            return ""
        units = {c: n for c, u in self.finder.directory.units.items() if len(n := comparable(u.name)) >= _SHORT_NAME}
        ends = sorted((code for code, unit in units.items() if bare.endswith(unit)), key=lambda code: -len(units[code]))
        if ends and (len(ends) == 1 or units[ends[0]] != units[ends[1]]):
            return ends[0]
        tests: tuple[Callable[[str], bool], ...] = (
            lambda unit: unit.endswith(bare),
            lambda unit: bare.startswith(unit) or unit.startswith(bare),
            lambda unit: same_unit_name(bare, unit),
        )
        for test in tests:
            found = [code for code, unit in units.items() if test(unit)]
            if found:
                return found[0] if len(found) == 1 else ""
        return ""

    def _say_name(self, name: str, code: str) -> None:
        unit = self.finder.directory.units[code]
        message = f"单位名称写作「{name}」，按名册中的「{unit.name}」（{code}）读取"
        place = self.cells.form.place(self.cells.file, self.cells.form.first_row)
        self.cells.out.findings.append(logged("TEXT_NORMALISED", place, message, "如不是同一单位，请改正", value=name))


def _field(form: FormTable, name: str) -> str:
    cell = form.fields.get(name)
    return cell.text if cell else ""


def _head(cells: FormCells, funds: list[BudgetLine]) -> PerformanceForm:
    form, texts, totals = cells.form, cells.form.texts, cells.form.totals
    total = next((line for line in funds if line.level == 0), None)
    coded = _PROJECT_CODE.match(cells.project)
    return PerformanceForm(
        unit_code=cells.unit_code,
        kind=form.kind,
        project=cells.project,
        project_code=coded[1] if coded else _field(form, "project_code"),
        department=_field(form, "department"),
        implementer=_field(form, "implementer") or _field(form, "unit"),
        title=title_line(form),
        period=_period(form),
        filled_on=_filled_on(form),
        goal_text=texts.get("goal_text", ""),
        result_text=texts.get("result_text", ""),
        problems=texts.get("problems", ""),
        measures=texts.get("measures", ""),
        grade=totals["grade"].text if "grade" in totals else "",
        total_weight=_total(cells, "weight"),
        total_score=_total(cells, "score"),
        execution_weight=total.points if total else None,
        execution_score=total.score if total else None,
        place=form.place(cells.file, form.first_row),
    )


def _total(cells: FormCells, name: str) -> Decimal | None:
    cell = cells.form.totals.get(name)
    return cells.points(cell.row, cell.column, "总分") if cell else None


def _period(form: FormTable) -> str:
    """The months that a monitoring form covers, as its heads say them: 1-6月."""
    heads = " ".join((form.fund.heads if form.fund else {}).values())
    found = _MONTHS.search(unicodedata.normalize("NFKC", heads))
    return found[0] if found else ""


def _filled_on(form: FormTable) -> str:
    """填报日期 as printed; the name of who filled the form in, which may stand beside it, is not kept."""
    stated = _DATE_PARTS.search(unicodedata.normalize("NFKC", _field(form, "filled_on")))
    if stated:
        return _field(form, "filled_on")
    rows = form.grid.rows[form.first_row : form.last_row + 1]
    texts = (*form.grid.above, *(cell_text(cell) for row in rows for cell in row if isinstance(cell, str)))
    found = next((m[1] for text in texts if (m := _FILLED_ON.search(unicodedata.normalize("NFKC", text)))), "")
    return "".join(found.split())


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
