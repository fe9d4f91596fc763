"""Intake: bytes → grid → table → typed rows. The way data goes is the order of the modules:

``containers`` (zip, workbook) · ``delimited`` (csv) · ``markup`` (HTML) · ``documents`` (Word, Markdown) → ``grid`` → ``columns/*.csv`` through
``column_maps`` → ``tables`` (where the head is) → ``values`` (one cell) → ``rows`` · ``execution`` · ``ledger``
(typed rows) → ``units`` (whose row it is) → ``inbox`` (files together).
"""

from __future__ import annotations

from jixiao.intake.inbox import read_inbox
from jixiao.intake.readings import FileReading, InboxReading, TableReading

__all__ = ["FileReading", "InboxReading", "TableReading", "read_inbox"]
