"""Snapshot files that an import writes before it commits: named in a list beside them, so that what a crash leaves is found.

A file that no batch names is harmless; it goes when the same store imports again. Several stores may share the folder,
so a file is removed only where a list of this store says that a broken import of its own has made it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from jixiao.database_address import without_password
from jixiao.storage import tables as t
from jixiao.storage.chunks import chunks
from jixiao.storage.snapshots import PART_SUFFIX

# No import lasts longer: a half-written file older than this belongs to none that still runs.
_STALE_SECONDS = 24 * 3600


class PendingFiles:
    """The list of one import. ``announce`` a file before it gets its name."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def announce(self, file: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as listed:
            listed.write(f"{file}\n")


@contextmanager
def pending_files(folder: Path, database_url: str) -> Iterator[PendingFiles]:
    """The list of one import of a store; put it around the transaction, for it is dropped once that has committed."""
    path = folder / f"{_prefix(database_url)}{uuid4().hex}.txt"
    yield PendingFiles(path)
    path.unlink(missing_ok=True)


def _prefix(database_url: str) -> str:
    return f"pending-{hashlib.sha256(without_password(database_url).encode()).hexdigest()[:16]}-"


def remove_orphans(session: Session, folder: Path, database_url: str) -> list[str]:
    """Remove what broken imports of this store left in ``folder`` and no batch names; returns the snapshots removed.

    Call it alone: where another import of the store could be writing, its files would be taken for orphans.
    """
    removed: list[str] = []
    if not folder.is_dir():
        return removed
    for listed in sorted(folder.glob(f"{_prefix(database_url)}*.txt")):
        names = [name for name in listed.read_text(encoding="utf-8").splitlines() if name == Path(name).name]
        kept = {
            file
            for some in chunks(names)
            for file in session.scalars(sa.select(t.LedgerSnapshotRow.file).where(t.LedgerSnapshotRow.file.in_(some)))
        }
        for name in names:
            path = folder / name
            # Another store that came to use the same rows has touched the file since.
            if name not in kept and path.is_file() and path.stat().st_mtime_ns <= listed.stat().st_mtime_ns:
                path.unlink()
                removed.append(name)
        listed.unlink()
    for part in folder.glob(f"*{PART_SUFFIX}"):
        with suppress(OSError):  # gone meanwhile
            if time.time() - part.stat().st_mtime > _STALE_SECONDS:
                part.unlink()
    return removed
