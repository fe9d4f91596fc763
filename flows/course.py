"""The course of a run, whatever its occasion: intake → quality → evaluation → gaps → reports → messages, units in batches.

The flows are beside this file, one an occasion; the stages are in ``tasks/``, what the dashboard shows in artifacts.py.
A unit that fails never stops the others: a stage that breaks on a batch is tried again on its halves, down to the unit
that breaks it, and that one is left out with the reason and goes no further.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast
from uuid import UUID

from prefect import Task
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.runtime import flow_run

from flows import artifacts
from jixiao import cycle
from jixiao.application import EvaluationRequest, RunSummary
from jixiao.domain.evaluation import LeftOut
from jixiao.errors import JixiaoError
from tasks.evaluation import evaluate_units
from tasks.gaps import find_gaps
from tasks.intake import receive_inbox
from tasks.messages import draft_messages
from tasks.policy import Batch
from tasks.quality import judge_quality
from tasks.reports import render_reports

Receipt = TypeVar("Receipt")

# A stage that breaks on so many single units of a batch, and works on none, is broken itself: the rest is not tried.
FAILURES_AT_MOST = 40

_log = logging.getLogger("jixiao.flows")


@dataclass
class Following:
    """Somebody who follows a run: is told each step, and finds the run's id and outcome here once there are any."""

    tell: Callable[[str], None]
    run_id: str = ""
    summary: RunSummary | None = None


_following: ContextVar[Following | None] = ContextVar("following", default=None)


@contextmanager
def progress_to(listener: Callable[[str], None]) -> Iterator[Following]:
    """Tell ``listener`` each step of the flows that run inside."""
    following = Following(listener)
    token = _following.set(following)
    try:
        yield following
    finally:
        _following.reset(token)


@dataclass
class _Course:
    """Where a run stands: said on the console and on the dashboard, and measured."""

    request: EvaluationRequest
    steps: int
    run_id: str = ""
    done: int = 0
    artifact: UUID | None = None
    dark: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)

    @contextmanager
    def step(self, stage: str, says: str) -> Iterator[None]:
        if following := _following.get():
            following.tell(f"{says}…")
        self._show(says)
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = round(self.seconds.get(stage, 0.0) + time.perf_counter() - begun, 3)
        self.done += 1

    def _show(self, says: str) -> None:
        share = min(100.0, 100.0 * self.done / self.steps)
        text = f"{self.request.occasion}：{says}"

        def progress() -> None:
            if self.artifact is None:
                # Called from a flow without a loop, so it answers at once; its type tells of both ways.
                made = create_progress_artifact(
                    share, key=artifacts.key(self.request.period, "progress"), description=text
                )
                self.artifact = cast("UUID", made)
            else:
                update_progress_artifact(self.artifact, progress=share, description=text)

        self.on_the_dashboard(progress)

    def on_the_dashboard(self, show: Callable[[], None]) -> None:
        """Show something there. A server that fails ends the showing, not the run."""
        if self.dark:
            return
        try:
            show()
        except Exception:  # noqa: BLE001 - the dashboard is a courtesy
            _log.exception("流程服务不再接受看板内容，运行继续")
            self.dark = True

    def named(self, run_id: str) -> None:
        self.run_id = run_id
        if following := _following.get():
            following.run_id = run_id

    def finish(self) -> None:
        self.done = self.steps
        self._show("完成")

    def fail(self) -> None:
        """Close the attempt as failed; that this fails too never hides why the run did."""
        if not self.run_id:
            return
        try:
            cycle.fail_run(self.request, self.run_id, seconds=dict(self.seconds))
        except Exception:  # noqa: BLE001 - told in the log
            _log.exception("运行 %s 中断后，未能在库中记为失败", self.run_id)

    def isolated(
        self, stage: str, work: Task[[EvaluationRequest, str, Batch], Receipt], batch: Batch
    ) -> tuple[Batch, list[Receipt]]:
        """Run a stage on ``batch``; return the units that got through and their receipts.

        The whole batch has the task's retry; its parts have none, for they are tries themselves. Larger parts come
        first, so that whatever works is through before a stage can be called broken.
        """
        receipts: list[Receipt] = []
        through: set[str] = set()
        failed: list[LeftOut] = []
        waiting = deque([batch] if batch.unit_codes else [])
        while waiting:
            part = waiting.popleft()
            try:
                receipts.append(work(self.request, self.run_id, part))
            except JixiaoError:
                raise
            except Exception as error:  # noqa: BLE001 - one unit's failure never stops the others
                work = work.with_options(retries=0)
                if len(part.unit_codes) > 1:
                    _log.warning("%s：%s 出错（%s），分成两半再试", stage, part.label, type(error).__name__)
                    waiting.extend(part.halves())
                    continue
                _log.exception("%s：%s 出错", stage, part.label)
                failed += [self._left_out(code, stage, error) for code in part.unit_codes]
                if len(failed) >= FAILURES_AT_MOST and not through:
                    rest = [code for untried in waiting for code in untried.unit_codes]
                    _log.error("%s在 %d 个单位上都出错，其余 %d 个单位不再尝试", stage, len(failed), len(rest))
                    failed += [self._left_out(code, stage, error) for code in rest]
                    waiting.clear()
            else:
                through.update(part.unit_codes)
        if failed:
            self.left_out += failed
            cycle.leave_out_units(self.request, self.run_id, failed)
        return replace(batch, unit_codes=tuple(code for code in batch.unit_codes if code in through)), receipts

    def _left_out(self, unit_code: str, stage: str, error: Exception) -> LeftOut:
        # The text of an unexpected error may hold anything, so the log has it and this has not.
        why = f"{stage}时程序出错（{type(error).__name__}）。请把运行编号 {self.run_id} 和日志 jixiao.log 交给维护人员"
        return LeftOut(unit_code=unit_code, file="", why=why)


