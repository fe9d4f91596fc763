"""Stage 3: scores, traces and contradictions of a batch of units. The next stage is gaps.py."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from jixiao import cycle
from jixiao.application import AnnualRequest, ScoringReceipt
from tasks.policy import RETRIES, RETRY_DELAY_SECONDS, TIMEOUT_SECONDS, Batch, worth_retrying


@task(
    name="评价",
    task_run_name="{request.year} 年度 · 评价 · {batch.label}",
    description="重算指标、打分、核对自报值与账目",
    retries=RETRIES,
    retry_delay_seconds=RETRY_DELAY_SECONDS,
    retry_condition_fn=worth_retrying,
    timeout_seconds=TIMEOUT_SECONDS,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def evaluate_units(request: AnnualRequest, run_id: str, batch: Batch) -> ScoringReceipt:
    return cycle.evaluate_units(request, run_id, batch.unit_codes)
