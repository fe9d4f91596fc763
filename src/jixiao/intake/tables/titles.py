"""What the lines above a head say: unit, year, money unit."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from jixiao.intake.grids.cells import cell_text
from jixiao.intake.grids.grid import Grid, is_blank
from jixiao.intake.tables.column_maps import normalised_label
from jixiao.intake.tables.derived import code_and_name
from jixiao.intake.tables.table import PRINTED_MONEY_UNITS, Table, Title, flat

_UNIT_NAME_LABELS = (
    "预算部门(单位)名称|部门(单位)名称|预算部门名称|预算单位名称|填报单位名称|编制单位|编报单位|填报单位|填报部门|填表单位|"
    "申报单位|单位名称|部门名称|单位全称|预算单位|预算部门"
)
_UNIT_CODE_LABELS = "预算部门编码|预算部门代码|预算单位编码|预算单位代码|单位编码|单位代码|部门编码|部门代码"
_OTHER_LABELS = "金额单位|货币单位|计量单位|单位|填报日期|填报时间|编制日期|填报人|联系人|联系电话|年度|预算年度|日期"
_TITLE_LABEL = re.compile(
    "|".join(
        f"(?P<{group}>{labels.replace('(', '[(]').replace(')', '[)]')})"
        for group, labels in (("code", _UNIT_CODE_LABELS), ("name", _UNIT_NAME_LABELS), ("other", _OTHER_LABELS))
    )
)
_TITLE_PAIR = re.compile(rf"(?:{_TITLE_LABEL.pattern})\s*(?:\([^():]{{1,4}}\))?\s*:\s*")
_TITLE_CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z\-]{2,}")
_AFTER_NAME = re.compile(r"\s+(?=\d)|\s*\((?:盖章|公章|签章|章)\)")
_MONEY_UNIT_LINE = re.compile(r"(?:单位|币种)\s*[:(（]?\s*(?:人民币)?\s*[:(（]?\s*(万元|亿元|百万元|千元|元)(?![\w])")
# The year of a table: alone, behind its label, or before the table's own name; 上年, dates and ranges of years say none.
_YEAR_TEXT = r"(20\d{2})\s*(?:年度?(?:\s*\d{1,2}\s*(?:[-—~至到]\s*\d{1,2}\s*)?月(?:份)?)?|会计年度|财政年度)"
_YEAR_ALONE = re.compile(rf"[(\[]?{_YEAR_TEXT}[)\]]?")
_YEAR_LABELLED = re.compile(r"(?:预算|评价|会计|财政)?年度?\s*:\s*(20\d{2})\s*(?:年度?)?")
_YEAR_OF_NAME = re.compile(
    rf"(?:[^:\d]*){_YEAR_TEXT}[^:\d]*(?:表|明细|情况|清单|台账|汇总|报告|任务|目标|指标|数据)\s*(?:[(\[].*[)\]])?"
)
_ANY_YEAR = re.compile(r"20\d{2}")
_YEAR_IN_WORDS = re.compile(r"二[〇○零][〇○零一二三四五六七八九]{2}(?=\s*年)")
_DIGITS = str.maketrans("〇○零一二三四五六七八九", "000123456789")
_OTHER_YEAR_WORDS = ("上年", "截至", "截止", "日期", "时间", "汇编", "规划", "打印", "导出")
_YEAR_LABELS = frozenset(
    {"预算年度", "业务年度", "评价年度", "财政年度", "会计年度", "年度", "年份", "fiscal_year", "fiscalyear"}
)
# （万元） alone or behind the name of a table, 以万元为单位
_MONEY_UNIT_ALONE = re.compile(
    r"(?:.*[表况])?[(\[]\s*(?:人民币)?\s*(万元|亿元|百万元|千元|元)\s*[)\]]|.*以(?P<by>万元|亿元|百万元|千元|元)为单位.*"
)
_MONEY_UNIT_BARE = re.compile(r"[(\[]?(?:金额)?单位\s*:?[)\]]?")
_MONEY_UNIT_NOTE = re.compile(
    r"^(?:(?:注|备注|说明|填表说明).*)?(?:金额|货币|计量)?单位\s*(?:均为|为|是|:)?\s*(?:人民币)?(万元|亿元|百万元|千元|元)(?!\w)"
    r"|^(?:注|备注|说明|填表说明).*以(万元|亿元|百万元|千元|元)为单位"
)
_NOTE_ROWS = 12
_YEAR_VALUE = re.compile(r"(20\d{2})(?:\.0)?\s*(?:年度?)?")
_CODE_ALONE = re.compile(r"[(\[【]?(\d{3,20})[)\]】]?")
# A line of nothing but code and name, [301002]某某局; 20231231-预算执行情况表 is no unit.
_UNIT_LINE_CODE = re.compile(r"[(\[【]\d{3,20}[)\]】].*|\d{6,12}\s*[-—_].*")
_TABLE_WORDS = re.compile(r"(?:表|明细|情况|清单|台账|汇总|报告|数据|指标|项目|任务)\s*(?:[(\[].*[)\]])?$")
_SHORT_LABELS = frozenset({"单位", "部门"})
_NO_UNIT_NAME = re.compile(r"(?:人民币)?[百千万亿]*元.*|[%‰人个项次天辆台套件户平方米公里万千百.]+|.{0,2}")


def title_of(grid: Grid, head_row: int, first_row: int = 0) -> Title:
    """What the lines from ``first_row`` to above ``head_row`` say (0-based), the paragraphs above a table of Word, and the sheet's name."""
    code, name, label, money = "", "", "", ""
    year, year_row = None, None
    texts = [flat(grid.sheet)]
    above = grid.above if not first_row else ()
    for number, row in enumerate(
        [*([text] for text in above), *grid.rows[first_row:head_row]], start=first_row + 1 - len(above)
    ):
        cells = [flat(cell) if isinstance(cell, str) else cell_text(cell) for cell in row]
        cells = [cell for cell in cells if cell]
        texts += cells
        for position, cell in enumerate(cells):
            following = cells[position + 1] if position + 1 < len(cells) else ""
            after = cells[position + 2] if position + 2 < len(cells) else ""
            for group, said, value in _pairs(cell, following):
                if group == "code" and not code:
                    code = _code_in(value)
                elif group == "name" and not name and ":" not in value:
                    name, label = value, said
                    if _CODE_ALONE.fullmatch(value) and value == following and after and not is_label(after):
                        name = f"[{value.strip('()[] ')}]{after}"  # 预算单位： | 301002 | 某某局
            money = money or _money_unit_in(cell, following)
            stated = None if year else stated_year(cell, following)
            if stated:
                year, year_row = stated, number
    if not name:
        name = next((text for text in texts[1:] if _is_unit_line(text)), "")
    stated_code, bare = code_and_name(name)
    if stated_code and bare:
        code, name = code or stated_code, bare
    name = _AFTER_NAME.split(name)[0]
    money = money or ("" if grid.stream is not None else _money_unit_below(grid))
    return Title(
        unit_code=code,
        unit_name=name,
        year=year,
        year_row=year_row,
        money_unit=money,
        name_label=label,
        texts=tuple(texts),
    )


