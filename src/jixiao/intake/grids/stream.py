"""A delimited file too big to hold as Python cells: its first rows as a grid, all of it as blocks of Arrow columns.

Memory is that of one block, whatever the file's size. Which encoding, and small files: delimited.py.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jixiao.intake.grids.records import has_swallowed

if TYPE_CHECKING:
    import pyarrow as pa

# A block of 8 MiB holds some 40,000 payments: columns long enough to be fast, and small enough to be forgotten.
_BLOCK_BYTES = 8 * 2**20
_DECODE_BYTES = 2**20
_CELL_CHARACTERS_MOST = 2**31 - 1
_NUL = "\0"
UTF8 = "utf-8"
_NOT_ASCII = 0x80
# How Arrow says that a row has more or fewer cells than the first.
_RAGGED = "Expected "


class UnreadableStream(ValueError):
    """A stream that cannot be read to its end, and never will: which row or byte is in the way is known."""


class NotDecodable(UnreadableStream):
    """Bytes that the encoding does not explain; ``position`` is the first of them in the file."""

    def __init__(self, position: int) -> None:
        super().__init__(str(position))
        self.position = position


class QuoteNotClosed(UnreadableStream):
    """A quote that swallows whole rows into one cell; ``row`` is the 1-based number of the row where it stands."""

    def __init__(self, row: int) -> None:
        super().__init__(str(row))
        self.row = row


@dataclass(frozen=True)
class Block:
    """Rows of a file as text columns. ``numbers`` are their 1-based record numbers (int64); ``odd`` are the rows that
    have more or fewer cells than the file's head, by number, and stand in no column. ``strays``: row → NULs cut in it.
    """

    numbers: Any
    columns: list[pa.Array]
    odd: dict[int, list[str]] = field(default_factory=dict)
    strays: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class DelimitedStream:
    """A delimited text on disk, in UTF-8 or GB18030. ``width`` is how many cells most of its first rows have.

    No byte of a character in GB18030 is a comma, a semicolon, a tab, a quote or a line end: it is cut as it stands, and
    the words are decoded that come up again and again. A vertical bar may be one: such a file is decoded first.
    """

    path: Path
    delimiter: str
    width: int
    encoding: str = UTF8

    def blocks(self) -> Iterator[Block]:
        """All rows in order, every cell as text. A quoted line break stays inside its cell.

        Raises:
            NotDecodable: bytes that are not in the encoding.
            QuoteNotClosed: a quote that swallows whole rows.
            ValueError: a record longer than a block.
        """
        if self.encoding == UTF8:
            yield from self._blocks_of(self.path)
            return
        done = 0
        try:
            for block in _ahead(self._checked(self._undecoded_blocks())):
                done = int(block.numbers[-1]) if len(block.numbers) else done
                yield block
        except _RaggedError:
            for block in self._blocks_of(self._copy):
                if (len(block.numbers) and block.numbers[-1] > done) or any(number > done for number in block.odd):
                    yield _after(block, done)

    def _blocks_of(self, path: Path) -> Iterator[Block]:
        """The blocks of a text in UTF-8."""
        import pyarrow as pa

        odd: dict[int, list[str]] = {}

        def ragged(row: Any) -> str:
            odd[int(row.number)] = next(csv.reader(io.StringIO(row.text, newline=""), delimiter=self.delimiter), [])
            return "skip"

        try:
            reader = self._reader(path, pa.string(), ragged)
            yield from _ahead(self._checked(_numbered(reader, odd, self.width)))
        except pa.ArrowInvalid as error:
            if "UTF8" in str(error) or "UTF-8" in str(error):
                raise NotDecodable(first_undecodable(path)) from error
            raise self._broken_off(error) from error

    def _undecoded_blocks(self) -> Iterator[Block]:
        """The blocks of a text in another encoding, cut as bytes. Raises _RaggedError at a row that is wider or narrower:
        the reader gives its bytes to nobody.
        """
        import pyarrow as pa

        try:
            for block in _numbered(self._reader(self.path, pa.binary(), None), {}, self.width):
                yield replace(block, columns=[_decoded(column, self.encoding) for column in block.columns])
        except UnicodeDecodeError as error:
            raise NotDecodable(first_undecodable(self.path, self.encoding)) from error
        except pa.ArrowInvalid as error:
            if _RAGGED in str(error):
                raise _RaggedError from error
            raise self._broken_off(error) from error

    def _reader(self, path: Path, cell_type: pa.DataType, ragged: Callable[[Any], str] | None) -> Iterable[Any]:
        import pyarrow.csv as pa_csv

        names = [str(i) for i in range(self.width)]
        reader: Iterable[Any] = pa_csv.open_csv(
            path,
            # Record numbers are known in one thread alone; decoding the columns is most of the work, not splitting.
            read_options=pa_csv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False, column_names=names),
            parse_options=pa_csv.ParseOptions(
                delimiter=self.delimiter,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=ragged,
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, cell_type),
                strings_can_be_null=False,
                quoted_strings_can_be_null=False,
            ),
        )
        return reader

    @cached_property
    def _copy(self) -> Path:
        """The text in UTF-8, as long as the stream lives."""
        made = decoded_copy(self.path, self.encoding)
        drop_with(self, made)
        return made

    def _broken_off(self, error: Exception) -> ValueError:
        """What is to be raised where a record does not end."""
        row = self._open_quote()
        return QuoteNotClosed(row) if row else ValueError(str(error))

    def _checked(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """The same blocks without NULs; one in which a quote has swallowed rows raises QuoteNotClosed."""
        for block in blocks:
            self._refuse_swallowed(block)
            yield _without_nuls(block)

    def _refuse_swallowed(self, block: Block) -> None:
        import pyarrow.compute as pc

        mark = re.escape(self.delimiter)
        whole_row = rf"[\r\n](?:[^{mark}\r\n]*{mark}){{{max(self.width - 1, 1)}}}"
        found = [n for n, row in block.odd.items() if has_swallowed(row, self.delimiter, self.width)]
        for column in block.columns:
            if _has_any(column, b"\r\n"):
                suspects = pc.indices_nonzero(pc.match_substring_regex(column, whole_row)).to_pylist()
                found += [
                    int(block.numbers[at])
                    for at in suspects
                    if has_swallowed([c[at].as_py() for c in block.columns], self.delimiter, self.width)
                ]
        if found:
            raise QuoteNotClosed(min(found))

    def _open_quote(self) -> int:
        """The row in which a quote swallows others, found record by record; 0 where there is none."""
        csv.field_size_limit(_CELL_CHARACTERS_MOST)
        with self.path.open(encoding="utf-8-sig" if self.encoding == UTF8 else self.encoding, newline="") as lines:
            for number, row in enumerate(csv.reader(lines, delimiter=self.delimiter), start=1):
                if has_swallowed(row, self.delimiter, self.width):
                    return number
        return 0

    def rows(self, numbers: Iterable[int]) -> dict[int, list[str]]:
        """Some rows by their numbers, in one pass over the file."""
        import numpy as np

        wanted = np.unique(np.fromiter(numbers, dtype="int64"))
        found: dict[int, list[str]] = {}
        if not len(wanted):
            return found
        for block in self.blocks():
            found |= {n: cells for n, cells in block.odd.items() if n in wanted}
            inside = np.isin(block.numbers, wanted, assume_unique=True).nonzero()[0]
            if len(inside):
                texts = [column.take(inside).to_pylist() for column in block.columns]
                found |= {
                    int(block.numbers[at]): list(cells)
                    for at, cells in zip(inside, zip(*texts, strict=True), strict=True)
                }
            if len(block.numbers) and block.numbers[-1] >= wanted[-1]:
                break
        return found


class _RaggedError(Exception):
    """A row with more or fewer cells, in a text that is cut before it is decoded."""


def _after(block: Block, done: int) -> Block:
    """The rows of a block after one of them."""
    import pyarrow as pa

    rest = block.numbers > done
    mask = pa.array(rest)
    columns = block.columns if rest.all() else [column.filter(mask) for column in block.columns]
    odd = {number: row for number, row in block.odd.items() if number > done}
    strays = {number: count for number, count in block.strays.items() if number > done}
    return Block(block.numbers[rest], columns, odd, strays)


def _decoded(column: pa.Array, encoding: str) -> pa.Array:
    """A column of bytes as text. Words that come up again are decoded once, numbers and codes not at all.

    Raises:
        UnicodeDecodeError: bytes that are not in ``encoding``.
    """
    import numpy as np
    import pyarrow as pa

    content = column.buffers()[2]
    if content is None or not len(column) or int(np.frombuffer(content, dtype=np.uint8).max(initial=0)) < _NOT_ASCII:
        return column.view(pa.string())
    coded = column.dictionary_encode()
    if 2 * len(coded.dictionary) <= len(column):
        words = [word.decode(encoding) for word in coded.dictionary.to_pylist()]
        return pa.array(words, pa.string()).take(coded.indices)
    cells = column.to_pylist()
    texts = b"\n".join(cells).decode(encoding).split("\n")
    if len(texts) != len(cells):  # line breaks in cells
        texts = [cell.decode(encoding) for cell in cells]
    return pa.array(texts, pa.string())


def _numbered(reader: Iterable[Any], odd: dict[int, list[str]], width: int) -> Iterator[Block]:
    """The batches with the numbers of their rows: those that the reader set aside as odd have one too."""
    import numpy as np
    import pyarrow as pa

    number = 0
    for batch in reader:
        mine: dict[int, list[str]] = {}
        for n in sorted(odd):
            if n <= number + batch.num_rows + len(mine) + 1:
                mine[n] = odd.pop(n)
        numbers = np.arange(number + 1, number + batch.num_rows + len(mine) + 1, dtype="int64")
        number += len(numbers)
        if mine:
            numbers = np.setdiff1d(numbers, np.fromiter(mine, dtype="int64"), assume_unique=True)
        yield Block(numbers, batch.columns, mine)
    if odd:
        yield Block(np.zeros(0, dtype="int64"), [pa.array([], pa.string())] * width, dict(odd))


def _without_nuls(block: Block) -> Block:
    """The block with its NULs cut and counted; nearly always the block itself."""
    import numpy as np
    import pyarrow.compute as pc

    odd = {number: [cell.replace(_NUL, "") for cell in row] for number, row in block.odd.items()}
    strays = {number: sum(cell.count(_NUL) for cell in row) for number, row in block.odd.items()}
    columns = list(block.columns)
    for at, column in enumerate(columns):
        if _has_any(column, b"\0"):
            counts = np.asarray(pc.count_substring(column, _NUL))
            for position in counts.nonzero()[0].tolist():
                number = int(block.numbers[position])
                strays[number] = strays.get(number, 0) + int(counts[position])
            columns[at] = pc.replace_substring(column, _NUL, "")
    return Block(block.numbers, columns, odd, {number: count for number, count in strays.items() if count})


def _has_any(column: pa.Array, marks: bytes) -> bool:
    """Whether any of some bytes stands in a text column. All of it is looked at, at the speed of memory."""
    import numpy as np

    content = column.buffers()[2]
    if content is None:
        return False
    held = np.frombuffer(content, dtype=np.uint8)
    if int(held.min(initial=_NOT_ASCII)) > max(marks):
        return False
    return any(bool((held == mark).any()) for mark in marks)


def _ahead(blocks: Iterator[Block]) -> Iterator[Block]:
    """The same blocks, each read while the one before it is worked on."""
    with ThreadPoolExecutor(max_workers=1) as reader:
        coming = reader.submit(next, blocks, None)
        while (block := coming.result()) is not None:
            coming = reader.submit(next, blocks, None)
            yield block


def first_undecodable(path: Path, encoding: str = "utf-8") -> int:
    """The position of the first byte that ``encoding`` does not explain; the file's length where it explains all."""
    decoder = codecs.getincrementaldecoder(encoding)()
    done = 0
    with path.open("rb") as opened:
        while True:
            chunk = opened.read(_DECODE_BYTES)
            held = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                return done - held + error.start
            done += len(chunk)
            if not chunk:
                return done


def decoded_copy(path: Path, encoding: str, *, skip: int = 0) -> Path:
    """The text of a file in UTF-8 as a temporary file, which goes when nobody reads it any more. NULs are cut.

    Raises:
        NotDecodable: bytes that ``encoding`` does not explain.
    """
    handle, name = tempfile.mkstemp(prefix="jixiao-", suffix=".csv")
    made = Path(name)
    decoder = codecs.getincrementaldecoder(encoding)()
    done = skip
    try:
        with os.fdopen(handle, "wb") as target, path.open("rb") as opened:
            opened.seek(skip)
            while True:
                chunk = opened.read(_DECODE_BYTES)
                held = len(decoder.getstate()[0])
                try:
                    text = decoder.decode(chunk, final=not chunk)
                except UnicodeDecodeError as error:
                    raise NotDecodable(done - held + error.start) from error
                target.write(text.replace("\0", "").encode("utf-8", "surrogatepass"))
                done += len(chunk)
                if not chunk:
                    break
    except BaseException:
        made.unlink(missing_ok=True)
        raise
    return made


def drop_with(owner: object, path: Path) -> None:
    """Remove a temporary file when ``owner`` is forgotten, or the program ends."""
    weakref.finalize(owner, path.unlink, missing_ok=True)
