"""Make the templates that a clerk may then open and edit in Word or WPS: templates/report/whole_department.docx for a whole
unit, templates/report/project.docx for what is handed in on one form.

Run once after a change of the form:  .venv/bin/python deployments/build_report_template.py [FOLDER]
The tags are those of src/jixiao/reports/model.py (Report); src/jixiao/reports/word.py fills them in.
Measures follow GB/T 9704—2012: A4, margins 37/35/28/26 mm, title 2号, body 3号, 28.95 pt from line to line.
"""

from __future__ import annotations

import datetime as dt
import io
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docx import Document
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.enum.table import WD_CELL_VERTICAL_ALIGNMENT, WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

FOLDER = Path(__file__).resolve().parents[1] / "templates" / "report"

BODY_FONT, HEAD_FONT, SUBHEAD_FONT, TITLE_FONT, PAGE_FONT = (
    "仿宋_GB2312",
    "黑体",
    "楷体_GB2312",
    "方正小标宋简体",
    "宋体",
)
LATIN_FONT = "Times New Roman"
TITLE_PT, BODY_PT, PAGE_PT, TABLE_PT, SMALL_PT = 22, 16, 14, 10.5, 7.5
LINE_PT = 28.95
TITLE_LINE_PT = 35
TABLE_LINE_PT = 15
EPOCH = dt.datetime(2022, 1, 1, tzinfo=dt.UTC)
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
LEFT, CENTRE, RIGHT = WD_ALIGN_PARAGRAPH.LEFT, WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.RIGHT
JUSTIFIED = WD_ALIGN_PARAGRAPH.JUSTIFY


@dataclass(frozen=True)
class Column:
    """A column of a table: its head, the tag of its cells, its width, how its cells are aligned."""

    head: str
    tag: str
    width_mm: float
    align: WD_ALIGN_PARAGRAPH = LEFT


def set_fonts(holder: Any, east_asian: str) -> None:
    """Set the fonts of a run or style and clear the theme's, which would win over them."""
    properties = holder.element.get_or_add_rPr() if hasattr(holder, "element") else holder._element.get_or_add_rPr()  # noqa: SLF001
    fonts = properties.get_or_add_rFonts()
    for name in list(fonts.attrib):
        del fonts.attrib[name]
    fonts.set(qn("w:hint"), "eastAsia")
    for slot in ("ascii", "hAnsi", "cs"):
        fonts.set(qn(f"w:{slot}"), LATIN_FONT)
    fonts.set(qn("w:eastAsia"), east_asian)


def add_run(paragraph: Any, text: str, *, font: str = BODY_FONT, size: float = BODY_PT) -> Any:
    run = paragraph.add_run(text)
    set_fonts(run, font)
    run.font.size = Pt(size)
    return run


def exact_lines(paragraph_format: Any, points: float) -> None:
    paragraph_format.line_spacing_rule = WD_LINE_SPACING.EXACTLY
    paragraph_format.line_spacing = Pt(points)
    paragraph_format.space_before = Pt(0)
    paragraph_format.space_after = Pt(0)


def indent_characters(style: Any, hundredths: int) -> None:
    """Indent the first line by characters, as Chinese offices measure it."""
    indent = style.element.get_or_add_pPr().get_or_add_ind()
    indent.set(qn("w:firstLineChars"), str(hundredths))
    indent.set(qn("w:firstLine"), str(int(BODY_PT * 20 * hundredths / 100)))


def set_styles(document: Any) -> None:
    styles = document.styles
    defaults = styles.element.find(qn("w:docDefaults"))
    for fonts in defaults.iter(qn("w:rFonts")):
        for name in list(fonts.attrib):
            del fonts.attrib[name]
        for slot in ("ascii", "hAnsi", "cs"):
            fonts.set(qn(f"w:{slot}"), LATIN_FONT)
        fonts.set(qn("w:eastAsia"), BODY_FONT)
    for language in defaults.iter(qn("w:lang")):
        language.set(qn("w:val"), "en-US")
        language.set(qn("w:eastAsia"), "zh-CN")
    for name, font, size in (
        ("Normal", BODY_FONT, BODY_PT),
        ("Body Text", BODY_FONT, BODY_PT),
        ("Heading 1", HEAD_FONT, BODY_PT),
        ("Heading 2", SUBHEAD_FONT, BODY_PT),
        ("Title", TITLE_FONT, TITLE_PT),
        ("Caption", BODY_FONT, TABLE_PT),
    ):
        style = styles[name]
        set_fonts(style, font)
        style.font.size = Pt(size)
        style.font.bold = False
        style.font.italic = False
        style.font.color.rgb = RGBColor(0, 0, 0)
        exact_lines(style.paragraph_format, TITLE_LINE_PT if name == "Title" else LINE_PT)
        style.paragraph_format.widow_control = True
    for name in ("Body Text", "Heading 1", "Heading 2"):
        indent_characters(styles[name], 200)
    styles["Body Text"].paragraph_format.alignment = JUSTIFIED
    styles["Title"].paragraph_format.alignment = CENTRE
    title = styles["Title"].element.get_or_add_pPr()
    for border in title.findall(qn("w:pBdr")):
        title.remove(border)
    styles["Caption"].paragraph_format.alignment = RIGHT
    styles["Caption"].paragraph_format.keep_with_next = True
    exact_lines(styles["Caption"].paragraph_format, 20)


