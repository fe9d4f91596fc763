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
from jixiao.domain.periods import ANNUAL, occasion_text, span_text
from jixiao.errors import ApplicationMissing, ExitCode

ENTRY_POINT_GROUP = "jixiao.application"
ENTRY_POINT_NAME = "prefect"


@dataclass(frozen=True)
class EvaluationRequest:
    """Parameters of one run: of the year (``period`` annual), or of the year so far (Q1–Q4, M1–M12). Paths are texts so that a request travels through any orchestrator.

    ``units`` empty: every unit that the inbox holds. ``answers`` is a file of answers to what files ask. ``var`` is the folder for the embedded server and snapshots.
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
    period: str = ANNUAL
    answers: str = ""

    @property
    def is_annual(self) -> bool:
        return self.period == ANNUAL

    @property
    def occasion(self) -> str:
        """What is done, as people call it: ``2022 年度绩效自评``."""
        return occasion_text(self.year, self.period)

    @property
    def span(self) -> str:
        """The time it speaks of: ``2022 年度``."""
        return span_text(self.year, self.period)

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
    """One line of units.csv, or of projects.csv where there is a ``project``. ``score`` is the printed total, empty where
    it cannot be said.
    """

    unit_code: str
    unit_name: str
    score: str
    grade: str
    errors: int
    warnings: int
    gaps: int
    execution_rate: str = ""
    project: str = ""


@dataclass(frozen=True)
class GapRow:
    owner: str
    unit_code: str
    indicator: str
    message: str
    due_on: str
    project: str = ""


@dataclass(frozen=True)
class RunSummary:
    """What a run came to: printed by the command line, shown as artifacts on the dashboard.

    ``units`` were evaluated as a whole, ``projects`` each by itself: a unit may be in both, or in one.
    """

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
    projects: tuple[UnitSummary, ...] = ()
    period: str = ANNUAL

    @property
    def occasion(self) -> str:
        return occasion_text(self.year, self.period)


class Application(Protocol):
    """What the command line asks of an orchestrator."""

    def run(self, request: EvaluationRequest, *, progress: Callable[[str], None]) -> RunSummary:
        """Run the cycle of the request's period and return what it came to.

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
