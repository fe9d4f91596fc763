"""Projects from the forms in an inbox to the files of a run: beside their unit, without it, in the middle of the year."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from jixiao import cli, cycle
from jixiao.domain.books import Subject
from jixiao.domain.quality import CheckResult, FailingRow, Severity
from jixiao.storage import run_store
from tests.fixtures import bare
from tests.fixtures.forms import (
    NATIONAL_FUND,
    NATIONAL_INDICATORS,
    PROJECT,
    PUBLISHED,
    Canvas,
    Layout,
    Said,
    as_fen,
    case,
    case_names,
    draw,
    register,
    workbook,
)
from tests.fixtures.units import many_units, write_csv

NATIONAL = Layout(
    fund=NATIONAL_FUND,
    indicators=NATIONAL_INDICATORS,
    closing=(("存在问题", "problems"), ("改进措施", "measures")),
)
MONITORING = PUBLISHED["monitoring"]
OTHER = replace(PROJECT, project="小水库除险加固", rows=PROJECT.rows[:4])
FILES = {
    "report.docx", "report.html", "budget.csv", "indicators.csv", "scores.csv", "findings.csv", "gaps.csv", "trace.json",
}  # fmt: skip


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def hand_in(inbox: Path, *forms: tuple[Said, Layout]) -> Path:
    """Each form in a workbook of its own, and the register of their units."""
    register(inbox, *sorted({(said.unit_code, said.unit) for said, _ in forms}))
    for number, (said, layout) in enumerate(forms, 1):
        workbook(inbox / f"表{number}.xlsx", {"自评": draw(said, layout)})
    return inbox


def folder_of(request, said: Said) -> Path:
    return cycle.run_folder(request) / said.unit_code / "projects" / said.project


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A unit that handed in the forms of two projects, and nothing else."""
    work = tmp_path_factory.mktemp("two")
    made = bare.request(hand_in(work / "in", (PROJECT, NATIONAL), (OTHER, NATIONAL)), work, year=PROJECT.year)
    return bare.run(made), made


def test_a_unit_with_projects_alone_is_evaluated_for_them_and_not_left_out(two):
    summary, made = two
    assert [u.project for u in summary.projects] == sorted((OTHER.project, PROJECT.project))
    assert summary.units == ()
    assert summary.left_out == ()
    assert table(cycle.run_folder(made) / "units.csv") == []


def test_each_project_has_the_files_of_a_unit_in_a_folder_of_its_own(two):
    _, made = two
    for said in (PROJECT, OTHER):
        assert {path.name for path in folder_of(made, said).iterdir()} == FILES


def test_money_is_in_yuan_to_the_fen_and_texts_are_those_of_the_form(two):
    _, made = two
    lines = table(folder_of(made, PROJECT) / "budget.csv")
    assert [row["line_name"] for row in lines] == [fund.line_name for fund in PROJECT.funds]
    assert (lines[0]["original"], lines[0]["adjusted"], lines[0]["executed"]) == (
        "1200000.00",
        "1285000.00",
        "1261234.56",
    )
    rows = table(folder_of(made, PROJECT) / "indicators.csv")
    assert [(r["name"], r["target"], r["actual"]) for r in rows] == [(r.name, r.target, r.actual) for r in PROJECT.rows]


def test_the_execution_rate_is_scored_beside_the_indicators_and_the_printed_points_are_kept(two):
    _, made = two
    scores = table(folder_of(made, PROJECT) / "scores.csv")
    assert [row["name"] for row in scores] == [row.name for row in PROJECT.rows] + ["预算执行率"]
    assert (scores[-1]["weight"], scores[-1]["reported_value"]) == ("10.00", "98.15%")
    trace = json.loads((folder_of(made, PROJECT) / "trace.json").read_text(encoding="utf-8"))
    assert trace["project"] == PROJECT.project
    assert [i["printed_points"] for i in trace["indicators"]][-1] == "9.82"


