"""The dashboard over the runs of this folder: ``python -m flows.dashboard [--var VAR] [--port PORT]``, Ctrl-C ends it.

It serves the database in which ``jixiao demo`` and ``jixiao annual`` record their flow runs (embedded_server.py), with
names, states, artifacts and logs in Chinese. Loopback only. It starts no schedule and no worker.
"""

from __future__ import annotations

import argparse
import sys
import time

from flows.embedded_server import EmbeddedServer, ServerNotStarted
from jixiao.errors import JixiaoError

_PORT = 4200
_LAST_PORT = 65535
_LOOK_SECONDS = 0.5


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m flows.dashboard", description="查看本文件夹的流程运行")
    parser.add_argument("--var", default="var", help="运行数据所在的文件夹（默认 var）")
    parser.add_argument("--port", type=_port, default=_PORT, help="端口（默认 4200；0 为任一空闲端口）")
    told = parser.parse_args(arguments)
    try:
        server = EmbeddedServer.start(told.var, dashboard_port=told.port)
    except JixiaoError as error:
        return _refused(error)
    try:
        server.wait_ready()
        address = server.url.removesuffix("/api")
        sys.stdout.write(f"流程看板：{address}（Ctrl-C 停止）\n")
        sys.stdout.write(f"让新的运行也显示在这里：PREFECT_API_URL={server.url} jixiao annual …\n")
        sys.stdout.flush()
        while not server.ended:
            time.sleep(_LOOK_SECONDS)
    except KeyboardInterrupt:
        return 0
    except JixiaoError as error:
        return _refused(error)
    finally:
        server.stop()
    return _refused(ServerNotStarted("流程服务自己退出了", f"原因见日志 {server.home / 'server.log'}"))


def _refused(error: JixiaoError) -> int:
    sys.stderr.write(f"错误：{error.message}\n怎么办：{error.fix}\n")
    return int(error.exit_code)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} 不是端口，写 0 到 {_LAST_PORT} 的整数")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
