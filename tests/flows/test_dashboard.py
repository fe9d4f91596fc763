"""The dashboard as a user starts it: a process of its own that serves pages, ends by Ctrl-C, and says why it does not start."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from flows.embedded_server import LOOPBACK, ROOT
from tests.flows.test_embedded_server import gone_within

pytestmark = pytest.mark.prefect


def dashboard(var: Path, port: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return subprocess.Popen(
        [sys.executable, "-m", "flows.dashboard", "--var", str(var), "--port", port],
        env=kept | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")]), "PYTHONIOENCODING": "utf-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def get(address: str) -> tuple[int, str]:
    with urllib.request.urlopen(address, timeout=90) as answer:
        return answer.status, answer.read().decode()


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_it_serves_pages_and_health_on_a_free_port_and_ends_by_ctrl_c(tmp_path: Path) -> None:
    process = dashboard(tmp_path, "0")
    try:
        assert process.stdout is not None
        told = process.stdout.readline()
        (address,) = re.findall(r"http://127\.0\.0\.1:\d+", told)
        assert "流程看板" in told
        status, page = get(f"{address}/")
        assert (status, "<html" in page.lower()) == (200, True)
        assert get(f"{address}/api/health") == (200, "true")
        status, settings = get(f"{address}/ui-settings")
        assert json.loads(settings)["api_url"] == f"{address}/api"
        servers = children(process.pid) if Path("/proc/self").exists() else []
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=90)
        assert (process.returncode, complaint) == (0, "")
        assert all(gone_within(server, 5.0) for server in servers)
    finally:
        process.kill()
        process.wait()


def test_a_taken_port_is_told_in_chinese(tmp_path: Path) -> None:
    with closing(socket.create_server((LOOPBACK, 0))) as taken:
        port = taken.getsockname()[1]
        process = dashboard(tmp_path, str(port))
        out, complaint = process.communicate(timeout=30)
    assert process.returncode == 1
    assert f"端口 {port} 已被占用" in complaint
    assert "--port 0" in complaint
    assert "Errno" not in complaint
    assert "Traceback" not in out + complaint


@pytest.mark.parametrize("port", ["70000", "-1", "八千"])
def test_what_is_no_port_is_told_in_chinese(tmp_path: Path, port: str) -> None:
    process = dashboard(tmp_path, port)
    out, complaint = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "Traceback" not in out + complaint
    assert port == "-1" or "不是端口" in complaint
