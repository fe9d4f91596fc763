"""The indicator rows of a form → Indicator: levels filled down, fillers left out, operator, value and unit joined.

Cells: form_cells.py. Where the block stands: tables/form_blocks.py. A plain table of indicators: reader.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from jixiao.domain.books import Indicator
from jixiao.intake.grids.cells import says_nothing
from jixiao.intake.grids.grid import CellError
from jixiao.intake.rows.form_cells import FormCells
from jixiao.intake.rows.reader import indicator_id
from jixiao.intake.tables.form_blocks import LEVELS, IndicatorBlock

_FILLER = re.compile(r"^(?:指标\s*\d*)?\s*[:：]?\s*(?:[.…·。]+|/|／|-+|—+|…*等*)?$")
_NOT_APPLICABLE = re.compile(r"^(?:/|／|-+|—+|无|不涉及|不适用)$")
_PREFIX = re.compile(r"^[★☆*\s]*(?:指标\s*\d+\s*[:：]\s*)?[★☆*\s]*")
# A line break or blanks between two Chinese characters come from the width of the cell.
_WRAP = re.compile(r"(?<=[一-鿿（）、，])\s+(?=[一-鿿（）、，])")
# 指标性质 as codes of a drop-down list: 1 ≥ 2 > 3 = 4 < 5 ≤ 6 定性.
_OPERATOR_CODES = {"1": "≥", "2": "＞", "3": "=", "4": "＜", "5": "≤", "6": ""}
_NO_OPERATOR = frozenset(
    {"定性", "文字描述", "其他", "正向", "反向", "正向指标", "反向指标", "定量", "定性指标", "定量指标"}
)
_YES = frozenset({"√", "✓", "✔", "☑", "■", "v", "V", "是", "1", "Y", "y", "●"})
_LIKELIHOODS = {"likely_yes": "确定能", "likely_maybe": "有可能", "likely_no": "不可能"}
_NEEDED = ("name", "target", "value", "actual")


class IndicatorReader:
    """The indicators of one form."""

    def __init__(self, cells: FormCells, block: IndicatorBlock) -> None:
        self.cells, self.block = cells, block
        self._tops = dict(self._merged_tops())
        self._coded = self._operators_are_codes()
        # 一级, 二级 → first row, and whether an indicator or the word that there is none stands under it.
        self._groups: dict[tuple[str, str], tuple[int, bool]] = {}

    def read(self) -> list[Indicator]:
        """The indicators in their order, numbered from 001."""
        found = list(self._indicators())
        self._remark_empty(found)
        return found

    def _indicators(self) -> Iterator[Indicator]:
        carried = dict.fromkeys(LEVELS, "")
        columns = self.block.columns
        position = 0
        label = next(iter(self.block.block_labels.values()), "")
        for row in self.block.rows:
            label = self.block.block_labels.get(row, label)
            self._carry(carried, row)
            texts = {name: self.cells.shown(row, at) for name, at in columns.items()}
            name = _PREFIX.sub("", _unwrapped(texts.get("name", ""))).strip()
            target = self._target(texts)
            said = target or texts.get("actual", "")
            has_points = any(texts.get(key) and not says_nothing(texts[key]) for key in ("weight", "score"))
            group = (carried["level1"], carried["level2"])
            # Where a form prints neither target nor actual, the points make the row.
            measured = columns.keys() & {"target", "value", "actual"}
            stands = (
                bool(said) or (bool(name) and not _FILLER.match(name)) or (has_points and not measured and bool(name))
            )
            self._note(group, row, is_said=stands or bool(_NOT_APPLICABLE.match(name)))
            if not stands:
                self._leave_out(row, name, has_points=has_points)
                continue
            if self._is_broken(row):
                continue
            position += 1
            yield Indicator(
                unit_code=self.cells.unit_code,
                indicator_id=indicator_id(position),
                position=position,
                level1=carried["level1"] or ("" if "level1" in columns else _unwrapped(label)),
                level2=carried["level2"],
                name=name or carried["level2"],
                target=target,
                actual=texts.get("actual", ""),
                actual_source=texts.get("actual_source", ""),
                deviation=texts.get("deviation", ""),
                reason=self._reason(row, texts),
                weight=self.cells.points(row, columns.get("weight", -1), "分值"),
                score=self.cells.points(row, columns.get("score", -1), "得分"),
                owner=texts.get("owner", ""),
                standard=texts.get("standard", ""),
                place=self.cells.form.place(self.cells.file, row),
                project=self.cells.project,
                likelihood=_likelihood(texts),
            )

    # ── what is left out, and told ───────────────────────────────────────────────────────────────────────────────────

    def _note(self, group: tuple[str, str], row: int, *, is_said: bool) -> None:
        first, was_said = self._groups.get(group, (row, False))
        self._groups[group] = (first, was_said or is_said)

    def _remark_empty(self, found: list[Indicator]) -> None:
        """二级指标 that the form prints and under which nothing stands; one word where it holds no indicator at all."""
        if not found and not self.cells.out.rejected:
            message = "指标栏里没有填写任何指标"
            self.cells.warn(
                "REQUIRED_VALUE_EMPTY", self.block.head_row, None, message, "请填写指标名称、目标值和完成值"
            )
            return
        for (one, two), (row, is_said) in self._groups.items():
            if is_said or not two:
                continue
            message = f"{f'「{one}」下的' if one else ''}「{two}」没有填写任何指标"
            fix = "请填写指标；确实不涉及的在指标名称处写「无」"
            self.cells.warn("REQUIRED_VALUE_EMPTY", row, self.block.columns.get("name"), message, fix, indicator=two)

    def _leave_out(self, row: int, name: str, *, has_points: bool) -> None:
        """A filler of the form is no indicator. One that carries points is told: nothing may vanish silently."""
        if not has_points:
            self.cells.out.fillers += 1
        else:
            self.cells.out.excluded += 1
            message = f"「{name or '空白指标'}」没有名称、目标值和完成值却有分值或得分，未作为指标"
            fix = "是指标的请填写名称和目标值；不是的请清空分值"
            self.cells.warn("REQUIRED_VALUE_EMPTY", row, self.block.columns.get("name"), message, fix)

    def _is_broken(self, row: int) -> bool:
        """Whether a needed cell holds an error value: then the row is rejected."""
        for name in _NEEDED:
            at = self.block.columns.get(name, -1)
            cell = self.cells.cell(row, at)
            if isinstance(cell, CellError):
                self.cells.reject_error(row, at, "".join(self.block.heads.get(at, "").split()), cell)
                return True
        return False

    # ── levels ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _carry(self, carried: dict[str, str], row: int) -> None:
        """一级 and 二级 of merged cells go down; a new 一级 ends the 二级 before it."""
        for level, below in (("level1", "level2"), ("level2", "")):
            at = self.block.columns.get(level, -1)
            text = _unwrapped(self.cells.shown(*self._tops.get((row, at), (row, at)))) if at >= 0 else ""
            if text and text != carried[level]:
                carried[level] = text
                if below:
                    carried[below] = ""

    def _merged_tops(self) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        """Cell of a merged label → the first cell of its range, which holds the text. Points are never filled down."""
        levels = {self.block.columns.get(level, -1) for level in LEVELS} - {-1}
        last_of_form = self.cells.form.last_row
        for first_row, first, last_row, last in self.cells.form.grid.merged:
            for at in levels & set(range(first, last + 1)):
                for row in range(first_row, min(last_row, last_of_form) + 1):
                    yield (row, at), (first_row, first)

    # ── target, reason, likelihood ───────────────────────────────────────────────────────────────────────────────────

    def _operators_are_codes(self) -> bool:
        at = self.block.columns.get("operator", -1)
        found = [self.cells.shown(row, at) for row in self.block.rows if at >= 0]
        return bool(any(found)) and all(text in _OPERATOR_CODES for text in found if text)

    def _target(self, texts: dict[str, str]) -> str:
        """Operator, value and unit joined as they stand; one cell to the letter. An adjusted value is the one in force."""
        value = texts.get("value_adjusted") or texts.get("value", "") or texts.get("target", "")
        operator = texts.get("operator", "")
        operator = _OPERATOR_CODES[operator] if self._coded and operator else operator
        operator = "" if operator in _NO_OPERATOR or value.startswith(operator) else operator
        unit = texts.get("unit", "")
        unit = "" if says_nothing(unit) or unit in _NO_OPERATOR or value.endswith(unit) else unit
        if not value or says_nothing(value):
            return value
        return f"{operator}{value}{unit}"

    def _reason(self, row: int, texts: dict[str, str]) -> str:
        """The reason as written; before it the causes that are ticked in a form that lists them."""
        ticked = [label for at, label in self.block.causes.items() if self.cells.shown(row, at) in _YES]
        return "：".join(filter(None, ("、".join(ticked), texts.get("reason", ""))))


def _unwrapped(text: str) -> str:
    """产<br>出<br>指<br>标 → 产出指标."""
    return _WRAP.sub("", text)


def _likelihood(texts: dict[str, str]) -> str:
    ticked = [said for name, said in _LIKELIHOODS.items() if texts.get(name, "") in _YES]
    return ticked[0] if len(ticked) == 1 else ""
