"""Stage 4: what each owner must act on. The next stage is reports.py."""

from __future__ import annotations

from jixiao import cycle
from jixiao.application import EvaluationRequest, GapReceipt
from tasks.policy import Batch, stage


@stage(name="查差距", description="未达成、自报不符和数据错误，各成一条待办")
def find_gaps(request: EvaluationRequest, run_id: str, batch: Batch) -> GapReceipt:
    return cycle.find_unit_gaps(request, run_id, batch.unit_codes)
