"""What typer says in English about a wrong command line and in its help, in Chinese. The commands are in the neighbours.

typer gives no structure for some of its complaints, only a sentence; a sentence that is not known here is passed on as
it is, after a Chinese beginning. With ``--lang en`` typer's own words stand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from jixiao.cli.printing import language, say
from jixiao.errors import UsageError

# The base of all complaints about a command line. Its module is private in typer, and another one in older versions.
Complaint: Any = typer.BadParameter.__mro__[2]
PROGRAM = "jixiao"
_NO_COMMAND = re.compile(r"No such command '(?P<name>.*?)'\.", re.DOTALL)
_TOO_MANY = re.compile(r"Got unexpected extra arguments?(?:\(s\))? \((?P<what>.*)\)", re.DOTALL)
_HELP_OPTION = "显示本说明"
_YEAR_EXAMPLE = "2022"
_DAY_EXAMPLE = "2023-02-15"


class _ChineseHelp:
    """Mixed into typer's classes: the words around our own texts in ``--help``."""

    def format_usage(self, ctx: typer.Context, formatter: Any) -> None:
        pieces = self.collect_usage_pieces(ctx)  # type: ignore[attr-defined]
        formatter.write_usage(ctx.command_path, " ".join(pieces), prefix=say("用法：", "Usage: "))

    def get_help_option(self, ctx: typer.Context) -> Any:
        option = super().get_help_option(ctx)  # type: ignore[misc]
        if option is not None and language() == "zh":
            option.help = _HELP_OPTION
        return option

    def format_help(self, ctx: typer.Context, formatter: Any) -> None:
        if language() == "zh":
            _translate_headings()
        super().format_help(ctx, formatter)  # type: ignore[misc]


class Command(_ChineseHelp, TyperCommand):  # type: ignore[misc]
    """A command whose help is Chinese."""


class Group(_ChineseHelp, TyperGroup):  # type: ignore[misc]
    """The program, whose help is Chinese."""


def _translate_headings() -> None:
    from typer import rich_utils

    rich_utils.ARGUMENTS_PANEL_TITLE = "参数"
    rich_utils.OPTIONS_PANEL_TITLE = "选项"
    rich_utils.COMMANDS_PANEL_TITLE = "命令"
    rich_utils.REQUIRED_LONG_STRING = "[必填]"
    rich_utils.DEFAULT_STRING = "[默认 {}]"


def in_chinese(error: Any, arguments: Sequence[str]) -> UsageError:
    """A complaint of typer about ``arguments``, in the words of the product, with the help that answers it."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else PROGRAM
    if context is None and arguments and not arguments[0].startswith("-"):
        path = f"{PROGRAM} {arguments[0]}"
    message = say(_message(error, context), error.format_message())
    return UsageError(message, say(f"写法见 {path} --help", f"See {path} --help"))


def _message(error: Any, context: Any) -> str:
    kind = type(error).__name__
    param = getattr(error, "param", None)
    if kind == "MissingParameter" and param is not None:
        about = f"（{param.help}）" if getattr(param, "help", None) else ""
        return f"缺少{_name(param)}{about}"
    if kind == "BadParameter" and param is not None:
        return _bad_value(error, param)
    if kind == "NoSuchOption":
        near = "、".join(sorted(error.possibilities or ()))
        return f"没有 {error.option_name} 这个选项" + (f"，是不是 {near}？" if near else "")
    if kind == "BadOptionUsage":
        wrong = "后面不带值" if "does not take" in error.message else "后面缺少值"
        return f"选项 {error.option_name} {wrong}"
    return _from_sentence(error, context)


def _from_sentence(error: Any, context: Any) -> str:
    if found := _NO_COMMAND.search(error.message):
        names = list(getattr(getattr(context, "command", None), "commands", ()))
        near = "、".join(get_close_matches(found["name"], names))
        return f"没有 {found['name']} 这个命令" + (f"，是不是 {near}？" if near else "")
    if found := _TOO_MANY.search(error.message):
        return f"多写了参数：{found['what']}"
    return f"命令写法不对：{error.format_message()}"


def _name(param: Any) -> str:
    """``参数 YEAR`` or ``选项 --inbox``."""
    if param.param_type_name == "argument":
        return f"参数 {param.metavar or str(param.name).upper()}"
    return f"选项 {max(param.opts, key=len)}"


def _bad_value(error: Any, param: Any) -> str:
    annotation = getattr(getattr(param, "type_descriptor", None), "annotation", None)
    low, high = getattr(param, "min", None), getattr(param, "max", None)
    if annotation is datetime:
        wanted = f"年-月-日，例如 {_DAY_EXAMPLE}"
    elif low is not None and high is not None:
        wanted = f"{low}–{high} 之间的整数，例如 {_YEAR_EXAMPLE}"
    elif annotation is int or "int" in str(annotation):
        wanted = f"整数，例如 {_YEAR_EXAMPLE}"
    else:
        return f"{_name(param)} 的值不能用：{error.message}"
    given = _given(error)
    return f"{_name(param)} 的值{f'「{given}」' if given else ''}不能用，要写成{wanted}"


def _given(error: Any) -> str:
    """What was written, where the check that refused it tells."""
    cause = error.__cause__
    found = cause.errors() if cause is not None and hasattr(cause, "errors") else ()
    return str(found[0].get("input", "")) if found else ""
