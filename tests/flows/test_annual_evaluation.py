"""The annual flow in a harness: what the server knows of a run afterwards, and what one bad unit does to the others."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from flows.application import PrefectApplication, RunBroken
from jixiao.application import EvaluationRequest, RunSummary
from jixiao.errors import ExitCode, UsageError
from tests.flows.conftest import Api, FakeCycle

pytestmark = pytest.mark.prefect

STAGES = ["接收", "校验", "评价", "查差距", "出报告", "拟通知"]
Run = Callable[[EvaluationRequest], RunSummary]


@pytest.fixture
def run(api: Api, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run through the application, on the session's server; tries again without waiting."""
    pytest.importorskip("prefect")
    from tasks.evaluation import evaluate_units
    from tasks.gaps import find_gaps
    from tasks.intake import receive_inbox
    from tasks.quality import judge_quality
    from tasks.reports import render_reports

    for task in (receive_inbox, judge_quality, evaluate_units, find_gaps, render_reports):
        monkeypatch.setattr(task, "retry_delay_seconds", 0)
    monkeypatch.setenv("PREFECT_API_URL", api.url)
    return lambda request: _run(api, request)


def _run(api: Api, request: EvaluationRequest) -> RunSummary:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: api.url}):
        return PrefectApplication().run(request, progress=lambda _: None)


def task_names(api: Api) -> Counter[str]:
    runs = api.task_runs(api.latest_flow_run()["id"])
    assert {task_run["state_type"] for task_run in runs} == {"COMPLETED"}
    return Counter(task_run["name"].split(" · ")[1] for task_run in runs)


def test_monitoring_is_a_flow_of_its_own_with_its_own_names_on_the_dashboard(
    api: Api, run: Run, cycle: FakeCycle, request_2022: EvaluationRequest
) -> None:
    summary = run(replace(request_2022, period="Q2"))
    assert [unit.unit_code for unit in summary.units] == list(cycle.units)
    made = api.latest_flow_run()
    assert made["name"] == "2022年第2季度累计绩效运行监控"
    (flow,) = api.ask("/flows/filter", flows={"id": {"any_": [made["flow_id"]]}})
    assert flow["name"] == "quarterly-monitoring"
    assert all(name["name"].startswith("2022年第2季度累计 · ") for name in api.task_runs(made["id"]))


def test_a_run_leaves_one_completed_flow_run_with_a_chinese_name_and_one_task_run_a_stage(
    api: Api, run: Run, cycle: FakeCycle, request_2022: EvaluationRequest
) -> None:
    before = api.ask("/flow_runs/count")
    summary = run(replace(request_2022, title="苏州"))
    assert [unit.unit_code for unit in summary.units] == list(cycle.units)
    assert api.ask("/flow_runs/count") == before + 1
    flow_run = api.latest_flow_run()
    assert flow_run["name"] == "2022 年度绩效自评 · 苏州"
    assert flow_run["state_type"] == "COMPLETED"
    assert task_names(api) == Counter(STAGES)
    names = [task_run["name"] for task_run in api.task_runs(flow_run["id"])]
    assert "2022 年度 · 评价 · 第 1/1 批 · 3 个单位" in names


def test_a_run_leaves_summary_findings_gaps_links_and_progress_in_chinese(
    api: Api, run: Run, cycle: FakeCycle, request_2022: EvaluationRequest
) -> None:
    run(request_2022)
    found = api.artifacts(api.latest_flow_run()["id"])
    assert set(found) == {f"annual-{name}" for name in ("progress", "summary", "findings", "gaps", "reports")}
    assert found["annual-progress"]["data"] == 100
    assert "301002" in found["annual-summary"]["data"]
    assert "<b>" not in found["annual-summary"]["data"]
    assert "甲\\|乙" in found["annual-summary"]["data"]
    findings = json.loads(found["annual-findings"]["data"])
    assert [(row["问题"], row["数量"]) for row in findings] == [("完成值照抄目标值", 5), ("支出超过预算", 2)]
    assert "\\u0000" not in found["annual-gaps"]["data"]
    assert "file:///" in found["annual-reports"]["data"]


def test_two_hundred_units_make_one_task_run_a_stage(
    api: Api, run: Run, cycle: FakeCycle, request_2022: EvaluationRequest
) -> None:
    cycle.units = tuple(f"{number:06d}" for number in range(200))
    summary = run(request_2022)
    assert len(summary.units) == 200
    assert task_names(api) == Counter(STAGES)
    assert cycle.calls["record_quality"] == 1


def test_a_unit_whose_gate_is_closed_is_not_evaluated_and_the_others_are(
    run: Run, cycle: FakeCycle, request_2022: EvaluationRequest
) -> None:
    cycle.closed = ("301002",)
    summary = run(request_2022)
    assert cycle.seen["evaluate_units"] == [("301001", "301003")]
    assert [unit.unit_code for unit in summary.units] == ["301001", "301003"]


