"""Refunds and corrections of a ledger held against the payments that explain them, by column. Used by ledger.py.

What counts as a refund, and as its payment: docs/payments-key.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

PAID_COLUMNS = ("unit_code", "line_name", "voucher_no", "amount_fen", "paid_on")
_REFUND_WORDS = "退回|退款|退货|退付|红冲|冲销|冲正|更正|退票"
_ORIGINAL_VOUCHER = r"原(?:支付)?(?:凭证|凭单|支付单|单据|支付令)(?:编?号|单号)?\s*[:：为是]?\s*((?:[A-Za-z]{0,6}[\-_]?)?\d[\dA-Za-z\-_]{5,})"
_OWNER = ("unit_code", "line_name")


@dataclass(frozen=True)
class Unmatched:
    """A refund that nothing explains: its position in the frame, and the voucher that it names, if any."""

    position: int
    named: str


def unmatched_refunds(frame: pd.DataFrame, earlier: Sequence[pd.DataFrame] = ()) -> Iterator[Unmatched]:
    """Refunds that no payment explains: the voucher that they name, else an earlier payment of their unit and line.

    ``frame`` has PAID_COLUMNS and a boolean ``keep``; its index is 0, 1, 2, … ``earlier`` are the payments of the sheets
    before, with PAID_COLUMNS. Several refunds of one voucher may not exceed it together.
    """
    refunds = frame[frame["keep"] & (frame["amount_fen"] < 0)]
    if refunds.empty:
        return
    named = _named_vouchers(refunds)
    marked = _marked_as_refund(refunds) | (named != "")
    if not marked.any():
        return
    refunds, named = refunds[marked], named[marked]
    paid = _payments_beside(frame, refunds, named)
    if earlier:
        paid = _joined(paid, [e.loc[e["amount_fen"] > 0, list(PAID_COLUMNS)] for e in earlier])
    explained = _by_voucher(refunds, paid, named).where(named != "", _by_line(refunds, paid))
    for position in refunds.index[(~explained).to_numpy()].tolist():
        yield Unmatched(position, str(named[position]))


def _joined(paid: pd.DataFrame, earlier: Sequence[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    texts = dict.fromkeys(("unit_code", "line_name", "voucher_no"), "str")
    return pd.concat([part.astype(texts) for part in (paid, *earlier)], ignore_index=True)


def _named_vouchers(refunds: pd.DataFrame) -> pd.Series[str]:
    """The original voucher that each refund names, in a column of its own or in words: 原凭证20220000000005."""
    import pandas as pd

    none = pd.Series("", index=refunds.index, dtype="str")
    stated = refunds["original_voucher"].astype("str") if "original_voucher" in refunds else none
    if "purpose" not in refunds:
        return stated
    said = refunds["purpose"].astype("str").str.extract(_ORIGINAL_VOUCHER, expand=False).fillna("")
    return stated.where(stated != "", said)


def _marked_as_refund(refunds: pd.DataFrame) -> pd.Series[bool]:
    """Whether 业务类型 or 用途 call the row a refund or a correction."""
    import pandas as pd

    marked = pd.Series(data=False, index=refunds.index)
    for column in ("business_type", "purpose"):
        if column in refunds:
            marked |= refunds[column].astype("str").str.contains(_REFUND_WORDS, regex=True)
    return marked


def _payments_beside(frame: pd.DataFrame, refunds: pd.DataFrame, named: pd.Series[str]) -> pd.DataFrame:
    """The payments that may explain a refund: of its unit and line, or of the voucher that it names."""
    import numpy as np

    units, lines = frame["unit_code"].astype("category").cat, frame["line_name"].astype("category").cat
    pairs = units.codes.to_numpy().astype("int64") * (len(lines.categories) + 1) + lines.codes.to_numpy()
    beside = np.isin(pairs, np.unique(pairs[refunds.index.to_numpy()]))
    vouchers = named[named != ""].unique()
    if len(vouchers):
        beside |= frame["voucher_no"].isin(vouchers).to_numpy()
    paid = beside & frame["keep"].to_numpy() & (frame["amount_fen"].to_numpy() > 0)
    found: pd.DataFrame = frame.loc[paid, list(PAID_COLUMNS)]
    return found


def _by_voucher(refunds: pd.DataFrame, paid: pd.DataFrame, named: pd.Series[str]) -> pd.Series[bool]:
    """Whether the named voucher of the same unit was paid, and not refunded beyond what it was."""
    import pandas as pd

    sums = paid.assign(unit_code=paid["unit_code"].astype("str"), voucher_no=paid["voucher_no"].astype("str"))
    by_voucher = sums.groupby(["unit_code", "voucher_no"])["amount_fen"].sum()
    units = refunds["unit_code"].astype("str")
    owed = (-refunds["amount_fen"]).groupby([units, named]).cumsum()
    keys = pd.MultiIndex.from_arrays([units, named])
    return pd.Series(by_voucher.reindex(keys).fillna(0).to_numpy(), index=refunds.index) >= owed


def _by_line(refunds: pd.DataFrame, paid: pd.DataFrame) -> pd.Series[bool]:
    """Whether a payment of the same unit and line explains each refund: not later, and at least as large."""
    import pandas as pd

    by = list(_OWNER)
    # A payment without a date may have been earlier than any refund, and a refund without one later than any payment.
    first, last = pd.Timestamp("1900-01-01"), pd.Timestamp("2200-01-01")
    texts = dict.fromkeys(by, "str")
    ordered = paid.assign(at=paid["paid_on"].fillna(first)).astype(texts).sort_values("at", kind="stable")
    ordered = ordered.assign(largest=ordered.groupby(by)["amount_fen"].cummax())
    sought = refunds.assign(at=refunds["paid_on"].fillna(last), position=refunds.index).astype(texts)
    sought = sought.sort_values("at", kind="stable")
    found = pd.merge_asof(sought[[*by, "at", "position"]], ordered[[*by, "at", "largest"]], on="at", by=by)
    largest = found.set_index("position")["largest"].reindex(refunds.index).fillna(0)
    return largest >= -refunds["amount_fen"]
