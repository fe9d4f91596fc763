"""Stage 5: the official reports and tables of a batch of units. The next stage is messages.py."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from jixiao import cycle
from jixiao.application import AnnualRequest, RenderReceipt
from tasks.policy import RETRIES, RETRY_DELAY_SECONDS, TIMEOUT_SECONDS, Batch, worth_retrying


@task(
    name="出报告",
    task_run_name="{request.year} 年度 · 出报告 · {batch.label}",
    description="按规定格式生成各单位的报告和表格",
    retries=RETRIES,
    retry_delay_seconds=RETRY_DELAY_SECONDS,
    retry_condition_fn=worth_retrying,
    timeout_seconds=TIMEOUT_SECONDS,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def render_reports(request: AnnualRequest, run_id: str, batch: Batch) -> RenderReceipt:
    return cycle.render_units(request, run_id, batch.unit_codes)
