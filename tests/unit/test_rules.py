"""Rules as data: inherited, dated, sourced; a mistake in a file is named with file and line."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from jixiao.errors import RuleSetError
from jixiao.rules.loader import SETS_ROOT, load_all, load_rule_set
from jixiao.rules.model import RuleStatus
from jixiao.rules.registry import rule_book

DAY = date(2022, 12, 31)
SUZHOU_HEADS = ("类别", "指标目标值", "指标完成值", "完成值来源", "偏差情况", "原因分析")


def test_every_shipped_rule_names_its_source_or_says_that_it_is_a_default():
    for rule_set in load_all():
        for rule in rule_set.rules:
            assert rule.source is not None or rule.status is RuleStatus.PRODUCT_DEFAULT, rule.id
        for derived in rule_set.derived:
            assert derived.source.number


def test_a_default_is_cited_as_a_default_and_a_clause_from_memory_as_unchecked():
    book = rule_book(on=DAY)
    assert book.rule("weights.level1.default").cited == "产品默认（无文件规定）"
    assert "财预〔2020〕10号" in book.rule("weights.execution").cited
    assert "条款待核对原文" in book.rule("grade.table").cited


@pytest.mark.parametrize(
    ("given", "execution", "zero_missed", "why"),
    [
        ({"division_code": "420100"}, 20, "n/a", "行政区划 420100"),
        ({"division_code": "320505"}, 10, "100%", "行政区划 320505"),
        ({"division_code": "110000"}, 10, "n/a", "行政区划 110000"),
        ({"default_region": "420000"}, 20, "n/a", "rules.region"),
        ({"division_code": "110000", "default_region": "420000"}, 10, "n/a", "行政区划"),
        ({}, 10, "n/a", "没有行政区划"),
        ({"form_heads": SUZHOU_HEADS, "unit_name": "苏州市科技服务中心"}, 10, "100%", "表式一致"),
        ({"form_heads": SUZHOU_HEADS, "unit_name": "临河市水利站"}, 10, "n/a", "没有行政区划"),
        ({"form_heads": ("一级指标", "年度指标值", "完成值", "偏差情况", "原因分析")}, 10, "n/a", "没有行政区划"),
    ],
)
def test_the_nearer_rule_holds_and_the_book_says_why(given, execution, zero_missed, why):
    book = rule_book(on=DAY, **given)
    assert book.number("weights.execution") == execution
    assert book.text("deviation.zero_target_missed") == zero_missed
    assert why in book.why


def test_a_rule_holds_only_between_its_days(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(
        "region: CN\nname: 全国\nversion: '1'\nrules:\n"
        "  - {id: x, title: 甲, value: 1, effective: 2020-01-01, until: 2021-12-31, status: product_default}\n"
        "  - {id: x, title: 乙, value: 2, effective: 2022-01-01, status: product_default}\n",
        encoding="utf-8",
    )
    sets = (load_rule_set(path),)
    assert [rule_book(on=date(y, 6, 1), sets=sets).number("x") for y in (2020, 2021, 2022)] == [1, 1, 2]
    with pytest.raises(RuleSetError, match="2019-06-01 没有有效的规则 x"):
        rule_book(on=date(2019, 6, 1), sets=sets).number("x")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("region: [", "不是有效的 YAML"),
        (
            "region: CN\nname: 全国\nversion: '1'\nrules:\n  - {id: x, title: 甲, value: 1, effective: 2020-01-01, status: local}\n",
            "第 5 行",
        ),
        ("region: CN\nname: 全国\nversion: '1'\nrules:\n  - id: x\n    title: 甲\n    wert: 1\n", "第 5 行"),
        ("region: 乱写\nname: 甲\nversion: '1'\n", "第 1 行"),
        (
            "region: CN\nname: 全国\nversion: '1'\nrules:\n"
            + 2 * "  - {id: x, title: 甲, value: 1, effective: 2020-01-01, status: product_default}\n",
            "第 6 行",
        ),
    ],
)
def test_a_mistake_in_a_rule_file_is_named_with_file_and_line(tmp_path, text, says):
    path = tmp_path / "错.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RuleSetError) as caught:
        load_rule_set(path)
    assert "错.yaml" in caught.value.message
    assert says in caught.value.message


def test_values_are_read_exactly_and_a_wrong_shape_is_refused():
    book = rule_book(on=DAY)
    assert book.share("completion.qualitative.partly") == Fraction(7, 10)
    assert book.count("points.places") == 2
    assert book.grades[0] == ("优", Decimal(90))
    assert book.at_most_method == "ratio"
    assert sum(level.weight for level in book.level_weights) == 100
    with pytest.raises(RuleSetError, match="不是数"):
        book.number("grade.table")


def test_an_overlap_is_refused_in_whatever_order_the_file_lists_the_rules(tmp_path):
    newer = "  - {id: x, title: 乙, value: 2, effective: 2022-01-01, status: product_default}\n"
    older = "  - {id: x, title: 甲, value: 1, effective: 2020-01-01, until: 2021-12-31, status: product_default}\n"
    head = "region: CN\nname: 全国\nversion: '1'\nrules:\n"
    path = tmp_path / "a.yaml"
    path.write_text(head + newer + older, encoding="utf-8")
    assert rule_book(on=date(2023, 1, 1), sets=(load_rule_set(path),)).number("x") == 2
    path.write_text(head + newer + older.replace("2021-12-31", "2022-06-30"), encoding="utf-8")
    with pytest.raises(RuleSetError, match="同时有效"):
        load_rule_set(path)


@pytest.mark.parametrize("year", [1995, 2012, 2019, 2020, 2024])
def test_every_year_has_the_rules_that_a_score_needs(year):
    from jixiao.scoring.unit_score import completion_rule

    book = rule_book(on=date(year, 12, 31))
    assert completion_rule(book)
    assert book.grades
    assert book.level_weights


def test_rule_files_are_package_data():
    assert sorted(p.name for p in SETS_ROOT.rglob("*.yaml")) == ["national.yaml", "province.yaml", "suzhou.yaml"]