def drop_ballast(document: Any) -> None:
    """Drop what python-docx's blank document brings and no report uses: it would be zipped again for every unit."""
    for relations, endings in (
        (document.part.package.rels, ("/thumbnail",)),
        (document.part.rels, ("/stylesWithEffects", "/customXml")),
    ):
        for key in [key for key, relation in relations.items() if relation.reltype.endswith(endings)]:
            del relations[key]
    for style in list(document.styles.element.findall(qn("w:style"))):
        is_table = style.get(qn("w:type")) == "table"
        if is_table and style.get(qn("w:styleId")) not in {"TableNormal", "TableGrid"}:
            document.styles.element.remove(style)


def set_page(section: Any, *, landscape: str = "") -> None:
    """A4 by GB/T 9704; turned by a quarter, the same margins go round with the page."""
    section.page_width, section.page_height = Mm(210), Mm(297)
    margins = {"top": 37, "bottom": 35, "left": 28, "right": 26}
    if landscape:
        section.orientation = WD_ORIENT.LANDSCAPE
        section.page_width, section.page_height = Mm(297), Mm(210)
        margins = {"top": 28, "bottom": 26, "left": 35, "right": 37}
    for side, millimetres in margins.items():
        setattr(section, f"{side}_margin", Mm(millimetres))
    section.footer_distance = Mm(15 if landscape else 20)
    grid = section._sectPr.find(qn("w:docGrid"))  # noqa: SLF001
    if grid is None:
        grid = OxmlElement("w:docGrid")
        section._sectPr.append(grid)  # noqa: SLF001
    grid.set(qn("w:type"), "lines")
    grid.set(qn("w:linePitch"), str(int(LINE_PT * 20)))


def off_the_grid(paragraph: Any) -> None:
    """Take a paragraph off the page's line grid, else a line that is no multiple of the pitch takes two of them."""
    snap = OxmlElement("w:snapToGrid")
    snap.set(qn("w:val"), "0")
    successors = ("w:spacing", "w:ind", "w:contextualSpacing", "w:mirrorIndents", "w:jc", "w:rPr", "w:sectPr")
    paragraph._p.get_or_add_pPr().insert_element_before(snap, *successors)  # noqa: SLF001


def add_field(paragraph: Any, instruction: str) -> None:
    for kind, text in (("begin", ""), ("", instruction), ("separate", ""), ("text", "1"), ("end", "")):
        run = add_run(paragraph, "", font=PAGE_FONT, size=PAGE_PT)
        if kind == "text":
            run.text = text
            continue
        element = OxmlElement("w:fldChar" if kind else "w:instrText")
        if kind:
            element.set(qn("w:fldCharType"), kind)
        else:
            element.text = text
        run._r.append(element)  # noqa: SLF001


def set_footer(section: Any) -> None:
    footer = section.footer
    footer.is_linked_to_previous = False
    page = footer.paragraphs[0]
    page.style = "Normal"
    page.alignment = CENTRE
    exact_lines(page.paragraph_format, 18)
    add_run(page, "— ", font=PAGE_FONT, size=PAGE_PT)
    add_field(page, "PAGE")
    add_run(page, " —", font=PAGE_FONT, size=PAGE_PT)
    origin = footer.add_paragraph(style="Normal")
    origin.alignment = CENTRE
    exact_lines(origin.paragraph_format, 10)
    add_run(origin, "运行编号 {{ run_id }}　数据指纹 {{ inputs_hash }}", size=SMALL_PT).font.color.rgb = RGBColor(
        0x59, 0x59, 0x59
    )


def fill_cell(cell: Any, text: str, align: WD_ALIGN_PARAGRAPH, *, font: str = BODY_FONT) -> None:
    paragraph = cell.paragraphs[0]
    paragraph.alignment = align
    exact_lines(paragraph.paragraph_format, TABLE_LINE_PT)
    paragraph.paragraph_format.first_line_indent = Pt(0)
    off_the_grid(paragraph)
    add_run(paragraph, text, font=font, size=TABLE_PT)
    cell.vertical_alignment = WD_CELL_VERTICAL_ALIGNMENT.CENTER


