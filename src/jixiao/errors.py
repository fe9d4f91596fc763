"""The errors, drawn as a tree. Each speaks to the person who must act, and knows its exit code (CONTRACT §1).
Rejected rows, rejected files, open questions and closed gates are outcomes of a run, not errors: cycle.py turns them into
their exit codes.

JixiaoError                     1
├── UsageError                  2   a wrong argument or setting: unknown unit, folder that is not there
├── RuleSetError                1   a rule file that cannot be read, or a rule whose value cannot be used
├── StoreError                  1   the store cannot be opened or migrated, or lacks a snapshot
└── ApplicationMissing          1   flows/ or a package that it needs is not installed
"""

from __future__ import annotations

import errno
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the command line; where several apply, the highest."""

    DONE = 0
    FAILURE = 1
    USAGE = 2
    ROWS_REJECTED = 3
    FILE_REJECTED = 4
    QUESTION = 5
    GATE = 6


class JixiaoError(Exception):
    """``message`` says what and where, ``fix`` what to do; both in Chinese."""

    exit_code = ExitCode.FAILURE

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


class UsageError(JixiaoError):
    exit_code = ExitCode.USAGE


class RuleSetError(JixiaoError):
    pass


class StoreError(JixiaoError):
    pass


class ApplicationMissing(JixiaoError):
    pass


_REASONS = {
    errno.ENOENT: "不存在",
    errno.EACCES: "没有权限",
    errno.EPERM: "没有权限",
    errno.EROFS: "所在磁盘只读",
    errno.EISDIR: "是文件夹，不是文件",
    errno.ENOTDIR: "路径中有一段是文件，不是文件夹",
    errno.EEXIST: "已经有同名的文件",
    errno.ENOSPC: "磁盘已满",
    errno.ENAMETOOLONG: "名称太长",
}


def reason_of(error: OSError) -> str:
    """Why the system refused a file, in Chinese where it is a usual reason."""
    return _REASONS.get(error.errno or 0, error.strerror or str(error))
