"""Stage 2: the suites of ``expectations/`` judge the rows of a batch. The next stage is evaluation.py."""

from __future__ import annotations

from expectations.runner import judge_batch
from jixiao import cycle
from jixiao.application import EvaluationRequest, QualityReceipt
from tasks.policy import Batch, stage


@stage(name="校验", description="每张表对本批全部单位校验一次；严重问题只停下所在单位")
def judge_quality(request: EvaluationRequest, run_id: str, batch: Batch) -> QualityReceipt:
    frames = cycle.quality_frames(request, run_id, batch.unit_codes)
    judgement = judge_batch(
        frames,
        year=request.year,
        limits=cycle.quality_limits(request),
        handed_in=cycle.tables_handed_in(request, run_id, batch.unit_codes),
    )
    return cycle.record_quality(request, run_id, batch.unit_codes, judgement.results)
