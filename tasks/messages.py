"""Stage 6: one drafted digest an owner; nothing is sent."""

from __future__ import annotations

from jixiao import cycle
from jixiao.application import EvaluationRequest, NoticeReceipt
from tasks.policy import stage


@stage(name="拟通知", description="按责任科室拟好通知，不发送")
def draft_messages(request: EvaluationRequest, run_id: str) -> NoticeReceipt:
    return cycle.draft_messages(request, run_id)
