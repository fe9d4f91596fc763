"""Where a run keeps what it knows and writes: the store, its snapshots, the folder of outputs."""

from __future__ import annotations

import getpass
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from jixiao.application import (
    EvaluationRequest,
)
from jixiao.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@contextmanager
def open_store(database_url: str, *, create: bool = True) -> Iterator[Session]:
    """One transaction: committed when the block ends well, else nothing of it is stored.

    ``create`` False: a store that is not there is a UsageError, and none is made.
    """
    from sqlalchemy.orm import Session

    from jixiao.storage.engine import open_engine

    with Session(open_engine(database_url, create=create)) as session, session.begin():
        yield session


def snapshots_folder(database_url: str, var: str) -> Path:
    """Where ledger snapshots lie: beside a SQLite store, else under ``var``."""
    from jixiao.storage.engine import sqlite_folder

    return (sqlite_folder(database_url) or Path(var)) / "snapshots"


def run_folder(request: EvaluationRequest) -> Path:
    """Where the outputs of a run stand, as the request names it."""
    return Path(request.out) / str(request.year) / request.period


def need_writable(folder: Path) -> None:
    """Make sure, by trying, that ``folder`` can be made and written before anything is computed; nothing is left there.

    Raises:
        UsageError: a file stands in its way, or it cannot be made or written.
    """
    missing = [path for path in (folder, *folder.parents) if not os.path.lexists(path)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (FileExistsError, NotADirectoryError):
        there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
        raise UsageError(
            f"输出文件夹 {folder} 建不了：{there} 是一个文件", "用 --out 指定另一个文件夹，或移走该文件"
        ) from None
    except (OSError, ValueError) as error:
        why = "没有写权限" if isinstance(error, PermissionError) else getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"输出文件夹 {folder} 写不了：{why}", "用 --out 指定一个可以写的文件夹，或检查权限和磁盘空间"
        ) from error
    finally:
        for path in missing:
            with suppress(OSError):  # never made, or somebody else already writes there
                path.rmdir()


def need_inbox(inbox: Path) -> None:
    """Make sure that there is a folder to read.

    Raises:
        UsageError: it is not there, or it is a file.
    """
    if inbox.is_dir():
        return
    if inbox.exists():
        raise UsageError(
            f"{inbox} 是文件，不是文件夹",
            f"用 --inbox 指定存放导出文件的文件夹；只核对这一个文件：jixiao check {inbox}",
        )
    raise UsageError(
        f"收件文件夹 {inbox} 不存在", "用 --inbox 指定存放导出文件的文件夹；想先看示例：jixiao example 文件夹"
    )


def who_runs() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def remove_files(folder: Path, names: Iterable[str]) -> None:
    """Remove files of a run by their paths relative to its folder, and the folders that this leaves empty."""
    for name in names:
        path = folder / name
        if ".." in Path(name).parts or not path.is_relative_to(folder):
            continue
        path.unlink(missing_ok=True)
        for parent in path.parents:
            if parent == folder or not parent.is_dir() or any(parent.iterdir()):
                break
            parent.rmdir()
