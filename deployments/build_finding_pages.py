"""docs/findings/<CODE>.md: what each finding code means, how to mend it, and what it looks like on a damaged export.

``python -m deployments.build_finding_pages`` writes them from reports/finding_texts.csv and tests/fixtures/damage.py.
A test compares what lies there with what would be written.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "findings"
_ROWS_SHOWN = 6
_CELL_SHOWN = 24


def pages() -> dict[str, str]:
    """File name → text, of all codes and the index."""
    from jixiao.reports.finding_texts import finding_texts

    examples = _examples()
    made = {}
    lines = ["# 核对发现", "", "每个代码一页：为什么、怎么改、长什么样。例子来自 `tests/fixtures/damage.py`。", ""]
    lines += ["| 代码 | 名称 |", "|---|---|"]
    for code, text in sorted(finding_texts().items()):
        lines.append(f"| [{code}]({code}.md) | {text.title} |")
        page = [f"# {text.title}（{code}）", "", f"**为什么** {text.why}。", "", f"**怎么改** {text.fix}。", ""]
        page += examples.get(code, [])
        made[f"{code}.md"] = "\n".join(page).rstrip() + "\n"
    made["README.md"] = "\n".join(lines) + "\n"
    return made


def _examples() -> dict[str, list[str]]:
    """Code → the lines that show its first damaged export: the rows around the place, and what is said of it."""
    from jixiao.intake import read_inbox
    from tests.fixtures.damage import REGISTER, YEAR, damages

    found: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for damage in damages():
            if damage.code == "OK" or damage.code in found:
                continue
            path = Path(folder) / damage.name
            path.write_bytes(damage.content)
            register = Path(folder) / "单位名册.csv"
            register.write_bytes(REGISTER)
            paths = [path, register] if damage.register else [path]
            reading = read_inbox(paths, year=YEAR, scope=frozenset({damage.scope} - {""}))
            file = next(f for f in reading.files if f.file == damage.name)
            said = next((f for f in file.findings if f.code == damage.code), None)
            if said is None:
                continue
            found[damage.code] = [
                f"## 例：{damage.what or damage.name}",
                "",
                *_table(path, said.place.sheet, said.place.row),
                f"结果：{file.outcome.chinese}（`{file.outcome.value}`）。",
                "",
                f"> {said.placed_message}",
                ">",
                f"> 怎么改：{said.fix}",
            ]
    return found


def _table(path: Path, sheet: str, row: int | None) -> Iterator[str]:
    """The head and the rows around ``row`` as a table; nothing where the file holds none."""
    from jixiao.intake.grids.cells import cell_text
    from jixiao.intake.grids.reading import read_content

    grids = read_content(path, path.name).grids
    grid = next((g for g in grids if g.sheet == sheet), grids[0] if grids else None)
    if grid is None or not len(grid.rows):
        return
    last = max(row or 1, _ROWS_SHOWN)
    numbers = sorted({1, *range(max(2, last - _ROWS_SHOWN + 2), last + 1)})
    width = min(grid.width, 9)
    yield "| 行 | " + " | ".join("ABCDEFGHI"[:width]) + " |"
    yield "|---" * (width + 1) + "|"
    for number in numbers:
        if number <= len(grid.rows):
            cells = [cell_text(c)[:_CELL_SHOWN] for c in list(grid.rows[number - 1])[:width]]
            cells += [""] * (width - len(cells))
            yield f"| {number} | " + " | ".join(_plain(c) for c in cells) + " |"
    yield ""


def _plain(text: str) -> str:
    """A cell that Markdown shows as it stands."""
    shown = "".join(c if c.isprintable() else "·" for c in text)
    for mark in "\\`*_<>[]|":
        shown = shown.replace(mark, f"\\{mark}")
    return shown


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    made = pages()
    for path in FOLDER.glob("*.md"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(made)} pages\n")


if __name__ == "__main__":
    main()
