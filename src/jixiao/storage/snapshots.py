"""Ledger rows as immutable Parquet snapshots, sorted by unit, line and day, named by their own hash (ADR 0003).

One file a payments batch, beside the store; its rows are summed by line and month in one aggregation for a whole batch
of units.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from jixiao.domain.books import LedgerTotal
from jixiao.domain.findings import Place, row_ranges
from jixiao.domain.names import bare_name
from jixiao.errors import StoreError

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("unit_code", "voucher_no", "line_name", "amount_fen", "paid_on", "sheet", "row")
_MONTHS = 12
# Rows of one group: a unit's rows lie in one or two of them, which alone are read.
_GROUP_ROWS = 250_000
# What is still being written; pending.py removes what a crash left.
PART_SUFFIX = ".part"


@dataclass(frozen=True)
class Snapshot:
    """A snapshot that lies in its folder: its file name, its hash, its rows and their sum."""

    file: str
    sha256: str
    rows: int
    total_fen: int


def write_snapshot(ledger: pd.DataFrame, folder: Path, *, announce: Callable[[str], None] | None = None) -> Snapshot:
    """Write the rows of one batch below ``folder`` and return what was written. The same rows give the same bytes, and one
    file; a lost one is mended by importing again. ``announce`` hears the name of a new file before it is there.

    ``ledger`` has the columns of ``COLUMNS``; ``paid_on`` may hold NaT. Rows go out by groups, so that ten million of
    them are never there twice.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=folder, suffix=PART_SUFFIX)
    try:
        with os.fdopen(handle, "wb") as file:
            written = _Hashed(file)
            _write_rows(ledger, written)
        digest = written.hash.hexdigest()
        target = folder / f"{digest}.parquet"
        if target.is_file() and target.stat().st_size == written.size:
            os.utime(target)  # in use from now on: no import that broke off may take it away
        else:
            if announce is not None:
                announce(target.name)
            Path(temporary).replace(target)
    finally:
        Path(temporary).unlink(missing_ok=True)
    total = int(ledger["amount_fen"].sum()) if len(ledger) else 0
    return Snapshot(target.name, digest, len(ledger), total)


class _Hashed(io.RawIOBase):
    """A file that knows the hash of what is written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.hash, self.size = file, hashlib.sha256(), 0

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self.hash.update(content)
        self.size += len(content)
        return self._file.write(content)


def _write_rows(ledger: pd.DataFrame, file: _Hashed) -> None:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [
            ("unit_code", pa.string()),
            ("voucher_no", pa.string()),
            ("line_name", pa.string()),
            ("amount_fen", pa.int64()),
            ("paid_on", pa.date32()),
            ("sheet", pa.string()),
            ("row", pa.int64()),
        ]
    )
    days = pd.to_datetime(ledger["paid_on"]).to_numpy().astype("datetime64[D]")
    names = {name: _words(ledger[name]) for name in ("unit_code", "line_name", "sheet")}
    order = _order(names["unit_code"], names["line_name"], days, ledger["row"].to_numpy())
    voucher = ledger["voucher_no"]
    held = (
        pa.chunked_array(pa.array(voucher.astype("str"), pa.string()))
        if len(voucher)
        else pa.chunked_array([[]], pa.string())
    )
    with pq.ParquetWriter(
        pa.PythonFile(file, mode="w"), schema, compression="zstd", use_dictionary=["unit_code", "line_name", "sheet"]
    ) as writer:
        for start in range(0, max(len(order), 1), _GROUP_ROWS):
            at = order[start : start + _GROUP_ROWS]
            columns = {
                **{name: words.take(pa.array(codes[at])) for name, (words, codes) in names.items()},
                "voucher_no": held.take(pa.array(at)).combine_chunks(),
                "amount_fen": pa.array(ledger["amount_fen"].to_numpy()[at]),
                "paid_on": pa.array(days[at]),
                "row": pa.array(ledger["row"].to_numpy().astype(np.int64)[at]),
            }
            writer.write_table(pa.table({name: columns[name] for name in schema.names}, schema=schema))


def _words(column: pd.Series[Any]) -> tuple[Any, Any]:
    """The sorted distinct texts of a column, and the number of each row's among them."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    coded = column.cat if isinstance(column.dtype, pd.CategoricalDtype) else column.astype("str").astype("category").cat
    words = [str(word) for word in coded.categories]
    order = np.argsort(np.array(words, dtype=object), kind="stable") if words else np.zeros(0, dtype="int64")
    rank = np.empty(len(order), dtype="int64")
    rank[order] = np.arange(len(order))
    codes = coded.codes.to_numpy()
    return pa.array([words[i] for i in order], pa.string()), rank[codes] if len(codes) else codes.astype("int64")