def is_label(text: str) -> bool:
    """Whether a text is a label of a title, or one with its value: 编制单位：某某局, 单位编码, （万元）."""
    return ":" in text or bool(_TITLE_LABEL.fullmatch(text)) or bool(_money_unit_in(text, ""))


def _is_unit_line(text: str) -> bool:
    """Whether a line says nothing but the code and the name of a unit."""
    return (
        bool(_UNIT_LINE_CODE.fullmatch(text))
        and all(code_and_name(text))
        and not _TABLE_WORDS.search(text)
        and not _YEAR_ALONE.search(text)
    )


def _code_in(value: str) -> str:
    """The code behind its label; what follows a blank is another text of the line."""
    first = value.split(maxsplit=1)[0] if value.split() else ""
    return first if _TITLE_CODE.fullmatch(first) else ""


def _money_unit_in(cell: str, following: str) -> str:
    """The money unit that a title line states: 单位：万元, （万元）, or 金额单位 with 万元 in the next cell."""
    found = _MONEY_UNIT_LINE.search(cell) or _MONEY_UNIT_ALONE.fullmatch(cell)
    if found:
        return found[1] or found["by"]
    return (
        following.strip("()[] ")
        if _MONEY_UNIT_BARE.fullmatch(cell) and following.strip("()[] ") in PRINTED_MONEY_UNITS
        else ""
    )


