"""Stage 6: one drafted digest an owner; nothing is sent."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from jixiao import cycle
from jixiao.application import AnnualRequest, NoticeReceipt
from tasks.policy import RETRIES, RETRY_DELAY_SECONDS, TIMEOUT_SECONDS, worth_retrying


@task(
    name="拟通知",
    task_run_name="{request.year} 年度 · 拟通知",
    description="按责任科室拟好通知，不发送",
    retries=RETRIES,
    retry_delay_seconds=RETRY_DELAY_SECONDS,
    retry_condition_fn=worth_retrying,
    timeout_seconds=TIMEOUT_SECONDS,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def draft_messages(request: AnnualRequest, run_id: str) -> NoticeReceipt:
    return cycle.draft_messages(request, run_id)