def run_name() -> str:
    """``2022 年度绩效自评``, with the title of the request if it has one."""
    given: Any = flow_run.parameters["request"]
    request = EvaluationRequest(**given) if isinstance(given, dict) else given
    return request.occasion + (f" · {request.title}" if request.title else "")


def run_course(request: EvaluationRequest) -> RunSummary:
    """Run the cycle of all units in the inbox, inside a flow.

    Raises:
        JixiaoError: what the user must mend before anything can be evaluated.

    """
    course = _Course(request=request, steps=6)
    try:
        summary = _work(course)
    except BaseException:  # an interruption ends the attempt too
        course.fail()
        raise
    if following := _following.get():
        following.summary = summary
    course.finish()
    course.on_the_dashboard(lambda: _show(summary))
    return summary


def _work(course: _Course) -> RunSummary:
    request = course.request
    with course.step("intake", "接收文件"):
        receipt = receive_inbox(request)
    course.named(receipt.run_id)
    count = len(receipt.unit_batches)
    course.steps = 2 + 4 * count
    for number, unit_codes in enumerate(receipt.unit_batches, start=1):
        _work_batch(course, Batch(number, count, tuple(unit_codes)))
    with course.step("messages", "拟通知（不发送）"):
        draft_messages(request, course.run_id)
    return cycle.close_run(request, course.run_id, seconds=dict(course.seconds), left_out=tuple(course.left_out))


def _work_batch(course: _Course, batch: Batch) -> None:
    with course.step("quality", f"校验 · {batch.label}"):
        left, receipts = course.isolated("校验", judge_quality, batch)
    left = left.without(tuple(code for receipt in receipts for code in receipt.closed_units))
    for key, stage, work in _AFTER_THE_GATE:
        if not left.unit_codes:
            course.done += 1
            continue
        with course.step(key, f"{stage} · {left.label}"):
            left, _ = course.isolated(stage, work, left)


_AFTER_THE_GATE: tuple[tuple[str, str, Task[[EvaluationRequest, str, Batch], Any]], ...] = (
    ("evaluation", "评价", evaluate_units),
    ("gaps", "查差距", find_gaps),
    ("reports", "出报告", render_reports),
)


def _show(summary: RunSummary) -> None:
    def key(part: str) -> str:
        return artifacts.key(summary.period, part)

    create_markdown_artifact(
        artifacts.summary_markdown(summary), key=key("summary"), description=f"{summary.occasion}结果"
    )
    create_table_artifact(artifacts.findings_table(summary), key=key("findings"), description="发现的问题，按原因归并")
    create_table_artifact(
        artifacts.gaps_table(summary), key=key("gaps"), description=artifacts.gaps_description(summary)
    )
    create_markdown_artifact(artifacts.reports_markdown(summary), key=key("reports"), description="报告和表格的位置")