def row_flag(row: Any, *names: str) -> None:
    properties = row._tr.get_or_add_trPr()  # noqa: SLF001
    for name in names:
        properties.append(OxmlElement(name))


def add_table(document: Any, columns: Sequence[Column], *, loops: Sequence[str], empty: str) -> None:
    """A table whose head repeats on each page and whose rows are never cut. ``loops`` open outer first."""
    table = document.add_table(rows=0, cols=len(columns))
    table.style = document.styles["Table Grid"]
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    margins = OxmlElement("w:tblCellMar")
    for side, twips in (("top", 17), ("left", 57), ("bottom", 17), ("right", 57)):
        margin = OxmlElement(f"w:{side}")
        margin.set(qn("w:w"), str(twips))
        margin.set(qn("w:type"), "dxa")
        margins.append(margin)
    look = table._tbl.tblPr.find(qn("w:tblLook"))  # noqa: SLF001
    look.addprevious(margins)

    def add_row(texts: Sequence[str], *, head: str = "") -> Any:
        row = table.add_row()
        for cell, column, text in zip(row.cells, columns, texts, strict=True):
            cell.width = Mm(column.width_mm)
            fill_cell(cell, text, CENTRE if head else column.align, font=HEAD_FONT if head else BODY_FONT)
        row_flag(row, "w:cantSplit", *(["w:tblHeader"] if head else []))
        return row

    def add_mark(tag: str) -> None:
        add_row([f"{{%tr {tag} %}}", *[""] * (len(columns) - 1)])

    add_row([column.head for column in columns], head="head")
    for loop in loops:
        add_mark(loop)
    add_row([column.tag for column in columns])
    for depth in range(len(loops) - 1, -1, -1):
        if depth == 0:
            add_mark("else")
            row = add_row([empty, *[""] * (len(columns) - 1)])
            merged = row.cells[0].merge(row.cells[-1])
            merged.paragraphs[0].alignment = LEFT
            for extra in merged.paragraphs[1:]:
                extra._p.getparent().remove(extra._p)  # noqa: SLF001
        add_mark("endfor")
    for column, width in zip(table.columns, columns, strict=True):
        column.width = Mm(width.width_mm)


def add_mark(document: Any, tag: str) -> None:
    document.add_paragraph(f"{{%p {tag} %}}", style="Normal")


def add_heading(document: Any, text: str) -> Any:
    paragraph = document.add_paragraph(style="Heading 1")
    paragraph.paragraph_format.keep_with_next = True
    add_run(paragraph, text, font=HEAD_FONT)
    return paragraph


def add_caption(document: Any, text: str) -> None:
    add_run(document.add_paragraph(style="Caption"), text, size=TABLE_PT)


def add_chapters(document: Any) -> None:
    title = document.add_paragraph(style="Title")
    off_the_grid(title)
    add_run(title, "{{ title_in_lines }}", font=TITLE_FONT, size=TITLE_PT)
    year = document.add_paragraph(style="Normal")
    year.alignment = CENTRE
    year.paragraph_format.space_after = Pt(LINE_PT)
    add_run(year, "（{{ period }}）", font=SUBHEAD_FONT)
    add_mark(document, "for chapter in chapters")
    heading = add_heading(document, "{{ chapter.numeral }}、{{ chapter.heading }}{% if chapter.inline %}：{% endif %}")
    # The first chapter's one line follows its heading; a heading above other text must not stay alone.
    add_run(heading, "{{ chapter.inline }}")
    heading.paragraph_format.keep_with_next = True
    add_mark(document, "for text in chapter.paragraphs")
    add_run(document.add_paragraph(style="Body Text"), "{{ text }}")
    add_mark(document, "endfor")
    add_mark(document, "endfor")


@dataclass(frozen=True)
class Headings:
    """What differs between the two reports. ``tasks`` empty: the report has no such table."""

    core_title: str
    budget: str
    tasks: str
    indicators: str
    no_budget: str
    no_indicators: str


WHOLE_DEPARTMENT = Headings(
    "部门整体支出绩效自评报告模板",
    "七、预算信息",
    "八、年度重点任务",
    "九、部门整体自评表",
    "没有收到预算执行情况表",
    "没有收到绩效指标表",
)
PROJECT = Headings(
    "项目支出绩效自评报告模板", "五、预算资金", "", "六、绩效指标", "表内没有预算资金一栏", "表内没有绩效指标"
)


