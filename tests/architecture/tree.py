"""What the architecture tests look at: the files of the checkout, the commands, the built wheel."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
import typer.main

ROOT = Path(__file__).resolve().parents[2]
# Of this project; what runs around it is not ours to judge.
SOURCES = ("src/jixiao", "flows", "tasks", "expectations")
CODE = re.compile(r"[A-Z]{2,}(?:_[A-Z0-9]+)*")
CODE_OF_WORDS = re.compile(r"[A-Z]{2,}(?:_[A-Z0-9]+)+")


@cache
def tracked_files() -> tuple[Path, ...]:
    """The files that git knows or would add."""
    asked = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(asked, check=True, capture_output=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    names = sorted(set(listed.decode().split("\0")) - {""})
    return tuple(path for name in names if (path := ROOT / name).is_file())


def python_files(*sources: str) -> tuple[Path, ...]:
    return tuple(sorted(path for source in sources for path in (ROOT / source).rglob("*.py")))


def documents() -> tuple[Path, ...]:
    return tuple(sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]))


def commands() -> set[str]:
    """The commands that ``jixiao --help`` lists."""
    from jixiao.cli import app

    group = typer.main.get_command(app)
    assert hasattr(group, "commands")
    return {name for name, command in group.commands.items() if not command.hidden}
