"""Grid → table: where the head stands and which column is which. The maps of the columns are data (column_maps.py)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from jixiao.domain.books import Kind
from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.domain.names import comparable
from jixiao.intake.grids.cells import cell_text
from jixiao.intake.grids.grid import Grid, column_letter, file_rejected, is_blank, logged
from jixiao.intake.tables.column_maps import (
    CellType,
    Column,
    ColumnMap,
    column_maps,
    fact_key,
    has_head_words,
    normalised_label,
    other_tables,
)
from jixiao.intake.tables.table import SheetReading, Table, Title, flat
from jixiao.intake.tables.titles import title_of

# A head stands near the top; what lies deeper is data.
_HEAD_SEARCH_ROWS = 60
_FACTS_NEEDED = 2
_TITLE_ROWS = 3
_TITLE_MAX = 40
# A form of the whole unit is an input, whatever else its title resembles.
_WHOLE_UNIT = "整体"
_WEAK_MATCH = 3
_LEVELS_MOST = 3
_STACKED_ROWS_MOST = 5_000
_TITLE_LINES_MOST = 6
_TITLE_CELLS_MOST = 3
# Leaves that say only that they are money: the group above names the column.
_MONEY_LEAVES = frozenset({"金额", "金额数", "数额", "资金", "数"})
_ALL_FUNDS = re.compile(r".*(?:合计|总计|小计|全部|总额|总数|全口径).*")
_MONEY_UNITS = frozenset({"元", "万元", "千元", "百万元", "亿元"})
_UNIT_WORDS = _MONEY_UNITS | {"%", "‰", "个", "人", "项", "单位", "计量单位", "—", "-", "/"}
_MONEY_UNIT_LABEL = re.compile(
    r"[(\[【,]\s*(?:(?:金额)?单位\s*:?)?\s*(?:人民币)?\s*:?\s*(万元|亿元|百万元|千元|元)\s*[)\]】]"
)


@dataclass(frozen=True)
class _Head:
    """A row, or two, read as the head of a kind."""

    kind: Kind
    row: int
    height: int
    columns: dict[str, int]
    labels: dict[int, str]
    missing: tuple[Column, ...]
    required: int

    @property
    def found_required(self) -> int:
        return self.required - len(self.missing)

    @property
    def rank(self) -> tuple[int, int, int, int]:
        """The fullest one; of these the first that ends, for the same head may be repeated below; of these the lowest."""
        return (self.found_required, len(self.columns), -(self.row + self.height), -self.height)


def read_sheets(grid: Grid, file: str, kind: Kind | None) -> list[SheetReading]:
    """All tables of a sheet, one below the other, each with the rows up to the next one's title; none for an empty sheet.

    A second head of the same columns is the repeated head of a page, not another table, unless a title above it names
    another unit.
    """
    first = read_sheet(grid, file, kind)
    if first is None:
        return []
    if first.table is None or len(grid.rows) > _STACKED_ROWS_MOST:
        return [first]
    starts = list(_further_tables(grid, first.table, kind))
    if not starts:
        return [first]
    found = []
    for start, end in zip([0, *starts], [*starts, len(grid.rows)], strict=True):
        part = replace(grid, rows=[*([()] * start), *grid.rows[start:end]])
        if (reading := read_sheet(part, file, kind, search_from=start)) is not None:
            found.append(reading)
    return found


def _further_tables(grid: Grid, first: Table, kind: Kind | None) -> Iterator[int]:
    """The first rows (0-based) of the tables below the first one."""
    maps = [m for m in column_maps().values() if kind in {None, m.kind}]
    current, unit = (first.kind, first.columns), (first.title.unit_code, first.title.unit_name)
    floor = first.head_row + 1
    row = floor
    while row < len(grid.rows):
        heads = [
            head
            for height in (1, 2)
            if len(names := head_labels(grid, row, height)) > _FACTS_NEEDED
            and has_head_words(names.values(), _WEAK_MATCH)
            for m in maps
            if not (head := _match(m, row, height, names)).missing
        ]
        best = max(heads, key=lambda head: head.rank, default=None)
        if best is None:
            row += 1
            continue
        start = _title_start(grid, row, floor)
        title = title_of(grid, row, start)
        said = (title.unit_code, title.unit_name)
        if (best.kind, best.columns) != current or (any(said) and said != unit):
            yield start
            current, unit = (best.kind, best.columns), said if any(said) else unit
        floor = row = row + best.height


def _title_start(grid: Grid, row: int, floor: int) -> int:
    """The first line of the title above a head: lines of few cells, and blank ones."""
    start = row
    for above in range(row - 1, max(floor, row - _TITLE_LINES_MOST) - 1, -1):
        filled = [cell for cell in grid.rows[above] if not is_blank(cell)]
        if len({cell_text(cell) for cell in filled}) > _TITLE_CELLS_MOST or any(
            isinstance(c, (int, float)) for c in filled
        ):
            break
        start = above
    return start


def read_sheet(grid: Grid, file: str, kind: Kind | None, *, search_from: int = 0) -> SheetReading | None:
    """Find the table of a sheet; None for an empty sheet. ``kind`` given: no other kind is looked for. ``search_from`` is
    the 0-based row that its title begins in.
    """
    rows = grid.rows
    if not any(not is_blank(cell) for row in rows for cell in row):
        return None
    heads = _heads(grid, kind, search_from)
    full = max((head for head in heads if not head.missing), key=lambda head: head.rank, default=None)
    almost = max(
        (h for h in heads if h.missing and 2 * h.found_required >= h.required and len(h.columns) >= _FACTS_NEEDED),
        key=lambda h: (len(h.columns), h.found_required, -(h.row + h.height), -h.height),
        default=None,
    )
    first_head = min((head.row for head in (full, almost) if head), default=min(len(rows), _HEAD_SEARCH_ROWS))
    title = title_of(grid, first_head)
    if kind is None and (wrong := _wrong_table(grid, title, file, headless=full is None)):
        return SheetReading(grid, finding=wrong, title=title)
    wide = _wide_facts(grid) if kind in {None, Kind.UNIT_FACTS} else None
    if wide and full and len(wide.columns) + len(wide.fact_columns) > len(full.columns):
        full = None
    if full and not (almost and len(almost.columns) > len(full.columns)):
        return _recognised(grid, full, file)
    if wide and not (almost and len(almost.columns) > len(wide.columns) + len(wide.fact_columns)):
        return SheetReading(grid, table=wide, title=wide.title)
    if almost:
        missing = _missing_column(almost, grid, file)
        weak = len(almost.columns) < _WEAK_MATCH
        return SheetReading(grid, finding=missing, weak=weak, title=title, likely=almost.kind)
    return SheetReading(grid, finding=_unknown(grid, file, kind), weak=True, title=title)


def _recognised(grid: Grid, head: _Head, file: str) -> SheetReading:
    title = title_of(grid, head.row)
    table = Table(
        kind=head.kind,
        grid=grid,
        head_row=head.row + head.height - 1,
        columns=head.columns,
        labels=head.labels,
        title=title,
        column_units={
            name: found[1]
            for name, index in head.columns.items()
            if (found := _MONEY_UNIT_LABEL.search(flat(head.labels.get(index, ""))))
        },
    )
    findings = [*_scope_of_funds(table, head, file), *_labels_twice(table, head, file)]
    return SheetReading(grid, table=_with_unit_row(table), findings=tuple(findings), title=title)


def _with_unit_row(table: Table) -> Table:
    """A row of units below the head (元 | 元 | %) belongs to it, and says the unit of its columns."""
    below = table.head_row + 1
    row = table.grid.rows[below] if below < len(table.grid.rows) else ()
    filled = {at: flat(cell).strip("()[]") for at, cell in enumerate(row) if not is_blank(cell)}
    if not filled or any(text not in _UNIT_WORDS for text in filled.values()):
        return table
    stated = {name: filled[at] for name, at in table.columns.items() if filled.get(at, "") in _MONEY_UNITS}
    return replace(table, head_row=below, column_units={**stated, **table.column_units})


def _scope_of_funds(table: Table, head: _Head, file: str) -> Iterator[Finding]:
    """Amounts by 资金来源 side by side: 合计 is taken; where there is none, nobody can tell which one is meant."""
    if head.height == 1 or head.kind is not Kind.BUDGET_EXECUTION:
        return
    groups: dict[str, set[str]] = {}
    for name, at in head.columns.items():
        leaf = normalised_label(head.labels[at].rpartition("\n\n")[2])
        others = {
            _group_of(label)
            for other, label in head.labels.items()
            if other not in head.columns.values() and normalised_label(label.rpartition("\n\n")[2]) == leaf
        } - {""}
        if others and table.map.column(name).cell_type is CellType.MONEY:
            groups.setdefault(head.labels[at], set()).update(others)
    if not groups:
        return
    first = min(groups, key=lambda label: next(at for at, text in head.labels.items() if text == label))
    at = next(at for at, text in head.labels.items() if text == first)
    place = Place(file, table.grid.sheet, table.head_row + 1, column_letter(at))
    taken, others = (
        first.split("\n\n")[-2].strip(),
        "、".join(sorted({text for texts in groups.values() for text in texts})),
    )
    if _is_of_all_funds(first):
        yield logged(
            "TOTAL_SCOPE", place, f"各资金来源分列，取「{taken}」（{place.column} 列起），未取「{others}」", value=taken
        )
        return
    yield Finding(
        code="AMBIGUOUS_COLUMN",
        severity=Severity.QUESTION,
        place=place,
        message=f"同名的金额列分属「{taken}」「{rest}」，没有合计列，判断不出取哪一列，未导入",
        fix="请增加各资金来源的合计列，或只导出一种资金来源",
        value=taken,
        outcome=Outcome.ASK_USER,
    )


def _labels_twice(table: Table, head: _Head, file: str) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for index in sorted(head.labels):
        leaf = normalised_label(head.labels[index].rpartition("\n\n")[2])
        if leaf and leaf in seen and (index in head.columns.values() or seen[leaf] in head.columns.values()):
            place = Place(file, table.grid.sheet, table.head_row + 1, column_letter(index))
            how = "已按上级表头区分" if head.height > 1 else f"取前一列（{column_letter(seen[leaf])} 列）"
            yield logged("DUPLICATE_LABEL", place, f"与前面的列同名，{how}", value=leaf)
        seen.setdefault(leaf, index)


def _heads(grid: Grid, kind: Kind | None, search_from: int = 0) -> list[_Head]:
    maps = [m for m in column_maps().values() if kind in {None, m.kind}]
    found = []
    for row in range(search_from, min(len(grid.rows), search_from + _HEAD_SEARCH_ROWS)):
        for height in range(1, _LEVELS_MOST + 1):
            names = head_labels(grid, row, height)
            if len(names) < _FACTS_NEEDED or not has_head_words(names.values()):
                continue
            found += [head for m in maps if (head := _match(m, row, height, names)).columns]
    return found


def head_labels(grid: Grid, row: int, height: int) -> dict[int, tuple[str, ...]]:
    """Column → the ways to read its head, the most exact first: all levels, then fewer of them, then the leaf alone."""
    levels = [list(cells) for cells in grid.rows[row : row + height]]
    if len(levels) < height:
        return {}
    if height == 1:
        return {i: (cell,) for i, cell in enumerate(levels[0]) if isinstance(cell, str) and not is_blank(cell)}
    width = max(len(cells) for cells in levels)
    for number, cells in enumerate(levels):
        cells.extend([None] * (width - len(cells)))
        if number < height - 1:
            _spread(grid, row + number, cells, levels[number + 1])
    labels: dict[int, tuple[str, ...]] = {}
    for index in range(width):
        column = [cells[index] for cells in levels]
        if any(not is_blank(cell) and not isinstance(cell, str) for cell in column[1:]):
            continue
        texts = [cell for cell in column if isinstance(cell, str) and not is_blank(cell)]
        if texts:
            labels[index] = _ways_to_read(texts)
    return labels


def _spread(grid: Grid, row: int, cells: list[object], below: Sequence[object]) -> None:
    """A group's label over all its columns: by its merged range, or, in a text without such, over the blanks that follow."""
    for first_row, first, _, last in grid.merged:
        if first_row == row and first < len(cells):
            for at in range(first, min(last + 1, len(cells))):
                cells[at] = cells[first]
    if grid.merged:
        return
    group: object = None
    for at, cell in enumerate(cells):
        if not is_blank(cell):
            group = cell
        elif at < len(below) and isinstance(below[at], str) and not is_blank(below[at]):
            cells[at] = group
        else:
            group = None