def add_portrait_tables(document: Any, headings: Headings) -> None:
    add_heading(document, headings.budget).paragraph_format.space_before = Pt(12)
    add_caption(document, "{{ budget_note }}")
    add_table(
        document,
        (
            Column("本年度预算资金（万元）", "{{ line.name }}", 45),
            Column("年初预算数（万元）", "{{ line.original }}", 21, RIGHT),
            Column("上年度结转及当年预算追加追减数（万元）", "{{ line.carry_and_adjust }}", 27, RIGHT),
            Column("调整预算数（万元）", "{{ line.adjusted }}", 21, RIGHT),
            Column("实际支出数（万元）", "{{ line.executed }}", 21, RIGHT),
            Column("执行率（%）", "{{ line.rate }}", 21, RIGHT),
        ),
        loops=("for line in budget",),
        empty=headings.no_budget,
    )
    if not headings.tasks:
        return
    add_heading(document, headings.tasks).paragraph_format.space_before = Pt(12)
    add_table(
        document,
        (
            Column("对应部门主要职责", "{% vm %}{{ group.duty }}", 36),
            Column("任务名称", "{{ task.name }}", 50),
            Column("主要内容", "{{ task.content }}", 28),
            Column("完成情况", "{{ task.completion }}", 42),
        ),
        loops=("for group in tasks", "for task in group.rows"),
        empty="没有收到年度重点任务表",
    )


def add_landscape_tables(document: Any, headings: Headings) -> None:
    add_heading(document, headings.indicators)
    add_table(
        document,
        (
            Column("", "{% vm %}分解目标{# 整表合并 #}", 12, CENTRE),
            Column("类别", "{% vm %}{{ group.label }}", 20, CENTRE),
            Column("指标名称", "{{ row.name }}", 47),
            Column("指标目标值", "{{ row.target }}", 23, RIGHT),
            Column("指标完成值", "{{ row.actual }}", 23, RIGHT),
            Column("完成值来源", "{{ row.actual_source }}", 47),
            Column("偏差情况", "{{ row.deviation }}", 17, RIGHT),
            Column("原因分析", "{{ row.reason }}", 36),
        ),
        loops=("for group in indicators", "for row in group.rows"),
        empty=headings.no_indicators,
    )
    heading = add_heading(document, "附1　得分汇总")
    heading.paragraph_format.page_break_before = True
    add_run(document.add_paragraph(style="Body Text"), "{{ verdict }}评价规则：{{ rules }}。")
    add_mark(document, "for remark in remarks")
    add_run(document.add_paragraph(style="Body Text"), "{{ remark }}")
    add_mark(document, "endfor")
    add_table(
        document,
        (
            Column("序号", "{{ row.number }}", 12, RIGHT),
            Column("类别", "{% vm %}{{ group.label }}", 24, CENTRE),
            Column("指标名称", "{{ row.name }}", 63),
            Column("自报值", "{{ row.reported }}", 24, RIGHT),
            Column("账算值", "{{ row.derived }}", 24, RIGHT),
            Column("分值", "{{ row.weight }}", 14, RIGHT),
            Column("完成率", "{{ row.completion }}", 19, RIGHT),
            Column("得分", "{{ row.points }}", 17, RIGHT),
            Column("评定", "{{ row.status }}", 28, CENTRE),
        ),
        loops=("for group in indicators", "for row in group.rows"),
        empty="没有可以评分的指标",
    )
    add_heading(document, "附2　核对发现").paragraph_format.page_break_before = True
    add_run(document.add_paragraph(style="Body Text"), "共 {{ findings_total }} 条，按问题归类，重的在前。")
    add_table(
        document,
        (
            Column("问题", "{% vm %}【{{ group.severity }}】{{ group.title }}", 38),
            Column("位置", "{{ item.place }}", 52),
            Column("情况", "{{ item.message }}", 77),
            Column("怎么改", "{{ item.fix or group.fix }}", 58),
        ),
        loops=("for group in findings", "for item in group['items']"),
        empty="核对没有发现问题",
    )


def build(target: Path, headings: Headings) -> None:
    """Write a template to ``target``: the same bytes each time."""
    document = Document()
    drop_ballast(document)
    set_styles(document)
    set_page(document.sections[0])
    set_footer(document.sections[0])
    add_chapters(document)
    add_portrait_tables(document, headings)
    landscape = document.add_section(WD_SECTION.NEW_PAGE)
    set_page(landscape, landscape="turned")
    set_footer(landscape)
    add_landscape_tables(document, headings)
    core = document.core_properties
    core.title, core.author, core.last_modified_by, core.comments = (
        headings.core_title,
        "jixiao",
        "jixiao",
        "",
    )
    core.created = core.modified = EPOCH
    raw = io.BytesIO()
    document.save(raw)
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(raw) as made, zipfile.ZipFile(target, "w") as fixed:
        for name in made.namelist():
            entry = zipfile.ZipInfo(name, ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o600 << 16
            fixed.writestr(entry, made.read(name))


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if sys.argv[1:] else FOLDER
    build(folder / "whole_department.docx", WHOLE_DEPARTMENT)
    build(folder / "project.docx", PROJECT)
