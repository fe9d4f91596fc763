"""The exit code that what happened calls for (CONTRACT §1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from jixiao.domain.findings import Outcome
from jixiao.errors import ExitCode

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def outcome_code(outcomes: Iterable[Outcome]) -> int:
    """The exit code of a set of files: the highest of theirs (CONTRACT §1)."""
    codes = {
        Outcome.REJECT_ROW: ExitCode.ROWS_REJECTED,
        Outcome.REJECT_FILE: ExitCode.FILE_REJECTED,
        Outcome.ASK_USER: ExitCode.QUESTION,
    }
    return max((codes.get(outcome, ExitCode.DONE) for outcome in outcomes), default=ExitCode.DONE)


def exit_code_of(session: Session, run_id: str) -> int:
    """The exit code that the run's inputs, left-out units, failures and gates call for; where several apply, the
    highest.
    """
    from jixiao.storage import run_store

    codes = [outcome_code(Outcome(i.outcome) for i in run_store.run_inputs(session, run_id))]
    if run_store.units_left_out(session, run_id, failed=True):
        codes.append(ExitCode.FAILURE)
    if run_store.units_left_out(session, run_id, failed=False):
        codes.append(ExitCode.ROWS_REJECTED)
    if any(f.critical for f in run_store.findings_of(session, run_id, stages=(run_store.STAGE_QUALITY,))):
        codes.append(ExitCode.GATE)
    return int(max(codes))