def _money_unit_below(grid: Grid) -> str:
    """The money unit that a note below the table states: 注：金额单位为万元."""
    for row in reversed(grid.rows[-_NOTE_ROWS:]):
        cells = [flat(cell) for cell in row if isinstance(cell, str) and not is_blank(cell)]
        if len(cells) == 1 and (found := _MONEY_UNIT_NOTE.search(cells[0])):
            return found[1] or found[2]
    return ""


def stated_year(text: str, following: str = "") -> int | None:
    """The year that a line of the title gives to the table itself; None where it speaks of another one, or of several."""
    text = unicodedata.normalize("NFKC", text)
    text = _YEAR_IN_WORDS.sub(lambda found: found[0].translate(_DIGITS), text)
    if normalised_label(text) in _YEAR_LABELS and (found := _YEAR_VALUE.fullmatch(following)):
        return int(found[1])
    parts = [text, *re.split(r"\s{2,}|[;,，；]", text), *text.split()]
    for part in (p.strip() for p in parts):
        if len(set(_ANY_YEAR.findall(part))) != 1 or any(word in part for word in _OTHER_YEAR_WORDS):
            continue
        found = _YEAR_ALONE.fullmatch(part) or _YEAR_LABELLED.fullmatch(part) or _YEAR_OF_NAME.fullmatch(part)
        if found:
            return int(found[1])
    return None


def years_by_row(table: Table) -> dict[int, list[int]]:
    """Year → numbers of the rows that a 预算年度 column gives to it; empty where there is no such column."""
    at = next((i for i, label in table.labels.items() if normalised_label(label) in _YEAR_LABELS), None)
    years: dict[int, list[int]] = {}
    for index in range(table.head_row + 1, len(table.grid.rows)) if at is not None else ():
        row = table.grid.rows[index]
        found = _YEAR_VALUE.fullmatch(cell_text(row[at])) if at is not None and at < len(row) else None
        if found:
            years.setdefault(int(found[1]), []).append(index + 1)
    return years


def _pairs(cell: str, following: str) -> Iterator[tuple[str, str, str]]:
    """``单位名称：某局  单位编码：301002`` → its labels with their values; a bare label takes the next cell."""
    found = list(_TITLE_PAIR.finditer(cell))
    for number, match in enumerate(found):
        end = found[number + 1].start() if number + 1 < len(found) else len(cell)
        value = _without_open_brackets(cell[match.end() : end].strip(" ;,"))
        if match.lastgroup:
            value = value or (following if number + 1 == len(found) else "")
            yield _meant(match.lastgroup, match[0], value), match[0], value
    bare = _TITLE_LABEL.fullmatch(cell)
    if bare and bare.lastgroup and following:
        yield bare.lastgroup, cell, following


def _without_open_brackets(value: str) -> str:
    """``元)`` of （单位：元） → ``元``; 某局(301002) keeps its brackets."""
    if value.count("(") != value.count(")"):
        return value.strip(" ()")
    return value


def _meant(group: str, label: str, value: str) -> str:
    """What a label of a title means: 单位：万元 is no unit's name, 单位：某某局 is one."""
    word = re.sub(r"\(.*?\)|[\s:]", "", label)
    is_name = word in _SHORT_LABELS and not _NO_UNIT_NAME.fullmatch(value) and "元" not in value
    return "name" if group == "other" and is_name else group


def maturity_of(*texts: str) -> str:
    """How far the figures of a table are: 快报 of the year's end, 决算, or 批复 of the accounts; empty where nothing says."""
    return next((name for name, words in _MATURITIES if any(words.search(text) for text in texts)), "")


# The later one decides: 决算批复 is approved. 预算批复 speaks of the budget, not of how far the figures of its use are.
_MATURITIES = (
    ("批复", re.compile(r"(?<!预算)(?<!指标)批复")),
    ("决算", re.compile("决算")),
    ("快报", re.compile("快报")),
)
