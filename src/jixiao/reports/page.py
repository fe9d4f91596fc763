"""The report as one self-contained HTML page: findings first, no network, no script. What it says: model.py (Report)."""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jixiao.errors import UsageError
from jixiao.reports.model import Report
from jixiao.reports.plain_text import inert_text

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATE = "report/whole_department.html.j2"


def page_report(report: Report, *, template: Path) -> bytes:
    """Return the report as UTF-8 HTML.

    Raises:
        UsageError: the template cannot be read, or names what no report has.

    """
    from jinja2 import TemplateError

    context = {field.name: getattr(report, field.name) for field in fields(report)}
    try:
        return _compiled(template, template.stat().st_mtime_ns).render(context).encode("utf-8")
    except (OSError, TemplateError) as error:
        raise UsageError(f"网页模板《{template.name}》不能使用：{error}", "请从安装包恢复模板") from error


@lru_cache(maxsize=16)
def _compiled(template: Path, _changed_ns: int) -> Template:
    from jinja2 import Environment, StrictUndefined

    # Unlike the Word template this one is part of the program: no sandbox, which would double the time of a page.
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, finalize=_page_text, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(template.read_text(encoding="utf-8"))


def _page_text(value: Any) -> Any:
    return inert_text(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
