"""What is shipped: the wheel's content, the library alone, the lock."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from jixiao import __version__
from tests.architecture.tree import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from the checkout, without a network."""
    from hatchling.builders.wheel import WheelBuilder

    folder = tmp_path_factory.mktemp("wheel")
    (built,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    return Path(built)


@pytest.fixture(scope="module")
def library_alone(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what the wheel holds, and nothing else."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_the_top_level_of_the_wheel_is_jixiao_alone(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/", 1)[0] for name in names} == {"jixiao", f"jixiao-{__version__}.dist-info"}


def test_the_wheel_holds_the_data_that_the_library_reads(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    package = ROOT / "src" / "jixiao"
    shipped = {
        f"jixiao/_templates/{path.relative_to(ROOT / 'templates').as_posix()}"
        for path in (ROOT / "templates").rglob("*")
        if path.is_file()
    }
    data = {".csv", ".yaml", ".mako", ".xlsx", ".docx", ".md", ".typed"}
    shipped |= {
        f"jixiao/{path.relative_to(package).as_posix()}"
        for path in package.rglob("*")
        if path.suffix in data or path.name == "py.typed"
    }
    assert shipped
    assert shipped - names == set()
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_wheel_holds_no_leavings(wheel: Path) -> None:
    leavings = [
        name for name in zipfile.ZipFile(wheel).namelist() if "__pycache__" in name or name.endswith((".pyc", ".db"))
    ]
    assert leavings == []


def _ask(folder: Path, code: str) -> str:
    """What an interpreter says that sees the standard library and ``folder``."""
    program = f"import sys; sys.path.insert(0, {str(folder)!r}); {code}"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-X", "utf8", "-c", program],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout


_LOAD = """
from jixiao.application import load_application
from jixiao.errors import ApplicationMissing
try:
    load_application()
except ApplicationMissing as error:
    print(error.message, '|', error.fix, '|', int(error.exit_code))
"""


def test_where_only_the_library_is_installed_it_says_what_is_missing(library_alone: Path) -> None:
    message, fix, code = _ask(library_alone, _LOAD).split(" | ")
    assert "只安装了 jixiao 库" in message
    assert "flows" in message
    assert "make install" in fix
    assert "jixiao check" in fix
    assert int(code) == 1


def test_where_nothing_is_registered_it_says_so_too(library_alone: Path, tmp_path: Path) -> None:
    (tmp_path / "jixiao").symlink_to(library_alone / "jixiao", target_is_directory=True)
    message = _ask(tmp_path, _LOAD).split(" | ")[0]
    assert "只安装了 jixiao 库" in message
    assert "没有登记" in message


def test_the_library_alone_finds_its_templates(library_alone: Path) -> None:
    said = _ask(library_alone, "from jixiao.resources import templates_root; print(templates_root())")
    assert Path(said.strip()) == library_alone / "jixiao" / "_templates"


# ── the lock ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _lock() -> str:
    return (ROOT / "requirements.lock").read_text(encoding="utf-8")


def _pins() -> dict[str, set[str]]:
    pins: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", _lock(), re.MULTILINE):
        pins.setdefault(canonicalize_name(name), set()).add(version)
    return pins


def _direct_requirements() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    stated = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    for extra in project["project"]["optional-dependencies"].values():
        stated += extra
    return [Requirement(text) for text in stated]


def test_the_lock_holds_no_address() -> None:
    assert "://" not in _lock()


def test_the_lock_pins_every_direct_requirement_within_its_bounds() -> None:
    pins = _pins()
    for requirement in _direct_requirements():
        versions = pins.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement.name} is not in requirements.lock"
        outside = [version for version in versions if not requirement.specifier.contains(version, prereleases=True)]
        assert outside == [], f"{requirement}: the lock has {outside}"


def test_every_pin_of_the_lock_has_a_hash() -> None:
    entries = re.split(r"\n(?=\S)", _lock().strip())
    assert [entry.split()[0] for entry in entries if not entry.startswith("#") and "--hash=sha256:" not in entry] == []
