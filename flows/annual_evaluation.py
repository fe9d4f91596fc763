"""The annual self-evaluation: intake → quality → evaluation → gaps → reports → messages, units in batches.

The stages are in ``tasks/``, what the dashboard shows in artifacts.py; application.py runs this flow for the command
line. A unit that fails never stops the others: a stage that breaks on a batch is tried again on its halves, down to
the unit that breaks it, and that one is left out with the reason.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast
from uuid import UUID

from prefect import flow
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.runtime import flow_run

from flows import artifacts
from jixiao import cycle
from jixiao.application import AnnualRequest, LeftOut, RunSummary
from jixiao.errors import JixiaoError
from tasks.evaluation import evaluate_units
from tasks.gaps import find_gaps
from tasks.intake import receive_inbox
from tasks.messages import draft_messages
from tasks.policy import Batch
from tasks.quality import judge_quality
from tasks.reports import render_reports

Receipt = TypeVar("Receipt")

# A stage that breaks this often in one run is broken itself; the rest of the batch is left out without more halving.
FAILURES_AT_MOST = 40

_listener: ContextVar[Callable[[str], None] | None] = ContextVar("progress_listener", default=None)


@contextmanager
def progress_to(listener: Callable[[str], None]) -> Iterator[None]:
    """Tell ``listener`` each step of the flows that run inside."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


@dataclass
class _Course:
    """Where a run stands: said on the console and on the dashboard, and measured."""

    year: int
    steps: int
    done: int = 0
    artifact: UUID | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    failures: int = 0

    @contextmanager
    def step(self, stage: str, says: str) -> Iterator[None]:
        if listener := _listener.get():
            listener(f"{says}…")
        self._show(says)
        begun = time.perf_counter()
        yield
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - begun
        self.done += 1

    def _show(self, says: str) -> None:
        share = min(100.0, 100.0 * self.done / self.steps)
        text = f"{self.year} 年度绩效自评：{says}"
        if self.artifact is None:
            # Called from a flow without a loop, so it answers at once; its type tells of both ways.
            made = create_progress_artifact(share, key=artifacts.PROGRESS_KEY, description=text)
            self.artifact = cast("UUID", made)
        else:
            update_progress_artifact(self.artifact, progress=share, description=text)

    def finish(self) -> None:
        self.done = self.steps
        self._show("完成")

    def isolated(self, stage: str, call: Callable[[Batch], Receipt], batch: Batch) -> tuple[Batch, list[Receipt]]:
        """Run a stage on ``batch``; return the units that got through and their receipts."""
        receipts: list[Receipt] = []
        through: list[str] = []
        waiting = [batch] if batch.unit_codes else []
        while waiting:
            part = waiting.pop(0)
            try:
                receipts.append(call(part))
            except JixiaoError:
                raise
            except Exception as error:  # noqa: BLE001 - one unit's failure never stops the others
                self.failures += 1
                if len(part.unit_codes) > 1 and self.failures < FAILURES_AT_MOST:
                    waiting[:0] = part.halves()
                else:
                    why = f"{stage}时出错（{type(error).__name__}：{error}），请把运行编号和日志交给维护人员"
                    self.left_out += [LeftOut(unit_code=code, file="", why=why) for code in part.unit_codes]
            else:
                through += part.unit_codes
        return replace(batch, unit_codes=tuple(through)), receipts


def _run_name() -> str:
    """``2022 年度绩效自评``, with the title of the request if it has one."""
    request: Any = flow_run.parameters["request"]
    year, title = (
        (request["year"], request.get("title")) if isinstance(request, dict) else (request.year, request.title)
    )
    return f"{year} 年度绩效自评" + (f" · {title}" if title else "")


@flow(
    name="annual-evaluation",
    flow_run_name=_run_name,
    description="年度绩效自评：接收 → 校验 → 评价 → 查差距 → 出报告 → 拟通知",
    persist_result=False,
)
def annual_evaluation(request: AnnualRequest) -> RunSummary:
    """Run the annual cycle of all units in the inbox.

    Raises:
        JixiaoError: what the user must mend before anything can be evaluated.

    """
    course = _Course(year=request.year, steps=6)
    with course.step("intake", "接收文件"):
        receipt = receive_inbox(request)
    run_id = receipt.run_id
    count = len(receipt.unit_batches)
    course.steps = 2 + 4 * count
    for number, unit_codes in enumerate(receipt.unit_batches, start=1):
        _work_batch(course, request, run_id, Batch(number, count, tuple(unit_codes)))
    with course.step("messages", "拟通知（不发送）"):
        draft_messages(request, run_id)
    seconds = {name: round(s, 3) for name, s in course.seconds.items()}
    summary = cycle.close_run(request, run_id, seconds=seconds, left_out=tuple(course.left_out))
    course.finish()
    _show(summary)
    return summary


def _work_batch(course: _Course, request: AnnualRequest, run_id: str, batch: Batch) -> None:
    with course.step("quality", f"校验 · {batch.label}"):
        open_batch, receipts = course.isolated("校验", lambda part: judge_quality(request, run_id, part), batch)
    closed = tuple(code for receipt in receipts for code in receipt.closed_units)
    open_batch = open_batch.without(closed)
    if not open_batch.unit_codes:
        course.done += 3
        return
    with course.step("evaluation", f"评价 · {open_batch.label}"):
        open_batch, _ = course.isolated("评价", lambda part: evaluate_units(request, run_id, part), open_batch)
    with course.step("gaps", f"查差距 · {open_batch.label}"):
        course.isolated("查差距", lambda part: find_gaps(request, run_id, part), open_batch)
    with course.step("reports", f"出报告 · {open_batch.label}"):
        course.isolated("出报告", lambda part: render_reports(request, run_id, part), open_batch)


def _show(summary: RunSummary) -> None:
    create_markdown_artifact(
        artifacts.summary_markdown(summary), key=artifacts.SUMMARY_KEY, description=f"{summary.year} 年度绩效自评结果"
    )
    create_table_artifact(
        artifacts.findings_table(summary), key=artifacts.FINDINGS_KEY, description="发现的问题，按原因归并"
    )
    create_table_artifact(
        artifacts.gaps_table(summary), key=artifacts.GAPS_KEY, description=artifacts.gaps_description(summary)
    )
    create_markdown_artifact(
        artifacts.reports_markdown(summary), key=artifacts.REPORTS_KEY, description="报告和表格的位置"
    )
