"""Is the installation sound? Each check says what it found and, where it is not well, what to do."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from jixiao.errors import JixiaoError

_OLDEST, _NEWEST = (3, 11), (3, 13)
_LEAST_FREE_MIB = 500
_MIB = 1024 * 1024
# Pins that are not a matter of taste: outside them the flow server does not start or never schedules anything.
_PINS: dict[str, tuple[Callable[[tuple[int, ...]], bool], str]] = {
    "prefect": (lambda v: v == (3, 8, 8), "3.8.8"),
    "fastapi": (lambda v: (0, 139) <= v[:2] < (0, 151), "≥0.139，<0.151"),
    "sqlalchemy": (lambda v: (2, 0) <= v[:2] < (2, 1), "≥2.0，<2.1"),
}


@dataclass(frozen=True)
class Check:
    name: str
    ok: bool
    found: str
    fix: str = ""


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int("".join(c for c in part if c.isdigit()) or 0) for part in text.split(".")[:3])


def _python() -> Check:
    ok = _OLDEST <= sys.version_info[:2] <= _NEWEST
    return Check("Python", ok, sys.version.split()[0], "" if ok else "请使用 Python 3.11–3.13")


def _pin(name: str) -> Check:
    holds, wanted = _PINS[name]
    try:
        found = version(name)
    except PackageNotFoundError:
        return Check(
            name,
            name != "sqlalchemy",
            "未安装",
            "运行完整周期需要它：make install" if name != "sqlalchemy" else "make install",
        )
    ok = holds(_numbers(found))
    return Check(name, ok, found, "" if ok else f"需要 {wanted}：按 requirements.lock 重新安装（make install）")


def _database(url: str) -> Check:
    from sqlalchemy.engine import make_url

    from jixiao.database_address import whole_address, without_password
    from jixiao.storage.engine import open_engine, sqlite_folder

    shown = without_password(url)
    try:
        folder = sqlite_folder(url)
        if folder is not None and not Path(str(make_url(whole_address(url)).database)).exists():
            return _database_to_come(folder, shown)
        open_engine(url, create=False)
    except JixiaoError as error:
        return Check("数据库", ok=False, found=error.message, fix=error.fix)
    return Check("数据库", ok=True, found=shown)


def _database_to_come(folder: Path, shown: str) -> Check:
    """A store that the first run will make, if it may."""
    nearest = folder.absolute()
    while not nearest.exists():
        nearest = nearest.parent
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return Check("数据库", ok=True, found=f"{shown}（还没有，第一次运行时建立）")
    return Check("数据库", ok=False, found=f"{shown} 建不起来：{nearest} 不能写", fix="检查 --db 的路径和权限")


def _templates() -> Check:
    from jixiao.resources import templates_root

    root = templates_root()
    there = (root / "report").is_dir() and (root / "message").is_dir()
    return Check("模板", there, str(root), "" if there else "模板文件夹不完整：重新取得代码仓库或重新安装")


def _rules() -> Check:
    from jixiao.rules.loader import load_all

    try:
        sets = load_all()
    except JixiaoError as error:
        return Check("规则", ok=False, found=error.message, fix=error.fix)
    return Check("规则", ok=True, found="、".join(f"{s.name} {s.version}" for s in sets))


def _application() -> Check:
    from jixiao.application import load_application

    try:
        load_application()
    except JixiaoError as error:
        return Check("流程部分", ok=False, found=error.message, fix=error.fix)
    return Check("流程部分", ok=True, found="已登记")


def _disk() -> Check:
    free = shutil.disk_usage(".").free // _MIB
    return Check(
        "磁盘",
        free >= _LEAST_FREE_MIB,
        f"可用 {free} MiB",
        "" if free >= _LEAST_FREE_MIB else f"清理磁盘，至少留出 {_LEAST_FREE_MIB} MiB",
    )


def examine(database_url: str) -> tuple[Check, ...]:
    """Run every check; none stops the others."""
    checks: tuple[Callable[[], Check], ...] = (
        _python,
        *(lambda name=name: _pin(name) for name in _PINS),
        lambda: _database(database_url),
        _templates,
        _rules,
        _application,
        _disk,
    )
    return tuple(check() for check in checks)