def test_projects_csv_says_what_each_came_to(two):
    summary, made = two
    rows = table(cycle.run_folder(made) / "projects.csv")
    assert [(r["unit_code"], r["project"]) for r in rows] == [
        (PROJECT.unit_code, name) for name in sorted((OTHER.project, PROJECT.project))
    ]
    for row in rows:
        found = Counter(
            f["severity"] for f in table(folder_of(made, replace(PROJECT, project=row["project"])) / "findings.csv")
        )
        assert (int(row["findings_error"]), int(row["findings_warning"])) == (found["error"], found["warning"])
        gaps = table(folder_of(made, replace(PROJECT, project=row["project"])) / "gaps.csv")
        assert int(row["gaps_open"]) == len(gaps)
    assert sum(summary.gaps_by_owner.values()) == sum(int(row["gaps_open"]) for row in rows)


def test_the_report_of_a_project_names_it_and_has_no_chapter_of_a_whole_department(two):
    from docx import Document

    _, made = two
    document = Document(folder_of(made, PROJECT) / "report.docx")
    texts = "\n".join(p.text for p in document.paragraphs)
    assert PROJECT.project in texts
    assert "项目支出绩效自评报告" in texts
    assert PROJECT.problems in texts
    assert "重点任务" not in texts
    page = (folder_of(made, PROJECT) / "report.html").read_text(encoding="utf-8")
    assert PROJECT.project in page
    assert "重点任务" not in page
    assert "自评打分 9.84" in page


def test_the_run_names_every_file_of_its_projects(two):
    _, made = two
    folder = cycle.run_folder(made)
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert set(run["files"]) == set(bare.contents(folder)) - {"run.json", "units.csv"}
    assert run["counts"]["projects"] == 2


def test_the_same_forms_give_the_same_bytes(two, tmp_path):
    _, made = two
    shutil.copytree(made.inbox, tmp_path / "in")
    again = bare.request(tmp_path / "in", tmp_path, year=2023, batch_size=1)
    bare.run(again)
    one, other = (bare.contents(cycle.run_folder(request)) for request in (made, again))
    del one["run.json"], other["run.json"]
    assert one == other


def test_running_again_changes_nothing_and_a_project_that_is_gone_takes_its_files_along(tmp_path):
    inbox = hand_in(tmp_path / "in", (PROJECT, NATIONAL), (OTHER, NATIONAL))
    made = bare.request(inbox, tmp_path, year=2023)
    bare.run(made)
    before = bare.contents(cycle.run_folder(made))
    bare.run(made)
    assert bare.contents(cycle.run_folder(made)) == before
    (inbox / "表2.xlsx").unlink()
    bare.run(made)
    assert not folder_of(made, OTHER).exists()
    assert folder_of(made, PROJECT).exists()
    (inbox / "表1.xlsx").unlink()
    many_units(inbox, 1, 1, year=2023)
    bare.run(made)
    assert not (cycle.run_folder(made) / "projects.csv").exists()
    assert not (cycle.run_folder(made) / PROJECT.unit_code).exists()


def test_a_unit_is_evaluated_as_a_whole_and_for_its_projects(tmp_path):
    (truth,) = many_units(tmp_path / "in", 1, 1, year=2023)
    said = replace(PROJECT, unit_code=truth.code, unit=truth.name)
    workbook(tmp_path / "in" / "项目.xlsx", {"自评": draw(said, NATIONAL)})
    made = bare.request(tmp_path / "in", tmp_path, year=2023)
    alone = bare.request(tmp_path / "whole", tmp_path / "w", year=2023)
    many_units(tmp_path / "whole", 1, 1, year=2023)
    summary = bare.run(made)
    bare.run(alone)
    assert [u.unit_code for u in summary.units] == [truth.code]
    assert [u.project for u in summary.projects] == [said.project]
    whole = cycle.run_folder(made) / truth.code
    for name in ("budget.csv", "indicators.csv", "scores.csv", "gaps.csv"):
        assert (whole / name).read_bytes() == (cycle.run_folder(alone) / truth.code / name).read_bytes()
    assert {p.name for p in folder_of(made, said).iterdir()} == FILES


LEDGER_HEAD = ("单位编码", "单位名称", "支付凭证号", "项目名称", "支付金额", "支付日期")


def ledger(path: Path, said: Said, yuan: str) -> None:
    write_csv(path, [LEDGER_HEAD, (said.unit_code, said.unit, "P2023000001", said.project, yuan, "2023-06-01")])


