"""Code lists: what a code is called in a year, and a code beside another code's name."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jixiao.intake.rows.code_lists import (
    CodeEntry,
    CodeList,
    CodeListName,
    code_list,
    code_name,
    conflicts,
    economic_list,
    split_code,
    unknown_codes,
)

FUNCTIONS = CodeListName.EXPENDITURE_FUNCTIONS
DEPARTMENT, GOVERNMENT = CodeListName.DEPARTMENT_ECONOMIC, CodeListName.GOVERNMENT_ECONOMIC
NATIONAL = [name for name in CodeListName if name.is_national]


@pytest.mark.parametrize(
    ("name", "code", "year", "expected"),
    [
        (FUNCTIONS, "206", 2022, "科学技术支出"),
        (FUNCTIONS, "20603", 2023, "应用研究"),
        (FUNCTIONS, "2080505", 2024, "机关事业单位基本养老保险缴费支出"),
        (FUNCTIONS, "21305", 2022, "巩固脱贫衔接乡村振兴"),
        (FUNCTIONS, "21305", 2023, "巩固脱贫攻坚成果衔接乡村振兴"),
        (FUNCTIONS, "20139", 2023, None),
        (FUNCTIONS, "20139", 2024, "社会工作事务"),
        (DEPARTMENT, "30201", 2019, "办公费"),
        (DEPARTMENT, "30909", 2022, None),
        (GOVERNMENT, "50209", 2022, "维修（护）费"),
        (CodeListName.FUND_NATURES, "11", 2022, "一般公共预算资金"),
    ],
)
def test_a_code_has_its_name_in_its_years(name, code, year, expected):
    assert code_name(name, code, year) == expected


@pytest.mark.parametrize("name", list(CodeListName))
def test_every_entry_says_where_it_is_from_and_how_far_it_was_checked(name):
    entries = code_list(name).entries
    assert entries
    assert all(entry.name and entry.source and entry.status for entry in entries)


@pytest.mark.parametrize("name", NATIONAL)
def test_every_code_of_a_national_list_stands_below_the_code_it_begins_with(name):
    codes = {entry.code for entry in code_list(name).entries}
    for entry in code_list(name).entries:
        assert re.fullmatch(r"\d{3}(\d{2}){0,2}", entry.code)
        assert entry.parent == entry.code[:-2] * (len(entry.code) > 3)
        assert entry.parent in codes | {""}


@pytest.mark.parametrize("name", NATIONAL)
def test_no_code_has_two_names_in_one_year(name):
    for year in (2022, 2023, 2024):
        held = [entry.code for entry in code_list(name).entries if entry.holds_in(year)]
        assert len(held) == len(set(held))


@pytest.mark.parametrize(
    ("name", "code", "printed"),
    [
        (DEPARTMENT, "30201", "印刷费"),
        (DEPARTMENT, "30201-印刷费", ""),
        (DEPARTMENT, "30201", "商品和服务支出-印刷费"),
        (DEPARTMENT, "50209", "会议费"),
        (FUNCTIONS, "2060302", "机构运行"),
        (FUNCTIONS, "205", "科学技术支出"),
        (FUNCTIONS, "2050202", "初中教育"),
    ],
)
def test_a_code_with_the_name_of_another_code_is_a_conflict(name, code, printed):
    ((pair, said),) = conflicts([code, code], [printed, printed], name, 2023).items()
    assert pair == (code, printed)
    assert said.code in said.message
    assert said.right_name in said.message
    assert all(other != said.code for other in said.other_codes)


@pytest.mark.parametrize(
    ("name", "code", "printed"),
    [
        (DEPARTMENT, "30201", "办公费"),
        (DEPARTMENT, "30213", "维修(护)费"),
        (DEPARTMENT, "30213", "维修费"),
        (DEPARTMENT, "30201", "商品和服务支出"),
        (DEPARTMENT, "302", "办公费"),
        (DEPARTMENT, "30201", "30201 办公费"),
        (DEPARTMENT, "30201", "办公用品及耗材"),
        (DEPARTMENT, "39999", "其他支出"),
        (FUNCTIONS, "205", "教育"),
        (FUNCTIONS, "21305", "巩固脱贫衔接乡村振兴"),
        (FUNCTIONS, "2990101", "行政运行"),
        (FUNCTIONS, "", "行政运行"),
        (CodeListName.FUND_NATURES, "11", "政府性基金预算资金"),
    ],
)
def test_other_wordings_ancestors_other_years_and_local_codes_are_no_conflict(name, code, printed):
    assert conflicts([code], [printed], name, 2024) == {}


def test_columns_of_a_million_rows_are_judged_by_their_distinct_pairs():
    codes, names = ["30201", "30202"] * 500_000, ["办公费", "办公费"] * 500_000
    assert set(conflicts(codes, names, DEPARTMENT, 2023)) == {("30202", "办公费")}


@pytest.mark.parametrize(
    ("name", "codes", "unknown"),
    [
        (DEPARTMENT, ["30201", "30290", "50299", "5029"], ("30290",)),
        (FUNCTIONS, ["2060399", "2060377", "2990101", ""], ("2990101",)),
        (FUNCTIONS, ["2990101-某某"], ("2990101",)),
    ],
)
def test_codes_that_no_list_holds_are_told_apart_from_those_a_list_may_lack(name, codes, unknown):
    assert unknown_codes(codes, name, 2023) == unknown


def test_a_year_that_a_list_does_not_speak_of_makes_no_code_unknown():
    assert unknown_codes(["2990101"], FUNCTIONS, 2010) == ()


@pytest.mark.parametrize(
    ("text", "code", "name"),
    [
        ("30201", "30201", ""),
        ("30201-办公费", "30201", "办公费"),
        ("30201 办公费", "30201", "办公费"),
        ("[2060101]行政运行", "2060101", "行政运行"),
        ("（２０６）科学技术支出", "206", "科学技术支出"),
        ("办公费", "", "办公费"),
        ("", "", ""),
    ],
)
def test_a_code_and_a_name_in_one_cell_are_told_apart(text, code, name):
    assert split_code(text) == (code, name)


@given(st.sampled_from([entry for name in NATIONAL for entry in code_list(name).entries]))
def test_no_entry_contradicts_its_own_list(entry):
    lists = FUNCTIONS if entry.code.startswith("2") else economic_list(entry.code)
    assert conflicts([entry.code], [entry.name], lists, entry.valid_from) == {}


def test_a_code_without_its_leading_zeros_is_told_with_the_one_it_may_have_been():
    entries = [CodeEntry(code, name, "", 2022, None, "某市", "用语") for code, name in [("0101", "甲"), ("0202", "乙")]]
    local = CodeList(CodeListName.FUND_NATURES, tuple(entries))
    assert [local.padded(code, 2023) for code in ("101", "202", "0101", "303")] == ["0101", "0202", "", ""]
    assert local.padded("101", 2021) == ""
