"""Payments that stand in a ledger twice, by column: only rows whose key repeats are compared cell by cell. Used by ledger.py.

What makes two rows the same payment: docs/payments-key.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from jixiao.intake.grids.cells import cell_text

if TYPE_CHECKING:
    import pandas as pd

# Whole rows by their numbers, each as head → text.
Contents = Callable[[Iterable[int]], Mapping[int, Mapping[str, str]]]
# An int64 holds every number of so many digits.
_INT64_DIGITS = 18
_PAIR = 2
_OWN_COLUMNS = frozenset({"row", "amount_fen", "keep"})


class RepeatKind(StrEnum):
    """How two rows with one key are alike."""

    SAME_ROW = "every cell is the same"
    SAME_ID = "the same detail of the same voucher with another content"
    OTHER_AMOUNT = "every cell but the amount is the same"


@dataclass(frozen=True)
class Repeat:
    """A row that repeats an earlier one: positions of both in the frame."""

    kind: RepeatKind
    position: int
    first: int


def contents_by_head(
    cells: Callable[[Iterable[int]], Mapping[int, Sequence[object]]], labels: Mapping[int, str]
) -> Contents:
    """Rows as head → text; blank cells are left out, so that a cut-off row is the same as a padded one."""

    def contents(numbers: Iterable[int]) -> dict[int, dict[str, str]]:
        return {number: dict(_texts(row, labels)) for number, row in cells(numbers).items()}

    return contents


def _texts(row: Sequence[object], labels: Mapping[int, str]) -> Iterator[tuple[str, str]]:
    for at, cell in enumerate(row):
        if text := cell_text(cell):
            yield f"{at}" if at not in labels else f"{labels[at]}\n{at}", text


def repeats(frame: pd.DataFrame, contents: Contents, amount_label: str) -> list[Repeat]:
    """The repeated rows of one sheet, in order. ``frame`` has row, unit_code, voucher_no, line_name, amount_fen,
    paid_on, ``keep`` and maybe detail_id; its index is 0, 1, 2, …  ``amount_label`` names the amount in ``contents``.
    """
    kept = frame["keep"].to_numpy()
    has_id = (frame["detail_id"] != "").to_numpy() & kept if "detail_id" in frame else kept & False
    by_voucher = (frame["voucher_no"] != "").to_numpy() & kept & ~has_id
    found = [
        *_same_id(frame, contents, has_id),
        *_same_row(frame, contents, by_voucher),
    ]
    gone = {repeat.position for repeat in found}
    found += [r for r in _other_amount(frame, contents, amount_label, by_voucher) if not {r.position, r.first} & gone]
    return sorted(found, key=lambda repeat: repeat.position)


def _same_id(frame: pd.DataFrame, contents: Contents, named: Any) -> Iterator[Repeat]:
    """Rows with the 明细主键 of an earlier row of their voucher."""
    suspects = _repeated(frame["detail_id"], named) if named.any() else ()
    groups = _groups(frame, suspects, ["unit_code", "voucher_no", "detail_id"])
    rows = contents(_numbers(frame, groups))
    numbers = frame["row"].to_numpy()
    for group in groups:
        first = group[0]
        for position in group[1:]:
            same = rows.get(int(numbers[first])) == rows.get(int(numbers[position]))
            yield Repeat(RepeatKind.SAME_ROW if same else RepeatKind.SAME_ID, position, first)


def _same_row(frame: pd.DataFrame, contents: Contents, named: Any) -> Iterator[Repeat]:
    """Rows of one voucher in which every cell is the same."""
    suspects = _repeated(frame["voucher_no"], named)
    groups = _groups(frame, suspects, ["unit_code", "voucher_no", "line_name", "amount_fen", "paid_on"])
    rows = contents(_numbers(frame, groups))
    numbers = frame["row"].to_numpy()
    for group in groups:
        first: dict[tuple[tuple[str, str], ...], int] = {}
        for position in group:
            content = tuple(sorted(rows.get(int(numbers[position]), {}).items()))
            if first.setdefault(content, position) != position:
                yield Repeat(RepeatKind.SAME_ROW, position, first[content])


def _other_amount(frame: pd.DataFrame, contents: Contents, amount_label: str, named: Any) -> Iterator[Repeat]:
    """Two rows of one voucher that differ in the amount alone. Three or more are the details of a payment to many."""
    suspects = _repeated(frame["voucher_no"], named)
    alike = ["unit_code", "voucher_no", *(c for c in frame.columns if c not in {*_OWN_COLUMNS, "unit_code", "voucher_no"})]
    groups = [group for group in _groups(frame, suspects, alike) if len(group) == _PAIR]
    amounts, numbers = frame["amount_fen"].to_numpy(), frame["row"].to_numpy()
    groups = [(a, b) for a, b in groups if amounts[a] != amounts[b] and (amounts[a] > 0) == (amounts[b] > 0)]
    rows = contents(_numbers(frame, groups))
    for first, position in groups:
        one, other = (dict(rows.get(int(numbers[at]), {})) for at in (first, position))
        one.pop(amount_label, None)
        other.pop(amount_label, None)
        if one == other:
            yield Repeat(RepeatKind.OTHER_AMOUNT, position, first)


def _groups(frame: pd.DataFrame, suspects: Sequence[int], columns: list[str]) -> list[list[int]]:
    """Positions of suspects that agree in all columns, two or more together."""
    if not len(suspects):
        return []
    part = frame.iloc[suspects]
    part = part[part.duplicated(columns, keep=False)]
    if part.empty:
        return []
    numbers = part.groupby(columns, observed=True, sort=False, dropna=False).ngroup()
    made: dict[int, list[int]] = {}
    for position, number in zip(part.index.tolist(), numbers.tolist(), strict=True):
        made.setdefault(number, []).append(position)
    return list(made.values())


def _numbers(frame: pd.DataFrame, groups: Iterable[Sequence[int]]) -> list[int]:
    positions = [position for group in groups for position in group]
    return [int(number) for number in frame["row"].to_numpy()[positions]] if positions else []


def shared_keys(keys: pd.Series[Any], others: pd.Series[Any]) -> Any:
    """A mask of the keys that stand among the others too; a blank one never does."""
    import numpy as np

    mask = np.asarray(keys != "")
    return mask & np.isin(_as_numbers(keys), _as_numbers(others)) & keys.isin(others.unique()).to_numpy()


def _repeated(keys: pd.Series[Any], named: Any) -> Any:
    """Positions of rows whose key another row may have too, in order. Sorted numbers find them, for a dictionary of ten
    million texts would be the largest thing in memory; two keys of one number are told apart by who asks.
    """
    import numpy as np

    where = named.nonzero()[0]
    numbers = _as_numbers(keys if len(where) == len(keys) else keys.iloc[where])
    ordered = np.sort(numbers)
    twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    return where[np.isin(numbers, twice)] if len(twice) else where[:0]


def _as_numbers(keys: pd.Series[Any]) -> Any:
    """A number for each key, the same for the same one: its digits, where it has no others, else a hash."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pa.array(keys.astype("str"), pa.string())
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    if not len(texts):
        return np.zeros(0, dtype="int64")
    if not pc.all(pc.ascii_is_decimal(texts)).as_py():
        return pd.util.hash_array(keys.to_numpy(dtype=object, na_value="")).view("int64")
    last = np.asarray(pc.cast(pc.utf8_slice_codeunits(texts, -_INT64_DIGITS), pa.int64()))
    if (pc.max(pc.binary_length(texts)).as_py() or 0) <= _INT64_DIGITS:
        return last
    first = pc.utf8_slice_codeunits(texts, 0, -_INT64_DIGITS)
    return last ^ pd.util.hash_array(first.dictionary_encode().to_pandas().to_numpy(dtype=object)).view("int64")
