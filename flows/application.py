"""The application behind the library's port (``jixiao.application``): runs the flows on an embedded or a given server.

Light at import. The order matters: the server's process is started first, and boots while this one imports the
orchestrator, the library and the validation framework.
"""

from __future__ import annotations

import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

from flows.embedded_server import QUIET, EmbeddedServer, ServerNotStarted, environment, own_environment
from jixiao.application import AnnualRequest, RunSummary
from jixiao.errors import ApplicationMissing

_ADDRESS = "PREFECT_API_URL"
_PACKAGES = ("prefect", "great_expectations", "uvicorn", "fastapi")
# How long the server may take to write down the last task runs before it is stopped; it takes 0.3 s.
_RECORD_SECONDS = 5.0
_LOOK_SECONDS = 0.25
_REACH_SECONDS = 10.0


class PrefectApplication:
    """Runs the cycle through Prefect. With ``PREFECT_API_URL`` in the environment that server is used, none started."""

    def run_annual(self, request: AnnualRequest, *, progress: Callable[[str], None]) -> RunSummary:
        """Run the annual cycle and return what it came to.

        Raises:
            JixiaoError: the user's mistake, or a server that does not start, with its message.

        """
        _need_packages()
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


def _run(request: AnnualRequest, progress: Callable[[str], None], *, settings: dict[str, Any]) -> RunSummary:
    import prefect.settings
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    from flows.annual_evaluation import annual_evaluation, progress_to

    # The heartbeat's thread costs 1.0 s at the end of every flow, and only code can switch it off. The address is set
    # here too, because settings are read once, when the orchestrator is first imported.
    updates = {getattr(prefect.settings, name): value for name, value in settings.items()}
    with temporary_settings(updates | {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}), progress_to(progress):
        state: Any = annual_evaluation(request, return_state=True)
        _let_the_server_write(state.state_details.flow_run_id)
        summary: RunSummary = state.result()
        return summary


def _let_the_server_write(flow_run_id: Any) -> None:
    """Send the events that are still here, and wait until the server has written the task runs they tell of."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
    from prefect.events.worker import EventsWorker

    with suppress(Exception):  # the run itself is done and in the store; its record on the dashboard is a courtesy
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