def test_a_unit_that_breaks_a_stage_is_left_out_and_the_others_get_through(
    run: Run, cycle: FakeCycle, request_2022: EvaluationRequest
) -> None:
    cycle.units = tuple(f"{number:06d}" for number in range(16))
    cycle.breaks = {"render_units": {"000005"}}
    summary = run(request_2022)
    assert {unit.unit_code for unit in summary.units} == set(cycle.units) - {"000005"}
    (left,) = [left for left in summary.left_out if left.unit_code == "000005"]
    assert "出报告" in left.why
    assert "ValueError" in left.why
    assert "坏单位" not in left.why, "the text of an unexpected error is for the log"
    assert summary.exit_code == ExitCode.FAILURE
    assert cycle.calls["record_quality"] == cycle.calls["evaluate_units"] == 1


def test_six_broken_units_of_five_hundred_take_no_healthy_one_with_them(
    run: Run, cycle: FakeCycle, request_2022: EvaluationRequest
) -> None:
    cycle.units = tuple(f"{number:06d}" for number in range(500))
    broken = set(cycle.units[7::83][:6])
    cycle.breaks = {"evaluate_units": broken, "render_units": set(cycle.units[50:53])}
    summary = run(request_2022)
    assert {left.unit_code for left in summary.left_out} == broken | set(cycle.units[50:53])
    assert len(summary.units) == 500 - 9


