"""The harness of the flow tests: the embedded server itself, on loopback, in a folder of the test session; and a cycle
that computes nothing, so that what is tested is the order, the policy and the record of a run.
"""

from __future__ import annotations

import json
import os
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flows.embedded_server import EmbeddedServer, environment, own_environment
from jixiao.application import (
    EvaluationRequest,
    GapReceipt,
    GapRow,
    ImportReceipt,
    NoticeReceipt,
    QualityReceipt,
    RenderReceipt,
    RunSummary,
    ScoringReceipt,
    UnitSummary,
)
from jixiao.domain.evaluation import LeftOut
from jixiao.errors import ExitCode


@dataclass
class FakeCycle:
    """Answers as ``jixiao.cycle`` does. ``breaks`` maps a use case to the units on which it raises."""

    units: tuple[str, ...] = ("301001", "301002", "301003")
    closed: tuple[str, ...] = ()
    breaks: dict[str, set[str]] = field(default_factory=dict)
    refuses: Exception | None = None
    calls: Counter[str] = field(default_factory=Counter)
    seen: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    fails_once: set[str] = field(default_factory=set)
    rendered: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    failed_runs: list[tuple[str, dict[str, float]]] = field(default_factory=list)

    def _note(self, what: str, units: tuple[str, ...]) -> None:
        self.calls[what] += 1
        self.seen.setdefault(what, []).append(units)
        if what in self.fails_once:
            self.fails_once.discard(what)
            raise OSError("磁盘忙")
        if bad := self.breaks.get(what, set()) & set(units):
            raise ValueError(f"坏单位 {sorted(bad)}")

    def import_inbox(self, request: EvaluationRequest) -> ImportReceipt:
        self._note("import_inbox", ())
        if self.refuses:
            raise self.refuses
        size = request.batch_size
        batches = tuple(self.units[at : at + size] for at in range(0, len(self.units), size))
        return ImportReceipt("2022-annual-00000000", batches, 3, 100, 0, (), {"OK": 3}, 0)

    def quality_frames(self, request: EvaluationRequest, run_id: str, units: tuple[str, ...]) -> dict[str, Any]:
        import pandas as pd

        rows = [
            {"unit_code": u, "file": "重点任务.xlsx", "sheet": "", "row": 3, "duty": "d", "name": "n", "completion": ""}
            for u in units
        ]
        return {"key_tasks": pd.DataFrame(rows)}

    def quality_limits(self, request: EvaluationRequest) -> dict[str, Decimal]:
        return {
            "quality.payment.most_yuan": Decimal(10**10),
            "quality.rate.most_pct": Decimal(100),
            "quality.weight.most": Decimal(100),
        }

    def tables_handed_in(
        self, request: EvaluationRequest, run_id: str, units: tuple[str, ...]
    ) -> dict[str, dict[str, str]]:
        return {"key_tasks": dict.fromkeys(units, "重点任务.xlsx")}

    def leave_out_units(self, request: EvaluationRequest, run_id: str, left_out: list[LeftOut]) -> None:
        self._note("leave_out_units", tuple(left.unit_code for left in left_out))
        self.left_out += left_out

    def fail_run(self, request: EvaluationRequest, run_id: str, *, seconds: dict[str, float]) -> None:
        self._note("fail_run", ())
        self.failed_runs.append((run_id, seconds))

    def record_quality(
        self, request: EvaluationRequest, run_id: str, units: tuple[str, ...], results
    ) -> QualityReceipt:
        self._note("record_quality", units)
        failing = [row for result in results for row in result.failing]
        assert len(failing) == len(units)
        return QualityReceipt(len(units), tuple(u for u in units if u in self.closed), 0)

    def evaluate_units(self, request: EvaluationRequest, run_id: str, units: tuple[str, ...]) -> ScoringReceipt:
        self._note("evaluate_units", units)
        return ScoringReceipt(len(units), 2 * len(units), 0)

    def find_unit_gaps(self, request: EvaluationRequest, run_id: str, units: tuple[str, ...]) -> GapReceipt:
        self._note("find_unit_gaps", units)
        return GapReceipt(len(units))

    def render_units(self, request: EvaluationRequest, run_id: str, units: tuple[str, ...]) -> RenderReceipt:
        self._note("render_units", units)
        self.rendered += units
        return RenderReceipt(len(units), tuple(f"{u}/report.html" for u in units))

    def draft_messages(self, request: EvaluationRequest, run_id: str) -> NoticeReceipt:
        self._note("draft_messages", ())
        return NoticeReceipt(1, ("办公室",))

    def close_run(
        self, request: EvaluationRequest, run_id: str, *, seconds: dict[str, float], left_out: tuple[LeftOut, ...] = ()
    ) -> RunSummary:
        self._note("close_run", ())
        gone = {left.unit_code for left in left_out}
        done = sorted(set(self.rendered) - gone)
        return RunSummary(
            run_id=run_id,
            year=request.year,
            folder=str(Path(request.out) / "2022" / "annual"),
            units=tuple(UnitSummary(u, "甲|乙<b>局</b>", "88.00", "良", 1, 2, 1) for u in done),
            left_out=(*(LeftOut(u, "表.xlsx", "预算数为负") for u in self.closed), *left_out),
            exit_code=ExitCode.FAILURE if left_out else ExitCode.DONE,
            findings_by_code={"OVERSPENT": 2, "TARGET_COPIED": 5},
            findings_by_severity={"error": 2, "warning": 5},
            gaps_by_owner={"办公室": len(done)},
            gap_rows=tuple(GapRow("办公室", u, "预算执行率", "未达\x00标", "2023-04-28") for u in done),
            files=tuple(f"{u}/report.html" for u in done),
            messages=1,
            seconds=seconds,
        )


