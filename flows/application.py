"""The application behind the library's port (``jixiao.application``): runs the flows on an embedded or a given server.

Light at import. The order matters: the server's process is started first, and boots while this one imports the
orchestrator, the library and the validation framework.
"""

from __future__ import annotations

import http.client
import logging
import os
import queue
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from flows.embedded_server import QUIET, EmbeddedServer, ServerNotStarted, environment, own_environment
from jixiao.application import EvaluationRequest, RunSummary
from jixiao.bootstrap import log_to_file
from jixiao.errors import ApplicationMissing, JixiaoError

_ADDRESS = "PREFECT_API_URL"
_PACKAGES = ("prefect", "great_expectations", "uvicorn", "fastapi")
# How long the server may take to write down the last task runs before it is stopped; it takes 0.3 s.
_RECORD_SECONDS = 5.0
_LOOK_SECONDS = 0.25
_REACH_SECONDS = 10.0
_LOGGER = "jixiao"
_LOG_FILE = "jixiao.log"
_log = logging.getLogger("jixiao.flows")
_log.addHandler(logging.NullHandler())  # without the file of a run nothing goes to the terminal instead


class RunBroken(JixiaoError):
    """A run ended by a fault that nobody foresaw; the log has its trace."""


class PrefectApplication:
    """Runs the cycle through Prefect. With ``PREFECT_API_URL`` in the environment that server is used, none started."""

    def run(self, request: EvaluationRequest, *, progress: Callable[[str], None]) -> RunSummary:
        """Run the cycle of the request's period and return what it came to.

        Raises:
            JixiaoError: the user's mistake, or a server that does not start, with its message.

        """
        _need_packages()
        with _logged(request.var):
            if address := os.environ.get(_ADDRESS):
                _need_answer(address)
                quiet = QUIET | dict(os.environ) | {"DO_NOT_TRACK": "1", "GX_ANALYTICS_ENABLED": "false"}
                with environment(quiet):
                    return _run(request, progress, settings={})
            progress("启动流程服务…")
            server = EmbeddedServer.start(request.var)
            try:
                with environment(own_environment(os.environ, home=server.home, url=server.url)):
                    _load()
                    server.wait_ready()
                    settings = {_ADDRESS: server.url, "PREFECT_API_KEY": None, "PREFECT_API_AUTH_STRING": None}
                    return _run(request, progress, settings=settings)
            finally:
                server.stop()


@contextmanager
def _logged(var: str) -> Iterator[None]:
    """Let the library's log go to a file under ``var`` where the caller has not set it up already."""
    logger = logging.getLogger(_LOGGER)
    if logger.handlers:
        yield
        return
    propagate = logger.propagate
    with suppress(OSError):  # a folder that cannot be written is told by who needs it next
        log_to_file(var)
    try:
        yield
    finally:
        for handler in logger.handlers:
            handler.close()
        logger.handlers, logger.propagate = [], propagate


def _need_packages() -> None:
    """Say what is missing before anything is started.

    Raises:
        ApplicationMissing: a package that the flows need is not installed.

    """
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        fix = "在代码仓库中运行 make install（或 pip install -e '.[app]'）后再试"
        raise ApplicationMissing(f"流程部分缺少软件包：{'、'.join(missing)}", fix)


def _need_answer(address: str) -> None:
    """Raise ServerNotStarted, in the user's words, if nothing answers at ``address``."""
    try:
        with urllib.request.urlopen(f"{address.rstrip('/')}/health", timeout=_REACH_SECONDS):  # noqa: S310 - the user's
            return
    except urllib.error.HTTPError:
        return  # it answers; whether we may is its own to say
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise ServerNotStarted(
            f"环境变量 {_ADDRESS} 指向的流程服务 {address} 连不上：{error}",
            f"请启动该服务或改正地址；取消变量 {_ADDRESS} 则使用内嵌的服务",
        ) from error


def _load() -> None:
    """Import what the flow needs, all of it slow, while the server boots."""
    from expectations.runner import framework

    framework()