def test_a_stage_that_works_on_no_unit_is_given_up_after_some_and_every_unit_has_its_reason(
    run: Run, cycle: FakeCycle, request_2022: EvaluationRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    import flows.course

    monkeypatch.setattr(flows.course, "FAILURES_AT_MOST", 3)
    cycle.units = tuple(f"{number:06d}" for number in range(16))
    cycle.breaks = {"evaluate_units": set(cycle.units)}
    summary = run(request_2022)
    alone = [units for units in cycle.seen["evaluate_units"] if len(units) == 1]
    assert len(alone) == 3
    assert [left.unit_code for left in summary.left_out] == list(cycle.units)
    assert "find_unit_gaps" not in cycle.calls


def test_only_the_whole_batch_is_tried_twice_its_parts_are_tries_themselves(
    run: Run, cycle: FakeCycle, request_2022: EvaluationRequest
) -> None:
    cycle.units = ("1", "2", "3", "4")
    cycle.breaks = {"evaluate_units": {"3"}}
    run(request_2022)
    whole = ("1", "2", "3", "4")
    assert cycle.seen["evaluate_units"] == [whole, whole, ("1", "2"), ("3", "4"), ("3",), ("4",)]


@pytest.mark.parametrize(
    ("breaks", "stage", "reached"),
    [
        ("evaluate_units", "评价", set()),
        ("find_unit_gaps", "查差距", {"evaluate_units"}),
        ("render_units", "出报告", {"evaluate_units", "find_unit_gaps"}),
    ],
)
def test_a_unit_that_fails_a_stage_goes_no_further_and_is_left_out_before_messages_are_drafted(
    run: Run,
    cycle: FakeCycle,
    request_2022: EvaluationRequest,
    breaks: str,
    stage: str,
    reached: set[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cycle.breaks = {breaks: {"301002"}}
    drafted_without: list[str] = []
    draft = cycle.draft_messages

    def drafts(request: EvaluationRequest, run_id: str) -> object:
        drafted_without.extend(left.unit_code for left in cycle.left_out)
        return draft(request, run_id)

    monkeypatch.setattr("jixiao.cycle.draft_messages", drafts)
    summary = run(request_2022)
    after = ("evaluate_units", "find_unit_gaps", "render_units")
    assert {what for what in after if any("301002" in units for units in cycle.seen[what])} == {breaks} | reached
    assert "301002" not in cycle.rendered
    assert drafted_without == ["301002"]
    assert [stage in left.why for left in summary.left_out] == [True]
    assert [unit.unit_code for unit in summary.units] == ["301001", "301003"]


@pytest.mark.parametrize("ends_by", [ValueError("内部"), UsageError("库已满", "清理"), KeyboardInterrupt()])
def test_a_run_that_ends_by_an_exception_closes_its_attempt_as_failed_and_the_exception_goes_on(
    run: Run, cycle: FakeCycle, request_2022: EvaluationRequest, ends_by: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    def close_run(*_: object, **__: object) -> RunSummary:
        raise ends_by

    monkeypatch.setattr("jixiao.cycle.close_run", close_run)
    expected = RunBroken if isinstance(ends_by, ValueError) else type(ends_by)
    with pytest.raises(expected):
        run(request_2022)
    ((run_id, seconds),) = cycle.failed_runs
    assert run_id == "2022-annual-00000000"
    assert set(seconds) == {"intake", "quality", "evaluation", "gaps", "reports", "messages"}


def test_before_there_is_a_run_nothing_is_closed(run: Run, cycle: FakeCycle, request_2022: EvaluationRequest) -> None:
    cycle.refuses = UsageError("收件夹是空的", "请放入导出文件")
    with pytest.raises(UsageError):
        run(request_2022)
    assert cycle.failed_runs == []


def test_that_the_attempt_cannot_be_closed_does_not_hide_why_the_run_ended(
    run: Run, cycle: FakeCycle, request_2022: EvaluationRequest
) -> None:
    cycle.breaks = {}
    cycle.fails_once = {"close_run", "fail_run"}
    with pytest.raises(RunBroken, match="OSError"):
        run(request_2022)
    assert cycle.calls["fail_run"] == 1


def test_an_unforeseen_end_is_told_in_chinese_with_the_runs_id_and_its_trace_is_in_the_log(
    run: Run, cycle: FakeCycle, request_2022: EvaluationRequest, capfd: pytest.CaptureFixture[str]
) -> None:
    cycle.fails_once = {"close_run"}
    with pytest.raises(RunBroken) as told:
        run(request_2022)
    log = Path(request_2022.var) / "jixiao.log"
    assert told.value.exit_code == ExitCode.FAILURE
    assert "2022-annual-00000000" in told.value.message
    assert str(log) in told.value.fix
    assert "磁盘忙" not in told.value.message
    assert "Traceback" in log.read_text(encoding="utf-8")
    shown = capfd.readouterr()
    assert "Traceback" not in shown.out + shown.err


def test_the_password_of_the_store_is_nowhere_on_the_dashboard(
    api: Api, run: Run, cycle: FakeCycle, request_2022: EvaluationRequest
) -> None:
    run(replace(request_2022, database_url="postgresql+psycopg://jixiao:s3cret@db.example/jixiao"))
    flow_run = api.latest_flow_run()
    assert "db.example" in json.dumps(flow_run["parameters"])
    told = [flow_run, api.task_runs(flow_run["id"]), api.artifacts(flow_run["id"])]
    assert "s3cret" not in json.dumps(told)


def test_a_server_that_no_longer_answers_puts_no_words_of_its_own_on_the_terminal(
    run: Run, cycle: FakeCycle, request_2022: EvaluationRequest, capfd: pytest.CaptureFixture[str]
) -> None:
    from prefect.logging.handlers import APILogWorker
    from prefect.settings import PREFECT_API_URL, temporary_settings

    run(request_2022)
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        worker = APILogWorker.instance()
        worker.send(
            {"level": 40, "message": "m", "name": "n", "timestamp": "2024-01-01T00:00:00Z", "flow_run_id": None}
        )
        APILogWorker.drain_all(timeout=20)
    shown = capfd.readouterr()
    assert shown.out + shown.err == ""


def test_batches_are_worked_one_after_another(run: Run, cycle: FakeCycle, request_2022: EvaluationRequest) -> None:
    run(replace(request_2022, batch_size=2))
    assert cycle.seen["evaluate_units"] == [("301001", "301002"), ("301003",)]


def test_a_fault_that_passes_is_tried_again(run: Run, cycle: FakeCycle, request_2022: EvaluationRequest) -> None:
    cycle.fails_once = {"evaluate_units"}
    summary = run(request_2022)
    assert cycle.calls["evaluate_units"] == 2
    assert (len(summary.units), summary.left_out) == (3, ())


def test_the_users_mistake_comes_back_as_it_is_and_is_not_tried_again(
    api: Api, run: Run, cycle: FakeCycle, request_2022: EvaluationRequest, capfd: pytest.CaptureFixture[str]
) -> None:
    cycle.refuses = UsageError("收件夹是空的", "请放入导出文件")
    with pytest.raises(UsageError, match="收件夹是空的"):
        run(request_2022)
    assert cycle.calls["import_inbox"] == 1
    assert api.latest_flow_run()["state_type"] == "FAILED"
    shown = capfd.readouterr()
    assert "Traceback" not in shown.out + shown.err


def test_the_steps_are_said_in_chinese_while_the_run_goes_on(
    api: Api, cycle: FakeCycle, request_2022: EvaluationRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", api.url)
    from prefect.settings import PREFECT_API_URL, temporary_settings

    said: list[str] = []
    with temporary_settings({PREFECT_API_URL: api.url}):
        PrefectApplication().run(request_2022, progress=said.append)
    assert [re.split(r"[ （…]", line)[0] for line in said] == ["接收文件", *STAGES[1:]]


def test_with_a_server_of_the_users_own_none_is_started(
    run: Run, cycle: FakeCycle, request_2022: EvaluationRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    import flows.application

    monkeypatch.setattr(flows.application, "EmbeddedServer", None)
    assert run(request_2022).units
