"""The annual self-evaluation of whole units and projects. What it does: course.py; application.py runs it."""

from __future__ import annotations

from prefect import flow

from flows.course import run_course, run_name
from jixiao.application import EvaluationRequest, RunSummary


@flow(
    name="annual-evaluation",
    flow_run_name=run_name,
    description="年度绩效自评：接收 → 校验 → 评价 → 查差距 → 出报告 → 拟通知",
    persist_result=False,
)
def annual_evaluation(request: EvaluationRequest) -> RunSummary:
    """Run the annual cycle of all units in the inbox.

    Raises:
        JixiaoError: what the user must mend before anything can be evaluated.

    """
    return run_course(request)
