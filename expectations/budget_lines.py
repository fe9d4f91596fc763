"""预算执行情况表: amounts that are each readable and together odd. Sums and printed rates are checked in the library."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from expectations.suite import Check, Suite, WhenBlank, present, rows_where
from jixiao.domain.findings import Severity

MOST_PCT = "quality.rate.most_pct"


def suite(limits: Mapping[str, Decimal]) -> Suite:
    """The checks; a printed rate outside 0 and the limit (%) is odd by itself, whatever the amounts say."""
    most_pct = limits[MOST_PCT]
    return Suite(
        table="budget_lines",
        chinese="预算执行情况表",
        subject="name",
        texts=("unit_code", "name"),
        money=("original_fen", "adjusted_fen", "executed_fen"),
        checks=(
            present(
                table="budget_lines",
                column="name",
                column_name="项目",
                why="没有名称的预算行无法与支付明细对应",
                fix="请补填项目名称",
                severity=Severity.ERROR,
            ),
            Check(
                expectation_id="budget_lines.original_not_negative",
                why="年初预算数小于 0，预算批复中没有负数",
                fix="请核对年初预算数；追减应填在“追加追减”一栏",
                column="original_fen",
                column_name="年初预算数",
                severity=Severity.ERROR,
                needs=("original_fen",),
                build=lambda gxe: gxe.ExpectColumnValuesToBeBetween(column="original_fen", min_value=0),
            ),
            Check(
                expectation_id="budget_lines.adjusted_not_negative",
                why="调整预算数小于 0，执行率没有意义，该单位暂不评价",
                fix="请核对年初预算数与追加追减数，改正后重新导出",
                column="adjusted_fen",
                column_name="调整预算数",
                severity=Severity.ERROR,
                critical=True,
                needs=("adjusted_fen",),
                build=lambda gxe: gxe.ExpectColumnValuesToBeBetween(column="adjusted_fen", min_value=0),
            ),
            Check(
                expectation_id="budget_lines.executed_not_negative",
                why="全年实际支出小于 0，退回的款项多于支出",
                fix="请核对是否把退回、更正单独列了一行，或漏导了支出",
                column="executed_fen",
                column_name="实际支出数",
                needs=("executed_fen",),
                when_blank=WhenBlank.NOT_APPLICABLE,
                build=lambda gxe: gxe.ExpectColumnValuesToBeBetween(column="executed_fen", min_value=0),
            ),
            Check(
                expectation_id="budget_lines.not_overspent",
                why="实际支出大于调整预算数",
                fix="请核对是否有未入账的追加指标，或支付记错项目",
                column="executed_fen",
                column_name="实际支出数",
                code="OVERSPENT",
                needs=("adjusted_fen", "executed_fen"),
                when_blank=WhenBlank.NOT_APPLICABLE,
                build=lambda gxe: gxe.ExpectColumnPairValuesAToBeGreaterThanB(
                    column_A="adjusted_fen",
                    column_B="executed_fen",
                    or_equal=True,
                    ignore_row_if="either_value_is_missing",
                    row_condition=rows_where("adjusted_fen") > 0,
                ),
            ),
            Check(
                expectation_id="budget_lines.spent_on_a_base",
                why="调整预算数为 0 却有支出，执行率无法计算",
                fix="请核对该项目的预算指标是否漏导",
                column="executed_fen",
                column_name="实际支出数",
                code="ZERO_BASE",
                needs=("adjusted_fen", "executed_fen"),
                when_blank=WhenBlank.NOT_APPLICABLE,
                build=lambda gxe: gxe.ExpectColumnValuesToBeInSet(
                    column="executed_fen", value_set=[0], row_condition=rows_where("adjusted_fen") == 0
                ),
            ),
            Check(
                expectation_id="budget_lines.rate_plausible",
                why=f"填报的执行率不在 0% 到 {most_pct:f}% 之间",
                fix="请核对执行率及其分子、分母",
                column="reported_rate_pct",
                column_name="执行率",
                needs=("reported_rate_pct",),
                when_blank=WhenBlank.NOT_APPLICABLE,
                build=lambda gxe: gxe.ExpectColumnValuesToBeBetween(
                    column="reported_rate_pct", min_value=0, max_value=float(most_pct)
                ),
            ),
        ),
    )
