"""A few hundred mutated inputs with a fixed seed; the long run and its figure stand in docs/intake-limits.md."""

from __future__ import annotations

from tests.fuzz import harness
from tests.fuzz.mutation import inputs
from tests.fuzz.samples import samples

FEW = 400


def test_no_mutated_file_makes_intake_raise_hang_or_swell():
    report = harness.run(count=FEW)
    assert report.inputs == FEW
    assert report.failures == []
    assert report.peak_mib < harness.MEMORY_LIMIT_MIB


def test_one_seed_gives_the_same_inputs():
    contents = [content for _, content in samples()]
    assert inputs(contents, seed=1, first=7, count=3) == inputs(contents, seed=1, first=5, count=5)[2:]
