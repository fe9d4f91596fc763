"""An own Prefect server for one run: started before any heavy import, stopped after the events are through.

The server's process is server_process.py. Its home lies under ``var`` of the installation, so that the user's own
``~/.prefect`` is neither read nor written; the database there stays, so that earlier runs remain visible. A new home
begins with the migrated template of ``deployments/prefect-server`` (migrating takes 10 s). This module must not import
the orchestrator: the server boots while the parent imports it.
"""

from __future__ import annotations

import errno
import gzip
import http.client
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from jixiao.errors import JixiaoError

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = ROOT / "deployments" / "prefect-server"
LOOPBACK = "127.0.0.1"
START_SECONDS = 120.0
_STOP_SECONDS = 6.0
_HOMES = 64

# Settings of every process of ours that talks to a server: nobody is told of the run, the console stays calm.
QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
    "GX_ANALYTICS_ENABLED": "false",
}
# Settings of the embedded server alone: it lives for one run, nothing is scheduled, late, paused or vacuumed in it.
_SERVER = {
    "PREFECT_UI_ENABLED": "false",
    "PREFECT_SERVER_UI_ENABLED": "false",
    "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
    "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
    "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_CANCELLATION_CLEANUP_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_FOREMAN_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_REPOSSESSOR_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_CLEANUP_RECONCILER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_EVENT_LOGGER_ENABLED": "false",
    # Larger batches keep SQLite from locking; a short flush lets the last task run arrive before the stop.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "0.2",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "0.5",
}


class ServerNotStarted(JixiaoError):
    """The embedded server did not come up, or went down; its log is named."""


