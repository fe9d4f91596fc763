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
from jixiao.intake.tables.table import Title

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
    _stated: dict[tuple[str, str], dict[str, Unit]] = field(default_factory=dict)
    _broad: set[tuple[str, str]] = field(default_factory=set)

    def hear(self, unit: Unit, file: str, *, broad: bool = False) -> None:
        """Take down a code and a name that ``file`` puts side by side; ``settle`` says which of them are units.

        ``broad``: the name may be that of the department above.
        """
        if not unit.code:
            return
        key = (unit.code, comparable(unit.name))
        if broad and key not in self._stated:
            self._broad.add(key)
        elif not broad:
            self._broad.discard(key)
        self._stated.setdefault(key, {}).setdefault(file, unit)

    def settle(self) -> None:
        """Learn the units heard of where no register tells them. A code that is another one without its zeros is none.

        The name that most files give to a code is its name; what the store knows already counts as one file more.
        """
        names = self._heard_names()
        known = {code: comparable(unit.name) for code, unit in self.units.items() if unit.name}
        heard = [
            (code, name, {file: unit for file, unit in by_file.items() if not self.registered_for(file)})
            for (code, name), by_file in self._stated.items()
        ]
        order = sorted(
            (item for item in heard if item[2]),
            key=lambda item: (
                (item[0], item[1]) in self._broad,
                -len(item[2]) - (known.get(item[0]) == item[1]),
                known.get(item[0]) != item[1],
                min(item[2]),
                item[1],
            ),
        )
        named = {code for valid in self.registers.values() for code in valid}
        for code, name, by_file in order:
            unit = by_file[min(by_file)]
            if self._with_zeros(code, names):
                continue
            votes = len(by_file)
            if code not in named and name and (code not in known or votes > 1 or known[code] == name):
                self.learn(unit, name_first=True)
                named.add(code)
            elif not (official := self.units[code].name if code in self.units else "") or same_unit_name(
                unit.name, official
            ):
                self.learn(unit)
        for code in [code for code, unit in self.units.items() if unit == Unit(code)]:
            if self._with_zeros(code, names):  # a code of the scope alone
                del self.units[code]

    def _heard_names(self) -> dict[str, dict[str, set[str]]]:
        """Code without leading zeros → codes heard of or known → their names."""
        names: dict[str, dict[str, set[str]]] = {}
        stated = [*self._stated, *((unit.code, comparable(unit.name)) for unit in self.units.values())]
        for code, name in stated:
            names.setdefault(code.lstrip("0"), {}).setdefault(code, set()).update({name} - {""})
        return names

    def _with_zeros(self, code: str, names: dict[str, dict[str, set[str]]]) -> str:
        """The one longer code that ``code`` is without its zeros, where no two names speak against it."""
        alike = names.get(code.lstrip("0"), {})
        own = alike.get(code, set())
        found = [
            longer
            for longer, theirs in alike.items()
            if lost_zeros(code, longer) and (not own or not theirs or own & theirs)
        ]
        return found[0] if len(found) == 1 else ""

    def zeros_lost_in_register(self, units: Iterable[Unit]) -> dict[str, str]:
        """Codes of a register → the longer codes that other files give to the same units."""
        names = self._heard_names()
        found: dict[str, str] = {}
        for unit in units:
            of_code = names.setdefault(unit.code.lstrip("0"), {}).setdefault(unit.code, set())
            of_code |= {comparable(unit.name)} - {""}
            if longer := self._with_zeros(unit.code, names):
                found[unit.code] = longer
        return found

    def allow(self, code: str, file: str) -> None:
        """Let a code be valid below the register in ``file``."""
        self.registers.setdefault(PurePosixPath(file).parent, set()).add(code)

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
            # A register of this inbox is newer than what the store remembers.
            parent_code=(unit.parent_code or known.parent_code)
            if name_first
            else (known.parent_code or unit.parent_code),
            division_code=(unit.division_code or known.division_code)
            if name_first
            else (known.division_code or unit.division_code),
        )

    def register(self, unit: Unit, file: str) -> None:
        """Take in a unit of a 预算单位名册; its name there is the official one."""
        self.learn(unit, name_first=True)
        self.allow(unit.code, file)

    def registered_for(self, file: str) -> set[str]:
        """The codes that are valid in ``file``: of the registers in its folder and above. Empty: none says."""
        return {code for folder in PurePosixPath(file).parents for code in self.registers.get(folder, ())}

    def code_of(self, name: str) -> str:
        """The code of a unit's name; empty where the name is unknown or stands for two codes. A register decides."""
        codes = self._names.get(comparable(name), set())
        registered = {code for valid in self.registers.values() for code in valid & codes}
        official = {code for code in codes if comparable(self.units[code].name) == comparable(name)}
        codes = registered or official or codes
        return next(iter(codes)) if len(codes) == 1 else ""

    def padded(self, code: str) -> str:
        """The known code that ``code`` was before its leading zeros were lost; empty if there is none or two."""
        found = [c for c in self._bare_codes.get(code.lstrip("0"), ()) if lost_zeros(code, c)]
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
    """Why a row has no unit: the code of the finding, what is wrong, what to do; ``meant`` the unit it was about."""

    code: str
    message: str
    fix: str
    meant: str = ""