def _ways_to_read(texts: Sequence[str]) -> tuple[str, ...]:
    """年初预算数 + 金额 → both, the leaf alone, and the group alone where the leaf says only that it is money."""
    ways = ["\n\n".join(texts)]
    if len(texts) > 2:
        ways += ["\n\n".join(texts[1:]), f"{texts[0]}\n\n{texts[-1]}"]
    ways.append(texts[-1])
    if len(texts) > 1 and normalised_label(texts[-1]) in _MONEY_LEAVES:
        ways.append(texts[-2])
    return tuple(dict.fromkeys(ways))


def _match(column_map: ColumnMap, row: int, height: int, names: dict[int, tuple[str, ...]]) -> _Head:
    by_label: dict[str, list[int]] = {}
    for index, readings in names.items():
        for reading in readings:
            by_label.setdefault(normalised_label(reading.replace("\n\n", "")), []).append(index)
    columns: dict[str, int] = {}
    used: set[int] = set()
    for column in column_map.columns:
        for label in column.labels:
            free = [index for index in by_label.get(label, ()) if index not in used]
            if free:
                taken = next((index for index in free if _is_of_all_funds(names[index][0])), free[0])
                columns[column.name] = taken
                used.add(taken)
                break
    needed = [c for c in column_map.columns if c.required or (c.required_unless and c.required_unless not in columns)]
    return _Head(
        kind=column_map.kind,
        row=row,
        height=height,
        columns=columns,
        labels={index: readings[0] for index, readings in names.items()},
        missing=tuple(column for column in needed if column.name not in columns),
        required=len(needed),
    )


