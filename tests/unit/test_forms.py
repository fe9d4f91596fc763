"""Forms: 绩效自评表, 绩效目标申报表, 绩效运行监控表 in the layouts of many regions are read row for row, figure for figure."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jixiao.domain.books import BudgetLine, Indicator, Kind, PerformanceForm, Unit
from jixiao.domain.findings import Finding, Outcome
from jixiao.intake import read_inbox
from jixiao.intake.grids.grid import CellError, Grid
from jixiao.intake.rows.forms import read_form
from jixiao.intake.rows.reader import ReadingOptions, Rows
from jixiao.intake.rows.units import UnitDirectory, UnitFinder
from jixiao.intake.tables.forms import find_forms
from tests.fixtures.forms import (
    DEPARTMENT,
    INVENTED,
    NATIONAL_FUND,
    NATIONAL_INDICATORS,
    PROJECT,
    PUBLISHED,
    Canvas,
    Fund,
    Layout,
    Row,
    Said,
    as_fen,
    case,
    case_names,
    draw,
    heads,
    merge_score,
    register,
    split_target,
    word_file,
    workbook,
)

AMOUNTS = ("original", "carry_and_adjust", "adjusted", "executed", "forecast")
NATIONAL = Layout(fund=NATIONAL_FUND, indicators=NATIONAL_INDICATORS)
FILE = "自评表.xlsx"


class Read:
    """What was read from one form."""

    def __init__(self, rows: Rows, kind: Kind) -> None:
        self.kind = kind
        self.rows = rows
        self.findings: list[Finding] = rows.findings
        self.head = next(row for row in rows.rows if isinstance(row, PerformanceForm))
        self.lines = [row for row in rows.rows if isinstance(row, BudgetLine)]
        self.indicators = [row for row in rows.rows if isinstance(row, Indicator)]

    @property
    def codes(self) -> set[str]:
        return {finding.code for finding in self.findings}


def directory(*said: Said) -> UnitDirectory:
    known = UnitDirectory()
    for one in said:
        known.learn(Unit(one.unit_code, one.unit))
        known.learn(Unit(f"{one.unit_code}9", one.department or "县财政局"))
    return known


def forms_of(grid: Grid, *said: Said) -> list[Read]:
    known = directory(*said)
    return [
        Read(read_form(form, UnitFinder(known, FILE, form.title, frozenset()), ReadingOptions(said[0].year)), form.kind)
        for form in find_forms(grid)
    ]


def form_of(grid: Grid, said: Said) -> Read:
    found = forms_of(grid, said)
    assert len(found) == 1
    return found[0]


def drawn(said: Said, layout: Layout) -> Read:
    return form_of(draw(said, layout).grid(), said)


def assert_reads(read: Read, said: Said, layout: Layout) -> None:
    """Every row and every column that the layout prints, and nothing else."""
    printed = {key for _, key in heads(layout.fund)}
    assert read.head.unit_code == said.unit_code
    assert read.head.project == said.project
    assert [line.name for line in read.lines] == [fund.line_name for fund in said.funds]
    for line, fund in zip(read.lines, said.funds, strict=True):
        for key in AMOUNTS:
            amount = getattr(line, key)
            wanted = as_fen(getattr(fund, key), said.money_unit) if key in printed else None
            assert (amount.fen if amount else None) == wanted, (fund.line_name, key)
        assert line.reported_rate == (fund.execution_rate if "execution_rate" in printed else "")
        assert line.level == fund.level
        assert line.project == said.project
        for key in ("points", "score"):
            assert getattr(line, key) == (_points(getattr(fund, key)) if key in printed else None)
    _assert_indicators(read, said, layout)
    if "goals" in layout.order:
        goals = {key for _, key in heads(layout.goals)}
        assert read.head.goal_text == (said.goal_text if "goal_text" in goals else "")
        assert read.head.result_text == (said.result_text if "result_text" in goals else "")


def _assert_indicators(read: Read, said: Said, layout: Layout) -> None:
    levels = {key for _, key in heads(layout.levels)}
    printed = {key for _, key in heads(layout.indicators)}
    wanted = [row for row in said.rows if row.name or row.target or row.actual]
    assert [row.name for row in read.indicators] == [row.name.lstrip("★") or row.level2 for row in wanted]
    has_target = bool(printed & {"target", "value"})
    for number, (got, row) in enumerate(zip(read.indicators, wanted, strict=True), start=1):
        assert got.indicator_id == f"{number:03d}"
        assert got.level1 == (row.level1 if "level1" in levels else layout.indicator_label)
        assert got.level2 == (row.level2 if "level2" in levels else "")
        assert got.target == (row.target if has_target else "")
        for key, column in (("actual", "actual"), ("reason", "reason"), ("standard", "standard"),
                            ("actual_source", "source"), ("deviation", "deviation")):  # fmt: skip
            assert getattr(got, key) == (getattr(row, column) if column in printed else ""), (row.name, key)
        for key in ("weight", "score"):
            assert getattr(got, key) == (_points(getattr(row, key)) if key in printed else None), (row.name, key)
        assert got.likelihood == (row.likelihood if "likely_yes" in printed else "")
        assert got.project == said.project
    total = printed if layout.total_label and "total" in layout.order and "score" in printed else set()
    assert read.head.total_score == (_points(said.total_score) if "score" in total else None)
    assert read.head.total_weight == (_points(said.total_weight) if "weight" in total else None)
    assert read.head.grade == (said.grade if total else "")


def _points(text: str) -> Decimal | None:
    return Decimal(text) if text else None


# ── published forms and other layouts ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", case_names())
def test_a_published_form_is_read_to_its_figures_from_a_workbook(name: str, tmp_path: Path) -> None:
    said, layout = case(name)
    workbook(tmp_path / "自评表.xlsx", {"Sheet1": draw(said, layout)})
    register(tmp_path, (said.unit_code, said.unit), ("900", said.department or "市财政局"))
    reading = read_inbox([tmp_path], year=said.year)
    (file,) = (file for file in reading.files if file.file.endswith(".xlsx"))
    (table,) = file.tables
    rows = Rows(rows=list(table.rows), findings=list(file.findings))
    assert_reads(Read(rows, table.kind), said, layout)
    expected = {"goals": Kind.GOALS_FORM, "monitoring": Kind.MONITORING_FORM}
    named = next(key for key, value in PUBLISHED.items() if value is layout)
    assert table.kind is expected.get(named, Kind.PROJECT_FORM)
    assert not file.rows_rejected


@pytest.mark.parametrize("name", case_names())
@pytest.mark.parametrize("layout", PUBLISHED.values(), ids=PUBLISHED)
def test_what_one_region_says_is_read_in_the_layout_of_any_other(name: str, layout: Layout) -> None:
    said, own = case(name)
    said = replace(said, title="") if own is not layout else said
    if layout.head == PUBLISHED["chongqing_department"].head:
        said = replace(said, project="")
    elif not said.project:
        said = replace(said, project="融媒体平台运行")
    assert_reads(drawn(said, layout), said, layout)


@pytest.mark.parametrize(("said", "layout"), INVENTED.values(), ids=INVENTED)
def test_layouts_of_other_regions_are_read(said: Said, layout: Layout) -> None:
    assert_reads(drawn(said, layout), said, layout)


@pytest.mark.parametrize(("said", "layout"), INVENTED.values(), ids=INVENTED)
def test_nothing_of_a_clean_form_is_found_fault_with(said: Said, layout: Layout) -> None:
    assert not [f for f in drawn(said, layout).findings if f.outcome is not Outcome.ACCEPT_LOGGED]


# ── the same form in other spellings ─────────────────────────────────────────────────────────────────────────────────


def _spaced(text: str) -> str:
    return text if re.search(r"\d", text) else "  ".join(text)


def _wrapped(text: str) -> str:
    return text if re.search(r"\d", text) else "\n".join(text)


def _full_width(text: str) -> str:
    return text.replace("(", "（").replace(")", "）").replace("A", "Ａ").replace("B", "Ｂ").replace("/", "／")


def _colon(text: str) -> str:
    return f"{text}："


@pytest.mark.parametrize("spell", [_spaced, _wrapped, _full_width, _colon])
def test_labels_with_blanks_line_breaks_full_width_or_colons_are_the_same_labels(spell) -> None:
    canvas = draw(PROJECT, NATIONAL)
    labels = [
        row for (row, _), value in canvas.cells.items() if value in {"项目资金（万元）", "年度总体目标", "绩效指标"}
    ]
    assert_reads(form_of(canvas.respelled(spell, rows=labels).grid(), PROJECT), PROJECT, NATIONAL)


@pytest.mark.parametrize(("said", "layout"), INVENTED.values(), ids=INVENTED)
def test_a_form_whose_merges_are_lost_reads_the_same(said: Said, layout: Layout) -> None:
    assert_reads(form_of(replace(draw(said, layout).grid(), merged=()), said), said, layout)


@pytest.mark.parametrize("shift", [1, 3])
def test_blank_columns_at_the_left_change_nothing(shift: int) -> None:
    assert_reads(form_of(draw(PROJECT, NATIONAL).grid(shift=shift), PROJECT), PROJECT, NATIONAL)


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(0, 20), max_size=6))
def test_blank_rows_anywhere_change_nothing(before: set[int]) -> None:
    canvas = draw(PROJECT, NATIONAL).with_blank_rows(*before)
    assert_reads(form_of(canvas.grid(), PROJECT), PROJECT, NATIONAL)


@settings(max_examples=40, deadline=None)
@given(st.permutations(["target", "actual", "weight", "score", "reason"]), st.permutations(["fund", "goals"]))
def test_columns_and_blocks_stand_in_any_order(columns: list[str], blocks: list[str]) -> None:
    labels = {key: label for label, key in heads(NATIONAL_INDICATORS)}
    layout = replace(
        NATIONAL,
        indicators=" ".join(f"{labels[key]}:{key}" for key in columns),
        order=(*blocks, "indicators", "total"),
    )
    assert_reads(drawn(PROJECT, layout), PROJECT, layout)


@settings(max_examples=60, deadline=None)
@given(st.decimals(min_value=0, max_value=10**7, places=6), st.sampled_from(["元", "万元"]))
def test_amounts_are_exact_in_either_unit(amount: Decimal, unit: str) -> None:
    printed = f"{amount:.2f}" if unit == "元" else f"{amount:f}"
    said = replace(PROJECT, money_unit=unit, funds=(Fund("年度资金总额", 0, printed, "", printed, printed),))
    canvas = draw(said, NATIONAL)
    canvas.cells = {at: printed if value == float(printed) else value for at, value in canvas.cells.items()}
    line = form_of(canvas.grid(), said).lines[0]
    assert line.executed is not None
    assert line.executed.fen == as_fen(printed, unit)


def test_where_nothing_states_the_money_unit_it_is_yuan() -> None:
    layout = replace(NATIONAL, fund_label="项目资金")
    line = drawn(PROJECT, layout).lines[0]
    assert line.original is not None
    assert line.original.fen == 120_00


def test_a_fund_block_without_the_column_of_the_years_beginning_is_read() -> None:
    layout = replace(NATIONAL, fund=NATIONAL_FUND.replace("年初预算数:original ", ""))
    assert_reads(drawn(PROJECT, layout), PROJECT, layout)


# ── cells ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _at(canvas: Canvas, text: str) -> tuple[int, int]:
    return next(place for place, value in canvas.cells.items() if value == text)


def test_a_dash_is_not_applicable_a_blank_is_missing_and_a_zero_is_zero() -> None:
    said = replace(PROJECT, funds=(Fund("年度资金总额", 0, "120", "", "—", "0", "0%"),))
    line = drawn(said, NATIONAL).lines[0]
    assert line.adjusted is None
    assert line.executed is not None
    assert line.executed.fen == 0


def test_a_score_cell_over_several_rows_is_one_score() -> None:
    canvas = draw(PROJECT, NATIONAL)
    row, column = _at(canvas, "得分")[0], 0
    row, column = next(place for place, value in canvas.cells.items() if value == "得分" and place[0] > row)
    merge_score(canvas, column, row + 1, row + 3)
    read = form_of(canvas.grid(), PROJECT)
    assert [i.score for i in read.indicators][:4] == [Decimal(15), None, None, Decimal(7)]


@pytest.mark.parametrize(
    ("code", "operator"), [("1", "≥"), ("2", "＞"), ("3", "="), ("4", "＜"), ("5", "≤"), ("6", "")]
)
def test_operators_written_as_codes_are_read_where_the_column_holds_nothing_else(code: str, operator: str) -> None:
    layout = PUBLISHED["national_3col"]
    said = replace(PROJECT, rows=(Row("产出指标", "数量指标", "管网", "≥5公里", "5", "10", "10"),))
    canvas = draw(said, layout)
    canvas.cells[_at(canvas, "≥")] = int(code)
    assert form_of(canvas.grid(), said).indicators[0].target == f"{operator}5公里"


def test_a_number_beside_a_sign_in_the_operator_column_is_no_code() -> None:
    layout = PUBLISHED["national_3col"]
    rows = (Row("产出指标", "数量指标", "管网", "≥5公里"), Row("产出指标", "数量指标", "水厂", "≥2座"))
    said = replace(PROJECT, rows=rows)
    canvas = draw(said, layout)
    canvas.cells[_at(canvas, "≥")] = 1
    assert [i.target for i in form_of(canvas.grid(), said).indicators] == ["15公里", "≥2座"]


def test_prefix_and_star_leave_a_name_and_a_template_stays() -> None:
    names = ("指标1：新建管网", "★水厂（≥**座）", "指标 2:★泵站", "指标达成率")
    said = replace(PROJECT, rows=tuple(Row("产出指标", "数量指标", name, "1", "1") for name in names))
    assert [i.name for i in form_of(draw(said, NATIONAL).grid(), said).indicators] == [
        "新建管网",
        "水厂（≥**座）",
        "泵站",
        "指标达成率",
    ]


@pytest.mark.parametrize("filler", ["指标1：", "指标2:", "……", "...", "", "★", "指标3", "—"])
def test_a_filler_is_no_indicator(filler: str) -> None:
    said = replace(PROJECT, rows=(*PROJECT.rows, Row("满意度指标", "服务对象满意度指标", filler)))
    read = form_of(draw(said, NATIONAL).grid(), said)
    assert len(read.indicators) == len(PROJECT.rows)
    assert not read.findings


def test_a_filler_with_points_is_told() -> None:
    said = replace(PROJECT, rows=(*PROJECT.rows, Row("满意度指标", "服务对象满意度指标", "指标2：", weight="5")))
    read = form_of(draw(said, NATIONAL).grid(), said)
    assert [f.code for f in read.findings] == ["REQUIRED_VALUE_EMPTY"]


def test_a_level_without_any_indicator_is_told_once() -> None:
    said = replace(
        PROJECT,
        rows=(*PROJECT.rows, Row("效益指标", "生态效益指标", ""), Row("效益指标", "生态效益指标", "……")),
    )
    read = form_of(draw(said, NATIONAL).grid(), said)
    (finding,) = read.findings
    assert (finding.code, finding.outcome) == ("REQUIRED_VALUE_EMPTY", Outcome.ACCEPT_WITH_WARNING)
    assert "生态效益指标" in finding.message


def test_a_target_without_a_name_bears_the_name_of_its_level() -> None:
    said = replace(PROJECT, rows=(Row("产出指标", "成本指标", "", "年度预算220万元", "按进度"),))
    assert [i.name for i in form_of(draw(said, NATIONAL).grid(), said).indicators] == ["成本指标"]


def test_levels_written_downwards_are_one_word() -> None:
    said = replace(PROJECT, rows=tuple(replace(r, level1="\n".join(r.level1)) for r in PROJECT.rows))
    assert [i.level1 for i in drawn(said, NATIONAL).indicators] == [r.level1 for r in PROJECT.rows]


def test_a_percent_format_is_read_as_the_sheet_shows_it() -> None:
    canvas = draw(PROJECT, NATIONAL)
    at = _at(canvas, "93.5%")
    canvas.cells[at] = 0.935
    grid = replace(canvas.grid(), percent_cells={at: 1})
    assert form_of(grid, PROJECT).indicators[2].actual == "93.5%"


def test_hidden_rows_are_read_and_said_so() -> None:
    canvas = draw(PROJECT, NATIONAL)
    hidden = _at(canvas, "改造水厂")[0] + 1
    read = form_of(replace(canvas.grid(), hidden_rows=frozenset({hidden})), PROJECT)
    assert [(f.code, f.place.row) for f in read.findings] == [("HIDDEN_ROWS", hidden)]
    assert len(read.indicators) == len(PROJECT.rows)


def test_an_error_value_rejects_its_row_and_says_where() -> None:
    canvas = draw(PROJECT, NATIONAL)
    at = _at(canvas, "93.5%")
    canvas.cells[at] = CellError("#REF!")
    read = form_of(canvas.grid(), PROJECT)
    (finding,) = read.findings
    assert (finding.code, finding.place.row, finding.place.column) == ("CELL_ERROR", at[0] + 1, "FEDG"[0])
    assert read.rows.rejected == 1
    assert len(read.indicators) == len(PROJECT.rows) - 1


def test_an_amount_that_is_a_word_rejects_its_row_and_says_where() -> None:
    canvas = draw(PROJECT, NATIONAL)
    at = next(place for place, value in canvas.cells.items() if value == 126.123456)
    canvas.cells[at] = "约一百万"
    read = form_of(canvas.grid(), PROJECT)
    assert [(f.code, f.place.row, f.value) for f in read.findings] == [("REQUIRED_VALUE_EMPTY", at[0] + 1, "约一百万")]
    assert [line.name for line in read.lines] == [fund.line_name for fund in PROJECT.funds[1:]]


def test_points_that_are_a_word_are_a_warning_and_the_row_stays() -> None:
    said = replace(PROJECT, rows=(replace(PROJECT.rows[0], score="满分"), *PROJECT.rows[1:]))
    read = form_of(draw(said, NATIONAL).grid(), said)
    assert [(f.code, f.value) for f in read.findings] == [("NUMBER_UNREADABLE", "满分")]
    assert len(read.indicators) == len(PROJECT.rows)


def test_an_empty_form_is_told_what_is_missing_and_nothing_is_invented() -> None:
    rows = tuple(Row(row.level1, row.level2, "指标1：") for row in PROJECT.rows)
    said = replace(
        PROJECT,
        funds=(Fund("年度资金总额"), Fund("其中：当年财政拨款", 1)),
        rows=rows,
        goal_text="",
        result_text="",
        total_score="",
    )
    read = drawn(said, NATIONAL)
    assert not read.indicators
    assert all(line.executed is None and line.points is None for line in read.lines)
    assert {f.code for f in read.findings} == {"REQUIRED_VALUE_EMPTY"}


HOSTILE = [
    '=cmd|"/c calc"!A1',
    "<script>",
    "某" * 40_000,
    "\x00\x07",
    "项目名称",
    "总分",
    "{{x}}",
    "=HYPERLINK(1)",
    "2",
]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(HOSTILE), st.integers(0, 200))
def test_any_text_in_any_cell_is_read_or_told_never_an_exception(text: str, where: int) -> None:
    canvas = draw(PROJECT, NATIONAL)
    place = sorted(canvas.cells)[where % len(canvas.cells)]
    canvas.cells[place] = text
    known = directory(PROJECT)
    for form in find_forms(canvas.grid()):
        read_form(form, UnitFinder(known, FILE, form.title, frozenset()), ReadingOptions(PROJECT.year))


# ── whose form it is ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_department_above_is_not_the_unit() -> None:
    assert drawn(PROJECT, NATIONAL).head.unit_code == PROJECT.unit_code


def test_a_name_with_its_county_before_it_is_found_and_said() -> None:
    printed = replace(PROJECT, unit=f"临江市{PROJECT.unit}")
    grid = draw(printed, NATIONAL).grid()
    read = form_of(grid, PROJECT)
    assert read.head.unit_code == PROJECT.unit_code
    assert [f.code for f in read.findings] == ["TEXT_NORMALISED"]


def _read_by(known: UnitDirectory, said: Said) -> Rows:
    (form,) = find_forms(draw(said, NATIONAL).grid())
    return read_form(form, UnitFinder(known, FILE, form.title, frozenset()), ReadingOptions(said.year))


def test_of_two_names_that_end_the_printed_one_the_longer_is_meant() -> None:
    known = directory(replace(PROJECT, unit="第二中学"), replace(PROJECT, unit="永德县第二中学", unit_code="620016"))
    rows = _read_by(known, replace(PROJECT, unit="临沧市永德县第二中学"))
    assert rows.units == {"620016"}


def test_a_short_name_that_may_be_two_units_is_not_guessed() -> None:
    known = directory(
        replace(PROJECT, unit="永德县第二中学"), replace(PROJECT, unit="凤庆县第二中学", unit_code="620016")
    )
    rows = _read_by(known, replace(PROJECT, unit="第二中学"))
    assert [(f.code, f.outcome) for f in rows.findings] == [("UNKNOWN_UNIT", Outcome.REJECT_FILE)]


def test_the_department_is_not_taken_for_a_unit_that_no_register_knows() -> None:
    known = UnitDirectory()
    known.learn(Unit("620", PROJECT.department))
    assert {f.code for f in _read_by(known, PROJECT).findings} == {"UNKNOWN_UNIT"}


def test_a_unit_nobody_knows_is_refused_with_the_mend() -> None:
    (form,) = find_forms(draw(PROJECT, NATIONAL).grid())
    rows = read_form(form, UnitFinder(UnitDirectory(), FILE, form.title, frozenset()), ReadingOptions(2023))
    (finding,) = rows.findings
    assert finding.code == "UNKNOWN_UNIT"
    assert "预算单位名册" in finding.fix
    assert PROJECT.unit in finding.message
    assert not rows.rows


def test_a_form_outside_the_scope_is_left_out_and_counted() -> None:
    (form,) = find_forms(draw(PROJECT, NATIONAL).grid())
    scope = frozenset({"999999"})
    rows = read_form(form, UnitFinder(directory(PROJECT), FILE, form.title, scope), ReadingOptions(2023, scope))
    assert not rows.rows
    assert rows.excluded == 1 + len(PROJECT.funds) + len(PROJECT.rows)
    assert rows.outside == {PROJECT.unit_code}


def test_a_form_of_the_whole_unit_has_no_project() -> None:
    layout = replace(NATIONAL, head=((("部门（单位）名称", "unit"),),), title="部门整体支出绩效自评表")
    read = drawn(DEPARTMENT, layout)
    assert read.head.project == ""
    assert {line.project for line in read.lines} | {i.project for i in read.indicators} == {""}


def test_persons_are_not_kept() -> None:
    layout = replace(NATIONAL, head=(*NATIONAL.head, (("项目负责人", "=李四"), ("联系电话", "=13800000000"))))
    assert not re.search("张三|李四|138", repr(drawn(PROJECT, layout).rows.rows))


def test_head_fields_in_one_cell_with_their_labels_are_read() -> None:
    layout = replace(
        NATIONAL,
        head=(),
        unit_line="项目名称：{project}    实施单位：{unit}    单位编码：{code}    金额单位：{money}",
    )
    read = drawn(PROJECT, layout)
    assert (read.head.project, read.head.unit_code, read.head.implementer) == (
        PROJECT.project,
        PROJECT.unit_code,
        PROJECT.unit,
    )


def test_a_project_code_before_the_name_is_taken_beside_it() -> None:
    said = replace(PROJECT, project="51000021R000000019951-工资性支出")
    head = drawn(said, NATIONAL).head
    assert (head.project, head.project_code) == (said.project, "51000021R000000019951")


@pytest.mark.parametrize("printed", ["[620015]青河县水务局", "620015-青河县水务局", "青河县水务局（盖章）"])
def test_a_unit_printed_with_its_code_or_its_seal_is_found(printed: str) -> None:
    assert form_of(draw(replace(PROJECT, unit=printed), NATIONAL).grid(), PROJECT).head.unit_code == PROJECT.unit_code


# ── several forms ────────────────────────────────────────────────────────────────────────────────────────────────────


SECOND = replace(PROJECT, project="小型水库除险加固", rows=PROJECT.rows[:3], total_score="34.84")


def test_two_forms_one_below_the_other_are_two_subjects() -> None:
    grid = draw(PROJECT, NATIONAL).below(draw(SECOND, NATIONAL)).grid()
    first, second = forms_of(grid, PROJECT)
    assert_reads(first, PROJECT, NATIONAL)
    assert_reads(second, SECOND, NATIONAL)


def test_forms_of_different_layouts_below_each_other_are_read_each_by_its_own() -> None:
    other = PUBLISHED["sichuan"]
    grid = draw(PROJECT, NATIONAL).below(draw(SECOND, other), gap=0).grid()
    first, second = forms_of(grid, PROJECT)
    assert_reads(first, PROJECT, NATIONAL)
    assert_reads(second, SECOND, other)


def test_a_workbook_of_many_forms_gives_a_subject_each(tmp_path: Path) -> None:
    workbook(tmp_path / "汇总.xlsx", {"项目一": draw(PROJECT, NATIONAL), "项目二": draw(SECOND, PUBLISHED["sichuan"])})
    register(tmp_path, (PROJECT.unit_code, PROJECT.unit))
    reading = read_inbox([tmp_path], year=PROJECT.year)
    (file,) = (file for file in reading.files if file.file.endswith(".xlsx"))
    assert [table.project for table in file.tables] == [PROJECT.project, SECOND.project]
    assert [sum(isinstance(row, Indicator) for row in table.rows) for table in file.tables] == [7, 3]


def test_a_table_of_a_word_file_is_read_with_the_paragraphs_before_it() -> None:
    layout = replace(NATIONAL, title="", year_line="", fund_label="项目资金")
    above = ["项目支出绩效自评表", "（2023年度）", f"填报单位：{PROJECT.unit}        金额单位：万元"]
    canvas = draw(replace(PROJECT, title=" "), layout)
    grid = canvas.grid(above=above)
    (form,) = find_forms(grid)
    assert (form.title.year, form.title.money_unit) == (PROJECT.year, "万元")
    assert_reads(form_of(grid, PROJECT), PROJECT, layout)


def test_forms_in_a_word_file_are_read_like_those_of_a_workbook(tmp_path: Path) -> None:
    other = PUBLISHED["sichuan"]
    untitled = replace(NATIONAL, title=" ", year_line="")
    above = ["项目支出绩效自评表", "（2023年度）"]
    word_file(
        tmp_path / "自评表.docx",
        [(above, draw(replace(PROJECT, title=" "), untitled)), (["四川样式"], draw(SECOND, other))],
    )
    register(tmp_path, (PROJECT.unit_code, PROJECT.unit))
    reading = read_inbox([tmp_path], year=PROJECT.year)
    (file,) = (file for file in reading.files if file.file.endswith(".docx"))
    first, second = (Read(Rows(rows=list(table.rows)), table.kind) for table in file.tables)
    assert_reads(first, PROJECT, untitled)
    assert_reads(second, SECOND, other)
    assert not [f for f in file.findings if f.outcome is not Outcome.ACCEPT_LOGGED]


def test_a_page_break_with_the_head_again_goes_on_with_the_same_form() -> None:
    canvas = draw(PROJECT, NATIONAL)
    head = _at(canvas, "一级指标")[0]
    broken = canvas.with_blank_rows(head + 4)
    broken.cells |= {(head + 4, c): v for (r, c), v in canvas.cells.items() if r == head and c}
    assert_reads(form_of(broken.grid(), PROJECT), PROJECT, NATIONAL)


# ── blocks drawn by hand ─────────────────────────────────────────────────────────────────────────────────────────────


def by_hand(*rows: list[object], merged: tuple[tuple[int, int, int, int], ...] = (), above=()) -> Read:
    width = max(len(row) for row in rows)
    cells = [[*row, *[None] * (width - len(row))] for row in rows]
    return form_of(Grid("Sheet1", cells, merged=merged, above=tuple(above)), PROJECT)


def test_of_the_years_of_a_project_and_this_year_side_by_side_this_year_is_read() -> None:
    read = by_hand(
        ["项目支出绩效目标申报表"],
        ["项目名称", "水利工程维修"],
        ["主管部门及代码", "[620]青河县财政局", None, None, "实施单位", PROJECT.unit],
        ["项目资金\n（万元）", "中期资金总额：", None, 300, "年度资金总额：", None, 100],
        [None, "其中：财政拨款", None, 270, "其中：财政拨款", None, 90],
        ["总体目标", "中期目标（2022年-2024年）", None, None, "年度目标"],
        [None, "三年维修30座", None, None, "维修10座"],
        ["绩效指标", "一级指标", "二级指标", "三级指标", "指标值", "二级指标", "三级指标", "指标值"],
        [None, "产出指标", "数量指标", "指标1：座数", "30座", "数量指标", "指标1：维修座数", "≥10座"],
        [None, None, None, "指标2：", None, None, "指标2：", None],
    )
    assert read.kind is Kind.GOALS_FORM
    assert [(line.name, line.original and line.original.fen) for line in read.lines] == [
        ("年度资金总额", 100_0000_00),
        ("其中：财政拨款", 90_0000_00),
    ]
    assert read.head.goal_text == "维修10座"
    assert [(i.name, i.target) for i in read.indicators] == [("维修座数", "≥10座")]


def test_a_total_in_the_head_an_adjusted_value_and_a_label_that_is_not_merged_are_read() -> None:
    read = by_hand(
        ["2023年度项目绩效自评表"],
        ["项目名称", "水利工程维修", None, "项目编码", "P500123", "自评总分（分）", 96.5],
        ["主管部门", "青河县财政局", None, "单位", PROJECT.unit, "项目联系人", "王五"],
        [
            "部门资金（万元）",
            "年初预算数",
            None,
            "全年（调整）预算数（A）",
            "全年执行数（B）",
            "执行率（B/A）",
            "执行率权重",
        ],
        [None, 120, None, 110, 100, 0.9091, 10],
        ["其中：财政资金", 120, None, 110, 100, "90.91%", None],
        ["当年绩效目标", "年初绩效目标", None, "全年（调整）绩效目标", None, "全年目标实际完成情况"],
        [None, "修10座", None, "修12座", None, "修了12座"],
        [
            "绩效指标",
            "指标名称",
            "计量单位",
            "指标性质",
            "年初指标值",
            "调整指标值",
            "全年完成值",
            "指标权重（分）",
            "指标得分（分）",
        ],
        [None, "维修座数", "座", "≥", 10, 12, 12, 50, 50],
        [None, "满意度", "%", "≥", 90, None, 85, 40, 37.41],
    )
    assert read.head.total_score == Decimal("96.5")
    assert (read.head.goal_text, read.head.result_text) == ("修10座", "修了12座")
    assert [line.executed and line.executed.fen for line in read.lines] == [100_0000_00, 100_0000_00]
    assert [line.reported_rate_pct for line in read.lines] == [Decimal("90.9100"), Decimal("90.91")]
    assert [i.target for i in read.indicators] == ["≥12座", "≥90%"]


def test_a_whole_units_form_that_names_its_unit_at_the_foot_is_read() -> None:
    read = by_hand(
        ["2023年度部门整体支出绩效自评表"],
        ["年度预算（万元）", "年初预算数", "全年预算数", "全年执行数", "执行率", "分值", "得分"],
        ["部门整体支出", 100, 110, 105, "95.45%", 10, 9.5],
        ["其中：基本支出", 60, 60, 60, "100%"],
        ["一级指标", "二级指标", "三级指标", "分值", "年初目标值", "完成值", "得分"],
        ["投入", "预算执行", "预算执行率", 10, "100%", "95.45%", 9.5],
        ["产出", "数量", "供水", 80, "≥1万吨", "1.1万吨", 80],
        ["合计", None, None, 100, None, None, 99.5],
        ["评价等级", "优"],
        ["填报人：张三", None, f"填报单位：{PROJECT.unit}"],
    )
    assert (read.head.unit_code, read.head.project, read.head.grade) == (PROJECT.unit_code, "", "优")
    assert (read.head.total_score, read.head.execution_score) == (Decimal("99.5"), Decimal("9.5"))
    assert [i.name for i in read.indicators] == ["预算执行率", "供水"]


def test_causes_that_are_ticked_stand_before_the_reason() -> None:
    layout = replace(
        NATIONAL,
        indicators="年度指标值:target 完成值:actual 偏差原因分析/经费保障:- 偏差原因分析/制度保障:cause 偏差原因分析/原因说明:reason",
    )
    rows = tuple(replace(row, cause="√" if row.reason else "") for row in PROJECT.rows)
    said = replace(PROJECT, rows=rows)
    assert [i.reason for i in form_of(draw(said, layout).grid(), said).indicators if i.reason] == [
        "制度保障：枯水期浊度偏高",
        "制度保障：雨季停工",
    ]


@pytest.mark.parametrize(
    "line", ["（2023年度）", "( 2023 年度)", "项目绩效自评表（2023年度）", "2023年度项目绩效自评表"]
)
def test_the_year_of_a_title_is_read_however_it_is_spaced(line: str) -> None:
    layout = replace(NATIONAL, title="项目支出绩效自评表", year_line=line)
    (form,) = find_forms(draw(PROJECT, layout).grid())
    assert form.title.year == PROJECT.year


def test_shares_of_the_hundred_are_points() -> None:
    rows = tuple(replace(row, weight=f"{row.weight}%") for row in PROJECT.rows)
    said = replace(PROJECT, rows=rows)
    assert [i.weight for i in form_of(draw(said, NATIONAL).grid(), said).indicators] == [
        Decimal(row.weight) for row in PROJECT.rows
    ]


def test_an_indicator_about_the_budget_does_not_begin_a_fund_block() -> None:
    layout = replace(NATIONAL, indicators="年度指标值:target 实际完成值:actual", total_label="")
    rows = (Row("预算执行", "预算执行", "预算执行率", "95", "98"), *PROJECT.rows)
    said = replace(PROJECT, rows=rows)
    assert_reads(drawn(said, layout), said, layout)


@pytest.mark.parametrize(
    ("printed", "code", "fen"),
    [("￥1,200.50", "NUMBER_NORMALISED", 1_200_500_000), ("（3.5）", "NEGATIVE_STYLE", -3_500_000), ("33.12345678", "SUB_CENT", 33_123_456), ("250万元", "NUMBER_NORMALISED", 250_000_000)],
)  # fmt: skip
def test_amounts_in_any_style_are_read_and_said(printed: str, code: str, fen: int) -> None:
    canvas = draw(PROJECT, NATIONAL)
    canvas.cells[next(at for at, value in canvas.cells.items() if value == 126.123456)] = printed
    read = form_of(canvas.grid(), PROJECT)
    assert [f.code for f in read.findings] == [code]
    assert read.lines[0].executed is not None
    assert read.lines[0].executed.fen == fen


# ── what is no form ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_plain_table_of_indicators_is_no_form() -> None:
    rows: list[list[object]] = [
        ["部门整体支出绩效自评表"],
        [f"单位名称：{PROJECT.unit}"],
        ["类别", "指标名称", "指标目标值", "指标完成值", "分值", "得分"],
        ["产出", "管网", "≥5公里", "5公里", 10, 10],
        ["合计", None, None, None, 10, 10],
    ]
    assert not find_forms(Grid("Sheet1", rows))


def test_an_execution_table_of_many_lines_is_no_form() -> None:
    rows: list[list[object]] = [
        ["预算执行情况表"],
        ["项目", "年初预算数", "调整预算数", "实际支出数", "执行率"],
        ["基本支出", 1, 1, 1, "100%"],
        ["项目支出", 1, 1, 1, "100%"],
    ]
    assert not find_forms(Grid("Sheet1", rows))


def test_target_is_joined_as_it_stands() -> None:
    assert split_target("≧735人次") == {"operator": "≧", "value": "735", "unit": "人次"}
    said = replace(
        PROJECT,
        rows=tuple(
            Row("产出指标", "数量指标", f"指标名{i}", target)
            for i, target in enumerate(["≧735人次", "=100%", "有效", "28.8万元"])
        ),
    )
    assert [i.target for i in drawn(said, PUBLISHED["national_3col"]).indicators] == [r.target for r in said.rows]
