"""Monitoring in the middle of the year, from monitoring forms. What it does: course.py; application.py runs it."""

from __future__ import annotations

from prefect import flow

from flows.course import run_course, run_name
from jixiao.application import EvaluationRequest, RunSummary


@flow(
    name="quarterly-monitoring",
    flow_run_name=run_name,
    description="绩效运行监控：接收 → 校验 → 列出累计执行和指标 → 查差距 → 出报告 → 拟通知；不评分",
    persist_result=False,
)
def quarterly_monitoring(request: EvaluationRequest) -> RunSummary:
    """Run the cycle of one quarter or month, to its end, of all subjects with a monitoring form.

    Raises:
        JixiaoError: what the user must mend before anything can be monitored.

    """
    return run_course(request)