def _group_of(label: str) -> str:
    """What stands above a leaf, as one text."""
    return normalised_label("".join(label.split("\n\n")[:-1]))


def _is_of_all_funds(label: str) -> bool:
    """Whether a column stands under 合计 among groups of funds."""
    return bool(_ALL_FUNDS.fullmatch(_group_of(label)))


def _wide_facts(grid: Grid) -> Table | None:
    """基础数据表 with one row a unit: at least two heads are names of facts."""
    column_map = column_maps()[Kind.UNIT_FACTS]
    for row in range(min(len(grid.rows), _HEAD_SEARCH_ROWS)):
        names = head_labels(grid, row, 1)
        facts = {
            index: (key, " ".join(readings[0].split()))
            for index, readings in names.items()
            if (key := fact_key(readings[0]))
        }
        below = [r for r in grid.rows[row + 1 : row + 3] if any(not is_blank(cell) for cell in r)]
        if len(facts) < _FACTS_NEEDED or not below:
            continue
        columns = {
            name: index for name, index in _match(column_map, row, 1, names).columns.items() if name.startswith("unit_")
        }
        labels = {index: readings[0] for index, readings in names.items()}
        return Table(Kind.UNIT_FACTS, grid, row, columns, labels, title_of(grid, row), fact_columns=facts)
    return None


def _wrong_table(grid: Grid, title: Title, file: str, *, headless: bool) -> Finding | None:
    """A known table that is no input, by its title; where no head was found, the first rows may be the title."""
    top = [flat(cell) for row in grid.rows[:_TITLE_ROWS] for cell in row] if headless else []
    for name, note in other_tables():
        titles = [text for text in (*title.texts, *top) if len(text) <= _TITLE_MAX and _WHOLE_UNIT not in text]
        if any(name in comparable(text) for text in titles):
            place = Place(file=file, sheet=grid.sheet, row=1)
            return Finding(
                code="WRONG_TABLE",
                severity=Severity.ERROR,
                place=place,
                message=f"是「{name}」（{note}），不是本系统要导入的表，未导入",
                fix=f"请改放：{_kinds_in_words()}",
                value=name,
                outcome=Outcome.REJECT_FILE,
            )
    return None


def _missing_column(head: _Head, grid: Grid, file: str) -> Finding:
    place = Place(file=file, sheet=grid.sheet, row=head.row + head.height)
    missing = "；".join(f"「{c.chinese}」（也认：{'、'.join(c.synonyms[1:6])}）" for c in head.missing)
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