@dataclass(frozen=True)
class Manifest:
    """Of what the template was made: the version of the orchestrator and its database's revision."""

    prefect: str
    revision: str

    @classmethod
    def read(cls, folder: Path = TEMPLATE) -> Manifest | None:
        """Return what is written beside the template; None where that is missing or unreadable."""
        try:
            told = json.loads((folder / "template.json").read_text(encoding="utf-8"))
            return cls(prefect=str(told["prefect"]), revision=str(told["revision"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None


def revision_of(database: Path) -> str:
    """Return the revision of a server's database, empty where it has none or is no database."""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error:
        return ""
    return str(row[0]) if row else ""


def _pages(port: int) -> dict[str, str]:
    """Settings of a server that shows the dashboard's pages."""
    return {
        "PREFECT_UI_ENABLED": "true",
        "PREFECT_SERVER_UI_ENABLED": "true",
        "PREFECT_SERVER_UI_API_URL": f"http://{LOOPBACK}:{port}/api",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    }


def _is_known(revision: str) -> bool:
    """Whether the installed orchestrator has a migration of that name: it can bring such a database up to date."""
    found = find_spec("prefect")
    if not revision or found is None or found.origin is None:
        return False
    versions = Path(found.origin).parent / "server" / "database" / "_migrations" / "versions" / "sqlite"
    return any(versions.glob(f"*_{revision}_*.py"))


def prepare_database(home: Path, *, template: Path = TEMPLATE) -> bool:
    """Lay the database of ``home`` ready; return whether the server need not migrate it.

    A database of an earlier run is kept. One that the installed version does not know is moved aside, never deleted.
    """
    manifest = Manifest.read(template)
    try:
        current = manifest is not None and version("prefect") == manifest.prefect
    except PackageNotFoundError:
        current = False
    database = home / "prefect.db"
    if database.exists():
        revision = revision_of(database)
        if current and manifest is not None and revision == manifest.revision:
            return True
        if _is_known(revision):
            return False
        aside = home / f"prefect-{datetime.now().astimezone():%Y%m%d-%H%M%S}-{revision or 'unknown'}.db"
        for suffix in ("", "-wal", "-shm"):
            if (part := home / f"prefect.db{suffix}").exists():
                part.rename(aside.with_name(aside.name + suffix))
    packed = template / "template.sqlite.gz"
    if not current or not packed.is_file():
        return False
    fresh = database.with_suffix(".new")
    with gzip.open(packed) as source, fresh.open("wb") as target:
        shutil.copyfileobj(source, target)
    fresh.replace(database)
    return True


def _claim_home(var: Path) -> tuple[Path, IO[bytes]]:
    """Return the first home under ``var`` that no running server holds, locked. The lock ends with its holders."""
    import fcntl

    for number in range(1, _HOMES + 1):
        home = var / ("prefect" if number == 1 else f"prefect-{number}")
        try:
            home.mkdir(parents=True, exist_ok=True)
            lock = (home / "lock").open("ab")
        except OSError as error:
            raise ServerNotStarted(
                f"不能写入流程服务的文件夹 {home}：{error.strerror}", "请检查该文件夹的权限和磁盘空间"
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        return home, lock
    raise ServerNotStarted(f"{var} 下已有 {_HOMES} 个流程在运行", "请等其中一个结束后再试")


def own_environment(environment: Mapping[str, str], *, home: Path, url: str) -> dict[str, str]:
    """The environment for the embedded server and its client: of the user's orchestrator settings nothing remains.

    Loopback goes past any proxy; all else of ``environment`` is kept.
    """
    kept = {name: value for name, value in environment.items() if not name.startswith("PREFECT_")}
    for name in ("NO_PROXY", "no_proxy"):
        kept[name] = ",".join(filter(None, (kept.get(name, ""), LOOPBACK, "localhost")))
    return (
        kept
        | QUIET
        | {
            "PREFECT_HOME": str(home),
            "PREFECT_PROFILES_PATH": str(home / "profiles.toml"),
            "PREFECT_API_URL": url,
            # A busy server may ask to come again; a dead one would cost a minute a call with the default of 5.
            "PREFECT_CLIENT_MAX_RETRIES": "3",
            "PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(home / "storage"),
        }
    )


class EmbeddedServer:
    """A running server process. Use ``EmbeddedServer.start`` and, in any case, ``stop``."""

    def __init__(self, *, process: subprocess.Popen[bytes], home: Path, port: int, lock: IO[bytes]) -> None:
        self._process = process
        self._port = port
        self._lock = lock
        self.home = home

    @classmethod
    def start(cls, var: str | Path, *, dashboard_port: int | None = None) -> EmbeddedServer:
        """Start a server whose home lies under ``var`` and return at once; ``wait_ready`` waits for it.

        The socket listens already: a client that is early waits in its queue. With ``dashboard_port`` it serves the
        pages of the dashboard too, on that port (0: a free one).

        Raises:
            ServerNotStarted: the folder cannot be written, or the port is taken.

        """
        home, lock = _claim_home(Path(var).resolve())
        try:
            migrated = prepare_database(home)
            with closing(socket.create_server((LOOPBACK, dashboard_port or 0), backlog=128)) as listener:
                port = int(listener.getsockname()[1])
                pages = {} if dashboard_port is None else _pages(port)
                process = cls._spawn(home=home, listener=listener, lock=lock, migrated=migrated, pages=pages)
        except OSError as error:
            lock.close()
            if error.errno in {errno.EADDRINUSE, errno.EACCES} and dashboard_port:
                raise ServerNotStarted(
                    f"端口 {dashboard_port} 已被占用或不许使用", "请换一个端口，例如 --port 0（任一空闲端口）"
                ) from error
            raise ServerNotStarted(
                f"内嵌的流程服务没有启动：{error}", f"请检查文件夹 {home} 的权限和磁盘空间"
            ) from error
        return cls(process=process, home=home, port=port, lock=lock)

    @staticmethod
    def _spawn(
        *, home: Path, listener: socket.socket, lock: IO[bytes], migrated: bool, pages: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        port = listener.getsockname()[1]
        environment = own_environment(os.environ, home=home, url=f"http://{LOOPBACK}:{port}/api") | _SERVER | pages
        environment["PREFECT_API_DATABASE_CONNECTION_URL"] = f"sqlite+aiosqlite:///{home / 'prefect.db'}"
        environment["PREFECT_API_DATABASE_MIGRATE_ON_START"] = "false" if migrated else "true"
        # The working folder is the home: a prefect.toml or .env of the user's folder is not read.
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
        environment.pop("PREFECT_API_URL")
        with (home / "server.log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", "flows.server_process", str(listener.fileno())],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=home,
                env=environment,
                pass_fds=(listener.fileno(), lock.fileno()),
                start_new_session=True,  # Ctrl-C is the parent's to hear: it drains the events, then stops the server
            )

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._port}/api"

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def wait_ready(self, seconds: float = START_SECONDS) -> None:
        """Wait until the server answers.

        Raises:
            ServerNotStarted: it ended, or does not answer within ``seconds``.

        """
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._process.poll() is not None:
                raise ServerNotStarted(
                    f"内嵌的流程服务启动后又退出（代码 {self._process.returncode}）",
                    f"原因见日志 {self.home / 'server.log'}；可运行 jixiao doctor 检查安装",
                )
            with (
                suppress(OSError, http.client.HTTPException),
                closing(http.client.HTTPConnection(LOOPBACK, self._port, timeout=left)) as connection,
            ):
                connection.request("GET", "/api/health")
                if connection.getresponse().status == http.client.OK:
                    return
            time.sleep(0.05)
        raise ServerNotStarted(
            f"内嵌的流程服务在 {seconds:.0f} 秒内没有就绪",
            f"原因见日志 {self.home / 'server.log'}；机器很忙时请稍后再试",
        )

    def stop(self) -> None:
        """End the server and wait for its end. Safe to call twice."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdin:
            with suppress(OSError):
                self._process.stdin.close()
        self._lock.close()


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Put ``values`` in place of the process's environment, and back as it was afterwards."""
    before = dict(os.environ)
    try:
        os.environ.clear()
        os.environ.update(values)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
