"""YAML rule files → typed rule sets. A mistake in a file is named with file and line."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import yaml
from pydantic import ValidationError

from jixiao.errors import RuleSetError
from jixiao.rules.model import RuleSet

SETS_ROOT = Path(__file__).parent / "sets"


def _line_of(node: yaml.Node, path: tuple[int | str, ...]) -> int:
    """Line (1-based) of the deepest node that ``path`` reaches."""
    for step in path:
        if isinstance(node, yaml.MappingNode):
            below = next((v for k, v in node.value if k.value == step), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            below = node.value[step]
        else:
            below = None
        if below is None:
            break
        node = below
    return int(node.start_mark.line) + 1


def load_rule_set(path: Path) -> RuleSet:
    """Read one rule file.

    Raises:
        RuleSetError: no YAML, an unknown field, a rule without a source; the message names file and line.
    """
    text = path.read_text(encoding="utf-8")
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RuleSetError(f"规则文件 {path.name} 不是有效的 YAML：{error}", "按提示的行号改正") from error
    try:
        found = RuleSet.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        line = _line_of(tree, first["loc"]) if tree is not None else 1
        where = ".".join(str(step) for step in first["loc"])
        raise RuleSetError(
            f"规则文件 {path.name} 第 {line} 行（{where}）：{first['msg']}", "对照 docs/rules.md 改正"
        ) from error
    for n, rule in enumerate(found.rules):
        if any(other.id == rule.id and rule.overlaps(other) for other in found.rules[:n]):
            line = _line_of(tree, ("rules", n)) if tree is not None else 1
            fix = "给较早的一条写上 until，使有效期不重叠"
            raise RuleSetError(f"规则文件 {path.name} 第 {line} 行：规则 {rule.id} 与前一条同时有效", fix)
    return found


@lru_cache(maxsize=4)
def load_all(root: Path = SETS_ROOT) -> tuple[RuleSet, ...]:
    """All rule sets below ``root``, national first."""
    sets = [load_rule_set(path) for path in sorted(root.rglob("*.yaml"))]
    return tuple(sorted(sets, key=lambda s: (s.region != "CN", len(s.region), s.region)))
