"""How texts are read, and the deviation that the form prints. Table of readings: tests/spec/targets.csv."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from jixiao.domain.interval import Interval
from jixiao.domain.target import TargetKind, lower_is_better, parse_target
from jixiao.scoring.deviation import deviation_text

SPEC = Path(__file__).parents[1] / "spec"
ROWS = list(csv.DictReader((SPEC / "targets.csv").open(encoding="utf-8", newline="")))


def _value(text):
    """A value field with its numbers compared as numbers."""
    return [
        [Decimal(p) if p.lstrip("-").replace(".", "", 1).isdigit() else p for p in part.split("..")]
        for part in text.split("|")
    ]


@pytest.mark.parametrize("row", ROWS, ids=[r["text"] for r in ROWS])
def test_a_text_is_read_as_the_table_says(row):
    read = parse_target(row["text"], year=2022).as_json()
    assert _value(read["value"]) == _value(row["value"])
    assert {f: read[f] for f in ("operator", "unit", "kind")} == {f: row[f] for f in ("operator", "unit", "kind")}
    assert read["text"] == row["text"]


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("600余人", Interval(Fraction(600), Fraction(700), open_high=True)),
        ("近13000项", Interval(Fraction(11700), Fraction(13000), open_high=True)),
        ("约40%", Interval(Fraction(79, 2), Fraction(81, 2))),
        ("18—54周岁", Interval(Fraction(18), Fraction(54))),
        ("超5万条", None),
    ],
)
def test_an_approximate_number_is_an_interval(text, interval):
    assert parse_target(text).interval == interval


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("2月底前", date(2024, 2, 29)),
        ("上半年", date(2024, 6, 30)),
        ("10月", date(2024, 10, 31)),
        ("2022年12月底前", date(2022, 12, 31)),
    ],
)
def test_a_date_takes_the_year_of_the_cycle_where_it_states_none(text, last):
    assert parse_target(text, year=2024).last_day == last


@pytest.mark.parametrize("text", ["2月30日", "13月底前", "2022年13月1日前", "2022-02-31"])
def test_a_day_that_does_not_exist_is_no_date(text):
    assert parse_target(text, year=2022).kind is not TargetKind.DATE


@pytest.mark.parametrize(
    "text",
    [
        "1" * 5000,
        "9" * 300 + "项",
        "1e999999999",
        "%" * 999,
        "=1+1" * 200,
        "-" * 500 + "1",
        "1-" * 300,
        "1" + "/人" * 140 + "x",
        "\x00\x07",
        "١٢٣项",
    ],
)
def test_hostile_texts_are_read_without_harm(text):
    assert parse_target(text, year=2022).text == text


@pytest.mark.parametrize(
    ("name", "lower"),
    [
        ("办公所需成本", True),
        ("公用经费控制率", True),
        ("群众投诉量", True),
        ("宣传片制作费", True),
        ("投诉处理率", False),
        ("隐患整改率", False),
        ("单位能耗下降率", False),
        ("招商引资投资额", False),
        ("满意度", False),
    ],
)
def test_the_direction_follows_the_name(name, lower):
    assert lower_is_better(name) is lower


@pytest.mark.parametrize(
    ("target", "actual", "printed"),
    [
        ("健全", "健全", "0%"),
        ("健全", "基本健全", ""),
        ("=100%", "100%", "0.00%"),
        ("=100%", "95.09%", "-4.91%"),
        (">=15000项", "12880项", "-14.13%"),
        ("=500项", "525项", "5.00%"),
        ("=0%", "10.36%", "100%"),
        ("=0小时", "0小时", "0%"),
        ("=1年", "1年", "0.00%"),
        ("<=1天", "1天", "0.00%"),
        ("=3项", "2项", "-33.33%"),
        ("=8000项", "7999.6项", "-0.01%"),
        ("=100000项", "99999.9项", "0.00%"),
        ("≥1万人", "9000人", "-10.00%"),
        ("≥3次", "3场", ""),
        ("≥3次", "", ""),
        ("18-54岁", "20岁", ""),
        ("≥600人", "600余人", ""),
    ],
)
def test_the_deviation_is_printed_as_on_the_form(target, actual, printed):
    assert deviation_text(parse_target(actual), parse_target(target), zero_target_missed="100%") == printed


def test_a_missed_zero_target_prints_what_the_locality_prints():
    assert deviation_text(parse_target("3起"), parse_target("=0起"), zero_target_missed="n/a") == "n/a"


@pytest.mark.parametrize(
    ("text", "kind", "operator", "value"),
    [
        ("上半年完成", "date", "", "06-30"),
        ("下半年完成", "date", "", "12-31"),
        ("第三季度完成", "date", "", "09-30"),
        ("2021年内完成", "date", "<=", "2021-12-31"),
        ("2月完成", "date", "", "2"),
        ("2022年13月前", "compound", "", "2022|13"),
        ("2022年12月1日至11月30日", "compound", "", "2022|12|1|11|30"),
        ("90%~80%", "compound", "", "90|80"),
        ("5天~8年", "compound", "", "5|8"),
        ("100±0.5", "range", "between", "99.5..100.5"),
        ("±1e400", "qualitative", "", ""),
        ("目前3项", "number", "", "3"),
        ("前3", "rank", "<=", "3"),
        ("前百名", "qualitative", "", ""),
        ("1亿至2万元", "compound", "", "1|2"),
        ("5%±1项", "compound", "", "5|1"),
        ("不少于10项且不超过20项", "range", "between", "10..20"),
        ("不少于10项或不超过20项", "compound", "", "10|20"),
        ("不少于10项，不超过20天", "compound", "", "10|20"),
    ],
)
def test_parts_that_do_not_go_together_are_no_range_no_date_and_no_guess(text, kind, operator, value):
    read = parse_target(text, year=2022)
    assert (read.kind.value, read.operator.value, read.value) == (kind, operator, value)
