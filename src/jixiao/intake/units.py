"""Whose row it is: the units known now, and the ways to find one. Rows are typed in rows.py, execution.py, ledger.py."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import PurePosixPath

from jixiao.domain.books import Unit
from jixiao.domain.names import comparable
from jixiao.intake.tables import Title

_NAME_PARTS = re.compile(r"[\s_\-—–+()（）\[\]【】.、]+")
# A folder or file name part that can only be a unit's code; a year has four digits.
_CODE_IN_A_NAME = re.compile(r"\d{6,12}")


@dataclass
class UnitDirectory:
    """All units known now. ``registers``: folder → codes of the 预算单位名册 in it; below it no other code is valid."""

    units: dict[str, Unit] = field(default_factory=dict)
    registers: dict[PurePosixPath, set[str]] = field(default_factory=dict)
    _names: dict[str, set[str]] = field(default_factory=dict)
    _bare_codes: dict[str, set[str]] = field(default_factory=dict)

    def learn(self, unit: Unit, *, name_first: bool = False) -> None:
        """Take in a unit; what is known already stays, blanks are filled. ``name_first``: the new name is official."""
        if not unit.code:
            return
        if unit.name:
            self._names.setdefault(comparable(unit.name), set()).add(unit.code)
        self._bare_codes.setdefault(unit.code.lstrip("0"), set()).add(unit.code)
        known = self.units.get(unit.code)
        if known is None:
            self.units[unit.code] = unit
            return
        self.units[unit.code] = replace(
            known,
            name=(unit.name or known.name) if name_first else (known.name or unit.name),
            parent_code=known.parent_code or unit.parent_code,
            division_code=known.division_code or unit.division_code,
        )

    def register(self, unit: Unit, file: str) -> None:
        """Take in a unit of a 预算单位名册; its name there is the official one."""
        self.learn(unit, name_first=True)
        self.registers.setdefault(PurePosixPath(file).parent, set()).add(unit.code)

    def registered_for(self, file: str) -> set[str]:
        """The codes that are valid in ``file``: of the registers in its folder and above. Empty: none says."""
        return {code for folder in PurePosixPath(file).parents for code in self.registers.get(folder, ())}

    def code_of(self, name: str) -> str:
        """The code of a unit's name; empty where the name is unknown or stands for two codes. A register decides."""
        codes = self._names.get(comparable(name), set())
        official = {code for valid in self.registers.values() for code in valid & codes}
        codes = official or codes
        return next(iter(codes)) if len(codes) == 1 else ""

    def padded(self, code: str) -> str:
        """The known code that ``code`` was before its leading zeros were lost; empty if there is none or two."""
        found = [c for c in self._bare_codes.get(code.lstrip("0"), ()) if len(c) > len(code)]
        return found[0] if len(found) == 1 else ""

    def in_words(self, text: str) -> str:
        """The one unit whose name stands in ``text``, e.g. in a title; the longest name wins."""
        bare = comparable(text)
        names = sorted((name for name in self._names if len(name) > 2 and name in bare), key=len, reverse=True)
        return self.code_of(names[0]) if names else ""

    def in_path(self, file: str) -> str:
        """The unit that the nearest enclosing folder is named after, by code or name."""
        for folder in reversed(PurePosixPath(file).parts[:-1]):
            if code := self._in_part(folder):
                return code
        return ""

    def meant_by(self, file: str) -> str:
        """The unit that a file nobody could read was about: folder, then file name; a bare code is enough."""
        found = self.in_path(file) or self._in_part(PurePosixPath(file).stem) or self.in_words(PurePosixPath(file).stem)
        if found:
            return found
        for part in reversed((*PurePosixPath(file).parts[:-1], PurePosixPath(file).stem)):
            codes = [piece for piece in _NAME_PARTS.split(part) if _CODE_IN_A_NAME.fullmatch(piece)]
            if len(codes) == 1 and not codes[0].startswith(("19", "20")):
                return codes[0]
        return ""

    def _in_part(self, part: str) -> str:
        for piece in (part, *_NAME_PARTS.split(part)):
            bare = unicodedata.normalize("NFKC", piece).strip()
            if bare in self.units:
                return bare
            if bare and (code := self.code_of(bare)):
                return code
        return ""

    def sorted(self) -> tuple[Unit, ...]:
        return tuple(self.units[code] for code in sorted(self.units))


