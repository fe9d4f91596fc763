"""Stage 1: the files of the inbox become rows of the store. The next stage is quality.py."""

from __future__ import annotations

from jixiao import cycle
from jixiao.application import EvaluationRequest, ImportReceipt
from tasks.policy import stage


@stage(name="接收", description="读取收件夹中的全部文件，逐行核对后入库")
def receive_inbox(request: EvaluationRequest) -> ImportReceipt:
    return cycle.import_inbox(request)
