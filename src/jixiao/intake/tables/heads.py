"""Grid → tables: which of the heads on a sheet are those of tables, and what is said of them.

head_search.py reads each row as a head, matching.py says which column is which, titles.py what stands above, and
derived.py what a cell holds besides. The rows under a head are sorted out in bodies.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from jixiao.domain.books import Kind
from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.domain.names import comparable
from jixiao.intake.grids.cells import cell_text
from jixiao.intake.grids.grid import Grid, column_letter, file_rejected, is_blank, logged
from jixiao.intake.tables.bodies import RowClass, classify, is_footer, units_of_row
from jixiao.intake.tables.column_maps import (
    CellType,
    column_maps,
    fact_key,
    is_head_word,
    normalised_label,
    other_tables,
)
from jixiao.intake.tables.derived import widened
from jixiao.intake.tables.head_search import (
    COLUMNS_NEEDED,
    HEAD_SEARCH_ROWS,
    Head,
    head_labels,
    heads_in,
    maps_for,
    read_head,
    rows_with_head_words,
    with_level_below,
)
from jixiao.intake.tables.matching import LEVEL, group_and_leaf, is_of_all_funds, undecided_funds
from jixiao.intake.tables.table import SheetReading, Table, Title, flat
from jixiao.intake.tables.titles import is_label, title_of

__all__ = ["head_labels", "read_sheet", "read_sheets"]

_TITLE_ROWS = 3
_TITLE_MAX = 40
# A form of the whole unit is an input, whatever else its title resembles.
_WHOLE_UNIT = "整体"
_WEAK_MATCH = 3
_STACKED_ROWS_MOST = 5_000
_TITLE_LINES_MOST = 6
_TITLE_CELLS_MOST = 3
_LISTED_SYNONYMS = 6
_UNIT_ROW_WITHIN = 3
_MONEY_UNIT = "万元|亿元|百万元|千元|元"
_MONEY_UNIT_LABEL = re.compile(
    rf"[(\[【,]\s*(?:(?:金额)?单位\s*:?)?\s*(?:人民币)?\s*:?\s*({_MONEY_UNIT})\s*(?:[,、][^)\]】]*)?[)\]】]"
    rf"|(?:单位\s*:?|(?<=[数额算入出])[\s/:_\-]?)\s*(?:人民币)?({_MONEY_UNIT})$"
)


def read_sheets(grid: Grid, file: str, kind: Kind | None) -> list[SheetReading]:
    """All tables of a sheet, each with the rows up to the next one's title and its own columns; none for an empty sheet.

    A second head of the same columns is the repeated head of a page, not another table, unless a title above it names
    another unit. What the first title says of unit, year and money holds for the tables whose own title does not.
    """
    first = read_sheet(grid, file, kind)
    if first is None:
        return []
    if first.table is None or len(grid.rows) > _STACKED_ROWS_MOST:
        return [first]
    earlier = _table_above(grid, first.table, kind)
    starts = list(_further_tables(grid, earlier or first.table, kind))
    found = [first]
    if starts:
        parts = zip([0, *starts], [*starts, len(grid.rows)], strict=True)
        cut = (
            (replace(grid, rows=[*([()] * start), *grid.rows[start:end]], hidden_rows=_within(grid, start, end)), start)
            for start, end in parts
        )
        readings = (read_sheet(part, file, kind, search_from=start) for part, start in cut)
        found = [reading for reading in readings if reading is not None]
    beside = [panel for reading in found for panel in _panels(reading, file, kind)]
    return [_inheriting(reading, beside[0].title) for reading in beside]


def _within(grid: Grid, start: int, end: int) -> frozenset[int]:
    return frozenset(number for number in grid.hidden_rows if start < number <= end)


def _inheriting(reading: SheetReading, first: Title) -> SheetReading:
    """The table with what the sheet's first title says, where its own title is silent."""
    own = reading.title
    names_a_unit = own.unit_code or own.unit_name
    title = replace(
        own,
        unit_code=own.unit_code if names_a_unit else first.unit_code,
        unit_name=own.unit_name if names_a_unit else first.unit_name,
        name_label=own.name_label if names_a_unit else first.name_label,
        year=own.year or first.year,
        year_row=own.year_row if own.year else first.year_row,
        money_unit=own.money_unit or first.money_unit,
    )
    return replace(reading, title=title, table=replace(reading.table, title=title) if reading.table else None)


