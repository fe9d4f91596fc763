"""Stage 2: the suites of ``expectations/`` judge the rows of a batch. The next stage is evaluation.py."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from expectations.runner import judge_batch
from jixiao import cycle
from jixiao.application import AnnualRequest, QualityReceipt
from tasks.policy import RETRIES, RETRY_DELAY_SECONDS, TIMEOUT_SECONDS, Batch, worth_retrying


@task(
    name="校验",
    task_run_name="{request.year} 年度 · 校验 · {batch.label}",
    description="每张表对本批全部单位校验一次；严重问题只停下所在单位",
    retries=RETRIES,
    retry_delay_seconds=RETRY_DELAY_SECONDS,
    retry_condition_fn=worth_retrying,
    timeout_seconds=TIMEOUT_SECONDS,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def judge_quality(request: AnnualRequest, run_id: str, batch: Batch) -> QualityReceipt:
    frames = cycle.quality_frames(request, run_id, batch.unit_codes)
    judgement = judge_batch(frames, year=request.year)
    return cycle.record_quality(request, run_id, batch.unit_codes, judgement.results)
