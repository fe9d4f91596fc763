"""The command line. Commands stand in files by occasion; heavy imports happen inside them, so --help answers at once."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from jixiao import __version__
from jixiao.cli import checking, looking, running, tending
from jixiao.cli.printing import complain, set_language
from jixiao.errors import ExitCode, JixiaoError

app = typer.Typer(
    name="jixiao",
    help="预算绩效自评：核对、重算、解释、出报告、催办。先试：jixiao demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
for _module in (running, checking, looking, tending):
    _module.register(app)


def _version(*, value: bool) -> None:
    if value:
        typer.echo(f"jixiao {__version__}")
        raise typer.Exit


@app.callback()
def _global(
    lang: Annotated[str, typer.Option("--lang", help="zh 或 en；也可用环境变量 JIXIAO_LANG")] = "",
    version: Annotated[
        bool, typer.Option("--version", callback=lambda value: _version(value=value), is_eager=True, help="版本")
    ] = False,
) -> None:
    del version
    if lang:
        set_language(lang)


def _take_language(arguments: list[str]) -> list[str]:
    """``--lang en`` may stand anywhere on the line, before or after the command."""
    kept, rest = [], iter(arguments)
    for argument in rest:
        if argument == "--":
            kept += [argument, *rest]
        elif argument == "--lang":
            set_language(next(rest, ""))
        elif argument.startswith("--lang="):
            set_language(argument.removeprefix("--lang="))
        else:
            kept.append(argument)
    return kept


def _end_with_parent() -> None:
    """Where JIXIAO_END_WITH_PARENT is set (make demo), end when the parent does, also after ``kill -9`` (Linux)."""
    if not os.environ.get("JIXIAO_END_WITH_PARENT") or sys.platform != "linux":
        return
    import ctypes
    import signal

    parent_death_signal = 1  # PR_SET_PDEATHSIG of <sys/prctl.h>
    ctypes.CDLL(None).prctl(parent_death_signal, int(signal.SIGTERM))


def main() -> None:
    """Run the command line. A user's mistake ends with a message and its exit code, never a traceback."""
    set_language(os.environ.get("JIXIAO_LANG", "zh"))
    _end_with_parent()
    try:
        app(args=_take_language(sys.argv[1:]))
    except JixiaoError as error:
        complain(error.message, error.fix)
        sys.exit(int(error.exit_code))
    except KeyboardInterrupt:
        complain("已中断", "可以重新运行；已经入库的数据不会重复")
        sys.exit(int(ExitCode.FAILURE))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(int(ExitCode.DONE))
