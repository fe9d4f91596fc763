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
# Pairs that differ in the amount alone are a doubt each, unless there are so many, and one among so many rows.
_HABIT_LEAST = 50
_HABIT = 20
_GROUPS_AT_ONCE = 25_000
# Numbers of several columns are mixed into one of 64 bits, as hash functions do.
_SHIFT, _ODD = 29, 0x9E3779B97F4A7C15
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
    found = list(_same_id(_Suspects(frame, "detail_id", has_id), contents)) if has_id.any() else []
    suspects = _Suspects(frame, "voucher_no", by_voucher)
    found += _same_row(suspects, contents)
    gone = {repeat.position for repeat in found}
    found += [r for r in _other_amount(suspects, contents, amount_label) if not {r.position, r.first} & gone]
    return sorted(found, key=lambda repeat: repeat.position)


class _Suspects:
    """Rows whose key another row has too. Rows are compared as numbers; two texts of one number are told apart by their
    cells, which who asks compares at last.
    """

    def __init__(self, frame: pd.DataFrame, key: str, named: Any) -> None:
        self.frame, self.key = frame, key
        self.positions, self.keys = _repeated(frame[key], named)
        self.numbers = frame["row"].to_numpy()
        self.amounts = frame["amount_fen"].to_numpy()

    def groups(self, columns: Iterable[str]) -> list[list[int]]:
        """Positions that agree in the key and some columns, two or more together, each group in order."""
        import numpy as np

        if not len(self.positions):
            return []
        mixed = self.keys.astype("uint64")
        for column in columns:
            mixed = (mixed ^ (mixed >> _SHIFT)) * _ODD + self._codes(column).astype("uint64")
        order = np.argsort(mixed, kind="stable")
        twice = _beside_its_like(mixed[order])
        mixed, positions = mixed[order[twice]], self.positions[order[twice]]
        starts = np.concatenate([[0], (mixed[1:] != mixed[:-1]).nonzero()[0] + 1])
        return [group.tolist() for group in np.split(positions, starts[1:])] if len(positions) else []

    def _codes(self, column: str) -> Any:
        """A number for each suspect, the same for the same value."""
        import pandas as pd

        part = self.frame[column].iloc[self.positions]
        if isinstance(part.dtype, pd.CategoricalDtype):
            return part.cat.codes.to_numpy()
        if pd.api.types.is_datetime64_any_dtype(part.dtype):
            return part.to_numpy().view("int64")
        if pd.api.types.is_integer_dtype(part.dtype):
            return part.to_numpy()
        return _as_numbers(part)

    def with_contents(
        self, groups: Sequence[list[int]], contents: Contents
    ) -> Iterator[tuple[list[int], Mapping[int, Mapping[str, str]]]]:
        """Each group with the cells of its rows, by position. Not all cells at once: a file may stand in itself twice."""
        for begin in range(0, len(groups), _GROUPS_AT_ONCE):
            some = groups[begin : begin + _GROUPS_AT_ONCE]
            rows = contents(int(self.numbers[position]) for group in some for position in group)
            for group in some:
                yield group, {position: rows.get(int(self.numbers[position]), {}) for position in group}


def _same_id(suspects: _Suspects, contents: Contents) -> Iterator[Repeat]:
    """Rows with the 明细主键 of an earlier row of their voucher."""
    for group, rows in suspects.with_contents(suspects.groups(["unit_code", "voucher_no"]), contents):
        first: dict[tuple[str, str], int] = {}
        for position in group:
            key = (str(suspects.frame["detail_id"].array[position]), str(suspects.frame["voucher_no"].array[position]))
            before = first.setdefault(key, position)
            if before != position:
                kind = RepeatKind.SAME_ROW if rows[before] == rows[position] else RepeatKind.SAME_ID
                yield Repeat(kind, position, before)