# ── one below the other ──────────────────────────────────────────────────────────────────────────────────────────────


def _further_tables(grid: Grid, first: Table, kind: Kind | None) -> Iterator[int]:
    """The first rows (0-based) of the tables below the first one."""
    maps = maps_for(kind)
    places = frozenset(first.column_at(name) for name in first.columns)
    current, unit = (first.kind, places), (first.title.unit_code, first.title.unit_name)
    floor = first.head_row + 1
    for row in sorted(rows_with_head_words(grid, range(floor, len(grid.rows)), COLUMNS_NEEDED)):
        if row < floor:
            continue
        # A group above two known leaves may be no known word itself.
        heads = heads_in(grid, maps, range(max(floor, row - 1), row + 1), words=_WEAK_MATCH)
        whole = [head for head in heads if not head.missing and len(head.names) > COLUMNS_NEEDED]
        best = max(whole, key=lambda head: head.rank, default=None)
        if best is None or _is_filled_by_numbers(grid, best):
            continue
        start = _title_start(grid, best.row, floor)
        title = title_of(grid, best.row, start)
        said = (title.unit_code, title.unit_name)
        same = (best.kind, best.places) == current
        if not same or (any(said) and said != unit):
            yield start
            current = (best.kind, best.places)
            unit = said if any(said) else unit
        floor = best.last_row + 1


def _table_above(grid: Grid, found: Table, kind: Kind | None) -> Table | None:
    """A smaller table above the one that was found: all the cells of its head are known heads, and rows stand below it."""
    top = found.head_row - found.head_rows + 1
    part = replace(grid, rows=list(grid.rows[:top]))
    for head in heads_in(part, maps_for(kind), range(len(part.rows))):
        worded = rows_with_head_words(part, range(head.row, len(part.rows)), COLUMNS_NEEDED)
        filled = [cell for row in part.rows[head.row : head.last_row + 1] for cell in row if not is_blank(cell)]
        known = all(isinstance(cell, str) and is_head_word(cell) for cell in filled)
        below = range(head.last_row + 1, len(part.rows))
        rows = [at for at in below if at not in worded and _count_filled(part.rows[at]) >= COLUMNS_NEEDED]
        if known and rows and not head.missing and head.last_row + 1 not in worded:
            return _recognised(part, head, "").table
    return None


def _count_filled(row: Sequence[object]) -> int:
    return sum(not is_blank(cell) for cell in row)


def _is_filled_by_numbers(grid: Grid, head: Head) -> bool:
    """Whether a row holds figures: then it is data, however its words may look."""
    cells = [cell for row in grid.rows[head.row : head.last_row + 1] for cell in row]
    return any(isinstance(cell, (int, float)) and not isinstance(cell, bool) for cell in cells)


def _title_start(grid: Grid, row: int, floor: int) -> int:
    """The first line of the title above a head: lines of one cell or of labels, up to a blank line, a row or a foot."""
    start = row
    for above in range(row - 1, max(floor, row - _TITLE_LINES_MOST) - 1, -1):
        texts = list(dict.fromkeys(flat(cell) or cell_text(cell) for cell in grid.rows[above] if not is_blank(cell)))
        if not texts:
            if start < row:
                break
            continue
        is_title = len(texts) == 1 or (len(texts) <= _TITLE_CELLS_MOST and any(map(is_label, texts)))
        if not is_title or is_footer(texts[0]):
            break
        start = above
    return start


# ── side by side ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _panels(reading: SheetReading, file: str, kind: Kind | None) -> list[SheetReading]:
    """The tables that stand side by side where one was found; each has all its columns left of those of the next."""
    table = reading.table
    if table is None or table.fact_columns or table.derived:
        return [reading]
    top = table.head_row - table.head_rows + 1
    blocks = _repeated_blocks(table) or _blocks_apart(table.grid, top)
    maps = maps_for(kind)
    spans: list[list[int]] = []
    for first, last in blocks:
        heads = [h for h in heads_in(_masked(table.grid, top, first, last), maps, range(top, top + 1)) if not h.missing]
        if heads or not spans:
            spans.append([first, last])
        else:
            spans[-1][1] = last
    inside = [[name for name, at in table.columns.items() if first <= at <= last] for first, last in spans]
    if len(spans) < 2 or sum(bool(names) for names in inside) > 1:
        return [reading]
    found = [read_sheet(_masked(table.grid, top, first, last), file, kind, search_from=top) for first, last in spans]
    tables = [one for one in found if one is not None and one.table is not None]
    if len(tables) < len(spans):
        return [reading]
    return [_inheriting(one, reading.title) for one in tables]