@pytest.mark.parametrize(("yuan", "contradicted"), [("1261234.56", False), ("1000000.00", True)])
def test_a_project_is_held_against_what_the_ledger_booked_under_its_name(tmp_path, yuan, contradicted):
    inbox = hand_in(tmp_path / "in", (PROJECT, NATIONAL), (OTHER, NATIONAL))
    ledger(inbox / "支付明细.csv", PROJECT, yuan)
    made = bare.request(inbox, tmp_path, year=2023)
    bare.run(made)
    found = table(folder_of(made, PROJECT) / "findings.csv")
    said = [f for f in found if f["code"] == "SELF_REPORT_CONTRADICTED" and f["indicator"] == "年度资金总额"]
    assert bool(said) is contradicted
    assert table(folder_of(made, PROJECT) / "budget.csv")[0]["executed"] == yuan
    assert not any(f["code"] == "SELF_REPORT_CONTRADICTED" for f in table(folder_of(made, OTHER) / "findings.csv"))


def test_a_form_with_an_unreadable_amount_leaves_its_project_out_and_says_where(tmp_path):
    broken = replace(PROJECT, funds=(replace(PROJECT.funds[0], executed="见附件"), *PROJECT.funds[1:]))
    made = bare.request(hand_in(tmp_path / "in", (broken, NATIONAL), (OTHER, NATIONAL)), tmp_path, year=2023)
    summary = bare.run(made)
    assert [u.project for u in summary.projects] == [OTHER.project]
    (left,) = summary.left_out
    assert left.subject == Subject(PROJECT.unit_code, PROJECT.project)
    assert "见附件" in left.why
    assert summary.exit_code == 3
    with cycle.open_store(made.database_url) as session:
        told = [f for f in cycle.run_findings(session, summary.run_id) if f.project == PROJECT.project]
    assert any("见附件" in f.message for f in told)


def test_two_forms_of_one_project_in_a_workbook_leave_that_project_out(tmp_path):
    inbox = hand_in(tmp_path / "in", (OTHER, NATIONAL))
    sheets = {"一": draw(PROJECT, NATIONAL), "二": draw(replace(PROJECT, goal_text="改过"), NATIONAL)}
    workbook(inbox / "两张.xlsx", sheets)
    made = bare.request(inbox, tmp_path, year=2023)
    summary = bare.run(made)
    assert [u.project for u in summary.projects] == [OTHER.project]
    assert [left.project for left in summary.left_out if left.project] in ([PROJECT.project], [])
    assert summary.left_out


def test_findings_of_two_forms_on_one_sheet_go_to_their_own_projects(tmp_path):
    one = replace(PROJECT, rows=(replace(PROJECT.rows[0], weight="十五"), *PROJECT.rows[1:]))
    both: Canvas = draw(one, NATIONAL).below(draw(OTHER, NATIONAL))
    inbox = hand_in(tmp_path / "in", (replace(OTHER, project="丙"), NATIONAL))
    workbook(inbox / "合订.xlsx", {"自评": both})
    made = bare.request(inbox, tmp_path, year=2023)
    summary = bare.run(made)
    assert {u.project for u in summary.projects} == {PROJECT.project, OTHER.project, "丙"}
    codes = {
        p: {f["message"] for f in table(folder_of(made, replace(PROJECT, project=p)) / "findings.csv")}
        for p in (PROJECT.project, OTHER.project)
    }
    assert any("十五" in message for message in codes[PROJECT.project])
    assert not any("十五" in message for message in codes[OTHER.project])


def test_names_that_reach_outside_stay_inside_the_run(tmp_path):
    hostile = replace(PROJECT, project="../../../x\\y:z|" + "长" * 90)
    made = bare.request(hand_in(tmp_path / "in", (hostile, NATIONAL)), tmp_path, year=2023)
    summary = bare.run(made)
    assert len(summary.projects) == 1
    (folder,) = (cycle.run_folder(made) / PROJECT.unit_code / "projects").iterdir()
    assert len(folder.name.encode()) <= 80
    assert {path.name for path in folder.iterdir()} == FILES
    assert {p.name for p in tmp_path.iterdir()} == {"in", "out", "var"}


