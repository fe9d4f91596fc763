"""The limits of what one file may hold, each with its reason. Beyond them a file is refused in words, never half read.

Every reader of this folder looks them up here, so that one container is no way around the limit of another.
"""

from __future__ import annotations

MEBIBYTE = 2**20

# ── places ────────────────────────────────────────────────────────────────────────────────────────────────────────────

# What a sheet of Excel has. A table with more is no spreadsheet's: it belongs into a CSV, which is read as a stream.
ROWS_A_SHEET = 1_048_576
CELLS_A_ROW = 16_384
# What a cell of Excel holds. A longer text was never typed: a file that has one is damaged, or meant to hurt.
CELL_CHARACTERS = 32_767
# The widest export known has some 300 sheets (a sheet a unit).
SHEETS_A_WORKBOOK = 1_000
# A table of Word or HTML spans a page: what says that it spans more is damaged.
SPAN = 1_000

# ── amounts ───────────────────────────────────────────────────────────────────────────────────────────────────────────

# CONTRACT §3, FILE_CORRUPT: a bomb unpacks to more than 64 MiB *and* more than 50 times its size. Offices' workbooks
# unpack to 5 … 20 times.
UNPACKED = 64 * MEBIBYTE
RATIO = 50
# Whatever the ratio: a full sheet of 20 columns is some 900 MiB of XML.
UNPACKED_MOST = 1024 * MEBIBYTE
# The parts of a workbook are some dozens; a bomb of headers has as many as fit.
ENTRIES = 20_000
# Parts that are held as a tree (document.xml, workbook.xml, styles.xml): a tree takes some 8 times the bytes.
TREE_BYTES = 32 * MEBIBYTE
# A file that is held whole while it is read: a workbook, a page, a Word file. CSV is not, and has no limit.
FILE_BYTES = 192 * MEBIBYTE
# Elements inside one another: an office's page has a dozen, and a reader without a limit runs out of stack.
DEPTH = 250
# Cells that hold something. One takes some 150 bytes while its sheet is read (reader's cell, Python's object, place in
# its row): three millions fit into 512 MiB with the rest of the program. A file may have more in proportion to its own
# size, which is what an honest ledger does; from eight millions on only a CSV is read in bounded memory.
CELLS_ALWAYS = 3_000_000
PACKED_BYTES_A_CELL = 2
CELLS_A_WORKBOOK = 8_000_000
# Characters of long texts that the cells of a workbook show in all: one long text may be shown by a million cells.
TEXT_A_WORKBOOK = 64 * MEBIBYTE
# Characters of shared texts up to which each cell may have its own copy of them, as the fast reader makes.
TEXT_COPIED = 192 * MEBIBYTE
# Cells that a sheet may have between its first and its last, filled or not, before it is read by its filled cells alone.
AREA_ALWAYS = 2_000_000
AREA_A_CELL = 2


def cells_allowed(packed_bytes: int) -> int:
    """How many filled cells a workbook of ``packed_bytes`` may have."""
    return min(max(CELLS_ALWAYS, packed_bytes // PACKED_BYTES_A_CELL), CELLS_A_WORKBOOK)
