"""Mutated inputs for intake: from whole samples to broken ones, by a seed. The harness is harness.py.

Three depths: the bytes of the file; the parts inside a zip, which is made whole again around them; the cells of a table,
which reach further than any broken byte. The same seed gives the same input.
"""

from __future__ import annotations

import csv
import io
import random
import re
import zipfile
from collections.abc import Callable, Sequence

# What offices, programs and attackers put into a cell.
CELLS = (
    "", " ", "\u3000", "0", "-0", "1e3", "１２，３４５．６７元", "￥1,234.50", "（1,234.50）", "1234-", "12.345", "9" * 30,
    "0.1" + "0" * 40 + "1", "—", "无", "/", "不适用", "#REF!", "#DIV/0!", "=1+1", "=cmd|'/c calc'!A1", "@SUM(A1)", "2022-02-30",
    "2022年3月5日", "2022/13/1", "44621", "1E+15", "123456789012345678", "00100", "'00100", "合计", "小计", "续表", "栏次", "其中：",
    "<b>&amp;</b>", "{{7*7}}", "\x00", "\x1b[31m", "\u202e", "\ud7ff", "𠮷", "万元", "单位：万元", "95.09%", "0.9509", "nan", "inf",
    "-inf", "None", "True", "项目", "支付金额", "单位编码", "9" * 400, "甲" * 3000, "\n", "a\nb", '"', '""', ";", "\t", "1,2,3", "1.2.3",
)  # fmt: skip
_TEXT_SPLICES = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n\n\n", b'"', b",,,,,,,,", b"\xa4\xa4\xa4\xe5", b"<table>", b"<!DOCTYPE x>",
    b"\x80", b"\x81\x30", b"sep=;\n", b"\t", b"=", b"&", b"]]>", b'<c r="A1">', b'<row r="99999999">', b"colspan=99999",
    b'r="XFD1048576"', b't="s"', b't="e"', b"<f>", b's="999"', b"1E400", b"-1", b"<v>",
)  # fmt: skip
_MOST_PARTS = 40


def mutate(blob: bytes, chance: random.Random) -> bytes:
    """A broken relative of ``blob``: one to four mutations, at a depth that fits what it is."""
    depths: list[Callable[[bytes, random.Random], bytes]] = [_bytes]
    if blob[:2] == b"PK":
        depths += [_parts] * 8
    elif _is_text(blob):
        depths += [_cells] * 6 + [_encoding]
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 4))):
        blob = chance.choice(depths)(blob, chance)
    return blob


def _is_text(blob: bytes) -> bool:
    return b"\0" not in blob[:4096] and b"\n" in blob[:65536]


def _bytes(blob: bytes, chance: random.Random) -> bytes:
    if not blob:
        return b"\0"
    at, end = sorted((chance.randrange(len(blob)), chance.randrange(len(blob))))
    kind = chance.randrange(6)
    if kind == 0:
        return blob[:at]
    if kind == 1:
        return blob[:at] + blob[end:]
    if kind == 2:
        return blob[:end] + blob[at:]
    if kind == 3:
        return blob[:at] + chance.choice(_TEXT_SPLICES) + blob[at:]
    made = bytearray(blob)
    for _ in range(chance.randint(1, 8)):
        made[chance.randrange(len(made))] = chance.randrange(256)
    return bytes(made)


def _parts(blob: bytes, chance: random.Random) -> bytes:
    """Break one part of a zip and close the zip around it again, so that the damage is inside."""
    try:
        with zipfile.ZipFile(io.BytesIO(blob)) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()[:_MOST_PARTS]}
    except Exception:  # noqa: BLE001 - a zip that an earlier mutation broke
        return _bytes(blob, chance)
    if not parts:
        return _bytes(blob, chance)
    name = chance.choice(sorted(parts))
    kind = chance.randrange(6)
    if kind == 0:
        del parts[name]
    elif kind == 1:
        parts[name] = b""
    elif kind == 2:
        parts[name] = _xml(parts[name], chance)
    elif kind == 3:
        parts[name] = _bytes(parts[name], chance)
    elif kind == 4:
        parts[chance.choice(sorted(parts))] = parts[name]
    else:
        parts[name] = _values(parts[name], chance)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    return made.getvalue()


