"""绩效指标（自评）表: what is missing or odd in the rows. Whether a target is reached is the evaluation's business."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from expectations.suite import Check, Suite, WhenBlank, present, rows_where, table_has_rows
from jixiao.domain.findings import Severity
from jixiao.domain.names import comparable

if TYPE_CHECKING:
    import pandas as pd

WEIGHT_AT_LEAST = 0
WEIGHT_AT_MOST = 100  # the points of one whole form (财预〔2020〕10号: 总分 100 分)

# What offices write for "no deviation" besides a printed zero.
NO_DEVIATION = frozenset({"", "/", "-", "--", "—", "——", "无", "无偏差", "没有偏差", "不适用", "n/a"})
_SEPARATOR = "\x1f"


def deviates(text: str) -> bool:
    """Say whether a printed deviation is one: ``-4.91%`` is, ``0.00%`` and a blank are not, words are."""
    bare = comparable(text).lower()
    if bare in NO_DEVIATION:
        return False
    number = bare.rstrip("%‰").replace(",", "")
    try:
        return Decimal(number) != 0
    except InvalidOperation:
        return True


def _with_judgements(frame: pd.DataFrame, year: int) -> pd.DataFrame:  # noqa: ARG001 - the shape of every ``prepare``
    """Add ``deviates``, ``source_due`` (1 or 0, as conditions compare numbers) and ``whole_row``.

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
        deviates=texts("deviation").map(deviates).astype("int64"),
        source_due=(states | first).astype("int64"),
        whole_row=whole.mask(texts("name").str.strip().eq("")),
    )


SUITE = Suite(
    table="indicators",
    subject="name",
    texts=("unit_code", "name", "target", "actual", "actual_source", "reason"),
    prepare=_with_judgements,
    checks=(
        table_has_rows("indicators", "绩效指标（自评）表"),
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
        present(
            table="indicators",
            column="actual",
            column_name="指标完成值",
            why="没有填完成值，空白不等于 0，该指标不能计分",
            fix="请补填完成值；不涉及的写“不涉及”",
            severity=Severity.ERROR,
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
            expectation_id="indicators.deviation_explained",
            why="填报了偏差却没有填写原因分析",
            fix="请补写原因分析和改进措施",
            column="deviation",
            column_name="偏差情况",
            code="DEVIATION_UNEXPLAINED",
            when_blank=WhenBlank.CHECK_ANYWAY,
            build=lambda gxe: gxe.ExpectColumnValuesToNotBeNull(
                column="reason", row_condition=rows_where("deviates") == 1
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
            why="分值不在 0 到 100 之间，一张表的总分是 100 分",
            fix="请核对该指标的分值",
            column="weight",
            column_name="分值",
            severity=Severity.ERROR,
            needs=("weight",),
            when_blank=WhenBlank.NOT_APPLICABLE,
            build=lambda gxe: gxe.ExpectColumnValuesToBeBetween(
                column="weight", min_value=WEIGHT_AT_LEAST, max_value=WEIGHT_AT_MOST
            ),
        ),
    ),
)
