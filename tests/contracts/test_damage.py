"""CONTRACT §3, row by row: outcome, code and place of each damaged export."""

from __future__ import annotations

import pytest

from jixiao.intake import read_inbox
from tests.fixtures.damage import REGISTER, YEAR, Damage, damages

# What a file may say beside the finding that it is made for, without being more damaged than it is.
ALL = {damage.name: damage for damage in damages()}


def read(damage: Damage, folder):
    path = folder / damage.name
    path.write_bytes(damage.content)
    paths = [path]
    if damage.register:
        (folder / "单位名册.csv").write_bytes(REGISTER)
        paths.append(folder / "单位名册.csv")
    reading = read_inbox(paths, year=YEAR, scope=frozenset({damage.scope} - {""}))
    return next(file for file in reading.files if file.file == damage.name)


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_damaged_export_has_the_outcome_and_the_finding_of_the_contract(name, tmp_path):
    damage = ALL[name]
    file = read(damage, tmp_path)
    said = {(f.code, f.place.row, f.place.column) for f in file.findings}
    assert file.outcome.value == damage.outcome, said
    if damage.code == "OK":
        return
    places = [(row, column) for code, row, column in said if code == damage.code]
    assert places, said
    if damage.row is not None:
        assert damage.row in {row for row, _ in places}
    if damage.column is not None:
        assert damage.column in {column for _, column in places}