def _order(units: tuple[Any, Any], lines: tuple[Any, Any], days: Any, rows: Any) -> Any:
    """Positions by unit, line, day and row. One number holds the first three, wherever it can."""
    import numpy as np

    dated = np.where(np.isnat(days), np.datetime64("2262-01-01", "D"), days).astype("int64")
    least = int(dated.min()) if len(dated) else 0
    span = int(dated.max()) - least + 1 if len(dated) else 1
    if max(len(units[0]), 1) * max(len(lines[0]), 1) * span < 2**62 and (np.diff(rows) > 0).all():
        return np.argsort((units[1] * len(lines[0]) + lines[1]) * span + (dated - least), kind="stable")
    return np.lexsort((rows, dated, lines[1], units[1]))


def read_snapshot(path: Path, unit_codes: Sequence[str]) -> pd.DataFrame:
    """The rows of some units.

    Raises:
        StoreError: the file is gone, or is no snapshot any more.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    mend = "从备份恢复快照文件夹，或重新导入支付明细"
    if not path.is_file():
        raise StoreError(f"支付明细快照不见了：{path.name}", mend)
    try:
        table: Any = pq.read_table(path, filters=[("unit_code", "in", list(unit_codes))])
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"支付明细快照读不了：{path.name}", f"{mend}；先删去这个文件") from error
    frame: pd.DataFrame = table.to_pandas()
    return frame


@dataclass(frozen=True)
class LedgerRows:
    """Rows of some units out of one snapshot, and the file that they were imported from."""

    file: str
    sha256: str
    frame: pd.DataFrame


def ledger_totals(ledgers: Sequence[LedgerRows], *, year: int) -> list[LedgerTotal]:
    """Sums by file, unit and budget line, and by month, in this order: one aggregation for all of them.

    A payment dated outside ``year``, or not dated, counts in the sum and in no month.
    """
    import pandas as pd

    filled = [ledger for ledger in ledgers if not ledger.frame.empty]
    if not filled:
        return []
    frame = pd.concat([x.frame.assign(source=n) for n, x in enumerate(filled)], ignore_index=True)
    names = {name: bare_name(name) for name in frame["line_name"].unique()}
    paid_on = pd.to_datetime(frame["paid_on"])
    frame = frame.assign(
        line=frame["line_name"].map(names),
        month=paid_on.dt.month.where(paid_on.dt.year == year, 0).fillna(0).astype(int),
    )
    keys = ["source", "unit_code", "line"]
    by_line = frame.groupby(keys, sort=True)
    sums = by_line.agg(
        paid_fen=("amount_fen", "sum"),
        rows=("row", "size"),
        name=("line_name", "first"),
        first_row=("row", "min"),
        sheet=("sheet", "first"),
    )
    months = frame.pivot_table(index=keys, columns="month", values="amount_fen", aggfunc="sum", fill_value=0)
    months = months.reindex(columns=range(1, _MONTHS + 1), fill_value=0).reindex(sums.index)
    numbers = by_line["row"].apply(list)
    return [
        LedgerTotal(
            unit_code=str(unit_code),
            line_name=str(name),
            paid_fen=int(paid),
            rows=int(count),
            months_fen=tuple(int(x) for x in by_month),
            first=Place(filled[source].file, str(sheet), int(first)),
            rows_text=row_ranges(rows),
            batch_sha256=filled[source].sha256,
        )
        for (source, unit_code, _), paid, count, name, first, sheet, by_month, rows in zip(
            sums.index,
            sums["paid_fen"],
            sums["rows"],
            sums["name"],
            sums["first_row"],
            sums["sheet"],
            months.to_numpy(),
            numbers,
            strict=True,
        )
    ]
