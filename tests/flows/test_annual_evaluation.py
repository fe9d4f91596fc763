"""The annual flow in a harness: what the server knows of a run afterwards, and what one bad unit does to the others."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from flows.application import PrefectApplication
from jixiao.application import AnnualRequest, RunSummary
from jixiao.errors import ExitCode, UsageError
from tests.flows.conftest import Api, FakeCycle

pytestmark = pytest.mark.prefect

STAGES = ["接收", "校验", "评价", "查差距", "出报告", "拟通知"]
Run = Callable[[AnnualRequest], RunSummary]


@pytest.fixture
def run(api: Api, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run through the application, on the session's server; tries again without waiting."""
    pytest.importorskip("prefect")
    from tasks.evaluation import evaluate_units
    from tasks.intake import receive_inbox
    from tasks.quality import judge_quality
    from tasks.reports import render_reports

    for task in (receive_inbox, judge_quality, evaluate_units, render_reports):
        monkeypatch.setattr(task, "retry_delay_seconds", 0)
    monkeypatch.setenv("PREFECT_API_URL", api.url)
    return lambda request: _run(api, request)


def _run(api: Api, request: AnnualRequest) -> RunSummary:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: api.url}):
        return PrefectApplication().run_annual(request, progress=lambda _: None)


def task_names(api: Api) -> Counter[str]:
    runs = api.task_runs(api.latest_flow_run()["id"])
    assert {task_run["state_type"] for task_run in runs} == {"COMPLETED"}
    return Counter(task_run["name"].split(" · ")[1] for task_run in runs)


def test_a_run_leaves_one_completed_flow_run_with_a_chinese_name_and_one_task_run_a_stage(
    api: Api, run: Run, cycle: FakeCycle, request_2022: AnnualRequest
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
    api: Api, run: Run, cycle: FakeCycle, request_2022: AnnualRequest
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
    api: Api, run: Run, cycle: FakeCycle, request_2022: AnnualRequest
) -> None:
    cycle.units = tuple(f"{number:06d}" for number in range(200))
    summary = run(request_2022)
    assert len(summary.units) == 200
    assert task_names(api) == Counter(STAGES)
    assert cycle.calls["record_quality"] == 1


def test_a_unit_whose_gate_is_closed_is_not_evaluated_and_the_others_are(
    run: Run, cycle: FakeCycle, request_2022: AnnualRequest
) -> None:
    cycle.closed = ("301002",)
    summary = run(request_2022)
    assert cycle.seen["evaluate_units"] == [("301001", "301003")]
    assert [unit.unit_code for unit in summary.units] == ["301001", "301003"]


def test_a_unit_that_breaks_a_stage_is_left_out_and_the_others_get_through(
    run: Run, cycle: FakeCycle, request_2022: AnnualRequest
) -> None:
    cycle.units = tuple(f"{number:06d}" for number in range(16))
    cycle.breaks = {"render_units": {"000005"}}
    summary = run(request_2022)
    assert {unit.unit_code for unit in summary.units} == set(cycle.units) - {"000005"}
    (left,) = [left for left in summary.left_out if left.unit_code == "000005"]
    assert "出报告" in left.why
    assert "坏单位" in left.why
    assert summary.exit_code == ExitCode.FAILURE
    assert cycle.calls["record_quality"] == cycle.calls["evaluate_units"] == 1


def test_batches_are_worked_one_after_another(run: Run, cycle: FakeCycle, request_2022: AnnualRequest) -> None:
    run(replace(request_2022, batch_size=2))
    assert cycle.seen["evaluate_units"] == [("301001", "301002"), ("301003",)]


def test_a_fault_that_passes_is_tried_again(run: Run, cycle: FakeCycle, request_2022: AnnualRequest) -> None:
    cycle.fails_once = {"evaluate_units"}
    summary = run(request_2022)
    assert cycle.calls["evaluate_units"] == 2
    assert (len(summary.units), summary.left_out) == (3, ())


def test_the_users_mistake_comes_back_as_it_is_and_is_not_tried_again(
    api: Api, run: Run, cycle: FakeCycle, request_2022: AnnualRequest, capfd: pytest.CaptureFixture[str]
) -> None:
    cycle.refuses = UsageError("收件夹是空的", "请放入导出文件")
    with pytest.raises(UsageError, match="收件夹是空的"):
        run(request_2022)
    assert cycle.calls["import_inbox"] == 1
    assert api.latest_flow_run()["state_type"] == "FAILED"
    shown = capfd.readouterr()
    assert "Traceback" not in shown.out + shown.err


def test_the_steps_are_said_in_chinese_while_the_run_goes_on(
    api: Api, cycle: FakeCycle, request_2022: AnnualRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", api.url)
    from prefect.settings import PREFECT_API_URL, temporary_settings

    said: list[str] = []
    with temporary_settings({PREFECT_API_URL: api.url}):
        PrefectApplication().run_annual(request_2022, progress=said.append)
    assert [re.split(r"[ （…]", line)[0] for line in said] == ["接收文件", *STAGES[1:]]


def test_with_a_server_of_the_users_own_none_is_started(
    run: Run, cycle: FakeCycle, request_2022: AnnualRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    import flows.application

    monkeypatch.setattr(flows.application, "EmbeddedServer", None)
    assert run(request_2022).units
