"""The only composition root: settings and command options become the addresses and requests that cycle.py works with."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from jixiao.application import AnnualRequest
from jixiao.settings import Settings, load_settings


def settings() -> Settings:
    """The settings of the working folder and the environment."""
    return load_settings()


def store_url(db: str) -> str:
    """The store to use: the option ``--db``, else the settings'."""
    return db or settings().store_url


def log_to_file(var: str) -> None:
    """Unexpected failures, with their traces, go to ``var``/jixiao.log; the terminal shows messages for people."""
    import logging

    folder = Path(var)
    folder.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(folder / "jixiao.log", encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logger = logging.getLogger("jixiao")
    logger.handlers = [handler]
    logger.propagate = False


def annual_request(
    year: int,
    *,
    inbox: Path,
    out: Path,
    db: str = "",
    units: tuple[str, ...] = (),
    as_of: date | None = None,
    title: str = "",
) -> AnnualRequest:
    """The request of one annual run; ``as_of`` None is today."""
    held = settings()
    return AnnualRequest(
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
    )
