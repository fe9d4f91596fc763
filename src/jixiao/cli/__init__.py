"""The command line. Commands stand in files by occasion; heavy imports happen inside them, so --help answers at once."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Annotated

import typer

from jixiao import __version__
from jixiao.cli import answering, checking, looking, receiving, running, tending
from jixiao.cli.printing import complain, echo, say, set_language
from jixiao.cli.usage import PROGRAM, Command, Complaint, Group, in_chinese
from jixiao.errors import ExitCode, JixiaoError, UsageError, reason_of

# What a shell calls a command that Ctrl-C ended; typer turns the key into this code.
_INTERRUPTED = 130

app = typer.Typer(
    name=PROGRAM,
    cls=Group,
    help="预算绩效自评：核对、重算、解释、出报告、催办。先试：jixiao demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    options_metavar="[选项]",
    subcommand_metavar="命令 [参数]…",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
for _module in (running, checking, receiving, answering, looking, tending):
    _module.register(app)
for _command in app.registered_commands:
    _command.cls = Command
    _command.options_metavar = "[选项]"


def _version(*, value: bool) -> None:
    if value:
        echo(f"{PROGRAM} {__version__}")
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


def _speak(language: str) -> None:
    if language not in {"zh", "en"}:
        raise UsageError(f"没有「{language}」这种语言", "写 --lang zh 或 --lang en")
    set_language(language)


def _take_language(arguments: list[str]) -> list[str]:
    """``--lang en`` may stand anywhere on the line, before or after the command."""
    kept, rest = [], iter(arguments)
    for argument in rest:
        if argument == "--":
            kept += [argument, *rest]
        elif argument == "--lang":
            _speak(next(rest, ""))
        elif argument.startswith("--lang="):
            _speak(argument.removeprefix("--lang="))
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


def _run(arguments: list[str]) -> int:
    """Run one command and return its exit code.

    Raises:
        JixiaoError: the user's mistake, in Chinese, also where typer found it.
    """
    try:
        code = app(args=arguments, prog_name=PROGRAM, standalone_mode=False)
    except Complaint as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # typer has printed the help
            return int(ExitCode.USAGE)
        raise in_chinese(error, arguments) from error
    sys.stdout.flush()
    return code or int(ExitCode.DONE)


def _unforeseen(error: Exception) -> None:
    """Say that the program itself failed, and keep the trace where those who mend it look."""
    import logging

    from jixiao.bootstrap import log_to_file, settings

    kept = ""
    with suppress(JixiaoError, OSError):
        kept = str(log_to_file(settings().var))
        logging.getLogger(PROGRAM).error("命令行意外失败", exc_info=error)
    where = say(f"详情在 {kept}", f"see {kept}") if kept else str(error)
    complain(
        say(f"程序出错（{type(error).__name__}），{where}", f"The program failed ({type(error).__name__}), {where}"),
        say("把这个文件和所用的命令交给维护人员", "Give this file and the command to the maintainers"),
    )


def main() -> None:
    """Run the command line. A user's mistake ends with a message and its exit code, never a traceback."""
    set_language(os.environ.get("JIXIAO_LANG", "zh"))
    _end_with_parent()
    try:
        code = _run(_take_language(sys.argv[1:]))
        if code == _INTERRUPTED:
            _say_interrupted()
    except JixiaoError as error:
        complain(error.message, error.fix)
        code = int(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        _say_interrupted()
        code = _INTERRUPTED
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = int(ExitCode.DONE)
    except OSError as error:
        complain(
            f"读写 {error.filename or '文件'} 失败：{reason_of(error)}", "检查路径是否写对、有没有权限、磁盘是否已满"
        )
        code = int(ExitCode.FAILURE)
    except Exception as error:  # noqa: BLE001 - the last resort: a message for people, the trace in the log
        _unforeseen(error)
        code = int(ExitCode.FAILURE)
    sys.exit(code)


def _say_interrupted() -> None:
    complain(
        say("已中断", "Interrupted"),
        say("可以重新运行；已经入库的数据不会重复", "Run it again; what is stored is not stored twice"),
    )