def _same_row(suspects: _Suspects, contents: Contents) -> Iterator[Repeat]:
    """Rows of one voucher in which every cell is the same."""
    groups = suspects.groups(["unit_code", "line_name", "amount_fen", "paid_on"])
    for group, rows in suspects.with_contents(groups, contents):
        first: dict[tuple[tuple[str, str], ...], int] = {}
        for position in group:
            content = tuple(sorted(rows[position].items()))
            if first.setdefault(content, position) != position:
                yield Repeat(RepeatKind.SAME_ROW, position, first[content])


def _other_amount(suspects: _Suspects, contents: Contents, amount_label: str) -> Iterator[Repeat]:
    """Two rows of one voucher that differ in the amount alone. Three or more are the details of a payment to many, and
    where a good part of a ledger is so, that is how its system prints details.
    """
    amounts = suspects.amounts
    alike = [column for column in suspects.frame.columns if column not in {*_OWN_COLUMNS, suspects.key}]
    pairs = [
        group
        for group in suspects.groups(alike)
        if len(group) == _PAIR
        and amounts[group[0]] != amounts[group[1]]
        and (amounts[group[0]] > 0) == (amounts[group[1]] > 0)
    ]
    if len(pairs) >= _HABIT_LEAST and len(pairs) * _HABIT > len(suspects.frame):
        return
    for (first, position), rows in suspects.with_contents(pairs, contents):
        one, other = dict(rows[first]), dict(rows[position])
        one.pop(amount_label, None)
        other.pop(amount_label, None)
        if one == other:
            yield Repeat(RepeatKind.OTHER_AMOUNT, position, first)


def _repeated(keys: pd.Series[Any], named: Any) -> tuple[Any, Any]:
    """Positions of rows whose key another row may have too, in order, and the numbers of their keys. Sorted numbers find
    them, for a dictionary of ten million texts would be the largest thing in memory.
    """
    import numpy as np

    where = named.nonzero()[0]
    numbers = _as_numbers(keys if len(where) == len(keys) else keys.iloc[where])
    order = np.argsort(numbers, kind="stable")
    found = np.sort(order[_beside_its_like(numbers[order])])
    return where[found], numbers[found]


def _beside_its_like(ordered: Any) -> Any:
    """Of sorted numbers, a mask of those that stand there more than once."""
    import numpy as np

    mask = np.zeros(len(ordered), dtype=bool)
    mask[1:] |= ordered[1:] == ordered[:-1]
    mask[:-1] |= ordered[1:] == ordered[:-1]
    return mask


def _as_numbers(keys: pd.Series[Any]) -> Any:
    """A number for each key, the same for the same one: its digits, where it has no others, else a hash."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pa.array(keys.astype("str"), pa.string())
    chunks = texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
    if not all(pc.all(pc.ascii_is_decimal(chunk)).as_py() for chunk in chunks if len(chunk)):
        return pd.util.hash_array(keys.to_numpy(dtype=object, na_value="")).view("int64")
    numbers = np.empty(len(keys), dtype="int64")
    done = 0
    for chunk in chunks:
        numbers[done : done + len(chunk)] = _digits_as_numbers(chunk)
        done += len(chunk)
    return numbers


def _digits_as_numbers(texts: Any) -> Any:
    """The last digits as a number, mixed with a hash of those before where there are more."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    longest = pc.max(pc.binary_length(texts)).as_py() or 0
    if longest <= _INT64_DIGITS:
        return np.asarray(pc.cast(texts, pa.int64()))
    last = np.asarray(pc.cast(pc.utf8_slice_codeunits(texts, -_INT64_DIGITS), pa.int64()))
    first = pc.utf8_slice_codeunits(texts, 0, -_INT64_DIGITS).dictionary_encode()
    words = np.array(first.dictionary.to_pylist(), dtype=object)
    hashes = pd.util.hash_array(words, categorize=False)
    hashes[words == ""] = 0  # a short key has one number, whether long ones stand beside it or not
    return last ^ hashes[np.asarray(first.indices)].view("int64")
