"""Grid → table: where the head stands and which column is which. The maps of the columns are data (column_maps.py)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from jixiao.domain.books import Kind
from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.domain.names import comparable
from jixiao.intake.grids.grid import Grid, column_letter, file_rejected, is_blank, logged
from jixiao.intake.tables.column_maps import (
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
        return (self.found_required, len(self.columns), -self.height, -self.row)


def read_sheet(grid: Grid, file: str, kind: Kind | None) -> SheetReading | None:
    """Find the table of a sheet; None for an empty sheet. ``kind`` given: no other kind is looked for."""
    rows = grid.rows
    if not any(not is_blank(cell) for row in rows for cell in row):
        return None
    heads = _heads(grid, kind)
    full = max((head for head in heads if not head.missing), key=lambda head: head.rank, default=None)
    almost = max(
        (h for h in heads if h.missing and 2 * h.found_required >= h.required and len(h.columns) >= _FACTS_NEEDED),
        key=lambda h: (len(h.columns), h.found_required, -h.height, -h.row),
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
    findings = []
    seen: dict[str, int] = {}
    for index in sorted(head.labels):
        leaf = normalised_label(head.labels[index].rpartition("\n\n")[2])
        if leaf and leaf in seen and (index in head.columns.values() or seen[leaf] in head.columns.values()):
            place = Place(file, grid.sheet, table.head_row + 1, column_letter(index))
            how = "已按上级表头区分" if head.height > 1 else f"取前一列（{column_letter(seen[leaf])} 列）"
            findings.append(logged("DUPLICATE_LABEL", place, f"与前面的列同名，{how}", value=leaf))
        seen.setdefault(leaf, index)
    return SheetReading(grid, table=table, findings=tuple(findings), title=title)


def _heads(grid: Grid, kind: Kind | None) -> list[_Head]:
    maps = [m for m in column_maps().values() if kind in {None, m.kind}]
    found = []
    for row in range(min(len(grid.rows), _HEAD_SEARCH_ROWS)):
        for height in (1, 2):
            names = head_labels(grid, row, height)
            if len(names) < _FACTS_NEEDED or not has_head_words(names.values()):
                continue
            found += [head for m in maps if (head := _match(m, row, height, names)).columns]
    return found


def head_labels(grid: Grid, row: int, height: int) -> dict[int, tuple[str, ...]]:
    """Column → the ways to read its head, the most exact first. Two rows: 上级 + 下级, then the leaf alone."""
    top = grid.rows[row]
    if height == 1:
        return {i: (cell,) for i, cell in enumerate(top) if isinstance(cell, str) and not is_blank(cell)}
    if row + 1 >= len(grid.rows):
        return {}
    leaves = grid.rows[row + 1]
    upper = [cell if isinstance(cell, str) else "" for cell in top] + [""] * (len(leaves) - len(top))
    for first_row, first, _, last in grid.merged:
        if first_row == row and first < len(upper):
            upper[first : last + 1] = [upper[first]] * (min(last, len(upper) - 1) - first + 1)
    labels: dict[int, tuple[str, ...]] = {}
    for index, over in enumerate(upper):
        leaf = leaves[index] if index < len(leaves) else ""
        if not is_blank(leaf):
            if isinstance(leaf, str):
                labels[index] = (f"{over}\n\n{leaf}", leaf) if not is_blank(over) else (leaf,)
        elif not is_blank(over):
            labels[index] = (over,)
    return labels


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
                columns[column.name] = free[0]
                used.add(free[0])
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