def _xml(part: bytes, chance: random.Random) -> bytes:
    """Drop, double or move an element or an attribute."""
    tags = list(re.finditer(rb"<[^>]{1,400}>", part[:400_000]))
    if not tags:
        return _bytes(part, chance)
    tag = chance.choice(tags)
    kind = chance.randrange(4)
    if kind == 0:
        return part[: tag.start()] + part[tag.end() :]
    if kind == 1:
        return part[: tag.end()] + tag[0] + part[tag.end() :]
    if kind == 2:
        number = str(chance.choice((0, -1, 1, 99, 65536, 1048576, 2**31, 10**20))).encode()
        return part[: tag.start()] + re.sub(rb"\d+", number, tag[0], count=1) + part[tag.end() :]
    return part[: tag.start()] + chance.choice(tags)[0] + part[tag.end() :]


def _values(part: bytes, chance: random.Random) -> bytes:
    """Put strange texts between the tags."""
    texts = list(re.finditer(rb">([^<]{1,200})<", part[:400_000]))
    for _ in range(min(3, len(texts))):
        text = chance.choice(texts)
        strange = chance.choice(CELLS).encode("utf-8", "surrogatepass").replace(b"&", b"&amp;").replace(b"<", b"&lt;")
        part = part.replace(text[0], b">" + strange + b"<", 1)
    return part


def _cells(blob: bytes, chance: random.Random) -> bytes:
    """Change cells, rows and columns of a delimited text."""
    text = blob.decode("utf-8", "surrogateescape")
    try:
        rows = list(csv.reader(io.StringIO(text.replace("\0", ""), newline="")))
    except csv.Error:
        return _bytes(blob, chance)
    if not rows:
        return _bytes(blob, chance)
    for _ in range(chance.randint(1, 5)):
        _change(rows, chance)
    made = io.StringIO(newline="")
    csv.writer(made, delimiter=chance.choice(",,,,;\t")).writerows(rows)
    return made.getvalue().encode("utf-8", "surrogateescape")


def _change(rows: list[list[str]], chance: random.Random) -> None:
    at = chance.randrange(len(rows))
    row, cell = rows[at], chance.choice(CELLS)
    column = chance.randrange(len(row)) if row else 0
    kind = chance.randrange(7)
    if kind == 0:
        rows.insert(at, list(chance.choice(rows)))
    elif kind == 1 and len(rows) > 1:
        del rows[at]
    elif kind == 2:
        rows.insert(at, [chance.choice(CELLS) for _ in range(chance.randint(0, 20))])
    elif kind == 3:
        row.insert(column, cell)
    elif kind == 4:
        for other in rows:
            del other[column : column + 1]
    else:  # one cell, or all below it
        for other in rows[at : at + 1 if kind == 5 else len(rows)]:
            other[column : column + 1] = [cell]


def _encoding(blob: bytes, chance: random.Random) -> bytes:
    text = blob.decode("utf-8", "replace")
    encoding = chance.choice(
        ("gb18030", "utf-16", "utf-16-le", "utf-16-be", "big5", "utf-8-sig", "shift_jis", "utf-7", "cp1252")
    )
    return text.encode(encoding, "ignore")


def inputs(samples: Sequence[bytes], *, seed: int, first: int, count: int) -> list[tuple[int, int, bytes]]:
    """``count`` inputs from number ``first`` on: (number, index of the sample, bytes)."""
    made = []
    for number in range(first, first + count):
        chance = random.Random(f"{seed}/{number}")
        which = chance.randrange(len(samples))
        made.append((number, which, mutate(samples[which], chance)))
    return made
