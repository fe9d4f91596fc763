"""The compound file (OLE) that .xls, .et, .doc and encrypted workbooks stand in: its streams by name.

Only as much as recognises a file and hands its workbook on: records are read in binary_records.py. Chains that run in
circles or beyond the file end the reading.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from jixiao.intake.grids.archives import Refused

_HEADER_BYTES = 512
_FIRST_DIFAT = 76
_ENTRY_BYTES = 128
_LAST_REGULAR = 0xFFFFFFFA
_STREAM, _ROOT = 2, 5
_BROKEN = "内容不完整，可能已损坏或未下载完整"


@dataclass(frozen=True)
class _Entry:
    name: str
    kind: int
    start: int
    size: int


class CompoundFile:
    """The directory of a compound file. ``names`` are those of all its streams and storages."""

    def __init__(self, blob: bytes) -> None:
        """Raises: Refused where the file's own tables do not hold."""
        if len(blob) < _HEADER_BYTES:
            raise Refused(_BROKEN)
        self._blob = blob
        shift, mini_shift = struct.unpack_from("<HH", blob, 30)
        if shift not in {9, 12} or mini_shift != 6:
            raise Refused(_BROKEN)
        self._sector, self._mini_sector = 1 << shift, 1 << mini_shift
        directory, self._cutoff, mini_fat = struct.unpack_from("<L4xLL", blob, 48)
        self._fat = self._allocation()
        self._mini_fat = _numbers(self._chain(mini_fat)) if mini_fat <= _LAST_REGULAR else ()
        self._entries = self._directory(directory)
        root = next((entry for entry in self._entries if entry.kind == _ROOT), None)
        self._mini = self._chain(root.start) if root and root.size else b""

    @property
    def names(self) -> frozenset[str]:
        return frozenset(entry.name for entry in self._entries)

    def stream(self, name: str) -> bytes:
        """A stream's bytes, the first of that name. Raises: Refused where it is missing or cut off."""
        entry = next((e for e in self._entries if e.name == name and e.kind == _STREAM), None)
        if entry is None:
            raise Refused(f"缺少部件 {name}")
        if entry.size > len(self._blob):
            raise Refused(_BROKEN)
        found = self._mini_chain(entry.start) if entry.size < self._cutoff else self._chain(entry.start)
        if len(found) < entry.size:
            raise Refused(_BROKEN)
        return found[: entry.size]

    def _sector_at(self, number: int) -> bytes:
        start = (number + 1) * self._sector
        found = self._blob[start : start + self._sector]
        if not found:
            raise Refused(_BROKEN)
        return found

    def _allocation(self) -> tuple[int, ...]:
        """The table of which sector follows which."""
        following, left = struct.unpack_from("<LL", self._blob, 68)
        listed = list(struct.unpack_from("<109L", self._blob, _FIRST_DIFAT))
        most = len(self._blob) // self._sector
        seen = 0
        while left and following <= _LAST_REGULAR and seen <= most:
            numbers = _numbers(self._sector_at(following))
            listed += numbers[:-1]
            following = numbers[-1]
            seen += 1
        sectors = [number for number in listed if number <= _LAST_REGULAR]
        if len(sectors) > most:
            raise Refused(_BROKEN)
        return _numbers(b"".join(self._sector_at(number) for number in sectors))

    def _chain(self, start: int) -> bytes:
        pieces: list[bytes] = []
        number = start
        while number <= _LAST_REGULAR:
            if number >= len(self._fat) or len(pieces) > len(self._fat):
                raise Refused(_BROKEN)
            pieces.append(self._sector_at(number))
            number = self._fat[number]
        return b"".join(pieces)

    def _mini_chain(self, start: int) -> bytes:
        pieces: list[bytes] = []
        number = start
        while number <= _LAST_REGULAR:
            if number >= len(self._mini_fat) or len(pieces) > len(self._mini_fat):
                raise Refused(_BROKEN)
            pieces.append(self._mini[number * self._mini_sector : (number + 1) * self._mini_sector])
            number = self._mini_fat[number]
        return b"".join(pieces)

    def _directory(self, start: int) -> list[_Entry]:
        table = self._chain(start)
        entries = []
        for at in range(0, len(table) - _ENTRY_BYTES + 1, _ENTRY_BYTES):
            length, kind = struct.unpack_from("<HB", table, at + 64)
            if kind and 2 <= length <= 64:
                first, size = struct.unpack_from("<LL", table, at + 116)
                name = table[at : at + length - 2].decode("utf-16-le", "replace")
                entries.append(_Entry(name, kind, first, size))
        return entries


def _numbers(table: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(table) // 4}L", table[: len(table) // 4 * 4])
