"""What the documents say is so: commands, links, keys and fields that they name exist, and none is left out."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest

from jixiao.rules.model import DerivedBasis, DerivedIndicator, Rule, RuleSet, Source
from tests.architecture.tree import ROOT, commands, documents

READMES = ("README.md", "README.zh-CN.md")
_SHOWN = re.compile(r"\bjixiao ([a-z][a-z-]*)")


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_help_lists_the_commands_that_the_documents_are_held_against() -> None:
    assert {"demo", "annual", "import", "doctor"} <= commands()


@pytest.mark.parametrize("readme", READMES)
def test_a_readme_lists_exactly_the_commands_that_exist(readme: str) -> None:
    listed = re.findall(r"^\| `jixiao ([a-z-]+)[^`]*` \|", _text(readme), re.MULTILINE)
    assert sorted(listed) == sorted(commands())


def _commands_shown(text: str) -> set[str]:
    """Commands in spans and blocks of code; prose may say anything."""
    blocks = re.findall(r"```.*?```", text, re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return {name for code in [*blocks, *spans] for name in _SHOWN.findall(code)}


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_document_names_no_command_that_does_not_exist(document: Path) -> None:
    assert _commands_shown(document.read_text(encoding="utf-8")) <= commands()


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_links_of_a_document_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (document.parent / link).exists()] == []


@pytest.mark.parametrize("readme", READMES)
def test_a_readme_says_the_kinds_of_files_and_the_exit_codes(readme: str) -> None:
    from jixiao.domain.books import Kind
    from jixiao.errors import ExitCode

    text = _text(readme)
    assert {kind.value for kind in Kind} == set(re.findall(r"^\| `([a-z_]+)` \|", text, re.MULTILINE))
    assert all(re.search(rf"[:：·]\s*{int(code)} ", text) for code in ExitCode)


@pytest.mark.parametrize("readme", READMES)
def test_the_first_screen_of_a_readme_holds_the_two_commands(readme: str) -> None:
    first = "\n".join(_text(readme).splitlines()[:40])
    assert "make demo" in first
    assert "make test" in first
    assert "docs/pictures/report-page.png" in first


def test_every_target_that_the_makefile_calls_public_exists() -> None:
    makefile = _text("Makefile")
    (public,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    rules = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert set(public.split()) <= rules
    called = {
        name
        for path in documents()
        for name in re.findall(r"`make ([a-z]+)|^\$ make ([a-z]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert {a or b for a, b in called} <= rules


@pytest.mark.parametrize("model", [RuleSet, Rule, Source, DerivedIndicator, DerivedBasis])
def test_the_document_of_the_rule_files_names_every_field(model: type) -> None:
    text = _text("docs/rules.md")
    assert [name for name in model.model_fields if not re.search(rf"\b{name}\b", text)] == []  # type: ignore[attr-defined]


def test_the_document_of_the_rule_files_names_every_rule_in_force() -> None:
    from jixiao.rules.registry import rule_book

    text = _text("docs/rules.md")
    assert [rule for rule in rule_book(on=date(2022, 12, 31)).rules if f"`{rule}`" not in text] == []


def test_the_keys_of_run_json_are_those_of_the_document() -> None:
    from jixiao.domain.evaluation import RunInfo
    from jixiao.reports.tables import run_json

    run = RunInfo("2022-annual-00000000", 2022, "annual", date(2023, 2, 15), "0", "0")
    written = json.loads(run_json(run, inputs=(), left_out=(), counts={}, files=(), seconds={}))
    section = _text("docs/reproducible-outputs.md").split("## Keys of run.json")[1]
    named = {
        key
        for cell in re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE)
        for key in re.findall(r"`([a-z_]+)`", cell)
    }
    assert named == written.keys()


def test_the_decisions_are_numbered_without_a_gap_and_all_listed() -> None:
    pages = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert [page.name[:4] for page in pages] == [f"{n:04d}" for n in range(1, len(pages) + 1)]
    listed = _text("docs/adr/README.md")
    for page in pages:
        assert f"({page.name})" in listed
        headings = re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences"], page.name
