"""The one port between the library and the application around it (flows/, tasks/, expectations/).

The application registers itself as the entry point ``prefect`` of the group ``jixiao.application``; the library never
imports an orchestrator. Receipts are what stages hand on: small, frozen, readable on a dashboard; data goes through
the store.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol, cast

from jixiao.database_address import without_password
from jixiao.domain.evaluation import LeftOut
from jixiao.errors import ApplicationMissing, ExitCode

ENTRY_POINT_GROUP = "jixiao.application"
ENTRY_POINT_NAME = "prefect"


@dataclass(frozen=True)
class AnnualRequest:
    """Parameters of one annual run. Paths are texts so that a request travels through any orchestrator.

    ``units`` empty: every unit that the inbox holds. ``var`` is the folder for the embedded server and snapshots.
    ``database_url`` never holds a password once the request is made, because orchestrators keep and show parameters:
    ``***`` stands for it, and database_address.py gives the whole address to whoever opens the store.
    """

    year: int
    inbox: str
    out: str
    database_url: str
    units: tuple[str, ...] = ()
    as_of: date = date(1970, 1, 1)
    batch_size: int = 500
    var: str = "var"
    region: str = ""
    title: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "database_url", without_password(self.database_url))


@dataclass(frozen=True)
class ImportReceipt:
    run_id: str
    unit_batches: tuple[tuple[str, ...], ...]
    files: int
    rows: int
    rejected_rows: int
    left_out: tuple[LeftOut, ...]
    findings_by_code: dict[str, int]
    exit_code: int


@dataclass(frozen=True)
class QualityReceipt:
    findings: int
    closed_units: tuple[str, ...]
    not_run: int


@dataclass(frozen=True)
class ScoringReceipt:
    units: int
    indicators: int
    findings: int


@dataclass(frozen=True)
class GapReceipt:
    gaps: int


@dataclass(frozen=True)
class RenderReceipt:
    units: int
    files: tuple[str, ...]


@dataclass(frozen=True)
class NoticeReceipt:
    messages: int
    owners: tuple[str, ...]


@dataclass(frozen=True)
class UnitSummary:
    """One line of units.csv. ``score`` is the printed total, empty where it cannot be said."""

    unit_code: str
    unit_name: str
    score: str
    grade: str
    errors: int
    warnings: int
    gaps: int
    execution_rate: str = ""


@dataclass(frozen=True)
class GapRow:
    owner: str
    unit_code: str
    indicator: str
    message: str
    due_on: str


@dataclass(frozen=True)
class RunSummary:
    """What a run came to: printed by the command line, shown as artifacts on the dashboard."""

    run_id: str
    year: int
    folder: str
    units: tuple[UnitSummary, ...]
    left_out: tuple[LeftOut, ...]
    findings_by_code: dict[str, int]
    findings_by_severity: dict[str, int]
    gaps_by_owner: dict[str, int]
    gap_rows: tuple[GapRow, ...]
    files: tuple[str, ...]
    messages: int
    exit_code: int = ExitCode.DONE
    seconds: dict[str, float] = field(default_factory=dict)


class Application(Protocol):
    """What the command line asks of an orchestrator."""

    def run_annual(self, request: AnnualRequest, *, progress: Callable[[str], None]) -> RunSummary:
        """Run the annual cycle and return what it came to.

        Raises:
            JixiaoError: the user's mistake or a gate, with its message.
        """
        ...


def load_application() -> Application:
    """Find the application that is installed beside the library.

    Raises:
        ApplicationMissing: only the library is installed (the wheel ships ``jixiao`` alone), or its requirements are
            missing.
    """
    from importlib.metadata import entry_points

    found = entry_points(group=ENTRY_POINT_GROUP, name=ENTRY_POINT_NAME)
    fix = (
        "请取得完整的代码仓库，在其中运行 make install（或 pip install -e '.[app]'）后再试；仅核对文件可用 jixiao check"
    )
    for point in found:
        try:
            return cast("Application", point.load())
        except ModuleNotFoundError as error:
            raise ApplicationMissing(
                f"只安装了 jixiao 库，缺少流程部分（找不到模块 {error.name}），不能运行完整周期", fix
            ) from error
    raise ApplicationMissing("只安装了 jixiao 库，没有登记流程部分（flows），不能运行完整周期", fix)
