"""The embedded server's own process: ``python -m flows.server_process FD`` serves Prefect on the inherited socket FD.

``embedded_server.py`` starts it. It ends when its parent does, also after ``kill -9``: the parent holds the other end
of its standard input, and the end of that pipe is the end of the server.
"""

from __future__ import annotations

import os
import select
import socket
import sys
import threading

# How often the parent is looked for besides the pipe, which a process forked from the parent may hold open after it.
_LOOK_SECONDS = 1.0


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        readable, _, _ = select.select([sys.stdin], [], [], _LOOK_SECONDS)
        if readable and not os.read(sys.stdin.fileno(), 1):
            break
    os._exit(0)


def main(descriptor: int) -> None:
    """Serve until the parent ends this process or itself."""
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    listener = socket.socket(fileno=descriptor)
    import uvicorn
    from prefect.server.api.server import create_app

    config = uvicorn.Config(
        create_app(final=True),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
        timeout_keep_alive=10,
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(int(sys.argv[1]))
