"""A database address without its password, for everything that is stored, shown or logged, and back to the whole one.

A request travels through an orchestrator that keeps its parameters and shows them on a dashboard, so it never holds a
password (application.py). The whole address stays in this process; another process, a worker say, finds it in the
environment variable JIXIAO_STORE__DB. storage/engine.py asks here before it connects.
"""

from __future__ import annotations

import os
import re

from jixiao.errors import UsageError

STORE_VARIABLE = "JIXIAO_STORE__DB"
_HIDDEN = "***"
# Greedy up to the last @: where an address is written wrongly, rather too much is hidden than a part of the password.
_IN_AUTHORITY = re.compile(r"^(?P<before>[^:/]*:/{0,2}(?!/)[^:/@]*:)(?P<password>.*)(?=@)", re.DOTALL)
_IN_QUERY = re.compile(r"(?P<before>[?&](?:ssl)?password=)(?P<password>[^&]*)", re.IGNORECASE)

# Address without password → the whole one, of this process alone.
_whole: dict[str, str] = {}


def _shown(address: str) -> str:
    return _IN_QUERY.sub(rf"\g<before>{_HIDDEN}", _IN_AUTHORITY.sub(rf"\g<before>{_HIDDEN}", address))


def without_password(address: str) -> str:
    """``address`` with ``***`` for each password; one without a password stays as it is. This process remembers it."""
    shown = _shown(address)
    if shown != address:
        _whole[shown] = address
    return shown


def whole_address(address: str) -> str:
    """The address to connect to: ``address`` itself, or the one whose password it hides.

    Raises:
        UsageError: the password is hidden, and neither this process nor JIXIAO_STORE__DB knows it.
    """
    if _HIDDEN not in address or _shown(address) != address:
        return address
    if address in _whole:
        return _whole[address]
    stated = os.environ.get(STORE_VARIABLE, "")
    if stated and _shown(stated) == address:
        return stated
    raise UsageError(
        f"数据库 {address} 的密码不在本进程中", f"在运行流程的机器上用环境变量 {STORE_VARIABLE} 写明带密码的完整地址"
    )
