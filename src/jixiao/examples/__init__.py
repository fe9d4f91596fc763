"""Bundled examples: the inboxes of real published reports, to play with and for ``jixiao demo``.

Each folder beside this file is one example: ``source/`` (tables to review), ``build.py`` (makes the inbox from them),
``inbox/`` (what an office would drop in) and README.md (what is published and what is filled in).
"""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from jixiao.errors import UsageError


def _inbox_of(name: str) -> Traversable:
    return files(__name__).joinpath(name, "inbox")


def example_names() -> tuple[str, ...]:
    """Return the names of the bundled examples, sorted."""
    return tuple(sorted(entry.name for entry in files(__name__).iterdir() if _inbox_of(entry.name).is_dir()))


def inbox_folder(name: str) -> Path:
    """The inbox of a bundled example where it lies, to be read in place.

    Raises:
        UsageError: there is no such example.
    """
    if name not in example_names():
        raise UsageError(f"没有名为“{name}”的示例", f"可用的示例：{'、'.join(example_names())}")
    return Path(str(_inbox_of(name)))


def write_inbox(name: str, folder: Path) -> list[Path]:
    """Copy the inbox of example ``name`` into ``folder`` and return the paths, sorted by name.

    ``folder`` is made where it is missing. Files that are there already with the same bytes are left alone.

    Raises:
        UsageError: there is no such example; the fix lists the known ones.
        FileExistsError: the folder holds a file of the same name with another content; nothing is written then.

    """
    if name not in example_names():
        raise UsageError(f"没有名为“{name}”的示例", f"可用的示例：{'、'.join(example_names())}")
    contents = {folder / entry.name: entry.read_bytes() for entry in _inbox_of(name).iterdir() if entry.is_file()}
    changed = sorted(path.name for path, content in contents.items() if _differs(path, content))
    if changed:
        raise FileExistsError(
            f"文件夹“{folder}”中已有内容不同的同名文件：{'、'.join(changed)}。没有写入任何文件；请另选一个文件夹，或先移走这些文件"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in contents.items():
        if not path.exists():
            path.write_bytes(content)
    return sorted(contents)


def _differs(path: Path, content: bytes) -> bool:
    return path.exists() and (not path.is_file() or path.read_bytes() != content)
