"""Settings: ``jixiao.toml`` in the working folder, environment ``JIXIAO_…`` over it, command options over both."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

from jixiao.errors import UsageError

_FILE = "jixiao.toml"
_PREFIX = "JIXIAO_"


@dataclass(frozen=True)
class Settings:
    """What an installation decides. ``region`` is the 6-digit 行政区划 whose rules hold where nothing else says."""

    database_url: str = ""
    var: str = "var"
    region: str = ""
    batch_size: int = 500
    language: str = "zh"

    @property
    def store_url(self) -> str:
        """Default: a SQLite file under ``var`` in the working folder."""
        return self.database_url or f"sqlite:///{Path(self.var) / 'jixiao.db'}"


# setting → (section, key) in the file; in the environment SECTION__KEY.
_KEYS = {
    "database_url": ("store", "db"),
    "var": ("store", "var"),
    "region": ("rules", "region"),
    "batch_size": ("run", "batch_size"),
}


def load_settings(folder: Path | None = None) -> Settings:
    """Read the settings that hold in ``folder`` (default: the working folder).

    Raises:
        UsageError: the file is not TOML, or a number is none.
    """
    path = (folder or Path()) / _FILE
    stated: dict[str, object] = {}
    if path.is_file():
        try:
            stated = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"配置文件 {_FILE} 读不懂：{error}", "改正这一行，或删去该文件使用默认设置") from error
    values: dict[str, str] = {}
    for name, (section, key) in _KEYS.items():
        table = stated.get(section)
        if isinstance(table, dict) and key in table:
            values[name] = str(table[key])
        if text := os.environ.get(f"{_PREFIX}{section.upper()}__{key.upper()}"):
            values[name] = text
    size = values.pop("batch_size", str(Settings.batch_size))
    if not size.isdigit() or int(size) < 1:
        raise UsageError(f"设置 run.batch_size = {size!r} 不是正整数", "写成例如 batch_size = 500")
    language = os.environ.get(f"{_PREFIX}LANG", Settings.language)
    return Settings(**values, batch_size=int(size), language=language)