def _repeated_blocks(table: Table) -> list[tuple[int, int]]:
    """数据项 | 数值 | 数据项 | 数值: the columns of each turn of a head that repeats itself."""
    places = sorted(table.labels)
    texts = [normalised_label(table.labels[at]) for at in places]
    for size in range(2, len(texts) // 2 + 1):
        if len(texts) % size == 0 and texts == texts[:size] * (len(texts) // size):
            return [(places[at], places[at + size - 1]) for at in range(0, len(texts), size)]
    return []


def _blocks_apart(grid: Grid, top: int) -> list[tuple[int, int]]:
    """The runs of columns between columns that are blank from the head down."""
    used = sorted({at for row in grid.rows[top:] for at, cell in enumerate(row) if not is_blank(cell)})
    blocks: list[tuple[int, int]] = []
    for at in used:
        if blocks and blocks[-1][1] == at - 1:
            blocks[-1] = (blocks[-1][0], at)
        else:
            blocks.append((at, at))
    return blocks


def _masked(grid: Grid, top: int, first: int, last: int) -> Grid:
    """The grid with nothing but some columns from a row on; what stands above them stays."""
    rows = [[cell if first <= at <= last else None for at, cell in enumerate(row)] for row in grid.rows[top:]]
    merged = tuple(area for area in grid.merged if area[0] < top or first <= area[1] <= last)
    return replace(grid, rows=[*grid.rows[:top], *rows], merged=merged)


# ── one table ────────────────────────────────────────────────────────────────────────────────────────────────────────


def read_sheet(grid: Grid, file: str, kind: Kind | None, *, search_from: int = 0) -> SheetReading | None:
    """Find the table of a sheet; None for an empty sheet. ``kind`` given: no other kind is looked for. ``search_from`` is
    the 0-based row that its title begins in.
    """
    rows = grid.rows
    if not any(not is_blank(cell) for row in rows for cell in row):
        return None
    heads = heads_in(grid, maps_for(kind), range(search_from, min(len(rows), search_from + HEAD_SEARCH_ROWS)))
    full = max((head for head in heads if not head.missing), key=lambda head: head.rank, default=None)
    almost = max(
        (h for h in heads if h.missing and 2 * h.found_required >= h.required and len(h.columns) >= COLUMNS_NEEDED),
        key=lambda h: (h.known, h.found_required, -h.last_row, -h.height),
        default=None,
    )
    first_head = min((head.row for head in (full, almost) if head), default=min(len(rows), HEAD_SEARCH_ROWS))
    title = title_of(grid, first_head)
    if kind is None and (wrong := _wrong_table(grid, title, file, headless=full is None)):
        return SheetReading(grid, finding=wrong, title=title)
    wide = _wide_facts(grid) if kind in {None, Kind.UNIT_FACTS} else None
    if wide and full and len(wide.columns) + len(wide.fact_columns) > len(full.columns):
        full = None
    if full and not (almost and almost.known > full.known):
        return _recognised(grid, with_level_below(grid, column_maps()[full.kind], full), file)
    if wide and not (almost and len(almost.columns) > len(wide.columns) + len(wide.fact_columns)):
        return SheetReading(wide.grid, table=wide, title=wide.title)
    if almost:
        missing = _missing_column(almost, grid, file)
        weak = len(almost.columns) < _WEAK_MATCH
        return SheetReading(grid, finding=missing, weak=weak, title=title, likely=almost.kind)
    return SheetReading(grid, finding=_unknown(grid, file, kind), weak=True, title=title)


def _recognised(grid: Grid, head: Head, file: str) -> SheetReading:
    title = title_of(grid, head.row)
    width = max(grid.width, grid.stream.width if grid.stream is not None else 0)
    columns = dict(head.columns)
    columns |= {one.name: width + at for at, one in enumerate(head.derived)}
    table = Table(
        kind=head.kind,
        grid=widened(grid, head.last_row, head.derived),
        head_row=head.last_row,
        columns=columns,
        labels=head.labels,
        title=title,
        column_units=_units_of_heads(head),
        head_rows=head.height,
        ambiguous=head.match.ambiguous,
        derived=head.derived,
        width=width,
    )
    findings = [*_scope_of_columns(table, head, file), *_labels_twice(table, head, file)]
    table = _with_unit_row(table)
    return SheetReading(table.grid, table=table, findings=tuple(findings), title=table.title)


def _units_of_heads(head: Head) -> dict[str, str]:
    """The money unit of each column that its head states, or implies as a field of a system."""
    units = {}
    for name, index in head.columns.items():
        shown = [flat(text) for text in (head.names[index][0], head.names[index][0].rpartition(LEVEL)[2])]
        found = next((f for text in shown if (f := _MONEY_UNIT_LABEL.search(text))), None)
        implied = column_maps()[head.kind].column(name).money_units
        stated = (found[1] or found[2]) if found else implied.get(normalised_label(head.names[index][-1]), "")
        if stated:
            units[name] = stated
    return units


def _with_unit_row(table: Table) -> Table:
    """A row of units below the head (元 | 元 | %) belongs to it, and says the unit of its columns.

    Below a row of 栏次 it says so too, and stays where it is: the rows of the body are told apart in bodies.py.
    """
    rows = table.grid.rows
    for at in range(table.head_row + 1, min(table.head_row + 1 + _UNIT_ROW_WITHIN, len(rows))):
        units = units_of_row(rows[at])
        if not units:
            if classify(table, rows[at]) in {RowClass.BLANK, RowClass.COLUMN_NUMBERS}:
                continue
            return table
        stated = {name: units[index] for name, index in table.columns.items() if units.get(index, "")}
        for_all = next(iter(units.values())) if len(units) == 1 and not stated else ""
        title = replace(table.title, money_unit=table.title.money_unit or for_all)
        table = replace(table, column_units={**stated, **table.column_units}, title=title)
        is_next = at == table.head_row + 1
        return replace(table, head_row=at, head_rows=table.head_rows + 1) if is_next else table
    return table


def _scope_of_columns(table: Table, head: Head, file: str) -> Iterator[Finding]:
    """Amounts of several funds, or years, side by side: 合计 and this year are taken; where neither tells, nobody can."""
    money = [at for name, at in sorted(head.columns.items(), key=lambda item: item[1]) if _is_money(table, name)]
    by_group = {at: _group_shown(head, at) for at in money}
    others = list(dict.fromkeys(_group_shown(head, at) or head.labels[at].strip() for at in head.match.left_out))
    others += [
        text.split(LEVEL)[-1].strip()
        for at, text in head.labels.items()
        if at not in head.columns.values() and any(_is_part_of(text, head.labels[taken]) for taken in money)
    ]
    if others and money:
        place = Place(file, table.grid.sheet, table.head_row + 1, column_letter(money[0]))
        group = next((text for text in by_group.values() if text), head.labels[money[0]].split(LEVEL)[-1].strip())
        left = "、".join(dict.fromkeys(others))
        levels = [level for at in money for level in head.labels[at].split(LEVEL)]
        code = "TOTAL_SCOPE" if any(is_of_all_funds(level) for level in levels) else "PERIOD_BASIS"
        yield logged(
            code, place, f"同名的金额列有几组，取「{group}」（{place.column} 列起），未取「{left}」", value=group
        )
    undecided = undecided_funds(head.names, money)
    if undecided:
        place = Place(file, table.grid.sheet, table.head_row + 1, column_letter(money[0]))
        yield Finding(
            code="AMBIGUOUS_COLUMN",
            severity=Severity.QUESTION,
            place=place,
            message=f"同名的金额列分属{''.join(f'「{text}」' for text in undecided)}，没有合计列，判断不出取哪一列，未导入",
            fix="请增加各资金来源的合计列，或只导出一种资金来源",
            value=undecided[0],
            outcome=Outcome.ASK_USER,
        )


def _is_money(table: Table, name: str) -> bool:
    return table.map.column(name).cell_type is CellType.MONEY


def _group_shown(head: Head, at: int) -> str:
    """The group above a leaf as printed."""
    levels = head.labels[at].split(LEVEL)
    return " ".join(levels[-2].split()) if len(levels) > 1 else ""


def _is_part_of(label: str, taken: str) -> bool:
    """Whether a column holds one fund of the column taken: 年初预算数 / 财政拨款 beside 年初预算数 / 合计."""
    group, leaf = group_and_leaf(taken)
    return bool(group) and is_of_all_funds(leaf) and group_and_leaf(label)[0] == group


def _labels_twice(table: Table, head: Head, file: str) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    taken = set(head.columns.values())
    for index in sorted(head.labels.keys() - set(head.match.left_out)):
        leaf = group_and_leaf(head.labels[index])[1]
        if leaf and leaf in seen and (index in taken or seen[leaf] in taken):
            place = Place(file, table.grid.sheet, table.head_row + 1, column_letter(index))
            how = "已按上级表头区分" if head.height > 1 else f"取前一列（{column_letter(seen[leaf])} 列）"
            yield logged("DUPLICATE_LABEL", place, f"与前面的列同名，{how}", value=leaf)
        seen.setdefault(leaf, index)


def _wide_facts(grid: Grid) -> Table | None:
    """基础数据表 with one row a unit: at least two heads are names of facts."""
    column_map = column_maps()[Kind.UNIT_FACTS]
    for row in range(min(len(grid.rows), HEAD_SEARCH_ROWS)):
        names = head_labels(grid, row, 1)
        facts = {
            index: (key, " ".join(readings[0].split()))
            for index, readings in names.items()
            if (key := fact_key(readings[0]))
        }
        below = [r for r in grid.rows[row + 1 : row + 3] if any(not is_blank(cell) for cell in r)]
        if len(facts) < COLUMNS_NEEDED or not below:
            continue
        found = read_head(grid, column_map, row, names, 1)
        derived = tuple(one for one in found.derived if one.name.startswith("unit_"))
        columns = {name: index for name, index in found.columns.items() if name.startswith("unit_")}
        columns |= {one.name: grid.width + at for at, one in enumerate(derived)}
        return Table(
            kind=Kind.UNIT_FACTS,
            grid=widened(grid, row, derived),
            head_row=row,
            columns=columns,
            labels={index: readings[0] for index, readings in names.items()},
            title=title_of(grid, row),
            fact_columns=facts,
            derived=derived,
            width=grid.width,
        )
    return None


# ── what is no table of ours ─────────────────────────────────────────────────────────────────────────────────────────


def _wrong_table(grid: Grid, title: Title, file: str, *, headless: bool) -> Finding | None:
    """A known table that is no input, by its title; where no head was found, the first rows may be the title."""
    top = [flat(cell) for row in grid.rows[:_TITLE_ROWS] for cell in row] if headless else []
    titles = [text for text in (*title.texts, *top) if len(text) <= _TITLE_MAX and _WHOLE_UNIT not in text]
    for other in other_tables():
        if other.is_doubtful and not headless:
            continue
        if any(other.title in comparable(text) for text in titles):
            place = Place(file=file, sheet=grid.sheet, row=1)
            return Finding(
                code="WRONG_TABLE",
                severity=Severity.ERROR,
                place=place,
                message=f"是「{other.title}」（{other.note}），不是本系统要导入的表，未导入",
                fix=f"请改放：{_kinds_in_words()}",
                value=other.title,
                outcome=Outcome.REJECT_FILE,
            )
    return None


def _missing_column(head: Head, grid: Grid, file: str) -> Finding:
    place = Place(file=file, sheet=grid.sheet, row=head.last_row + 1)
    missing = "；".join(f"「{c.chinese}」（也认：{'、'.join(c.synonyms[1:_LISTED_SYNONYMS])}）" for c in head.missing)
    present = "、".join(re.sub(r"\s+", "", label) for label in head.labels.values())
    return Finding(
        code="MISSING_COLUMN",
        severity=Severity.ERROR,
        place=place,
        message=f"像是{head.kind.chinese}，但缺少列 {missing}；现有列：{present}。整个文件未导入",
        fix=f"请在表头补上「{head.missing[0].chinese}」列，或把对应列改成上面任一名称后重新放入",
        value=present,
        expected="、".join(column.chinese for column in head.missing),
        outcome=Outcome.REJECT_FILE,
    )


def _unknown(grid: Grid, file: str, kind: Kind | None) -> Finding:
    wanted = f"{kind.chinese}的表头" if kind else "哪一种表"
    return file_rejected(
        file,
        "KIND_UNKNOWN",
        f"认不出是{wanted}，未导入",
        f"可以导入的有：{_kinds_in_words()}；请检查表头文字，或从文件夹中移走",
        sheet=grid.sheet,
    )


def _kinds_in_words() -> str:
    return "、".join(kind.chinese for kind in Kind)
