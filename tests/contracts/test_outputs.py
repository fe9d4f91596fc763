"""The files of a run as CONTRACT §4 names them: which, with what heads, in what form, and the same bytes each time."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from jixiao.application import UnitSummary
from jixiao.domain.evaluation import LeftOut
from jixiao.reports import InputFile, write_run, write_subject
from tests.fixtures.report_samples import RUN, UNIT, evaluation, gap

FILES = (
    "report.docx",
    "report.html",
    "budget.csv",
    "indicators.csv",
    "scores.csv",
    "findings.csv",
    "gaps.csv",
    "trace.json",
)
HEADS = {
    "budget.csv": "line_key,line_name,level,original,carry_and_adjust,adjusted,executed,execution_rate,reported_rate",
    "indicators.csv": "indicator_id,level1,level2,name,target,actual,actual_source,deviation,reason",
    "scores.csv": "indicator_id,name,weight,completion,score,reported_value,derived_value,status,rule_id",
    "findings.csv": "code,severity,file,sheet,row,column,unit_code,indicator,value,expected,message,fix",
    "gaps.csv": "gap_id,unit_code,indicator_id,kind,severity,owner,status,opened_on,due_on,message",
}


@pytest.fixture
def unit_folder(tmp_path):
    rendered = write_subject(evaluation(), [gap("办公室")], run=RUN, folder=tmp_path)
    assert rendered.files == tuple(f"{UNIT}/{name}" for name in FILES)
    return tmp_path / UNIT


def rows(path):
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def test_a_unit_gets_exactly_the_files_of_the_contract(unit_folder):
    assert {path.name for path in unit_folder.iterdir()} == set(FILES)


@pytest.mark.parametrize("name", sorted(HEADS))
def test_csv_heads_bom_and_line_ends(unit_folder, name):
    content = (unit_folder / name).read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.decode("utf-8-sig").split("\r\n")[0] == HEADS[name]
    assert content.count(b"\n") == content.count(b"\r\n")


def test_amounts_are_yuan_to_the_fen_and_missing_is_not_zero(unit_folder):
    total, zero_base, unknown = rows(unit_folder / "budget.csv")
    assert (total["adjusted"], total["executed"], total["execution_rate"]) == ("2103190.00", "1999979.99", "95.09")
    assert (zero_base["adjusted"], zero_base["execution_rate"]) == ("0.00", "n/a")
    assert (unknown["adjusted"], unknown["execution_rate"]) == ("", "")


def test_indicator_texts_are_kept_to_the_letter(unit_folder):
    found = [(r["target"], r["actual"], r["deviation"]) for r in rows(unit_folder / "indicators.csv")]
    assert found == [("健全", "健全", "0%"), (">=120场", "96场", "-20.00%"), ("=0%", "0%", "0%"), ("=100%", "", "")]


def test_scores_and_findings_say_status_and_mend(unit_folder):
    scores = rows(unit_folder / "scores.csv")
    assert [(r["completion"], r["score"], r["status"]) for r in scores][1:] == [
        ("0.8000", "20.00", "partly"),
        ("0.0000", "0.00", "contradicted"),
        ("", "", "not_applicable"),
    ]
    assert all(r["fix"] and r["unit_code"] == UNIT for r in rows(unit_folder / "findings.csv"))


def test_a_trace_goes_down_to_the_source_row_and_its_hash(unit_folder):
    trace = json.loads((unit_folder / "trace.json").read_text(encoding="utf-8"))
    step = trace["indicators"][1]["steps"][0]
    assert step["rule_id"] == "points.linear"
    assert step["rows"][0] == {
        "file": "自评表.xlsx",
        "sheet": "自评",
        "row": 5,
        "column": "D",
        "sha256": "ab" * 32,
        "says": "96场",
    }


def test_the_same_run_writes_the_same_bytes(unit_folder, tmp_path):
    again = tmp_path / "again"
    write_subject(evaluation(), [gap("办公室")], run=RUN, folder=again)
    assert all((again / UNIT / name).read_bytes() == (unit_folder / name).read_bytes() for name in FILES)


def test_the_run_says_what_it_read_and_whom_it_left_out(tmp_path):
    names = write_run(
        [UnitSummary(UNIT, "=某县文化馆+1", "45.00", "差", 1, 2, 3)],
        run=RUN,
        inputs=[InputFile("支付明细.csv", "cd" * 32, "payments", 84)],
        left_out=[LeftOut("660008", "坏.xlsx", "缺少「实际支出数」列")],
        counts={"units": 1},
        seconds={"intake": 0.12345},
        files=["660007/report.docx"],
        folder=tmp_path,
    )
    assert names == ("units.csv", "run.json")
    (unit,) = rows(tmp_path / "units.csv")
    assert unit == {
        "unit_code": UNIT,
        "unit_name": "'=某县文化馆+1",
        "score": "45.00",
        "grade": "差",
        "findings_error": "1",
        "findings_warning": "2",
        "gaps_open": "3",
    }
    run = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert list(run) == [
        "run",
        "year",
        "period",
        "as_of",
        "inputs",
        "rules",
        "code_version",
        "counts",
        "left_out",
        "files",
        "seconds",
    ]
    assert run["left_out"] == [{"unit_code": "660008", "file": "坏.xlsx", "why": "缺少「实际支出数」列"}]


def test_a_unit_code_that_is_a_path_writes_inside_its_folder(tmp_path):
    sample = evaluation()
    outside = replace(sample, books=replace(sample.books, unit=replace(sample.books.unit, code="../../x")))
    rendered = write_subject(outside, [], run=RUN, folder=tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert all(".." not in name for name in rendered.files)
