"""Settings: ``jixiao.toml`` in the working folder, environment ``JIXIAO_…`` over it, command options over both."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from jixiao.errors import UsageError, reason_of

_FILE = "jixiao.toml"
_PREFIX = "JIXIAO_"


@dataclass(frozen=True)
class Settings:
    """What an installation decides. ``region`` is the 行政区划 whose rules hold where nothing else says."""

    database_url: str = ""
    var: str = "var"
    region: str = ""
    batch_size: int = 500

    @property
    def store_url(self) -> str:
        """Default: a SQLite file under ``var`` in the working folder."""
        return self.database_url or f"sqlite:///{Path(self.var) / 'jixiao.db'}"


# setting → (section, key) in the file; in the environment JIXIAO_SECTION__KEY.
_KEYS = {
    "database_url": ("store", "db"),
    "var": ("store", "var"),
    "region": ("rules", "region"),
    "batch_size": ("run", "batch_size"),
}
# Where a number is natural to write without quotes.
_NUMBERS = ("region", "batch_size")
_SECTIONS = {section: {k: name for name, (s, k) in _KEYS.items() if s == section} for section, _ in _KEYS.values()}
_BATCH_SIZE = re.compile("[1-9][0-9]{0,5}")
_REGION = re.compile("[1-9][0-9](?:[0-9]{2}){0,2}")


def region_code(text: str, *, where: str) -> str:
    """``text`` if it is a 行政区划代码 (GB/T 2260, 2, 4 or 6 digits) or empty; ``where`` names it in the message.

    Raises:
        UsageError: it is none.
    """
    if text and not _REGION.fullmatch(text):
        raise UsageError(f"{where}「{text}」不是行政区划代码", "写 6 位数字，例如苏州市 320500")
    return text


def load_settings(folder: Path | None = None) -> Settings:
    """Read the settings that hold in ``folder`` (default: the working folder).

    Raises:
        UsageError: the file cannot be read or is not TOML; a section, a key or a variable is not known; a value is
            not of its kind. The message names which.
    """
    values = _stated_in_file((folder or Path()) / _FILE) | _stated_in_environment()
    size = values.pop("batch_size", str(Settings.batch_size))
    if not _BATCH_SIZE.fullmatch(size):
        raise UsageError(f"设置 run.batch_size =「{size}」不是 1–999999 的整数", "写成例如 batch_size = 500")
    if "region" in values:
        region_code(values["region"], where="设置 rules.region 的值")
    return Settings(**values, batch_size=int(size))


def _stated_in_file(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        stated = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"配置文件 {_FILE} 读不了：{reason_of(error)}", "检查权限，或删去它使用默认设置") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"配置文件 {_FILE} 读不懂：{error}", "改正这一行，或删去该文件使用默认设置") from error
    values: dict[str, str] = {}
    for section, table in stated.items():
        known = _SECTIONS.get(section)
        if known is None or not isinstance(table, dict):
            raise UsageError(f"配置文件 {_FILE} 中没有 {section} 这种设置", f"可用：{_known_keys()}")
        for key, value in table.items():
            if key not in known:
                raise UsageError(f"配置文件 {_FILE} 中没有 {section}.{key} 这项设置", f"可用：{_known_keys()}")
            kinds = (str, int) if known[key] in _NUMBERS else (str,)
            if type(value) not in kinds:  # a bool is an int, and no number
                raise UsageError(f"配置文件 {_FILE} 中 {section}.{key} 的值不能用", f'写成例如 {key} = "…"')
            if text := str(value).strip():
                values[known[key]] = text
    return values


def _stated_in_environment() -> dict[str, str]:
    variables = {f"{_PREFIX}{section.upper()}__{key.upper()}": name for name, (section, key) in _KEYS.items()}
    for variable in os.environ:
        if variable.startswith(_PREFIX) and "__" in variable and variable not in variables:
            raise UsageError(f"没有 {variable} 这个环境变量", f"可用：{'、'.join(sorted(variables))}")
    return {name: text for variable, name in variables.items() if (text := os.environ.get(variable, "").strip())}


def _known_keys() -> str:
    return "、".join(f"{section}.{key}" for section, key in _KEYS.values())
