"""The errors, drawn as a tree. Each speaks to the person who must act, and knows its exit code (CONTRACT §1).

JixiaoError                     1
├── UsageError                  2   a wrong argument: unknown unit, folder that is not there
├── RowsRejected                3
├── FileRejected                4
├── AnswerNeeded                5
├── GateClosed                  6   refused: not approved, frozen, stale
├── RuleSetError                1   a rule file that cannot be read: names file and line
├── StoreError                  1   the store cannot be opened or migrated
└── ApplicationMissing          1   only the library is installed; flows/ is not there
"""

from __future__ import annotations

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


class RowsRejected(JixiaoError):
    exit_code = ExitCode.ROWS_REJECTED


class FileRejected(JixiaoError):
    exit_code = ExitCode.FILE_REJECTED


class AnswerNeeded(JixiaoError):
    exit_code = ExitCode.QUESTION


class GateClosed(JixiaoError):
    exit_code = ExitCode.GATE


class RuleSetError(JixiaoError):
    pass


class StoreError(JixiaoError):
    pass


class ApplicationMissing(JixiaoError):
    pass


class JixiaoWarning(UserWarning):
    """A warning of the library itself; an error in the tests."""
