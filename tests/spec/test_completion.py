"""Pairs of target and actual with the share reached: the table is completion.csv, one row a sentence."""

from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path

import pytest

from jixiao.domain.target import parse_target
from jixiao.scoring.completion import CompletionRule, complete

RULE = CompletionRule(qualitative_partly_ratio=Fraction(7, 10), qualitative_missed_ratio=Fraction(3, 10))
ROWS = list(csv.DictReader((Path(__file__).parent / "completion.csv").open(encoding="utf-8", newline="")))


@pytest.mark.parametrize("row", ROWS, ids=[f"{r['name']} {r['target']} {r['actual']}" for r in ROWS])
def test_completion_of_a_pair(row):
    target, actual = parse_target(row["target"], year=2022), parse_target(row["actual"], year=2022)
    found = complete(actual, target, name=row["name"], rule=RULE, better=row["better"])
    assert found.ratio == (Fraction(row["ratio"]) if row["ratio"] else None)
    assert found.status == row["status"]
    assert row["note"] in found.note
    assert found.formula


def test_a_formula_has_its_values_put_in():
    found = complete(parse_target("12880项"), parse_target(">=15000项"), name="受理", rule=RULE)
    assert found.formula == "12880 ÷ 15000 = 0.8587"


def test_a_ceiling_passed_may_be_scored_linearly():
    linear = CompletionRule(Fraction(7, 10), Fraction(3, 10), at_most_method="linear")
    target = parse_target("<=100%")
    assert complete(parse_target("125%"), target, name="", rule=linear).ratio == Fraction(3, 4)
    assert complete(parse_target("250%"), target, name="", rule=linear).ratio == 0