def test_a_gate_closes_one_project_and_leaves_the_other_open(tmp_path):
    made = bare.request(hand_in(tmp_path / "in", (PROJECT, NATIONAL), (OTHER, NATIONAL)), tmp_path, year=2023)
    key = Subject(PROJECT.unit_code, PROJECT.project).key
    frames = cycle.quality_frames(made, cycle.import_inbox(made).run_id, (PROJECT.unit_code,))
    assert key in set(frames["budget_lines"]["unit_code"])
    assert set(frames["indicators"]["actual_source"]) == {"表内无此栏"}
    closing = CheckResult(
        "budget_lines.adjusted_not_negative", "budget_lines", "IDENTITY", Severity.ERROR, True, "小于 0", "改", False, True,
        failing=(FailingRow(key, "表1.xlsx", "自评", 6, "年度资金总额", "调整预算数", "-1"),),
    )  # fmt: skip
    summary = bare.run(made, (closing,))
    assert [u.project for u in summary.projects] == [OTHER.project]
    assert [left.subject for left in summary.left_out] == [Subject(PROJECT.unit_code, PROJECT.project)]
    assert summary.exit_code == 6


def test_messages_to_owners_name_the_project(tmp_path):
    made = bare.request(hand_in(tmp_path / "in", (PROJECT, NATIONAL)), tmp_path, year=2023)
    bare.run(made)
    (letter,) = (cycle.run_folder(made) / "outbox").glob("*.json")
    content = json.loads(letter.read_text(encoding="utf-8"))
    assert {gap["project"] for gap in content["gaps"]} == {PROJECT.project}
    assert f"项目「{PROJECT.project}」" in content["text"]


# ── the command line ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def jixiao(two, monkeypatch, capsys):
    """Call a command on the store of the two projects; returns (exit code, stdout, stderr)."""
    _, made = two

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["jixiao", *arguments, "--db", made.database_url])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out = capsys.readouterr()
        return ended.value.code or 0, out.out, out.err

    monkeypatch.chdir(Path(made.var).parent)
    return call


def test_runs_and_show_tell_units_from_projects(two, jixiao):
    summary, _ = two
    (run,) = json.loads(jixiao("runs", "--json")[1])
    assert (run["units"], run["projects"], run["period"]) == (0, 2, "annual")
    shown = json.loads(jixiao("show", summary.run_id, "--json")[1])
    assert shown["units"] == []
    assert [p["project"] for p in shown["projects"]] == sorted((OTHER.project, PROJECT.project))
    assert PROJECT.project in jixiao("show", summary.run_id)[1]


def test_findings_and_gaps_name_the_project_that_they_are_about(jixiao):
    assert f"{PROJECT.unit_code}「{PROJECT.project}」" in jixiao("findings", "2023")[1]
    assert f"{PROJECT.unit_code}「{PROJECT.project}」" in jixiao("gaps", "2023")[1]
    assert {f["project"] for f in json.loads(jixiao("findings", "2023", "--json")[1])} >= {PROJECT.project}
    assert {g["project"] for g in json.loads(jixiao("gaps", "2023", "--json")[1])} == {PROJECT.project, OTHER.project}


def test_a_point_of_a_project_is_explained_once_it_is_clear_which_project_is_meant(jixiao):
    unit, name = PROJECT.unit_code, PROJECT.rows[0].name
    code, _, err = jixiao("explain", "2023", unit, name)
    assert code == 2
    assert "--project" in err
    assert OTHER.project in err
    code, out, _ = jixiao("explain", "2023", unit, name, "--project", "小水库")
    assert code == 0
    assert OTHER.project in out
    alone = json.loads(jixiao("explain", "2023", unit, PROJECT.rows[-1].name, "--json")[1])
    assert alone["project"] == PROJECT.project
    assert jixiao("explain", "2023", unit, name, "--project", "没有的项目")[0] == 2


@pytest.mark.parametrize("period", ["annual", "Q5", "上半年"])
def test_what_is_no_monitoring_period_is_the_users_mistake(jixiao, period):
    code, _, err = jixiao("monitor", "2023", period, "--inbox", ".")
    assert code == 2
    assert "Q1 到 Q4" in err


