"""The bundled example says what was published, agrees with itself, and is built to the same bytes."""

from __future__ import annotations

import csv
import importlib.util
import itertools
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from pathlib import Path
from types import ModuleType

import openpyxl
import pytest
from docx import Document

import jixiao.examples
from jixiao.errors import UsageError
from jixiao.examples import example_names, write_inbox
from tests.fixtures.units import Breakage, many_units, write_unit_b, write_unit_c, write_unit_d

EXAMPLE = Path(jixiao.examples.__file__).parent / "suzhou-2022"
UNIT_CODE = "301002"
WAN = Decimal(10000)
CENT = Decimal("0.01")


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_suzhou_2022", EXAMPLE / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def inbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("suzhou")
    write_inbox("suzhou-2022", folder)
    return folder


def sheet_rows(path: Path) -> list[list[object]]:
    sheet = openpyxl.load_workbook(path).worksheets[0]
    return [list(row) for row in sheet.iter_rows(values_only=True)]


def source_rows(name: str) -> list[list[str]]:
    with (EXAMPLE / "source" / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def paid_by_line(inbox: Path) -> dict[str, Decimal]:
    _, *rows = sheet_rows(inbox / "国库支付明细.xlsx")
    sums: dict[str, Decimal] = {}
    for row in rows:
        name = str(row[3])
        sums[name] = sums.get(name, Decimal(0)) + Decimal(repr(row[7]))
    return sums


def test_building_again_gives_the_committed_bytes(builder: ModuleType, tmp_path: Path) -> None:
    built = {path.name: path.read_bytes() for path in builder.build(tmp_path)}
    committed = {path.name: path.read_bytes() for path in (EXAMPLE / "inbox").iterdir()}
    assert sorted(built) == sorted(committed)
    assert [name for name in built if built[name] != committed[name]] == []


def test_the_inbox_is_copied_once_and_again_without_harm(tmp_path: Path) -> None:
    assert "suzhou-2022" in example_names()
    first = write_inbox("suzhou-2022", tmp_path / "收件箱")
    assert [path.name for path in first] == sorted(path.name for path in (EXAMPLE / "inbox").iterdir())
    assert write_inbox("suzhou-2022", tmp_path / "收件箱") == first


def test_a_changed_file_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "责任人通讯录.csv").write_text("我改过的通讯录", encoding="utf-8")
    with pytest.raises(FileExistsError, match=r"责任人通讯录\.csv.*没有写入任何文件"):
        write_inbox("suzhou-2022", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["责任人通讯录.csv"]


@pytest.mark.parametrize("name", ["nowhere-1999", "", "..", "__init__.py", "../../jixiao/examples/suzhou-2022"])
def test_an_unknown_example_is_named_with_the_known_ones(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        write_inbox(name, tmp_path)
    assert "suzhou-2022" in refused.value.fix


def test_the_ledger_truncates_to_the_published_figures_and_rounds_to_the_published_rates(inbox: Path) -> None:
    paid = paid_by_line(inbox)
    basic = paid["基本支出"]
    projects = sum(amount for line, amount in paid.items() if line != "基本支出")
    executed = {**paid, "预算总金额": basic + projects, "项目支出": projects}
    assert projects == Decimal(5_482_093)
    _, *published = source_rows("budget.csv")
    assert len(published) == 12
    for name, _, _, adjusted, printed, rate in published:
        assert (executed[name] / WAN).quantize(CENT, ROUND_DOWN) == Decimal(printed), name
        exact_rate = (executed[name] / (Decimal(adjusted) * WAN) * 100).quantize(CENT, ROUND_HALF_UP)
        assert f"{exact_rate}%" == rate, name


def test_the_budget_table_shows_the_published_figures_as_printed(inbox: Path) -> None:
    rows = sheet_rows(inbox / "部门预算执行情况表.xlsx")
    assert [row[0] for row in rows[:3]] == [
        "部门预算执行情况表",
        "单位名称：苏州市科技服务中心  单位编码：301002",
        "2022年度  单位：万元",
    ]
    assert [[str(cell) for cell in row] for row in rows[3:]] == source_rows("budget.csv")


@pytest.mark.parametrize(
    ("file", "source", "count"),
    [("整体支出绩效自评表.xlsx", "indicators.csv", 69), ("年度重点任务.xlsx", "key_tasks.csv", 22)],
)
def test_texts_of_the_forms_are_those_of_the_source(inbox: Path, file: str, source: str, count: int) -> None:
    rows = [[cell or "" for cell in row] for row in sheet_rows(inbox / file)[3:]]
    for above, row in itertools.pairwise(rows):
        row[0] = row[0] or above[0]  # merged cells keep their value in the first row only
    assert rows == source_rows(source)
    assert len(rows) - 1 == count


def test_targets_that_begin_with_an_equals_sign_are_texts(inbox: Path) -> None:
    sheet = openpyxl.load_workbook(inbox / "整体支出绩效自评表.xlsx").worksheets[0]
    targets = [row[2] for row in sheet.iter_rows(min_row=5) if str(row[2].value).startswith("=")]
    assert targets
    assert {cell.data_type for cell in targets} == {"s"}


def test_the_narrative_holds_the_six_chapters_unchanged(inbox: Path) -> None:
    paragraphs = [p.text for p in Document(str(inbox / "自评报告文字.docx")).paragraphs]
    source = (EXAMPLE / "source" / "narrative.md").read_text(encoding="utf-8")
    assert paragraphs == [line.lstrip("# ") for line in source.splitlines() if line]
    assert [text[0] for text in paragraphs if text[1:2] == "、"] == list("一二三四五六")
    assert paragraphs[2] == "一、预算部门名称：苏州市科技服务中心"


def test_vouchers_are_unique_texts_within_the_year_and_one_pair_is_a_refund(inbox: Path) -> None:
    _, *rows = sheet_rows(inbox / "国库支付明细.xlsx")
    numbers = [str(row[0]) for row in rows]
    assert len(set(numbers)) == len(rows) == 97
    assert {row[1] for row in rows} == {UNIT_CODE}
    assert {row[8].year for row in rows} == {2022}  # type: ignore[attr-defined]
    assert len({row[8].month for row in rows if row[3] == "基本支出"}) == 12  # type: ignore[attr-defined]
    refunds = [row for row in rows if Decimal(repr(row[7])) < 0]
    assert [(row[3], row[9]) for row in refunds] == [("办公设备购置", "资金退回")]
    original = str(refunds[0][10]).rsplit("原凭证", 1)[1]
    assert rows[numbers.index(original)][3] == "办公设备购置"


def test_each_indicator_is_answered_for_by_exactly_one_office() -> None:
    _, *contacts = source_rows("contacts.csv")
    _, *indicators = source_rows("indicators.csv")
    answering = set()
    for level1, name, *_ in indicators:
        matches = [
            (len(duty), office)
            for _, office, _, _, duties in contacts
            for duty in duties.split("、")
            if duty in name or duty == level1
        ]
        assert matches, name
        longest = max(length for length, _ in matches)
        owners = {office for length, office in matches if length == longest}
        assert len(owners) == 1, (name, owners)
        answering |= owners
    assert answering == {office for _, office, *_ in contacts}
    assert len(contacts) == 8
    assert all(email.endswith("@example.org") for _, _, email, *_ in contacts)


def test_only_the_four_staffing_figures_of_the_report_are_given_as_facts() -> None:
    _, *facts = source_rows("facts.csv")
    assert {label: value for label, value, *_ in facts} == {
        "事业编制": "43",
        "在职": "42",
        "公益性编制": "4",
        "公益性编制在职": "3",
    }


@pytest.mark.parametrize("weights_total", [90, 100])
def test_the_form_of_unit_b_adds_up_and_its_budget_rounds_its_ledger(tmp_path: Path, weights_total: int) -> None:
    truth = write_unit_b(tmp_path, year=2031, weights_total=weights_total)
    form = sheet_rows(truth.folder / "自评表.xlsx")
    body, total = form[4:-1], form[-1]
    for column in (6, 7):
        assert sum(Decimal(str(row[column])) for row in body) == Decimal(str(total[column]))
    assert total[6] == weights_total
    budget = {str(row[0]): row for row in sheet_rows(truth.folder / "预算执行.xlsx")[5:-1]}
    for line, fen in truth.paid_fen.items():
        printed = budget.get(line) or budget[f"一、{line}"]
        assert Decimal(str(printed[5])) == (Decimal(fen) / 100).quantize(Decimal(1), ROUND_HALF_UP)
    assert Decimal(str(budget["合计"][5])) == (Decimal(truth.total_fen) / 100).quantize(Decimal(1), ROUND_HALF_UP)


def test_each_breakage_of_unit_c_breaks_its_budget_table_differently(tmp_path: Path) -> None:
    contents = {
        kind: (write_unit_c(tmp_path / kind.name, year=2031, breakage=kind).folder / "预算执行情况表.xlsx").read_bytes()
        for kind in Breakage
    }
    assert len(set(contents.values())) == len(Breakage)


def test_the_hostile_texts_of_unit_d_stand_in_its_files(tmp_path: Path) -> None:
    truth = write_unit_d(tmp_path, year=2031)
    text = (truth.folder / "指标.csv").read_text(encoding="utf-8-sig")
    assert all(mark in text for mark in ("=cmd|", "{{ 7*7 }}", "<script>", "\x01"))


def test_many_units_are_the_same_for_the_same_seed(tmp_path: Path) -> None:
    first = many_units(tmp_path / "a", 7, 11)
    again = many_units(tmp_path / "b", 7, 11)
    assert [unit.paid_fen for unit in first] == [unit.paid_fen for unit in again]
    assert len({unit.code for unit in first}) == 7
    with (tmp_path / "a" / "支付明细（全部单位）.csv").open(encoding="utf-8-sig", newline="") as stream:
        ledger = list(csv.DictReader(stream))
    assert sum(Decimal(row["支付金额"]) for row in ledger) * 100 == sum(unit.total_fen for unit in first)
