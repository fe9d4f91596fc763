"""A progress bar for what takes longer than two seconds; shorter work shows none. On stderr, on a terminal alone."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from jixiao.cli.printing import one_line

# People wait two seconds without asking whether it still works.
_QUIET_SECONDS = 2.0

Step = Callable[[int, int, str], None]
"""Called with what is done, of how many, and what is worked on now."""


@contextmanager
def shown_progress(text: str) -> Iterator[Step]:
    """Yield the function to report steps to; the bar appears by itself after two seconds and goes when the work ends."""
    if not sys.stderr.isatty():
        yield lambda _done, _of, _now: None
        return
    bar = _Bar(text)
    timer = threading.Timer(_QUIET_SECONDS, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield bar.step
    finally:
        timer.cancel()
        bar.stop()


class _Bar:
    """The bar once it is shown, and what it will show when it appears."""

    def __init__(self, text: str) -> None:
        self._lock = threading.Lock()
        self._text, self._state, self._ended = text, (0, 0, ""), False
        self._progress: object | None = None

    def start(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        with self._lock:
            if self._ended:
                return
            columns = (
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
            )
            progress = Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True)
            self._task = progress.add_task(self._text, total=None)
            self._progress = progress
            progress.start()
            self._show()

    def step(self, done: int, of: int, now: str) -> None:
        with self._lock:
            self._state = (done, of, now)
            self._show()

    def stop(self) -> None:
        from rich.progress import Progress

        with self._lock:
            self._ended = True
            if isinstance(self._progress, Progress):
                self._progress.stop()

    def _show(self) -> None:
        from rich.progress import Progress

        done, of, now = self._state
        if isinstance(self._progress, Progress):
            said = f"{self._text} {one_line(now)}".strip()
            self._progress.update(self._task, completed=done, total=of or None, description=said)