@dataclass(frozen=True)
class Doubt:
    """Why a row has no unit: the code of the finding, what is wrong, what to do."""

    code: str
    message: str
    fix: str


_ADD_CODE = "请在表中增加「单位编码」列或在表头上方写明「单位编码：…」，或把文件放进以单位编码命名的文件夹"


@dataclass(frozen=True)
class UnitFinder:
    """Finds the unit of the rows of one table or text."""

    directory: UnitDirectory
    file: str
    title: Title
    scope: frozenset[str]
    narrative_name: str = ""
    _found: dict[tuple[str, str], str | Doubt] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def registered(self) -> set[str]:
        """The codes that a register allows in this file; empty where none holds."""
        return self.directory.registered_for(self.file)

    def whole(self) -> str | Doubt:
        """The unit that the whole table is about: title, text, folder, or the only one there is."""
        title = self.title
        if title.unit_code:
            return self.of_code(title.unit_code, title.unit_name)
        known = self.directory
        stated = title.unit_name or self.narrative_name
        found = known.code_of(stated) if stated else ""
        found = found or next((code for text in title.texts if (code := known.in_words(text))), "")
        found = found or known.in_path(self.file)
        if found:
            return found
        only = self._only()
        if only and self._may_be(only, stated):
            return only
        who = f"「{stated}」" if stated else ""
        return Doubt("UNKNOWN_UNIT", f"无法确定属于哪个预算单位{who}", _ADD_CODE)

    def of_row(self, code: str, name: str) -> str | Doubt:
        """The unit of a row that states a code or a name. Looked up once for each distinct pair."""
        if (code, name) not in self._found:
            self._found[code, name] = self._look_up(code, name)
        return self._found[code, name]

    def _look_up(self, code: str, name: str) -> str | Doubt:
        if code:
            return self.of_code(code, name)
        found = self.directory.code_of(name)
        if found:
            return found
        only = self._only()
        if only and self._may_be(only, name):
            return only
        return Doubt(
            "UNKNOWN_UNIT", f"单位名称「{name}」不在已知单位中", "请增加「单位编码」列，或在预算单位名册中登记该单位"
        )

    def of_code(self, code: str, name: str) -> str | Doubt:
        known = self.directory
        registered = self.registered
        if self.scope and code not in self.scope and code not in registered:
            return code  # another unit's row: the scope decides, not the register
        padded = known.padded(code)
        if padded and (code not in known.units or (registered and code not in registered)):
            return Doubt(
                "UNKNOWN_UNIT",
                f"单位编码「{code}」不在名册中，可能丢了前导 0：名册里有「{padded}」",
                f"请确认后把单位编码改为「{padded}」（单元格设为文本格式）",
            )
        if registered and code not in registered:
            return Doubt(
                "UNKNOWN_UNIT", f"单位编码「{code}」不在预算单位名册中", "请核对单位编码，或在名册中登记该单位"
            )
        other = known.code_of(name) if name else ""
        if code in registered and other in registered - {code}:
            return Doubt(
                "CODE_NAME_CONFLICT",
                f"单位编码「{code}」在名册中是「{known.units[code].name}」，这里却写「{name}」（编码应为「{other}」）",
                "请核对该行的单位编码与单位名称，改正其一",
            )
        return code

    def _only(self) -> str:
        if len(self.scope) == 1:
            return next(iter(self.scope))
        return next(iter(self.directory.units)) if len(self.directory.units) == 1 else ""

    def _may_be(self, code: str, stated: str) -> bool:
        """Whether a stated name does not speak against the only unit known."""
        unit = self.directory.units.get(code)
        return not stated or unit is None or not unit.name or comparable(unit.name) == comparable(stated)


def directory_of(known: Sequence[Unit], scope: Iterable[str]) -> UnitDirectory:
    """The units known before the inbox is read. Codes of the scope are units, even if nothing else says so."""
    directory = UnitDirectory()
    for unit in known:
        directory.learn(unit)
    for code in sorted(scope):
        directory.learn(Unit(code=code))
    return directory
