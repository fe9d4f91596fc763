"""docs/findings holds a page for each finding code, as the fixtures make it."""

from __future__ import annotations

from deployments.build_finding_pages import FOLDER, pages


def test_every_code_has_its_page_and_every_page_is_current():
    made = pages()
    there = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
    assert sorted(there) == sorted(made)
    stale = [name for name, text in made.items() if there[name] != text]
    assert stale == [], "run: python -m deployments.build_finding_pages"
