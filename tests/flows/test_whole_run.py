"""Real inboxes through the real flow: files in, reports out, and what the server and the suites did for it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

import tasks.quality
from jixiao import cycle
from jixiao.examples import write_inbox
from tests.fixtures import bare
from tests.fixtures.units import Breakage, many_units, write_unit_b, write_unit_c
from tests.flows.conftest import Api
from tests.flows.test_annual_evaluation import STAGES, Run, run, task_names

__all__ = ["run"]
pytestmark = pytest.mark.prefect


@pytest.fixture
def validations(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, int]]:
    """How often each call of the quality stage let the framework validate."""
    counted: list[dict[str, int]] = []
    real = tasks.quality.judge_batch

    def counting(frames, **stated):  # type: ignore[no-untyped-def]
        judged = real(frames, **stated)
        counted.append(dict(judged.validations))
        return judged

    monkeypatch.setattr(tasks.quality, "judge_batch", counting)
    return counted


def test_two_hundred_units_are_one_task_run_a_stage_and_one_validation_a_table(
    api: Api, run: Run, tmp_path: Path, validations: list[dict[str, int]]
) -> None:
    many_units(tmp_path / "in", 200, 3, year=2023)
    summary = run(bare.request(tmp_path / "in", tmp_path, year=2023))
    assert len(summary.units) == 200
    assert summary.left_out == ()
    assert task_names(api) == Counter(STAGES)
    assert validations == [dict.fromkeys(("payments", "budget_lines", "indicators"), 1)]


def test_three_units_of_which_one_is_broken_give_two_reports_and_one_clear_reason(
    api: Api, run: Run, tmp_path: Path
) -> None:
    inbox = tmp_path / "in"
    write_inbox("suzhou-2022", inbox / "科技")
    unit_b, unit_c = write_unit_b(inbox, year=2022), write_unit_c(inbox, year=2022, breakage=Breakage.MISSING_COLUMN)
    request = bare.request(inbox, tmp_path)
    summary = run(request)
    assert summary.exit_code == 4
    assert [unit.unit_code for unit in summary.units] == ["301002", unit_b.code]
    told = json.loads((cycle.run_folder(request) / "run.json").read_text(encoding="utf-8"))
    assert [left["unit_code"] for left in told["left_out"]] == [unit_c.code]
    found = api.artifacts(api.latest_flow_run()["id"])
    assert unit_c.code in found["annual-summary"]["data"]
    assert len(found) >= 3


def test_a_unit_whose_gaps_cannot_be_found_has_neither_report_nor_message_and_is_left_out(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = tmp_path / "in"
    write_inbox("suzhou-2022", inbox / "科技")
    unit_b = write_unit_b(inbox, year=2022)
    real = cycle.find_unit_gaps

    def breaks(request, run_id, units):  # type: ignore[no-untyped-def]
        if unit_b.code in units:
            raise ValueError("boom")
        return real(request, run_id, units)

    monkeypatch.setattr(cycle, "find_unit_gaps", breaks)
    request = bare.request(inbox, tmp_path)
    summary = run(request)
    assert [unit.unit_code for unit in summary.units] == ["301002"]
    (left,) = summary.left_out
    assert (left.unit_code, "查差距" in left.why) == (unit_b.code, True)
    assert summary.exit_code != 0
    written = bare.contents(cycle.run_folder(request))
    assert written
    assert not [name for name in written if unit_b.code in name]
    assert all(row.unit_code == "301002" for row in summary.gap_rows)