_ADD_CODE = "请在表中增加「单位编码」列或在表头上方写明「单位编码：…」，或把文件放进以单位编码命名的文件夹"


@dataclass(frozen=True)
class UnitFinder:
    """Finds the unit of the rows of one table or text.

    ``names_must_agree``: the table is a form of one unit, a code beside another unit's name refuses it.
    """

    directory: UnitDirectory
    file: str
    title: Title
    scope: frozenset[str]
    narrative_name: str = ""
    names_must_agree: bool = False
    _found: dict[tuple[str, str], str | Doubt] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def registered(self) -> set[str]:
        """The codes that a register allows in this file; empty where none holds."""
        return self.directory.registered_for(self.file)

    def whole(self) -> str | Doubt:
        """The unit that the whole table is about: title, text, folder, or the only one there is."""
        title = self.title
        if title.unit_code:
            return self._of_code(title.unit_code, title.unit_name, strict=title.names_the_unit)
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
            return self._of_code(code, name, strict=self.names_must_agree)
        found = self.directory.code_of(name)
        if found:
            return found
        only = self._only()
        if only and self._may_be(only, name):
            return only
        return Doubt(
            "UNKNOWN_UNIT", f"单位名称「{name}」不在已知单位中", "请增加「单位编码」列，或在预算单位名册中登记该单位"
        )

    def _of_code(self, code: str, name: str, *, strict: bool) -> str | Doubt:
        """The unit of a stated code. ``strict``: any other name speaks against it, not only that of a known unit."""
        known = self.directory
        registered = self.registered
        padded = known.padded(code) if code not in known.units or (registered and code not in registered) else ""
        outside = bool(self.scope) and not {code, padded} & self.scope
        if outside and (padded or code not in registered):
            return code  # another unit's row: the scope decides, not the register
        if padded:
            return Doubt(
                "UNKNOWN_UNIT",
                f"单位编码「{code}」不是已知单位，可能丢了前导 0：已知单位中有「{padded}」",
                f"请确认后把单位编码改为「{padded}」（单元格设为文本格式）",
                meant=padded,
            )
        if registered and code not in registered:
            return Doubt(
                "UNKNOWN_UNIT", f"单位编码「{code}」不在预算单位名册中", "请核对单位编码，或在名册中登记该单位"
            )
        return self._conflict(code, name, strict=strict) or code

    def _conflict(self, code: str, name: str, *, strict: bool) -> Doubt | None:
        known = self.directory
        unit = known.units.get(code)
        if unit is None or not unit.name or not name or same_unit_name(name, unit.name):
            return None
        other = known.code_of(name)
        is_another = bool(other) and other != code and comparable(known.units[other].name) == comparable(name)
        if not is_another and (not strict or other == code):
            return None
        whose = f"「{other}」的名称" if is_another else "另一个单位的名称"
        return Doubt(
            "CODE_NAME_CONFLICT",
            f"单位编码「{code}」是「{unit.name}」，这里却写「{name}」（{whose}）",
            "请核对单位编码与单位名称，改正其一",
            meant=code,
        )

    def _only(self) -> str:
        if len(self.scope) == 1:
            return next(iter(self.scope))
        return next(iter(self.directory.units)) if len(self.directory.units) == 1 else ""

    def _may_be(self, code: str, stated: str) -> bool:
        """Whether a stated name does not speak against the only unit known."""
        unit = self.directory.units.get(code)
        return not stated or unit is None or not unit.name or comparable(unit.name) == comparable(stated)


def lost_zeros(code: str, longer: str) -> bool:
    """Whether ``code`` is ``longer`` without its leading zeros, as Excel makes a number of it."""
    return len(longer) > len(code) and longer.startswith("0") and longer.lstrip("0") == code.lstrip("0")


def same_unit_name(one: str, other: str) -> bool:
    """Whether two names may be those of one unit: equal, or one is short for the other (苏州科技局, 苏州市科技局)."""
    short, long = sorted((comparable(one), comparable(other)), key=len)
    if len(short) < _SHORT_NAME:
        return True
    rest = iter(long)
    return all(character in rest for character in short)


# A shorter text is no unit's name but a word for it: 本级, 局机关.
_SHORT_NAME = 4


def directory_of(known: Sequence[Unit], scope: Iterable[str]) -> UnitDirectory:
    """The units known before the inbox is read. Codes of the scope are units, even if nothing else says so."""
    directory = UnitDirectory()
    for unit in known:
        directory.learn(unit)
    for code in sorted(scope):
        directory.learn(Unit(code=code))
    return directory