def _run(request: EvaluationRequest, progress: Callable[[str], None], *, settings: dict[str, Any]) -> RunSummary:
    import prefect.settings
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    from flows.annual_evaluation import annual_evaluation
    from flows.course import progress_to
    from flows.quarterly_monitoring import quarterly_monitoring

    occasion: Any = annual_evaluation if request.is_annual else quarterly_monitoring
    _keep_off_the_terminal()
    # The heartbeat's thread costs 1.0 s at the end of every flow, and only code can switch it off. The address is set
    # here too, because settings are read once, when the orchestrator is first imported.
    updates = {getattr(prefect.settings, name): value for name, value in settings.items()}
    with temporary_settings(updates | {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}), progress_to(progress) as following:
        try:
            state: Any = occasion(request, return_state=True)
            _let_the_server_write(state.state_details.flow_run_id)
            summary: RunSummary = state.result()
        except JixiaoError:
            raise
        except Exception as error:
            _forget_what_nobody_takes()
            if following.summary is not None:
                _log.exception("运行 %s 已完成，流程服务没有记下它的结束", following.run_id)
                return following.summary
            _log.exception("运行 %s 中断", following.run_id or "（尚无编号）")
            raise _broken(error, run_id=following.run_id, var=request.var) from error
        return summary


def _broken(error: Exception, *, run_id: str, var: str) -> RunBroken:
    which = f"运行 {run_id} " if run_id else "本次运行（尚无编号）"
    log = Path(var) / _LOG_FILE
    return RunBroken(
        f"{which}因程序出错中断（{type(error).__name__}）",
        f"详情见日志 {log}；请把运行编号和日志交给维护人员。已经入库的数据不会重复，可以重新运行",
    )


def _keep_off_the_terminal() -> None:
    """Logs that the server can no longer take are told in our log file, not on the terminal.

    The orchestrator's worker prints "Error logging to API" itself, past every log setting; the version is pinned.
    """
    from prefect.logging.handlers import APILogHandler, APILogWorker

    async def send(self: Any, items: list[dict[str, Any]]) -> None:
        try:
            await self._client.create_logs(items)
        except Exception as error:  # noqa: BLE001 - whatever it is, the run does not depend on it
            _log.warning("流程服务没有收下 %d 条日志（%s）", len(items), type(error).__name__)

    def refused(self: Any, record: logging.LogRecord) -> None:  # noqa: ARG001 - the shape of the method it replaces
        _log.warning("流程服务没有收下日志：%s", record.name)

    APILogWorker._handle_batch = send  # type: ignore[method-assign]  # noqa: SLF001
    APILogHandler.handleError = refused  # type: ignore[method-assign]


def _forget_what_nobody_takes() -> None:
    """Drop the events still queued for a server that is gone: at exit each would be tried for ten seconds and more."""
    from prefect.events.worker import EventsWorker
    from prefect.settings import PREFECT_API_URL

    try:
        _need_answer(str(PREFECT_API_URL.value()))
    except ServerNotStarted:
        waiting = EventsWorker.instance()._queue  # noqa: SLF001 - it has no other door; the version is pinned
        with suppress(queue.Empty):
            while True:
                waiting.get_nowait()


def _let_the_server_write(flow_run_id: Any) -> None:
    """Send the logs and events that are still here, and wait until the server has written the task runs they tell of."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    with suppress(Exception):  # the run itself is done and in the store; its record on the dashboard is a courtesy
        APILogWorker.drain_all(timeout=_RECORD_SECONDS)
        EventsWorker.instance().drain()
        runs_of = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id]))
        until = time.monotonic() + _RECORD_SECONDS
        seen = -1
        with get_client(sync_client=True) as client:
            while time.monotonic() < until:
                runs = client.read_task_runs(flow_run_filter=runs_of)
                if len(runs) == seen and all(run.state and run.state.is_final() for run in runs):
                    return
                seen = len(runs)
                time.sleep(_LOOK_SECONDS)


application = PrefectApplication()
