"""What ``check`` prints: grouped by cause, the worst first, everything counted, nothing that a terminal obeys."""

from __future__ import annotations

from pathlib import Path

import pytest

from jixiao.cli.reading_report import file_json, print_reading
from jixiao.intake import read_inbox
from tests.fixtures.damage import UNIT, YEAR, csv_bytes, damages, payments

EIGHT = (
    "gbk.csv",
    "ref.xlsx",
    "february.csv",
    "no_amount.csv",
    "sub_cent.xlsx",
    "one_page.csv",
    "overspent.xlsx",
    "half.xlsx",
)
SCREEN_LINES, SCREEN_COLUMNS = 40, 120


def _lines(text: str) -> int:
    """How many lines a terminal of 120 columns needs; a Chinese character takes two."""
    from jixiao.cli.printing import width

    return sum(max(1, -(-width(line) // SCREEN_COLUMNS)) for line in text.splitlines())


def _each_alone(folder: Path):
    """Eight damaged files, each with a unit of its own, so that they are no versions of one another."""
    by_name = {damage.name: damage for damage in damages()}
    for name in EIGHT:
        (folder / name).write_bytes(by_name[name].content)
    return read_inbox([folder], year=YEAR, scope=frozenset({UNIT}))


def test_eight_damaged_files_fit_on_two_screens_with_cell_cause_and_mend(tmp_path, capsys):
    reading = _each_alone(tmp_path)
    print_reading(reading)
    said = capsys.readouterr().out
    assert _lines(said) <= 2 * SCREEN_LINES
    for file in reading.files:
        worst = [f for f in file.findings if f.outcome is file.outcome and f.code != "DUPLICATE_SCOPE"]
        assert file.outcome.chinese in said
        assert any(f.placed_message in said and f.fix in said for f in worst) or not worst, file.file


def test_five_thousand_duplicates_are_five_thousand_findings_and_one_group(tmp_path, capsys):
    rows = payments(5_000)
    (tmp_path / "明细.csv").write_bytes(csv_bytes([*rows, *rows[1:]]))
    reading = read_inbox([tmp_path], year=YEAR)
    print_reading(reading)
    said = capsys.readouterr().out
    assert said.count("DUPLICATE_KEY") == 1
    assert "5000 处" in said
    assert sum(f["code"] == "DUPLICATE_KEY" for f in file_json(reading.files[0])["findings"]) == 5_000


@pytest.mark.parametrize("name", ["甲\x1b[31m乙.csv", "甲\n未接收 0 行.csv", "甲\u202egpj.csv"])
def test_a_files_name_moves_nothing_on_the_terminal(tmp_path, capsys, name):
    (tmp_path / name).write_bytes(csv_bytes(payments(2)))
    print_reading(read_inbox([tmp_path], year=YEAR))
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert not any(line.startswith("未接收 0 行") for line in said.splitlines())
