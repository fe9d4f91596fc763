"""Stage 4: what each owner must act on. The next stage is reports.py."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from jixiao import cycle
from jixiao.application import AnnualRequest, GapReceipt
from tasks.policy import RETRIES, RETRY_DELAY_SECONDS, TIMEOUT_SECONDS, Batch, worth_retrying


@task(
    name="查差距",
    task_run_name="{request.year} 年度 · 查差距 · {batch.label}",
    description="未达成、自报不符和数据错误，各成一条待办",
    retries=RETRIES,
    retry_delay_seconds=RETRY_DELAY_SECONDS,
    retry_condition_fn=worth_retrying,
    timeout_seconds=TIMEOUT_SECONDS,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def find_gaps(request: AnnualRequest, run_id: str, batch: Batch) -> GapReceipt:
    return cycle.find_unit_gaps(request, run_id, batch.unit_codes)