# ── monitoring ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_monitoring_run_lists_what_the_forms_say_and_scores_nothing(tmp_path):
    inbox = hand_in(tmp_path / "in", (replace(PROJECT, title="项目支出绩效运行监控表"), MONITORING), (OTHER, NATIONAL))
    made = bare.request(inbox, tmp_path, year=2023, period="Q2")
    summary = bare.run(made)
    assert summary.run_id.startswith("2023-Q2-")
    assert cycle.run_folder(made) == tmp_path / "out" / "2023" / "Q2"
    (project,) = summary.projects
    assert (project.project, project.score, project.grade) == (PROJECT.project, "", "")
    rows = table(folder_of(made, PROJECT) / "indicators.csv")
    assert [(r["name"], r["target"], r["actual"]) for r in rows] == [(r.name, r.target, r.actual) for r in PROJECT.rows]
    assert {row["status"] for row in table(folder_of(made, PROJECT) / "scores.csv")} == {"monitored"}
    page = (folder_of(made, PROJECT) / "report.html").read_text(encoding="utf-8")
    assert "运行监控，年终前不评分" in page
    assert "2023年第2季度累计" in page
    run = json.loads((cycle.run_folder(made) / "run.json").read_text(encoding="utf-8"))
    assert run["period"] == "Q2"


def test_a_form_with_one_column_of_budget_is_judged_by_it_and_one_without_any_by_none(tmp_path):
    title = {"title": "项目支出绩效运行监控表"}
    no_money = replace(PROJECT, project="无金额", funds=(replace(PROJECT.funds[0], original="", executed=""),), **title)
    inbox = hand_in(tmp_path / "in", (replace(PROJECT, **title), MONITORING), (no_money, MONITORING))
    made = bare.request(inbox, tmp_path, year=2023, period="Q2")
    frame = cycle.quality_frames(made, cycle.import_inbox(made).run_id, (PROJECT.unit_code,))["budget_lines"]
    assert set(frame["unit_code"]) == {Subject(PROJECT.unit_code, PROJECT.project).key}
    assert list(frame["adjusted_fen"]) == list(frame["original_fen"])


def test_the_year_and_its_quarters_stand_side_by_side_in_one_store(tmp_path):
    inbox = hand_in(
        tmp_path / "in", (replace(PROJECT, title="项目支出绩效运行监控表"), MONITORING), (PROJECT, NATIONAL)
    )
    year = bare.run(bare.request(inbox, tmp_path, year=2023))
    half = bare.run(bare.request(inbox, tmp_path, year=2023, period="Q2"))
    assert year.run_id != half.run_id
    assert [u.score != "" for u in (*year.projects, *half.projects)] == [True, False]
    with cycle.open_store(bare.request(inbox, tmp_path).database_url) as session:
        assert run_store.newest_completed(session, 2023) == half.run_id
        assert run_store.newest_completed(session, 2023, period="annual") == year.run_id


# ── the nine published forms ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", case_names())
def test_a_published_form_reaches_the_outputs_row_for_row_and_fen_for_fen(tmp_path, name):
    said, layout = case(name)
    if "申报表" in layout.title:
        period, expected = "annual", None
    else:
        period, expected = ("Q2" if "监控" in layout.title else "annual"), said
    made = bare.request(hand_in(tmp_path / "in", (said, layout)), tmp_path, year=said.year, period=period)
    summary = bare.run(made)
    if expected is None:
        assert summary.projects == summary.units == ()
        return
    folder = cycle.run_folder(made) / said.unit_code
    folder = next((folder / "projects").iterdir()) if said.project else folder
    rows = table(folder / "indicators.csv")
    printed = [row for row in said.rows if row.target or row.actual or row.name]
    assert [(r["target"], r["actual"]) for r in rows] == [(r.target, r.actual) for r in printed]
    lines = table(folder / "budget.csv")
    for fund, line in zip(said.funds, lines, strict=False):
        for column in ("original", "adjusted", "executed"):
            fen = as_fen(getattr(fund, column), said.money_unit)
            assert line[column] == ("" if fen is None else f"{Decimal(fen) / 100:.2f}")
