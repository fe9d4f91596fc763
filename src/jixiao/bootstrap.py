"""The only composition root: settings and command options become the addresses and requests that cycle.py works with."""

from __future__ import annotations

import errno
import os
from datetime import date
from pathlib import Path

from jixiao.application import EvaluationRequest
from jixiao.domain.periods import ANNUAL
from jixiao.errors import UsageError, reason_of
from jixiao.settings import Settings, load_settings


def settings() -> Settings:
    """The settings of the working folder and the environment."""
    return load_settings()


def store_url(db: str) -> str:
    """The store to use: the option ``--db``, else the settings'."""
    return db or settings().store_url


def log_to_file(var: str) -> Path:
    """Unexpected failures, with their traces, go to ``var``/jixiao.log, which is returned; the terminal gets messages.

    Raises:
        UsageError: ``var`` is not a folder and cannot be made one, or nothing can be written there.
    """
    import logging

    file = Path(var) / "jixiao.log"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(file if file.exists() else file.parent, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))
    except OSError as error:
        raise UsageError(
            f"工作文件夹 {var} 不能写：{reason_of(error)}", "检查权限，或在 jixiao.toml 的 [store] var 中改用别的文件夹"
        ) from error
    handler = logging.FileHandler(file, encoding="utf-8", delay=True)  # no file where nothing fails
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logger = logging.getLogger("jixiao")
    for earlier in logger.handlers:
        earlier.close()
    logger.handlers = [handler]
    logger.propagate = False
    return file


def evaluation_request(
    year: int,
    *,
    inbox: Path,
    out: Path,
    db: str = "",
    units: tuple[str, ...] = (),
    as_of: date | None = None,
    title: str = "",
    period: str = ANNUAL,
    answers: Path | None = None,
) -> EvaluationRequest:
    """The request of one run; ``as_of`` None is today."""
    held = settings()
    return EvaluationRequest(
        year=year,
        inbox=str(inbox),
        out=str(out),
        database_url=db or held.store_url,
        units=units,
        as_of=as_of or date.today(),  # noqa: DTZ011 - the office's calendar day
        batch_size=held.batch_size,
        var=held.var,
        region=held.region,
        title=title,
        period=period,
        answers=str(answers) if answers else "",
    )
