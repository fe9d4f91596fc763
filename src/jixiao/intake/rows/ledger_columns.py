"""The ledger's cells as typed columns: from a stream block by block, or from the cells of a sheet. Judged in ledger.py.

What matches the plain pattern is converted as a column; only the rest takes the exact path of values.py, cell by cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from jixiao.domain.money import MoneyUnit
from jixiao.intake.grids.cells import cell_text
from jixiao.intake.grids.grid import CellError, is_blank
from jixiao.intake.rows.values import Money, NotADate, NotANumber, lost_precision, read_code, read_date, read_money
from jixiao.intake.tables.bodies import RowClass, classify
from jixiao.intake.tables.derived import derived_arrays
from jixiao.intake.tables.table import Table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

CODES = ("unit_code", "voucher_no", "detail_id", "original_voucher")
TEXTS = (
    "unit_name",
    "project_name",
    "is_deleted",
    "payment_state",
    "business_type",
    "purpose",
    "economic_code",
    "economic_name",
    "function_code",
    "function_name",
    "fund_nature",
)
# Nearly all distinct, and looked at in refunds alone: of other rows it is not held.
_OF_REFUNDS = "purpose"
_PLACES = {MoneyUnit.YUAN: 2, MoneyUnit.WAN: 6}
# Fen in int64: 10¹⁶ 元 is more than any ledger holds, and leaves room for sums.
_WHOLE_DIGITS = {MoneyUnit.YUAN: 14, MoneyUnit.WAN: 10}
FEN_MOST = 10**18
_ROWS_LOOKED_AT = 200
_TOTALS = "合计|总计|小计|累计|共计|总分|总额"
_NUMBER_ALONE = r"^\s*(?:\d{1,2}|[甲乙丙丁戊])\s*$"
_DATE_AND_TIME = r"^(\d{4}-\d{2}-\d{2})[ T].*$"
_DATE_LENGTH = 10
_NOT_A_CODE = r"[^0-9A-Za-z\-_.]"
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\xa0\r\n\t\v\f"


@dataclass
class LedgerColumns:
    """The rows of data of one ledger sheet. ``frame`` has row (int64), amount_fen (int64), paid_on (datetime64[s]), and a
    text column for each of CODES and TEXTS that the table has, purpose of negative amounts alone; a position is an index
    of it.

    ``bad_amounts`` and ``bad_dates`` map positions to the cell that could not be read (then 0 and NaT stand there);
    ``cells`` gives whole rows by their numbers; ``wide`` are rows of a text with filled cells beyond the head, by
    position: an unquoted delimiter has cut a cell in two. ``strays``: row → NULs cut in it.
    """

    frame: pd.DataFrame
    cells: Callable[[Iterable[int]], dict[int, Sequence[object]]]
    totals: list[tuple[int, Sequence[object]]] = field(default_factory=list)
    left: dict[RowClass, list[int]] = field(default_factory=dict)
    bad_amounts: dict[int, object] = field(default_factory=dict)
    bad_dates: dict[int, object] = field(default_factory=dict)
    remarks: dict[str, list[tuple[int, str, int]]] = field(
        default_factory=lambda: {"normalised": [], "negative_style": [], "below_fen": []}
    )
    numeric: dict[str, list[int]] = field(default_factory=dict)
    imprecise: list[tuple[int, str, object]] = field(default_factory=list)
    cleaned: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    units: list[tuple[str, str, int]] = field(default_factory=list)
    wide: dict[int, Sequence[object]] = field(default_factory=dict)
    strays: dict[int, int] = field(default_factory=dict)


def read_columns(table: Table, unit: MoneyUnit) -> LedgerColumns:
    """All rows of data under the head of a ledger.

    Raises:
        NotDecodable, ValueError: a stream that cannot be read to its end.
    """
    made = _Streamed(table, unit).read() if table.grid.stream is not None else _Held(table, unit).read()
    for seen in made.remarks.values():
        seen.sort()
    for numbers in made.left.values():
        numbers.sort()
    made.totals.sort(key=lambda total: total[0])
    return made


# ── one value, for both ──────────────────────────────────────────────────────────────────────────────────────────────


class _Amounts:
    """Cells that are no plain number, read exactly; each distinct text once."""

    def __init__(self, unit: MoneyUnit) -> None:
        self._unit = unit
        self._known: dict[object, Money | None] = {}

    def read(self, cell: object) -> Money | None:
        """None: no amount, or one that no ledger holds."""
        key = (type(cell), cell) if not isinstance(cell, CellError) else cell
        if key not in self._known:
            try:
                money: Money | None = read_money(cell, self._unit)
            except NotANumber:
                money = None
            self._known[key] = money if money is not None and abs(money.fen) < FEN_MOST else None
        return self._known[key]


class _Dates:
    """Distinct cells of the date column and their days; ``bad`` are those that are none."""

    def __init__(self) -> None:
        self._known: dict[object, tuple[date | None, bool]] = {}

    def read(self, cell: object) -> tuple[date | None, bool]:
        if cell not in self._known:
            try:
                self._known[cell] = (None, True) if isinstance(cell, CellError) else (read_date(cell), False)
            except NotADate:
                self._known[cell] = (None, True)
        return self._known[cell]


def clean_code(text: str) -> str:
    """A code without what people do not see: full-width forms, blanks, a leading apostrophe."""
    return "".join(read_code(text)[0].split()).translate(_CUT)


def clean_text(text: str) -> str:
    """A name without zero-width marks and line breaks; other characters stay."""
    return (
        " ".join(text.translate(_BLANKED).translate(_CUT).split())
        if any(c in _INVISIBLE for c in text)
        else text.strip()
    )


_CUT = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"))
_BLANKED = dict.fromkeys(map(ord, "\xa0\r\n\t\v\f"), " ")


# ── a sheet held in memory ───────────────────────────────────────────────────────────────────────────────────────────


class _Held:
    """Rows of a grid as Python cells: workbooks and small texts."""

    def __init__(self, table: Table, unit: MoneyUnit) -> None:
        self.table, self.unit = table, unit
        self.numbers: list[int] = []
        self.rows: list[Sequence[object]] = []
        self.made: LedgerColumns | None = None

    def read(self) -> LedgerColumns:
        import pandas as pd

        totals, left = self._sort_out()
        frame = pd.DataFrame({"row": pd.array(self.numbers, dtype="int64")})
        self.made = LedgerColumns(frame, self._cells, totals, left)
        fen = self._money()
        for name in (*CODES, *TEXTS):
            at = self.table.columns.get(name)
            if at is None:
                continue
            raw = [row[at] if at < len(row) else None for row in self.rows]
            if name == _OF_REFUNDS:
                texts = [cell_text(cell) if is_refund else "" for cell, is_refund in zip(raw, fen < 0, strict=True)]
            else:
                texts = self._codes(name, raw) if name in CODES else self._texts(name, raw)
            series = pd.Series(texts, dtype="str", index=frame.index)
            frame[name] = series if name in {"voucher_no", "detail_id"} else series.astype("category")
        frame["amount_fen"] = fen
        frame["paid_on"] = self._dates()
        self.made.units = distinct_units(frame)
        if not self.table.grid.sheet:  # a text
            width = head_width(self.table)
            own = ((at, row[: self.table.width] if self.table.derived else row) for at, row in enumerate(self.rows))
            self.made.wide = {at: row for at, row in own if is_too_wide(row, width)}
        return self.made

    def _cells(self, numbers: Iterable[int]) -> dict[int, Sequence[object]]:
        return {number: self.table.grid.rows[number - 1] for number in numbers}

    def _sort_out(self) -> tuple[list[tuple[int, Sequence[object]]], dict[RowClass, list[int]]]:
        """The rows of data. Only rows that look odd are classified one by one."""
        amount_at, name_at = self.table.columns["amount"], self.table.columns["project_name"]
        need = max(amount_at, name_at)
        totals: list[tuple[int, Sequence[object]]] = []
        left: dict[RowClass, list[int]] = {}
        plain = re.compile(_plain_pattern(self.unit)).fullmatch
        odd_name = re.compile(f"{_TOTALS}|{_NUMBER_ALONE}").search
        odd: dict[object, bool] = {}
        rows = self.table.grid.rows
        for index in range(self.table.head_row + 1, len(rows)):
            row = rows[index]
            if len(row) > need and row[0]:
                name, amount = row[name_at], row[amount_at]
                if type(name) is str and (type(amount) is float or (type(amount) is str and plain(amount))):
                    for cell in (name, row[0]):
                        if cell not in odd:
                            odd[cell] = type(cell) is str and (not cell.strip() or bool(odd_name(cell)))
                    if not odd[name] and not (odd[row[0]] and type(row[0]) is str):
                        self.numbers.append(index + 1)
                        self.rows.append(row)
                        continue
            row_class = classify(self.table, row)
            if row_class is RowClass.DATA:
                self.numbers.append(index + 1)
                self.rows.append(row)
                continue
            left.setdefault(row_class, []).append(index + 1)
            if row_class is RowClass.TOTAL:
                totals.append((index + 1, row))
        return totals, left

    def _texts(self, name: str, raw: list[object]) -> list[str]:
        assert self.made is not None
        known: dict[object, str] = {}
        texts = []
        for number, cell in zip(self.numbers, raw, strict=True):
            if cell not in known:
                known[cell] = clean_text(cell) if type(cell) is str else cell_text(cell)
            text = known[cell]
            if type(cell) is str and text is not cell and text != cell.strip():
                self.made.cleaned.setdefault(name, []).append((number, cell))
            texts.append(text)
        return texts

    def _codes(self, name: str, raw: list[object]) -> list[str]:
        """Numbers are restored; more than 15 digits in a number are noted, for they refuse the file."""
        assert self.made is not None
        codes: list[str] = []
        for number, cell in zip(self.numbers, raw, strict=True):
            if type(cell) is str and cell.isalnum() and cell.isascii() and "E" not in cell:
                codes.append(cell)
                continue
            if lost_precision(cell):
                self.made.imprecise.append((number, name, cell))
            code, was_number = read_code(cell)
            if type(cell) is str:
                code = clean_code(cell)
                if code != cell.strip().removeprefix("'"):
                    self.made.cleaned.setdefault(name, []).append((number, cell))
            codes.append(code)
            if was_number:
                self.made.numeric.setdefault(name, []).append(number)
        return codes

    def _money(self) -> Any:
        import numpy as np
        import pyarrow as pa

        assert self.made is not None
        at = self.table.columns["amount"]
        raw = [row[at] if at < len(row) else None for row in self.rows]
        fen = np.zeros(len(raw), dtype="int64")
        texts = pa.array([_as_typed(cell) for cell in raw], pa.string())
        plain = plain_fen(texts, self.unit)
        if plain is not None:
            fen = plain.fen
        exact = _Amounts(self.unit)
        for position in range(len(raw)) if plain is None else (~plain.mask).nonzero()[0].tolist():
            money = exact.read(raw[position])
            if money is None:
                self.made.bad_amounts[position] = raw[position]
                continue
            fen[position] = money.fen
            note(self.made.remarks, money, self.numbers[position], cell_text(raw[position]))
        for position in plain.grouped.nonzero()[0].tolist() if plain is not None else ():
            self.made.remarks["normalised"].append(
                (self.numbers[position], cell_text(raw[position]), int(fen[position]))
            )
        return fen

    def _dates(self) -> Any:
        import pandas as pd

        assert self.made is not None
        at = self.table.columns.get("pay_date", -1)
        raw = [row[at] if 0 <= at < len(row) else None for row in self.rows]
        dates, days = _Dates(), []
        for position, cell in enumerate(raw):
            day, bad = dates.read(cell)
            days.append(day)
            if bad:
                self.made.bad_dates[position] = cell
        return pd.Series(pd.to_datetime(pd.Series(days, dtype="object"))).astype("datetime64[s]")


def _as_typed(cell: object) -> str:
    """A text, or the shortest text of a number: what was typed. Anything else takes the exact path."""
    if type(cell) is float:
        text = repr(cell)
        return text.removesuffix(".0") if len(text) <= _EXACT_DIGITS else ""
    return cell if isinstance(cell, str) else ""


# Excel keeps 15 digits; with sign and point, a longer text shows the noise of the binary form.
_EXACT_DIGITS = 16


# ── a stream ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Streamed:
    """Rows of a big text, block by block: what is kept of a row is its canonical columns alone."""

    def __init__(self, table: Table, unit: MoneyUnit) -> None:
        import pandas as pd

        self.table, self.unit = table, unit
        self.made = LedgerColumns(pd.DataFrame(), self._cells)
        self.exact, self.dates = _Amounts(unit), _Dates()
        self.done = 0
        self.parts: dict[str, list[Any]] = {}
        self.dictionaries: dict[str, dict[str, int]] = {}

    def read(self) -> LedgerColumns:
        stream = self.table.grid.stream
        assert stream is not None
        width = max(stream.width, self.table.width, head_width(self.table))
        for block in stream.blocks():
            self.made.strays |= block.strays
            missing = [_blanks(len(block.numbers))] * (width - len(block.columns))
            self._block(block.numbers, [*block.columns, *missing], block.odd)
        self.made.frame = self._frame()
        self.made.units = distinct_units(self.made.frame)
        return self.made

    def _cells(self, numbers: Iterable[int]) -> dict[int, Sequence[object]]:
        stream = self.table.grid.stream
        assert stream is not None
        return dict(stream.rows(numbers))

    def _block(self, numbers: Any, columns: list[pa.Array], odd: dict[int, list[str]]) -> None:
        import numpy as np
        import pyarrow as pa

        head = self.table.head_row + 1
        below = numbers > head
        if not below.all():
            columns = [column.filter(pa.array(below)) for column in columns]
            numbers = numbers[below]
        plain = plain_fen(columns[self.table.columns["amount"]], self.unit)
        keep = np.ones(len(numbers), dtype=bool)
        for position in self._strange(columns, plain).nonzero()[0].tolist():
            row = [column[position].as_py() for column in columns]
            keep[position] = self._is_data(int(numbers[position]), row)
        ragged = [(number, row) for number, row in sorted(odd.items()) if number > head and self._is_data(number, row)]
        if ragged:
            numbers, columns, keep = self._with_ragged(numbers, columns, keep, ragged)
            plain = plain_fen(columns[self.table.columns["amount"]], self.unit)
        if not keep.all():
            mask = pa.array(keep)
            columns = [column.filter(mask) for column in columns]
            numbers = numbers[keep]
            plain = None if plain is None else PlainFen(plain.fen[keep], plain.mask[keep], plain.grouped[keep])
        self._note_wide(numbers, columns, dict(ragged))
        self._take(numbers, columns, plain)
        self.done += len(numbers)

    def _note_wide(self, numbers: Any, columns: list[pa.Array], ragged: dict[int, list[str]]) -> None:
        """Take down the rows with filled cells beyond the head."""
        import numpy as np
        import pyarrow.compute as pc

        width = head_width(self.table)
        for position in np.isin(numbers, np.fromiter(ragged, dtype="int64")).nonzero()[0].tolist() if ragged else ():
            row = ragged[int(numbers[position])]
            if is_too_wide(row, width):
                self.made.wide[self.done + position] = row
        for at in range(width, len(columns)):
            for position in pc.indices_nonzero(pc.binary_length(columns[at])).to_pylist():
                row = [column[position].as_py() for column in columns]
                if is_too_wide(row, width):
                    self.made.wide.setdefault(self.done + position, row)

    def _strange(self, columns: list[pa.Array], plain: PlainFen | None) -> Any:
        """Rows that may be no data: no plain amount, no name, or a word for a total."""
        import numpy as np
        import pyarrow.compute as pc

        names = columns[self.table.columns["project_name"]].dictionary_encode()
        words = names.dictionary
        odd_words = pc.or_(
            pc.match_substring_regex(words, f"{_TOTALS}|{_NUMBER_ALONE}"), pc.equal(pc.utf8_trim_whitespace(words), "")
        )
        strange = np.asarray(odd_words)[np.asarray(names.indices)] if len(words) else np.zeros(len(names), dtype=bool)
        if plain is None:
            return np.ones(len(names), dtype=bool)
        strange |= ~plain.mask
        for at in {0, self.table.columns.get("voucher_no", 0)} - {self.table.columns["project_name"]}:
            if not pc.all(pc.ascii_is_alnum(columns[at])).as_py():
                strange |= np.asarray(pc.match_substring_regex(columns[at], _TOTALS))
        return strange

    def _is_data(self, number: int, row: list[str]) -> bool:
        row_class = classify(self.table, row)
        if row_class is RowClass.DATA:
            return True
        self.made.left.setdefault(row_class, []).append(number)
        if row_class is RowClass.TOTAL:
            self.made.totals.append((number, row))
        return False

    def _with_ragged(
        self, numbers: Any, columns: list[pa.Array], keep: Any, ragged: list[tuple[int, list[str]]]
    ) -> tuple[Any, list[pa.Array], Any]:
        """Rows with more or fewer cells than the head, put in their place; missing cells are blank."""
        import numpy as np
        import pyarrow as pa

        more = [number for number, _ in ragged]
        joined = np.concatenate([numbers, np.array(more, dtype="int64")])
        order = np.argsort(joined, kind="stable")
        take = pa.array(order)
        made = []
        for at, column in enumerate(columns):
            cells = pa.array([row[at] if at < len(row) else "" for _, row in ragged], pa.string())
            made.append(pa.concat_arrays([column, cells]).take(take))
        return joined[order], made, np.concatenate([keep, np.ones(len(more), dtype=bool)])[order]

    def _take(self, numbers: Any, columns: list[pa.Array], plain: PlainFen | None) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        if self.table.derived:
            columns = [*columns[: self.table.width], *derived_arrays(self.table.derived, columns)]
        fen = self._money(numbers, columns, plain)
        self.parts.setdefault("row", []).append(numbers)
        for name in (*CODES, *TEXTS):
            at = self.table.columns.get(name)
            if at is None:
                continue
            if name == _OF_REFUNDS:
                made = self._numbered(name, pc.if_else(pa.array(fen < 0), columns[at], ""))
            else:
                made = (
                    self._coded(name, columns[at], numbers)
                    if name in CODES
                    else self._worded(name, columns[at], numbers)
                )
            self.parts.setdefault(name, []).append(made)
        self.parts.setdefault("amount_fen", []).append(fen)
        self.parts.setdefault("paid_on", []).append(self._days(columns, len(numbers)))

    def _coded(self, name: str, column: pa.Array, numbers: Any) -> Any:
        """Codes as text. Vouchers are nearly all distinct and stay strings, the others are few and become numbers."""
        import pyarrow.compute as pc

        strange = pc.invert(pc.ascii_is_alnum(column))
        if not pc.all(pc.ascii_is_decimal(column)).as_py():
            doubtful = pc.match_substring_regex(column, r"^\d(?:\.\d+)?[eE]\+?\d{2}$")
            for position in pc.indices_nonzero(doubtful).to_pylist():
                self.made.imprecise.append((int(numbers[position]), name, column[position].as_py()))
            strange = pc.and_(strange, pc.match_substring_regex(column, _NOT_A_CODE))
        if pc.any(strange).as_py():
            texts = column.to_pylist()
            for position in pc.indices_nonzero(strange).to_pylist():
                code = clean_code(texts[position])
                if code != texts[position].strip().removeprefix("'"):
                    self.made.cleaned.setdefault(name, []).append((int(numbers[position]), texts[position]))
                texts[position] = code
            column = _strings(texts)
        return column if name in {"voucher_no", "detail_id"} else self._numbered(name, column)

    def _worded(self, name: str, column: pa.Array, numbers: Any) -> Any:
        """Names by their distinct texts."""
        import numpy as np

        coded = column.dictionary_encode()
        words = coded.dictionary.to_pylist()
        cleaned = [clean_text(word) for word in words]
        changed = [i for i, (a, b) in enumerate(zip(words, cleaned, strict=True)) if a.strip() != b]
        if words != cleaned:
            indices = np.asarray(coded.indices)
            for position in np.isin(indices, changed or [-1]).nonzero()[0].tolist():
                self.made.cleaned.setdefault(name, []).append((int(numbers[position]), words[indices[position]]))
            return self._numbered(name, _strings(cleaned).take(coded.indices))
        return self._numbered(name, coded)

    def _numbered(self, name: str, column: pa.Array) -> Any:
        """The column as numbers into the distinct texts of the whole file."""
        import numpy as np
        import pyarrow as pa

        coded = column if isinstance(column, pa.DictionaryArray) else column.dictionary_encode()
        known = self.dictionaries.setdefault(name, {})
        map_to = np.array([known.setdefault(word, len(known)) for word in coded.dictionary.to_pylist()], dtype="int32")
        return map_to[np.asarray(coded.indices)] if len(map_to) else np.zeros(0, dtype="int32")

    def _money(self, numbers: Any, columns: list[pa.Array], plain: PlainFen | None) -> Any:
        import numpy as np

        column = columns[self.table.columns["amount"]]
        fen = plain.fen if plain is not None else np.zeros(len(column), dtype="int64")
        others = (~plain.mask).nonzero()[0].tolist() if plain is not None else list(range(len(column)))
        for position in others:
            cell = column[position].as_py()
            money = self.exact.read(cell)
            if money is None:
                self.made.bad_amounts[self.done + position] = cell
                continue
            fen[position] = money.fen
            note(self.made.remarks, money, int(numbers[position]), cell)
        if plain is not None and plain.grouped.any():
            for position in plain.grouped.nonzero()[0].tolist():
                cell = column[position].as_py()
                self.made.remarks["normalised"].append((int(numbers[position]), cell, int(fen[position])))
        return fen

    def _days(self, columns: list[pa.Array], count: int) -> Any:
        import numpy as np
        import pyarrow.compute as pc

        at = self.table.columns.get("pay_date")
        if at is None:
            return np.full(count, "NaT", dtype="datetime64[s]")
        column = columns[at]
        if (pc.max(pc.utf8_length(column)).as_py() or 0) > _DATE_LENGTH:
            column = pc.replace_substring_regex(column, _DATE_AND_TIME, r"\1")
        coded = column.dictionary_encode()
        read = [self.dates.read(word) for word in coded.dictionary.to_pylist()]
        days = np.array([day for day, _ in read], dtype="datetime64[D]").astype("datetime64[s]")
        bad = np.array([is_bad for _, is_bad in read], dtype=bool)
        indices = np.asarray(coded.indices)
        if bad.any():
            for position in bad[indices].nonzero()[0].tolist():
                self.made.bad_dates[self.done + position] = columns[at][position].as_py()
        return days[indices] if len(days) else np.zeros(0, dtype="datetime64[s]")

    def _frame(self) -> pd.DataFrame:
        import numpy as np
        import pandas as pd
        import pyarrow as pa

        made: dict[str, Any] = {}
        for name in list(self.parts):
            parts = self.parts.pop(name)
            if name in self.dictionaries:
                words = list(self.dictionaries[name])
                codes = np.concatenate(parts) if parts else np.zeros(0, dtype="int32")
                made[name] = pd.Categorical.from_codes(codes, categories=pd.Index(words, dtype="str"))
            elif isinstance(parts[0], np.ndarray):
                made[name] = np.concatenate(parts)
            else:
                made[name] = pd.array(pa.chunked_array(parts), dtype="str")
        return pd.DataFrame(made, copy=False)


def head_width(table: Table) -> int:
    """How many columns a table has: those of its head, and those without a head that most of its first rows fill."""
    own = table.width if table.derived else None
    rows = [row[:own] for row in table.grid.rows[table.head_row + 1 : table.head_row + 1 + _ROWS_LOOKED_AT]]
    width = max(table.labels, default=0) + 1
    while 2 * sum(len(row) > width and not is_blank(row[width]) for row in rows) > len(rows):
        width += 1
    return width


def is_too_wide(row: Sequence[object], width: int) -> bool:
    """Whether a row has filled cells beyond the head."""
    return len(row) > width and not all(is_blank(cell) for cell in row[width:])


def _blanks(count: int) -> pa.Array:
    import pyarrow as pa

    return pa.array([""] * count, pa.string())


def _strings(texts: Sequence[str]) -> pa.Array:
    import pyarrow as pa

    return pa.array(texts, pa.string())


def distinct_units(frame: pd.DataFrame) -> list[tuple[str, str, int]]:
    """The distinct (code, name) pairs of the rows, with the first row of each."""
    present = [name for name in ("unit_code", "unit_name") if name in frame]
    if not present or frame.empty:
        return []
    pairs = frame[[*present, "row"]].drop_duplicates(present)
    blank = [""] * len(pairs)
    codes = pairs["unit_code"].astype(str).tolist() if "unit_code" in pairs else blank
    names = pairs["unit_name"].astype(str).tolist() if "unit_name" in pairs else blank
    return list(zip(codes, names, pairs["row"].tolist(), strict=True))


def note(remarks: dict[str, list[tuple[int, str, int]]], money: Money, row: int, text: str) -> None:
    """Remember how an amount was written."""
    for what, rows in remarks.items():
        if getattr(money, what):
            rows.append((row, text, money.fen))


@dataclass(frozen=True)
class PlainFen:
    """A column of amounts in fen (int64), where ``mask`` says that the text was plain; ``grouped``: with thousands."""

    fen: Any
    mask: Any
    grouped: Any


def _plain_pattern(unit: MoneyUnit) -> str:
    return rf"^-?\d{{1,{_WHOLE_DIGITS[unit]}}}(?:\.\d{{1,{_PLACES[unit]}}})?$"


def plain_fen(texts: pa.Array, unit: MoneyUnit) -> PlainFen | None:
    """``-310.5`` → -31050, by text: no float, no decimal. None where not one text is plain."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    mask = np.asarray(pc.match_substring_regex(texts, _plain_pattern(unit)))
    grouped = np.zeros(len(mask), dtype=bool)
    if not mask.all():
        thousands = rf"^-?\d{{1,3}}(?:,\d{{3}}){{1,3}}(?:\.\d{{1,{_PLACES[unit]}}})?$"
        grouped = np.asarray(pc.match_substring_regex(texts, thousands)) & ~mask
        if grouped.any():
            texts = pc.if_else(pa.array(grouped), pc.replace_substring(texts, ",", ""), texts)
            mask = mask | grouped
    if not mask.any():
        return None
    plain = texts if mask.all() else pc.if_else(pa.array(mask), texts, "0")
    length = np.asarray(pc.binary_length(plain))
    point = np.asarray(pc.find_substring(plain, "."))
    places = np.where(point < 0, 0, length - 1 - point)
    digits = np.asarray(pc.cast(pc.replace_substring(plain, ".", ""), pa.int64()))
    return PlainFen(digits * (10 ** np.arange(_PLACES[unit] + 1, dtype="int64")[::-1])[places], mask, grouped)
