"""Stage 5: the official reports and tables of a batch of units. The next stage is messages.py."""

from __future__ import annotations

from jixiao import cycle
from jixiao.application import EvaluationRequest, RenderReceipt
from tasks.policy import Batch, stage


@stage(name="出报告", description="按规定格式生成各单位的报告和表格")
def render_reports(request: EvaluationRequest, run_id: str, batch: Batch) -> RenderReceipt:
    return cycle.render_units(request, run_id, batch.unit_codes)
