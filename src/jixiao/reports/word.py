"""The official report as a Word file, from a template that a clerk can edit. What it says: model.py (Report).

docxtpl turns the clerk's tags into a Jinja template once; each report is then one rendering and one zip with fixed
times: a few milliseconds, and the same bytes for the same report.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from jixiao.errors import UsageError
from jixiao.reports.model import Report
from jixiao.reports.plain_text import inert_text

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATE = "report/whole_department.docx"
PROJECT_TEMPLATE = "report/project.docx"
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_OWNER_MAY_READ_AND_WRITE = 0o600 << 16
_PRINTED_PARTS = re.compile(r"word/(document|header\d*|footer\d*)\.xml")
_CONTENT_TYPES = "[Content_Types].xml"
_PACKAGE_RELATIONS = "_rels/.rels"
_CORE, _CUSTOM = "docProps/core.xml", "docProps/custom.xml"
_CUSTOM_TYPE = "application/vnd.openxmlformats-officedocument.custom-properties+xml"
_CUSTOM_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/custom-properties"
# Marks, in a template, a merged cell that runs over all rows of its table and not only over its group.
_WHOLE_TABLE_MARK = "{# 整表合并 #}"


@dataclass(frozen=True)
class WordTemplate:
    """A template made ready: compiled parts by name, all other parts as they are, in the order of the zip."""

    parts: tuple[tuple[str, bytes], ...]
    compiled: Mapping[str, Template]


def template_of(report: Report) -> str:
    """A report from a form about one subject has not the chapters of the whole-department report."""
    return PROJECT_TEMPLATE if report.is_of_form else TEMPLATE


def word_report(report: Report, *, template: Path) -> bytes:
    """Return the report as .docx: the same bytes for the same report and template.

    Raises:
        UsageError: the template cannot be read, a tag in it is broken, or names a field that no report has.

    """
    ready = _ready(template, template.stat().st_mtime_ns)
    context = {field.name: getattr(report, field.name) for field in fields(report)}
    properties = {_CORE: _core_properties(report), _CUSTOM: _custom_properties(report)}
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name, content in ready.parts:
            entry = zipfile.ZipInfo(name, _ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = _OWNER_MAY_READ_AND_WRITE
            if name in ready.compiled:
                file.writestr(entry, _rendered(ready.compiled[name], context, template=template))
            else:
                file.writestr(entry, properties.get(name, content))
    return made.getvalue()


@lru_cache(maxsize=16)
def _ready(template: Path, _changed_ns: int) -> WordTemplate:
    """Read and compile ``template``; ``_changed_ns`` makes an edited file a new entry of the cache."""
    from docxtpl import DocxTemplate
    from jinja2 import StrictUndefined, TemplateSyntaxError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    # A clerk's template is somebody's text too: it may print the report, not reach the machine.
    environment = ImmutableSandboxedEnvironment(autoescape=True, undefined=StrictUndefined, finalize=_word_text)
    try:
        with zipfile.ZipFile(template) as file:
            parts = {name: file.read(name) for name in file.namelist()}
        patch = DocxTemplate(template).patch_xml
        compiled = {
            name: environment.from_string(_merges_in_order(patch(content.decode("utf-8"))))
            for name, content in parts.items()
            if _PRINTED_PARTS.fullmatch(name)
        }
    except (OSError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise UsageError(
            f"Word 模板打不开：《{template.name}》", "请从安装包恢复模板，或用 Word、WPS 另存为 .docx"
        ) from error
    except TemplateSyntaxError as error:
        raise UsageError(
            f"Word 模板《{template.name}》中的标签写错：{error.message}", "请核对模板中 {{ }} 与 {% %} 是否成对"
        ) from error
    return WordTemplate(tuple(_with_custom_properties(parts).items()), compiled)


def _rendered(compiled: Template, context: Mapping[str, Any], *, template: Path) -> bytes:
    from jinja2 import TemplateError

    try:
        return compiled.render(context).encode("utf-8")
    except TemplateError as error:
        raise UsageError(
            f"Word 模板《{template.name}》用到了报告里没有的内容：{error}", "请核对模板中的标签名，或从安装包恢复模板"
        ) from error


def _word_text(value: Any) -> Any:
    """What a tag prints: escaped, without characters that XML cannot hold, a line feed as a line break."""
    from markupsafe import Markup

    if not isinstance(value, str):
        return value
    lines = inert_text(value).split("\n")
    return Markup('</w:t><w:br/><w:t xml:space="preserve">').join(lines) if len(lines) > 1 else lines[0]


def _merges_in_order(xml: str) -> str:
    """Put vertical merges where the schema wants them, and open whole-table merges once a table."""
    # docxtpl adds w:vMerge at the end of w:tcPr; Word wants it before borders, shading and vertical alignment.
    xml = re.sub(
        r"(<w:tcPr>(?:<w:tcW [^>]*/>)?(?:<w:gridSpan [^>]*/>)?)((?:(?!</w:tcPr>).)*?)(<w:vMerge [^>]*/>)",
        r"\1\3\2",
        xml,
    )

    def once_a_table(cell: re.Match[str]) -> str:
        text = cell.group()
        return text.replace("loop.first", "row.opens_table") if _WHOLE_TABLE_MARK in text else text

    return re.sub(r"<w:tc[ >](?:(?!<w:tc[ >]).)*?</w:tc>", once_a_table, xml, flags=re.DOTALL)


def _with_custom_properties(parts: dict[str, bytes]) -> dict[str, bytes]:
    """Make room for docProps/custom.xml where the template has none: it carries the run's id through edits."""
    if _CUSTOM in parts:
        return parts
    types, relations = parts[_CONTENT_TYPES].decode("utf-8"), parts[_PACKAGE_RELATIONS].decode("utf-8")
    override = f'<Override PartName="/{_CUSTOM}" ContentType="{_CUSTOM_TYPE}"/></Types>'
    relation = f'<Relationship Id="rIdRun" Type="{_CUSTOM_RELATION}" Target="{_CUSTOM}"/></Relationships>'
    return {
        **parts,
        _CONTENT_TYPES: types.replace("</Types>", override).encode("utf-8"),
        _PACKAGE_RELATIONS: relations.replace("</Relationships>", relation).encode("utf-8"),
        _CUSTOM: b"",
    }


def _core_properties(report: Report) -> bytes:
    """Title and unit; no time of making, so that the same report is the same file."""
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:title>{_xml(report.unit_name)}{_xml(report.project)}{_xml(report.title)}（{_xml(report.period)}）</dc:title>"
        f"<dc:creator>{_xml(report.unit_name)}</dc:creator><dc:language>zh-CN</dc:language></cp:coreProperties>"
    ).encode()


def _custom_properties(report: Report) -> bytes:
    properties = {"jixiao.run": report.run_id, "jixiao.unit": report.unit_code, "jixiao.inputs": report.inputs_hash}
    properties |= {"jixiao.project": report.project} if report.project else {}
    items = "".join(
        # the format identifier is fixed; numbers of own properties begin at 2
        f'<property fmtid="{{D5CDD505-2E9C-101B-9397-08002B2CF9AE}}" pid="{number}" name="{name}">'
        f"<vt:lpwstr>{_xml(value)}</vt:lpwstr></property>"
        for number, (name, value) in enumerate(properties.items(), 2)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        '<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/custom-properties" '
        f'xmlns:vt="http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes">{items}</Properties>'
    ).encode()


def _xml(text: str) -> str:
    return escape(" ".join(inert_text(text).split()))
