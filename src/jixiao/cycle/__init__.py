"""The use cases, in the order of the year: import an inbox, judge its quality, evaluate, find gaps, report, draft messages.

Each stage opens the store by itself and may be tried again; it hands on a receipt, never rows. Tasks call these one to
one; the command line reads files and results through here too. Neighbours: bootstrap.py (settings → store),
application.py (requests and receipts).
"""

from __future__ import annotations

from jixiao.cycle.closing import close_run, fail_run, run_findings
from jixiao.cycle.evaluation import evaluate_unit, evaluate_units, find_unit_gaps, rules_for, rules_of_run
from jixiao.cycle.identity import data_sha256, digest_of, rules_sha256, run_info_of, templates_sha256
from jixiao.cycle.intake import StoredFile, import_files, import_inbox, list_batches, read_files, revert_batch
from jixiao.cycle.outcomes import exit_code_of, outcome_code
from jixiao.cycle.quality import leave_out_units, quality_frames, quality_limits, record_quality, tables_handed_in
from jixiao.cycle.reporting import draft_messages, render_units, write_messages
from jixiao.cycle.stores import (
    need_inbox,
    need_writable,
    open_store,
    remove_files,
    run_folder,
    snapshots_folder,
    who_runs,
)

__all__ = [
    "StoredFile",
    "close_run",
    "data_sha256",
    "digest_of",
    "draft_messages",
    "evaluate_unit",
    "evaluate_units",
    "exit_code_of",
    "fail_run",
    "find_unit_gaps",
    "import_files",
    "import_inbox",
    "leave_out_units",
    "list_batches",
    "need_inbox",
    "need_writable",
    "open_store",
    "outcome_code",
    "quality_frames",
    "quality_limits",
    "read_files",
    "record_quality",
    "remove_files",
    "render_units",
    "revert_batch",
    "rules_for",
    "rules_of_run",
    "rules_sha256",
    "run_findings",
    "run_folder",
    "run_info_of",
    "snapshots_folder",
    "tables_handed_in",
    "templates_sha256",
    "who_runs",
    "write_messages",
]
