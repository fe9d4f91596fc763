"""Numbers that no office means: they are told, and nothing breaks on them."""

from __future__ import annotations

import pytest

from jixiao.intake import read_inbox
from tests.fixtures.damage import YEAR, csv_bytes, execution, payments, with_cell, xlsx


@pytest.mark.parametrize("value", ["9" * 400, "1" + "0" * 30, "0." + "0" * 60 + "1", "-" + "9" * 40])
@pytest.mark.parametrize("column", ["E", "F"])
def test_a_number_without_measure_is_no_exception(tmp_path, value, column):
    rows = [["单位编码：770001"], *with_cell(execution(), 4, column, value)]
    (tmp_path / "a.xlsx").write_bytes(xlsx(rows))
    (tmp_path / "b.csv").write_bytes(csv_bytes(with_cell(payments(), 4, "F", value)))
    for name in ("a.xlsx", "b.csv"):
        (file,) = read_inbox([tmp_path / name], year=YEAR).files
        assert file.outcome.value in {"reject_row", "reject_file", "accept_with_warning", "accept_logged", "accept"}


def test_a_percent_cell_without_measure_is_no_exception(tmp_path):
    def change(book):
        book.worksheets[0]["F4"].number_format = "0.00%"

    rows = [["单位编码：770001"], *with_cell(execution(), 3, "F", 1e300)]
    (tmp_path / "a.xlsx").write_bytes(xlsx(rows, change=change))
    (file,) = read_inbox([tmp_path / "a.xlsx"], year=YEAR).files
    assert file.rows_accepted
