"""The house holds: imports point one way, names do not collide, heavy parts stay out of the way. Packaging: test_packaging.py."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import CODE, CODE_OF_WORDS, ROOT, SOURCES, python_files, tracked_files

APPLICATION = ("flows", "tasks", "expectations")
HEAVY = (
    "prefect",
    "great_expectations",
    "pandas",
    "numpy",
    "sqlalchemy",
    "pydantic",
    "jinja2",
    "openpyxl",
    "docx",
    "pyarrow",
)


def test_the_import_contracts_hold() -> None:
    lint = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    environment = os.environ | {"PYTHONUTF8": "1", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-c", lint],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


@pytest.mark.parametrize("package", APPLICATION)
def test_no_file_of_the_application_has_the_name_of_a_standard_library_module(package: str) -> None:
    stems = {path.stem for path in (ROOT / package).glob("*.py")} | {package}
    assert not stems & sys.stdlib_module_names


@pytest.mark.parametrize("package", APPLICATION)
def test_the_packages_of_the_application_load_from_the_checkout(package: str) -> None:
    loaded = importlib.import_module(package).__file__
    assert loaded is not None
    assert Path(loaded).resolve() == ROOT / package / "__init__.py"


@pytest.mark.parametrize("module", ["jixiao.cli", "jixiao.application", "flows.application"])
def test_a_light_module_imports_nothing_heavy(module: str) -> None:
    ask = f"import sys, {module}; print(*({set(HEAVY)!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


# In these places a text in capitals with an underscore is a finding code, but for the names of settings, of columns in
# treasury systems, and of what a package exports.
_SPEAKS_OF_FINDINGS = ("src/jixiao", "expectations")
_SETTINGS = ("JIXIAO_", "GX_", "PREFECT_", "AGENCY_")
_EXPORTED = "_FILE"
# A code of one word is one where it is named as such, or given to a maker of findings.
_MAKERS = {"row_rejected", "file_rejected", "logged", "Doubt", "Finding"}


def _finding_codes(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        stated: list[ast.AST] = []
        if isinstance(node, ast.Constant):
            texts, form = [node], CODE_OF_WORDS
        elif isinstance(node, ast.Call):
            stated = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
            stated += node.args if isinstance(node.func, ast.Name) and node.func.id in _MAKERS else []
            texts, form = [part for value in stated for part in ast.walk(value) if isinstance(part, ast.Constant)], CODE
        else:
            continue
        found |= {text.value for text in texts if isinstance(text.value, str) and form.fullmatch(text.value)}
    return {code for code in found if not code.startswith(_SETTINGS) and not code.endswith(_EXPORTED)}


def test_every_finding_code_of_the_code_has_its_texts() -> None:
    from jixiao.reports.finding_texts import finding_texts

    used = {
        code: path.relative_to(ROOT) for path in python_files(*_SPEAKS_OF_FINDINGS) for code in _finding_codes(path)
    }
    assert {"TARGET_COPIED", "OVERSPENT", "IDENTITY", "NEGATIVE_STYLE", "EXPECTATION_FAILED"} <= used.keys()
    missing = {code: str(path) for code, path in used.items() if code not in finding_texts()}
    assert not missing, "add title, why and fix to src/jixiao/reports/finding_texts.csv"


def test_every_finding_text_is_whole() -> None:
    from jixiao.reports.finding_texts import finding_texts

    assert [t.code for t in finding_texts().values() if not (t.title.strip() and t.why.strip() and t.fix.strip())] == []


def test_every_error_is_raised_somewhere_and_stands_in_the_tree() -> None:
    from jixiao import errors

    kinds = {kind.__name__ for kind in errors.JixiaoError.__subclasses__() if kind.__module__ == errors.__name__}
    code = "\n".join(path.read_text(encoding="utf-8") for path in python_files(*SOURCES))
    assert {kind for kind in kinds if f"raise {kind}(" not in code} == set()
    assert {kind for kind in kinds if f"── {kind} " not in (errors.__doc__ or "")} == set()


# Put together here so that this file does not name them.
_FOREIGN = tuple(
    "".join(parts)
    for parts in (("/wo", "rk/"), ("/ro", "ot/"), ("py", "pi.org"), ("python", "hosted.org"), ("--index", "-url h"))
)


def test_no_file_names_a_machine_path_or_a_package_registry() -> None:
    named = []
    for path in tracked_files():
        text = path.read_bytes().decode("utf-8", "ignore")
        named += [f"{path.relative_to(ROOT)}: {word}" for word in _FOREIGN if word in text]
    assert named == []


@pytest.mark.parametrize("source", SOURCES)
def test_every_module_says_what_it_is_for(source: str) -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in (ROOT / source).rglob("*.py")
        if "versions" not in path.parts and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []
