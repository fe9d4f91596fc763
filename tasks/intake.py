"""Stage 1: the files of the inbox become rows of the store. The next stage is quality.py."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from jixiao import cycle
from jixiao.application import AnnualRequest, ImportReceipt
from tasks.policy import RETRIES, RETRY_DELAY_SECONDS, TIMEOUT_SECONDS, worth_retrying


@task(
    name="接收",
    task_run_name="{request.year} 年度 · 接收",
    description="读取收件夹中的全部文件，逐行核对后入库",
    retries=RETRIES,
    retry_delay_seconds=RETRY_DELAY_SECONDS,
    retry_condition_fn=worth_retrying,
    timeout_seconds=TIMEOUT_SECONDS,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def receive_inbox(request: AnnualRequest) -> ImportReceipt:
    return cycle.import_inbox(request)
