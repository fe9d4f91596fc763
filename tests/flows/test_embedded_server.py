"""The embedded server: from a migrated template, in a home of its own, gone with its parent."""

from __future__ import annotations

import gzip
import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import pytest

from flows.application import application
from flows.embedded_server import (
    ROOT,
    TEMPLATE,
    EmbeddedServer,
    Manifest,
    ServerNotStarted,
    own_environment,
    prepare_database,
    revision_of,
)
from jixiao.application import EvaluationRequest

pytestmark = pytest.mark.prefect


def python(script: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start our own interpreter as a fresh process would be, with an empty home of the user."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "GX_"))}
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        env=kept | {"PYTHONPATH": paths} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def is_alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        try:
            os.kill(pid, 0)
        except OSError:
            return False
        return not Path("/proc/self").exists()
    return stat.rpartition(")")[2].split()[0] != "Z"


def gone_within(pid: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not is_alive(pid):
            return True
        time.sleep(0.05)
    return False


def database_of(path: Path, revision: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.execute("INSERT INTO alembic_version VALUES (?)", (revision,))
        connection.commit()


def test_the_template_is_of_the_installed_version_and_its_newest_revision(tmp_path: Path) -> None:
    prefect_versions = pytest.importorskip("prefect.server.database.alembic_commands")
    from alembic.script import ScriptDirectory

    manifest = Manifest.read()
    assert manifest is not None
    assert manifest.prefect == version("prefect")
    directory = Path(prefect_versions.__file__).parent / "_migrations"
    newest = ScriptDirectory(str(directory), version_locations=[str(directory / "versions" / "sqlite")])
    assert [manifest.revision] == newest.get_heads()
    unpacked = tmp_path / "template.db"
    unpacked.write_bytes(gzip.decompress((TEMPLATE / "template.sqlite.gz").read_bytes()))
    assert revision_of(unpacked) == manifest.revision


def test_a_new_home_begins_with_the_template_and_an_old_one_is_kept(tmp_path: Path) -> None:
    assert prepare_database(tmp_path) is True
    with closing(sqlite3.connect(tmp_path / "prefect.db")) as connection:
        connection.execute("CREATE TABLE history (told TEXT)")
    assert prepare_database(tmp_path) is True
    with closing(sqlite3.connect(tmp_path / "prefect.db")) as connection:
        assert connection.execute("SELECT count(*) FROM history").fetchone() == (0,)


def test_a_template_of_another_version_is_not_used_but_migrated_by_the_server(tmp_path: Path) -> None:
    template = tmp_path / "template"
    template.mkdir()
    (template / "template.json").write_text(json.dumps({"prefect": "0.0.1", "revision": "x"}))
    (template / "template.sqlite.gz").write_bytes(b"")
    assert prepare_database(tmp_path, template=template) is False
    assert not (tmp_path / "prefect.db").exists()


def test_an_older_database_is_left_for_the_server_to_migrate(tmp_path: Path) -> None:
    older = "f65b6ad0b869"  # 2022: the orchestrator still ships this migration
    database_of(tmp_path / "prefect.db", older)
    assert prepare_database(tmp_path) is False
    assert revision_of(tmp_path / "prefect.db") == older


@pytest.mark.parametrize("foreign", ["ffffffffffff", ""])
def test_a_database_that_the_installed_version_does_not_know_is_moved_aside(tmp_path: Path, foreign: str) -> None:
    if foreign:
        database_of(tmp_path / "prefect.db", foreign)
    else:
        (tmp_path / "prefect.db").write_bytes(b"no database")
    before = (tmp_path / "prefect.db").read_bytes()
    assert prepare_database(tmp_path) is True
    (aside,) = tmp_path.glob("prefect-*.db")
    assert aside.read_bytes() == before
    manifest = Manifest.read()
    assert manifest is not None
    assert revision_of(tmp_path / "prefect.db") == manifest.revision


def test_of_the_users_own_settings_nothing_reaches_the_server() -> None:
    users = {
        "PREFECT_API_KEY": "k",
        "PREFECT_PROFILE": "cloud",
        "PREFECT_API_DATABASE_CONNECTION_URL": "postgresql://x",
        "HTTP_PROXY": "http://proxy",
        "NO_PROXY": "intranet",
        "LANG": "zh_CN.UTF-8",
    }
    made = own_environment(users, home=Path("/h"), url="http://127.0.0.1:1/api")
    assert not {"PREFECT_API_KEY", "PREFECT_PROFILE", "PREFECT_API_DATABASE_CONNECTION_URL"} & made.keys()
    assert (made["LANG"], made["NO_PROXY"]) == ("zh_CN.UTF-8", "intranet,127.0.0.1,localhost")
    assert (made["DO_NOT_TRACK"], made["GX_ANALYTICS_ENABLED"]) == ("1", "false")


def test_two_runs_at_once_have_a_home_each_and_stopping_twice_is_no_fault(tmp_path: Path) -> None:
    first = EmbeddedServer.start(tmp_path)
    second = EmbeddedServer.start(tmp_path)
    try:
        assert (first.home.name, second.home.name) == ("prefect", "prefect-2")
    finally:
        for server in (first, second, first):
            server.stop()
    assert not is_alive(first.pid)
    assert not is_alive(second.pid)


def test_a_folder_that_cannot_be_written_is_told_in_the_users_words(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file, no folder")
    with pytest.raises(ServerNotStarted, match="不能写入") as told:
        EmbeddedServer.start(tmp_path / "var")
    assert "权限" in told.value.fix


def test_a_server_that_ends_before_it_answers_is_told_with_its_log(tmp_path: Path) -> None:
    server = EmbeddedServer.start(tmp_path)
    os.kill(server.pid, signal.SIGKILL)
    try:
        with pytest.raises(ServerNotStarted, match="退出") as told:
            server.wait_ready()
        assert "server.log" in told.value.fix
    finally:
        server.stop()


@pytest.mark.parametrize("when", ["while it boots", "when it serves"])
def test_a_killed_parent_leaves_no_server(tmp_path: Path, when: str) -> None:
    parent = python(
        """
        import sys, time
        from flows.embedded_server import EmbeddedServer
        server = EmbeddedServer.start(sys.argv[1])
        if sys.argv[2] == "when it serves":
            server.wait_ready()
        print(server.pid, flush=True)
        time.sleep(60)
        """,
        str(tmp_path),
        when,
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert is_alive(pid)
    parent.kill()
    parent.wait()
    assert gone_within(pid, 5.0)


RUN = """
    import sys, time
    begun = time.perf_counter()
    from flows.application import application
    assert not {"prefect", "pandas", "great_expectations", "sqlalchemy"} & set(sys.modules), "heavy at import"
    import jixiao.cycle
    from datetime import date
    from jixiao.application import EvaluationRequest
    from tests.flows.conftest import USE_CASES, FakeCycle
    fake = FakeCycle()
    for name in USE_CASES:
        setattr(jixiao.cycle, name, getattr(fake, name))
    if "server dies" in sys.argv:
        import flows.application, os, signal
        start = flows.application.EmbeddedServer.start
        def started(var):
            global server
            server = start(var)
            return server
        flows.application.EmbeddedServer.start = started
        own = flows.application.own_environment
        hasty = {"PREFECT_CLIENT_MAX_RETRIES": "0"}  # a dead server is waited for in the product, not in a test
        flows.application.own_environment = lambda *told, **stated: own(*told, **stated) | hasty
        def evaluate(request, run_id, units):
            os.kill(server.pid, signal.SIGKILL)
            return fake.evaluate_units(request, run_id, units)
        jixiao.cycle.evaluate_units = evaluate
    if "interrupt" in sys.argv:
        def interrupted(request):
            raise KeyboardInterrupt
        jixiao.cycle.import_inbox = interrupted
    request = EvaluationRequest(year=2022, inbox="in", out=sys.argv[1] + "/out", database_url="sqlite://",
        as_of=date(2023, 3, 31), var=sys.argv[1] + "/var")
    from jixiao.errors import JixiaoError
    try:
        summary = application.run(request, progress=lambda line: print(line, flush=True))
    except JixiaoError as error:
        print(error.message, error.fix, flush=True)
        sys.exit(int(error.exit_code))
    print(len(summary.units), round(time.perf_counter() - begun, 1), flush=True)
"""


def rows(database: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


def test_a_whole_run_is_recorded_under_var_and_nowhere_else(tmp_path: Path) -> None:
    users_home = tmp_path / "home"
    users_home.mkdir()
    for times in (1, 2):
        process = python(RUN, str(tmp_path), HOME=str(users_home))
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert err == ""
        assert out.splitlines()[-1].split()[0] == "3"
        database = tmp_path / "var" / "prefect" / "prefect.db"
        names = rows(database, "SELECT name, state_type FROM flow_run")
        assert names == [("2022 年度绩效自评", "COMPLETED")] * times
        assert rows(database, "SELECT count(*) FROM task_run WHERE state_type = 'COMPLETED'") == [(6 * times,)]
    assert list(users_home.iterdir()) == []
    log = tmp_path / "var" / "jixiao.log"
    assert not log.exists(), log.read_text(encoding="utf-8")
    assert list((tmp_path / "var").iterdir()) == [tmp_path / "var" / "prefect"]


def test_an_interrupted_run_stops_its_server(tmp_path: Path) -> None:
    process = python(RUN, str(tmp_path), "interrupt", HOME=str(tmp_path))
    process.communicate(timeout=120)
    assert process.returncode != 0
    server = EmbeddedServer.start(tmp_path / "var")
    server.stop()
    assert server.home.name == "prefect", "the first home is free again: its server is gone"


def test_a_server_that_dies_in_a_run_takes_neither_the_run_nor_the_terminal_with_it(tmp_path: Path) -> None:
    process = python(RUN, str(tmp_path), "server dies", HOME=str(tmp_path))
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, ""), out + err
    assert out.splitlines()[-1].split()[0] == "3"
    assert "Traceback" in (tmp_path / "var" / "jixiao.log").read_text(encoding="utf-8")


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/api", "nonsense"])
def test_a_server_of_the_users_own_that_does_not_answer_is_told_in_the_users_words(
    address: str, request_2022: EvaluationRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", address)
    with pytest.raises(ServerNotStarted, match="连不上") as told:
        application.run(request_2022, progress=print)
    assert address in told.value.message
    assert "PREFECT_API_URL" in told.value.fix