USE_CASES = (
    "import_inbox",
    "quality_frames",
    "quality_limits",
    "tables_handed_in",
    "leave_out_units",
    "fail_run",
    "record_quality",
    "evaluate_units",
    "find_unit_gaps",
    "render_units",
    "draft_messages",
    "close_run",
)


@pytest.fixture
def cycle(monkeypatch: pytest.MonkeyPatch) -> FakeCycle:
    import jixiao.cycle

    fake = FakeCycle()
    for name in USE_CASES:
        monkeypatch.setattr(jixiao.cycle, name, getattr(fake, name))
    return fake


@pytest.fixture
def request_2022(tmp_path: Path) -> EvaluationRequest:
    return EvaluationRequest(
        year=2022,
        inbox=str(tmp_path / "inbox"),
        out=str(tmp_path / "out"),
        database_url="sqlite://",
        as_of=date(2023, 3, 31),
        var=str(tmp_path / "var"),
    )


@dataclass(frozen=True)
class Api:
    """The server as anybody may ask it: plain HTTP, no client of the orchestrator."""

    url: str

    def ask(self, path: str, **filters: Any) -> Any:
        asked = urllib.request.Request(
            self.url + path, data=json.dumps(filters).encode(), headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return json.load(answer)

    def latest_flow_run(self) -> dict[str, Any]:
        return self.ask("/flow_runs/filter", sort="EXPECTED_START_TIME_DESC", limit=1)[0]

    def task_runs(self, flow_run_id: str) -> list[dict[str, Any]]:
        return self.ask("/task_runs/filter", flow_runs={"id": {"any_": [flow_run_id]}})

    def artifacts(self, flow_run_id: str) -> dict[str, dict[str, Any]]:
        found = self.ask("/artifacts/filter", artifacts={"flow_run_id": {"any_": [flow_run_id]}})
        return {artifact["key"]: artifact for artifact in found if artifact["key"]}


@pytest.fixture(scope="session")
def server_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="session")
def api(server_home: Path) -> Iterator[Api]:
    """One server for the session; the process's environment names it, as a user's would."""
    server = EmbeddedServer.start(server_home)
    try:
        with environment(own_environment(os.environ, home=server.home, url=server.url)):
            server.wait_ready()
            yield Api(server.url)
    finally:
        server.stop()
