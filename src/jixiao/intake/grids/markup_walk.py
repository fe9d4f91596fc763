"""XML and HTML as they pass by: no tree, no entities, no network, memory of one element however many there are.

``Walk`` is what the readers of sheets build on: ooxml.py, open_document.py, spreadsheet_xml.py, markup.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import IO, Any

from jixiao.intake.grids import limits
from jixiao.intake.grids.archives import Refused

_PIECE = 2**20
Attributes = Mapping[str, str]


@lru_cache(maxsize=1024)
def local(tag: str) -> str:
    """The name of an element or attribute without its namespace."""
    return tag.rpartition("}")[2]


def attribute(attributes: Attributes, name: str) -> str:
    """An attribute by its local name, whatever its namespace; empty where it is not there."""
    return next((value for key, value in attributes.items() if local(key) == name), "")


class Walk:
    """A reader of events. Subclasses answer ``opened``, ``closed`` by local name; ``text`` gathers while ``hears``."""

    def __init__(self) -> None:
        self.hears = False
        self._heard: list[str] = []
        self._depth = 0

    def opened(self, name: str, attributes: Attributes) -> None:
        raise NotImplementedError

    def closed(self, name: str) -> None:
        raise NotImplementedError

    def listen(self) -> None:
        """From here on characters are gathered, until ``heard``."""
        self.hears = True
        self._heard.clear()

    def heard(self) -> str:
        """What was gathered."""
        self.hears = False
        return "".join(self._heard)

    def deeper(self) -> None:
        """One element further in. Raises: Refused."""
        self._depth += 1
        if self._depth > limits.DEPTH:
            raise Refused("内容层层嵌套，不合常理")

    def higher(self) -> None:
        """One element out again."""
        self._depth -= 1

    # The four names that lxml calls.

    def start(self, tag: str, attributes: Attributes) -> None:
        self.deeper()
        self.opened(local(tag), attributes)

    def end(self, tag: str) -> None:
        self.higher()
        self.closed(local(tag))

    def data(self, text: str) -> None:
        if self.hears:
            self._heard.append(text)

    def close(self) -> None:
        """The end of the document."""


class _XmlWalk:
    """A walk that stops at a DOCTYPE: where entities and external references would begin."""

    def __init__(self, walk: Walk) -> None:
        self.start, self.end, self.data, self.close = walk.start, walk.end, walk.data, walk.close

    def doctype(self, *_: object) -> None:
        raise Refused("含 DOCTYPE 声明，出于安全不予读取")


def pieces_of(stream: IO[bytes]) -> Iterator[bytes]:
    while piece := stream.read(_PIECE):
        yield piece


def walk_xml(pieces: Iterable[bytes], walk: Walk) -> None:
    """Raises: Refused, lxml.etree.LxmlError where it is no well-formed XML to its end."""
    from lxml import etree

    target: Any = _XmlWalk(walk)
    parser: Any = etree.XMLParser(target=target, resolve_entities=False, no_network=True)
    for piece in pieces:
        parser.feed(piece)
    parser.close()


def walk_html(pieces: Iterable[str], walk: Walk) -> None:
    """A page as browsers read it: what is not closed is closed. Raises: Refused, lxml.etree.LxmlError."""
    from lxml import etree

    parser: Any = etree.HTMLParser(target=walk, no_network=True)
    for piece in pieces:
        parser.feed(piece)
    parser.close()
