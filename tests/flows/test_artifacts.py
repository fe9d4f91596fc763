"""What the dashboard shows: texts from the books stay texts, long lists are cut and say so."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows import artifacts
from jixiao.application import GapRow, RunSummary, UnitSummary
from jixiao.domain.evaluation import LeftOut


def summary(**stated: object) -> RunSummary:
    given_by_default: dict[str, object] = {
        "run_id": "2023-annual-1",
        "year": 2023,
        "folder": "/srv/out/2023/annual",
        "units": (UnitSummary("00100", "甲局", "91.50", "优", 1, 2, 3),),
        "left_out": (),
        "findings_by_code": {},
        "findings_by_severity": {},
        "gaps_by_owner": {},
        "gap_rows": (),
        "files": (),
        "messages": 0,
    }
    return RunSummary(**(given_by_default | stated))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("甲局", "甲局"),
        ("a|b", "a\\|b"),
        ("<script>&", "&lt;script&gt;&amp;"),
        ("[x](javascript:1)", "\\[x\\]\\(javascript:1\\)"),
        ("两\n行\x00", "两 行"),
        ("", "—"),
    ],
)
def test_a_cell_is_one_line_without_markup(text: str, shown: str) -> None:
    assert artifacts.cell(text) == shown


@given(st.text())
def test_no_text_breaks_out_of_its_cell(text: str) -> None:
    shown = artifacts.cell(text)
    assert "\n" not in shown
    assert "<" not in shown
    assert not re.search(r"(?<!\\)(?:\\\\)*\|", shown)
    shown.encode()
    json.dumps(artifacts.plain(text)).encode()


def test_projects_stand_in_a_table_of_their_own() -> None:
    project = UnitSummary("00100", "甲局", "80.00", "良", 0, 1, 2, project="堤|防")
    shown = artifacts.summary_markdown(summary(projects=(project,), period="Q2"))
    assert "# 2023年第2季度累计绩效运行监控" in shown
    assert "1 个单位、1 个项目" in shown
    assert "堤\\|防" in shown
    assert artifacts.key("Q2", "gaps") != artifacts.key("annual", "gaps")


def test_units_left_out_and_times_are_told_in_chinese() -> None:
    shown = artifacts.summary_markdown(
        summary(left_out=(LeftOut("00200", "表.xlsx", "第 3 行：预算数为负"),), seconds={"intake": 1.25})
    )
    assert "| 00100 | 甲局 | 91.50 | 优 | 1 | 2 | 3 |" in shown
    assert "| 00200 | 表.xlsx | 第 3 行：预算数为负 |" in shown
    assert "| 接收 | 1.2 |" in shown


def test_findings_are_grouped_by_cause_the_most_frequent_first() -> None:
    rows = artifacts.findings_table(summary(findings_by_code={"OVERSPENT": 1, "TARGET_COPIED": 66, "NEW_CODE": 1}))
    assert [(row["代码"], row["数量"]) for row in rows] == [("TARGET_COPIED", 66), ("NEW_CODE", 1), ("OVERSPENT", 1)]
    assert all(row["为什么"] and row["怎么改"] for row in rows)


def test_a_long_list_is_cut_and_says_how_long_it_is() -> None:
    gaps = tuple(GapRow("办公室", "00100", f"指标{n}", "未达标", "2024-04-30") for n in range(1001))
    long = summary(gap_rows=gaps, gaps_by_owner={"办公室": 1001})
    assert len(artifacts.gaps_table(long)) == artifacts.ROWS_AT_MOST
    assert "共 1001 项" in artifacts.gaps_description(long)


def test_an_empty_run_says_so_instead_of_showing_nothing() -> None:
    assert artifacts.findings_table(summary())[0]["问题"] == "没有发现问题"
    assert artifacts.gaps_table(summary())[0]["问题"] == "没有待办"
    assert artifacts.gaps_description(summary()) == "没有待办"


def test_links_lead_to_the_files_of_the_run() -> None:
    shown = artifacts.reports_markdown(summary(files=("00100/report.html", "00100/报 告.docx")))
    assert "(<file:///srv/out/2023/annual/00100/report.html>)" in shown
    assert "%20" in shown
