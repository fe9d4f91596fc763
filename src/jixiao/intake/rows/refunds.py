"""Refunds and corrections of a ledger held against the payments that explain them, by column. Used by ledger.py.

What counts as a refund, and as its payment: docs/payments-key.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
    negative = ((frame["amount_fen"] < 0) & frame["keep"]).to_numpy().nonzero()[0]
    refunds = frame.iloc[negative]
    named = _named_vouchers(refunds)
    marked = _marked_as_refund(refunds) | (named != "")
    refunds, named = refunds[marked], named[marked]
    frames = (frame, *earlier)
    by_name = named != ""
    unexplained: list[int] = []
    if by_name.any():
        some = refunds[by_name]
        unexplained += some.index[~_by_voucher(some, frames, named[by_name]).to_numpy()].tolist()
    if not by_name.all():
        some = refunds[~by_name]
        unexplained += some.index[~_by_line(some, frames).to_numpy()].tolist()
    for position in sorted(unexplained):
        yield Unmatched(position, str(named[position]))


def _paid(frame: pd.DataFrame) -> Any:
    """A mask of the payments that count."""
    mask = (frame["amount_fen"] > 0).to_numpy()
    return mask & frame["keep"].to_numpy() if "keep" in frame else mask


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


def _by_voucher(refunds: pd.DataFrame, frames: Sequence[pd.DataFrame], named: pd.Series[str]) -> pd.Series[bool]:
    """Whether the named voucher of the same unit was paid, and not refunded beyond what it was."""
    import pandas as pd

    keys = ["unit_code", "voucher_no"]
    wanted = named.unique().tolist()
    parts = [f.loc[f["voucher_no"].isin(wanted) & _paid(f), [*keys, "amount_fen"]] for f in frames]
    paid = pd.concat([part.astype(dict.fromkeys(keys, "str")) for part in parts], ignore_index=True)
    units = refunds["unit_code"].astype("str")
    owed = (-refunds["amount_fen"]).groupby([units, named]).cumsum()
    sums = paid.groupby(keys)["amount_fen"].sum().reindex(pd.MultiIndex.from_arrays([units, named])).fillna(0)
    return pd.Series(sums.to_numpy(), index=refunds.index) >= owed


def _by_line(refunds: pd.DataFrame, frames: Sequence[pd.DataFrame]) -> pd.Series[bool]:
    """Whether a payment of the same unit and line explains each refund: not later, and at least as large."""
    import numpy as np
    import pandas as pd

    # A payment without a date may have been earlier than any refund, and a refund without one later than any payment.
    first, last = pd.Timestamp("1900-01-01"), pd.Timestamp("2200-01-01")
    words = [_words(frames, column) for column in _OWNER]
    owners = _owners(refunds, words)
    parts = []
    for frame in frames:
        of_frame = _owners(frame, words)
        mask = np.isin(of_frame, np.unique(owners)) & _paid(frame)
        amounts, days = frame["amount_fen"].to_numpy()[mask], frame["paid_on"].array[mask]
        parts.append(pd.DataFrame({"owner": of_frame[mask], "at": days, "largest": amounts}))
    paid = pd.concat(parts, ignore_index=True)
    paid["at"] = paid["at"].fillna(first)
    paid = paid.sort_values("at", kind="stable")
    paid["largest"] = paid.groupby("owner")["largest"].cummax()
    sought = pd.DataFrame({"owner": owners, "at": refunds["paid_on"].fillna(last).array, "position": refunds.index})
    found = pd.merge_asof(sought.sort_values("at", kind="stable"), paid, on="at", by="owner")
    largest = found.set_index("position")["largest"].reindex(refunds.index).fillna(0)
    return largest >= -refunds["amount_fen"]


def _words(frames: Sequence[pd.DataFrame], column: str) -> pd.Index[str]:
    """The distinct texts of a column."""
    import pandas as pd

    found = {str(word) for frame in frames for word in frame[column].astype("category").cat.categories}
    return pd.Index(sorted(found), dtype="str")


def _owners(frame: pd.DataFrame, words: Sequence[pd.Index[str]]) -> Any:
    """A number for the unit and line of each row."""
    units, lines = (
        known.get_indexer(texts.categories.astype("str"))[texts.codes]
        for known, texts in zip(words, (frame[column].astype("category").cat for column in _OWNER), strict=True)
    )
    return units.astype("int64") * len(words[1]) + lines
