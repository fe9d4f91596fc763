"""Stage 3: scores, traces and contradictions of a batch of units. The next stage is gaps.py."""

from __future__ import annotations

from jixiao import cycle
from jixiao.application import EvaluationRequest, ScoringReceipt
from tasks.policy import Batch, stage


@stage(name="评价", description="重算指标、打分、核对自报值与账目")
def evaluate_units(request: EvaluationRequest, run_id: str, batch: Batch) -> ScoringReceipt:
    return cycle.evaluate_units(request, run_id, batch.unit_codes)
