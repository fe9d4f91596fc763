"""绩效指标（自评）表: what is missing or odd in the rows. Whether a target is reached, a blank 完成值 and a deviation
without its reason are the evaluation's business (``jixiao.checks.form_quality``).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from expectations.suite import Check, Suite, WhenBlank, present, rows_where
from jixiao.domain.findings import Severity
from jixiao.domain.names import comparable

if TYPE_CHECKING:
    import pandas as pd

MOST_WEIGHT = "quality.weight.most"
_SEPARATOR = "\x1f"


def _with_judgements(frame: pd.DataFrame, year: int) -> pd.DataFrame:  # noqa: ARG001 - the shape of every ``prepare``
    """Add ``source_due`` (1 or 0, as conditions compare numbers) and ``whole_row``.

    ``source_due``: a unit that states sources owes one in every row; a unit that states none is told once, in its
    first row, because its form may lack the column. ``whole_row`` is what makes two rows of a unit the same indicator.
    """

    def texts(column: str) -> pd.Series[str]:
        return frame[column].astype("string").fillna("")

    states = texts("actual_source").str.strip().ne("").groupby(texts("unit_code")).transform("any")
    first = ~texts("unit_code").duplicated()
    parts = ["unit_code", "level1", "name", "target"]
    whole = texts(parts[0])
    for part in parts[1:]:
        whole = whole + _SEPARATOR + texts(part).map(comparable)
    return frame.assign(
        source_due=(states | first).astype("int64"),
        whole_row=whole.mask(texts("name").str.strip().eq("")),
    )


def suite(limits: Mapping[str, Decimal]) -> Suite:
    """The checks; a weight outside 0 and the limit is odd, as a whole form has so many points (财预〔2020〕10号)."""
    most = limits[MOST_WEIGHT]
    return Suite(
        table="indicators",
        chinese="绩效指标（自评）表",
        subject="name",
        texts=("unit_code", "name", "target", "actual", "actual_source", "reason"),
        prepare=_with_judgements,
        checks=(
            present(
                table="indicators",
                column="name",
                column_name="指标名称",
                why="没有名称的指标无法评分",
                fix="请补填指标名称",
                severity=Severity.ERROR,
            ),
            present(
                table="indicators",
                column="target",
                column_name="指标目标值",
                why="没有目标值，完成多少都无法判断",
                fix="请补填年初批复的目标值；不涉及的写“不涉及”",
            ),
            Check(
                expectation_id="indicators.source_present",
                why="指标没有填写完成值来源，无法查证",
                fix="请补填来源并留存佐证材料",
                column="actual_source",
                column_name="完成值来源",
                code="EVIDENCE_MISSING",
                severity=Severity.INFO,
                when_blank=WhenBlank.CHECK_ANYWAY,
                build=lambda gxe: gxe.ExpectColumnValuesToNotBeNull(
                    column="actual_source", row_condition=rows_where("source_due") == 1
                ),
            ),
            Check(
                expectation_id="indicators.row_unique",
                why="同一单位有两行类别、名称、目标值都相同的指标，会重复计分",
                fix="请合并或区分这几行指标",
                column="name",
                column_name="指标名称",
                code="NEAR_DUPLICATE_INDICATOR",
                needs=("name",),
                build=lambda gxe: gxe.ExpectColumnValuesToBeUnique(column="whole_row"),
            ),
            Check(
                expectation_id="indicators.weight_plausible",
                why=f"分值不在 0 到 {most:f} 之间，单项不能超过一张表的总分",
                fix="请核对该指标的分值",
                column="weight",
                column_name="分值",
                severity=Severity.ERROR,
                needs=("weight",),
                when_blank=WhenBlank.NOT_APPLICABLE,
                build=lambda gxe: gxe.ExpectColumnValuesToBeBetween(
                    column="weight", min_value=0, max_value=float(most)
                ),
            ),
        ),
    )
