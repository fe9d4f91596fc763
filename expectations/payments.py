"""国库支付明细: what is odd in a ledger whose columns, amounts and dates are otherwise in order."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from expectations.suite import Check, Suite, present
from jixiao.domain.findings import Severity
from jixiao.domain.money import FEN_PER_YUAN

if TYPE_CHECKING:
    import pandas as pd

MOST_YUAN = "quality.payment.most_yuan"


def _with_year(frame: pd.DataFrame, year: int) -> pd.DataFrame:
    """Add ``in_year``: whether the row was paid in the year of the evaluation; NA without a date."""
    import pandas as pd

    paid = pd.to_datetime(frame["paid_on"], errors="coerce")
    in_year = (paid.dt.year == year).astype("boolean")
    return frame.assign(in_year=in_year.mask(paid.isna()))


def suite(limits: Mapping[str, Decimal]) -> Suite:
    """The checks; a voucher above the limit (元) is asked about, not refused: exports in 分 read as 元 land there."""
    most_fen = int(limits[MOST_YUAN] * FEN_PER_YUAN)
    return Suite(
        table="payments",
        chinese="国库支付明细",
        subject="voucher_no",
        texts=("unit_code", "voucher_no", "line_name"),
        money=("amount_fen",),
        prepare=_with_year,
        checks=(
            present(
                table="payments",
                column="voucher_no",
                column_name="支付凭证号",
                why="没有凭证号的支付无法与凭证核对，也查不出重复",
                fix="请补填支付凭证号，或说明该笔为何没有凭证",
            ),
            present(
                table="payments",
                column="line_name",
                column_name="项目名称",
                why="没有项目名称的支付不能计入任何预算项目，执行率会偏低",
                fix="请补填该笔支付所属的预算项目",
            ),
            present(
                table="payments",
                column="paid_on",
                column_name="支付日期",
                why="没有日期的支付不能归入月份，支付进度无法核对",
                fix="请补填支付日期",
            ),
            Check(
                expectation_id="payments.amount_not_zero",
                why="金额为 0 的支付没有内容，可能是作废或漏填金额的凭证",
                fix="请核对该凭证；已作废的请从明细中删去",
                column="amount_fen",
                column_name="支付金额",
                severity=Severity.INFO,
                needs=("amount_fen",),
                build=lambda gxe: gxe.ExpectColumnValuesToNotBeInSet(column="amount_fen", value_set=[0]),
            ),
            Check(
                expectation_id="payments.amount_plausible",
                why=f"单笔金额超过 {limits[MOST_YUAN]:,f} 元，可能把“分”当成了“元”，或多写了几位",
                fix="请核对金额及其单位",
                column="amount_fen",
                column_name="支付金额",
                severity=Severity.QUESTION,
                needs=("amount_fen",),
                build=lambda gxe: gxe.ExpectColumnValuesToBeBetween(
                    column="amount_fen", min_value=-most_fen, max_value=most_fen
                ),
            ),
            Check(
                expectation_id="payments.paid_in_year",
                why="支付日期不在评价年度内，该笔可能属于别的年度",
                fix="请核对是否导出了其他年度的数据，或日期录错",
                column="paid_on",
                column_name="支付日期",
                code="DATE_OUTSIDE_YEAR",
                needs=("paid_on",),
                build=lambda gxe: gxe.ExpectColumnValuesToBeInSet(column="in_year", value_set=[True]),
            ),
        ),
    )
