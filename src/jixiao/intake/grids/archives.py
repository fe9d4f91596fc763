"""A zip as an office's file: its parts are looked at before anything reads them, and are never written to disk.

What a header says of a part is not believed: every part is unpacked once, in pieces, and counted. Workbooks and Word
files of these parts: workbooks.py, documents.py.
"""

from __future__ import annotations

import io
import posixpath
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Any
from urllib.parse import unquote

from jixiao.intake.grids import limits

_PIECE = 2**20
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_LOCAL_MAGIC = b"PK\x03\x04"
_END_MAGIC = b"PK\x05\x06"
_ENCRYPTED = 1
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_XML_SUFFIXES = (".xml", ".rels", ".vml")
# A DOCTYPE is where entities and external references begin; no office program writes one into a part.
_DOCTYPES = tuple("<!DOCTYPE".encode(encoding) for encoding in ("utf-8", "utf-16-le", "utf-16-be"))
_OVERLAP = max(map(len, _DOCTYPES)) - 1


class Refused(Exception):
    """A file that is not opened; ``why`` in the user's words. ``too_large``: whole, but more than is read this way."""

    def __init__(self, why: str, *, too_large: bool = False) -> None:
        super().__init__(why)
        self.why, self.too_large = why, too_large


class Archive:
    """The parts of a zip that was looked through. Names are found whatever their case and slashes."""

    def __init__(self, blob: bytes) -> None:
        """Raises: Refused, zipfile.BadZipFile, zlib.error, struct.error for what no reader should open."""
        self.blob = blob
        self._zip = zipfile.ZipFile(io.BytesIO(blob))
        self._members: dict[str, zipfile.ZipInfo] = {}
        self._look_through()

    @property
    def names(self) -> frozenset[str]:
        """Names in lower case, with slashes."""
        return frozenset(self._members)

    def __contains__(self, name: str) -> bool:
        return _comparable(name) in self._members

    def size(self, name: str) -> int:
        return self._members[_comparable(name)].file_size

    def open(self, name: str) -> IO[bytes]:
        """A part as a stream. Raises: Refused where it is missing."""
        member = self._members.get(_comparable(name))
        if member is None:
            raise Refused(f"缺少部件 {name}")
        return self._zip.open(member)

    def read(self, name: str, most: int = limits.TREE_BYTES) -> bytes:
        """A part as a whole. Raises: Refused where it is missing or bigger than ``most``."""
        with self.open(name) as part:
            if self.size(name) > most:
                raise Refused(f"部件 {name} 大得不合常理")
            return part.read()

    def tree(self, name: str) -> Any:
        """A part as an XML tree without entities. Raises: Refused, lxml.etree.LxmlError."""
        from lxml import etree

        return etree.fromstring(self.read(name), etree.XMLParser(resolve_entities=False, no_network=True))

    def relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Id → (the last word of its type, the name of the part) of the parts that ``part`` refers to."""
        folder, name = posixpath.split(part)
        listed = posixpath.join(folder, "_rels", f"{name}.rels")
        found = {}
        for relation in self.tree(listed) if listed in self else ():
            if not isinstance(relation.tag, str) or relation.get("TargetMode", "").lower() == "external":
                continue
            target = unquote(relation.get("Target") or "").replace("\\", "/")
            path = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
            found[relation.get("Id") or ""] = ((relation.get("Type") or "").rpartition("/")[2], path)
        return found

    def _look_through(self) -> None:
        infos = self._zip.infolist()
        packed = len(self.blob)
        unpacked = sum(info.file_size for info in infos)
        if len(infos) > limits.ENTRIES:
            raise Refused("压缩结构里的部件多得不合常理")
        if any(info.flag_bits & _ENCRYPTED for info in infos):
            raise Refused("已加密")
        if _END_MAGIC in self._zip.comment:
            raise Refused("压缩结构异常")
        if unpacked > limits.UNPACKED and unpacked > limits.RATIO * max(packed, 1):
            raise Refused("解压后大得不合常理")
        if unpacked > limits.UNPACKED_MOST:
            raise Refused("解压后太大", too_large=True)
        self._refuse_overlaps(infos)
        for info in infos:
            if info.is_dir():
                continue
            name = _comparable(info.filename)
            if name in self._members:
                raise Refused(f"压缩结构里有两个部件都叫 {info.filename}")
            self._members[name] = info
            self._look_at(info, is_xml=name.endswith(_XML_SUFFIXES))

    def _data_start(self, info: zipfile.ZipInfo) -> int:
        header = self.blob[info.header_offset : info.header_offset + _LOCAL_HEADER.size]
        fields = _LOCAL_HEADER.unpack(header)
        if fields[0] != _LOCAL_MAGIC:
            raise Refused(f"部件 {info.filename} 已损坏")
        return int(info.header_offset + _LOCAL_HEADER.size + fields[-2] + fields[-1])

    def _refuse_overlaps(self, infos: list[zipfile.ZipInfo]) -> None:
        """Parts that share their bytes: the way to pack petabytes into a file without a telling ratio a part."""
        end = 0
        for info in sorted(infos, key=lambda i: i.header_offset):
            if info.header_offset < end:
                raise Refused("压缩结构异常：部件互相重叠")
            end = self._data_start(info) + info.compress_size
        if end > len(self.blob):
            raise Refused("内容不完整，可能未下载完")

    def _look_at(self, info: zipfile.ZipInfo, *, is_xml: bool) -> None:
        size = crc = 0
        tail = b""
        for piece in self._unpacked(info):
            size += len(piece)
            if size > info.file_size:
                raise Refused(f"部件 {info.filename} 的大小与记录不符")
            crc = zlib.crc32(piece, crc)
            if is_xml:
                seen = tail + piece
                if any(mark in seen for mark in _DOCTYPES):
                    raise Refused(f"部件 {info.filename} 含 DOCTYPE 声明，出于安全不予读取")
                tail = seen[-_OVERLAP:]
        if size != info.file_size or crc != info.CRC:
            raise Refused(f"部件 {info.filename} 已损坏")

    def _unpacked(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        """The bytes of a part by what is packed, not by what its header says of their number."""
        if info.compress_type not in _METHODS:
            raise Refused(f"部件 {info.filename} 的压缩方式不是办公软件所用")
        start = self._data_start(info)
        packed = memoryview(self.blob)[start : start + info.compress_size]
        if info.compress_type == zipfile.ZIP_STORED:
            for at in range(0, len(packed), _PIECE):
                yield bytes(packed[at : at + _PIECE])
            return
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        at = 0
        rest: bytes | memoryview = b""
        while not inflater.eof:
            if not rest:
                rest = packed[at : at + _PIECE]
                at += _PIECE
            piece = inflater.decompress(rest, _PIECE)
            rest = inflater.unconsumed_tail
            if piece:
                yield piece
            elif not rest and at >= len(packed) and not inflater.eof:
                raise Refused(f"部件 {info.filename} 已损坏")


def _comparable(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()
