"""Which units the files of an inbox name, side by side in tables and titles, and in the 预算单位名册."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from jixiao.domain.books import Kind, Unit
from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.intake.drafts import Draft
from jixiao.intake.grids.cells import cell_text
from jixiao.intake.rows.reader import (
    read_register,
)
from jixiao.intake.rows.units import UnitDirectory, UnitFinder
from jixiao.intake.rows.values import lost_precision, read_code
from jixiao.intake.tables.bodies import RowClass, classify
from jixiao.intake.tables.table import Table

if TYPE_CHECKING:
    from jixiao.intake.rows.ledger_columns import LedgerColumns


def hear_names(drafts: list[Draft], directory: UnitDirectory) -> None:
    """Codes and names that stand side by side in tables and titles."""
    for draft in drafts:
        for sheet in draft.sheets if not draft.is_refused else ():
            if sheet.table is None:
                continue
            title = sheet.title
            stated = Unit(title.unit_code, title.unit_name, place=Place(file=draft.file))
            directory.hear(stated, draft.file, broad=not title.names_the_unit)
            for code, name, row in _named_units(sheet.table, sheet.columns):
                directory.hear(Unit(code, name, place=Place(draft.file, sheet.grid.sheet, row)), draft.file)


def learn_registers(drafts: list[Draft], directory: UnitDirectory) -> None:
    """Units of the 预算单位名册; a code that the other files have with its zeros is named, and no unit of its own."""
    registers = [
        (draft, sheet.table, sheet.title)
        for draft in drafts
        for sheet in draft.sheets
        if sheet.table and sheet.table.kind is Kind.UNIT_REGISTER and not draft.is_refused
    ]
    units = {
        (id(table), position): unit
        for draft, table, title in registers
        for position, unit in enumerate(
            read_register(table, UnitFinder(directory, draft.file, title, frozenset())).rows
        )
        if isinstance(unit, Unit)
    }
    shortened = directory.zeros_lost_in_register(units.values())
    for draft, table, _ in registers:
        for unit in (unit for (owner, _), unit in units.items() if owner == id(table)):
            longer = shortened.get(unit.code, "")
            if not longer:
                directory.register(unit, draft.file)
                continue
            directory.allow(longer, draft.file)
            directory.learn(Unit(longer, unit.name))
            draft.shortened[unit.code] = longer
            draft.findings.append(_shortened_code(table, unit, longer))


def unregistered(drafts: list[Draft]) -> tuple[Finding, ...]:
    """Where no register says which units there are, codes are taken as they stand: said once, of the first that has one."""
    read = [(draft.file, table) for draft in drafts if not draft.is_kept_out for table in draft.tables]
    if any(table.kind is Kind.UNIT_REGISTER for _, table in read):
        return ()
    for file, table in read:
        if "unit_code" in table.mapping and table.rows_accepted:
            return (
                Finding(
                    code="REGISTER_MISSING",
                    severity=Severity.INFO,
                    place=Place(file, table.sheet, table.header_row, table.mapping["unit_code"]),
                    message="没有预算单位名册，单位编码按表中所写采用",
                    fix="如需核对编码，请放入预算单位名册",
                ),
            )
    return ()


def _shortened_code(table: Table, unit: Unit, longer: str) -> Finding:
    place = replace(unit.place, column=table.letter("unit_code"))
    return Finding(
        code="CODE_WAS_NUMBER",
        severity=Severity.WARNING,
        place=place,
        message=(
            f"单位编码「{unit.code}」像是存成数字、丢了前导 0：其他文件里「{unit.name or longer}」的编码是「{longer}」，"
            "名册的这一行（包括上级编码、行政区划）没有采用"
        ),
        fix=f"请把名册的单位编码列设为文本格式，改为「{longer}」",
        unit_code=longer,
        value=unit.code,
        expected=longer,
        outcome=Outcome.ACCEPT_WITH_WARNING,
    )


def _named_units(table: Table, columns: LedgerColumns | None) -> Iterator[tuple[str, str, int]]:
    """The distinct (code, name) pairs of a table's rows, with the first row of each."""
    if columns is not None:
        yield from (pair for pair in columns.units if _is_code(pair[0]))
        return
    code_at, name_at = table.columns.get("unit_code"), table.columns.get("unit_name")
    if code_at is None or table.kind is Kind.UNIT_REGISTER:
        return
    seen: set[tuple[object, object]] = set()
    for index in range(table.head_row + 1, len(table.grid.rows)):
        row = table.grid.rows[index]
        pair = (
            row[code_at] if code_at < len(row) else None,
            row[name_at] if name_at is not None and name_at < len(row) else "",
        )
        if pair in seen or classify(table, row) is not RowClass.DATA:
            continue
        seen.add(pair)
        code, _ = read_code(pair[0])
        if _is_code(code) and not lost_precision(pair[0]):
            yield code, cell_text(pair[1]), index + 1


def _is_code(text: str) -> bool:
    """Codes have a digit and no Chinese: heads, totals and 续表 have none."""
    return (
        bool(text)
        and text.isascii()
        and text.replace("-", "").isalnum()
        and len(text) > 2
        and any(c.isdigit() for c in text)
    )
