"""Run intake over mutated inputs and report what it could not take: an exception, a hang, a gigabyte.

``python -m tests.fuzz.harness --count 20000`` prints the figures; ``make test`` runs a few hundred (test_fuzz.py).
Inputs are worked in child processes, so that a hang or a crash of one is counted and the others go on.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType

from tests.fuzz.mutation import inputs
from tests.fuzz.samples import samples

SEED = 20221231
HANG_SECONDS = 5
MEMORY_LIMIT_MIB = 1024
_BATCH = 50


class Hang(BaseException):
    """An input took longer than it may; no handler of intake may swallow it."""


@dataclass
class Report:
    """What became of the inputs; ``failures`` name the input's number, its sample and the fault."""

    inputs: int = 0
    seconds: float = 0.0
    slowest_seconds: float = 0.0
    peak_mib: float = 0.0
    outcomes: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def add(self, other: Report) -> None:
        self.inputs += other.inputs
        self.slowest_seconds = max(self.slowest_seconds, other.slowest_seconds)
        self.peak_mib = max(self.peak_mib, other.peak_mib)
        for outcome, count in other.outcomes.items():
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + count
        self.failures += other.failures


def run(*, count: int, first: int = 0, seed: int = SEED, processes: int = 2) -> Report:
    """Work ``count`` inputs from number ``first`` on."""
    begun = time.perf_counter()
    report = Report()
    tasks = [(seed, at, min(_BATCH, first + count - at)) for at in range(first, first + count, _BATCH)]
    with multiprocessing.get_context("spawn").Pool(processes, maxtasksperchild=20) as pool:
        for done in pool.imap_unordered(_work, tasks):
            report.add(done)
    report.seconds = round(time.perf_counter() - begun, 1)
    return report


def _work(task: tuple[int, int, int]) -> Report:
    from jixiao.intake import read_inbox

    seed, first, count = task
    files = samples()
    report = Report()
    signal.signal(signal.SIGALRM, _hang)
    with tempfile.TemporaryDirectory() as folder:
        for number, which, blob in inputs([content for _, content in files], seed=seed, first=first, count=count):
            name = files[which][0]
            path = Path(folder) / name
            path.write_bytes(blob)
            begun = time.perf_counter()
            signal.setitimer(signal.ITIMER_REAL, HANG_SECONDS)
            try:
                reading = read_inbox([path], year=2022)
                json.dumps([f.message for file in reading.files for f in file.findings])
                outcome = reading.files[0].outcome.value
            except Hang:
                outcome = "hang"
                report.failures.append(f"{number} {name}: 超过 {HANG_SECONDS} 秒")
            except Exception as error:  # noqa: BLE001 - what nobody handled is what is looked for
                outcome = "exception"
                where = traceback.extract_tb(error.__traceback__)[-1]
                report.failures.append(
                    f"{number} {name}: {type(error).__name__}: {str(error)[:80]} ({Path(where.filename).name}:{where.lineno})"
                )
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            report.outcomes[outcome] = report.outcomes.get(outcome, 0) + 1
            report.slowest_seconds = max(report.slowest_seconds, round(time.perf_counter() - begun, 2))
            report.inputs += 1
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            if peak > MEMORY_LIMIT_MIB >= report.peak_mib:
                report.failures.append(f"{number} {name}: {peak:.0f} MiB")
            report.peak_mib = max(report.peak_mib, round(peak, 1))
            path.unlink(missing_ok=True)
    return report


def _hang(_signal: int, _frame: FrameType | None) -> None:
    raise Hang


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--keep", type=Path, help="write the bytes of input --first here instead of running")
    told = parser.parse_args()
    if told.keep:
        files = samples()
        ((_, which, blob),) = inputs([content for _, content in files], seed=told.seed, first=told.first, count=1)
        told.keep.mkdir(parents=True, exist_ok=True)
        (told.keep / files[which][0]).write_bytes(blob)
        return
    report = run(count=told.count, first=told.first, seed=told.seed, processes=os.cpu_count() or 1)
    sys.stdout.write(json.dumps(asdict(report), ensure_ascii=False, indent=2) + "\n")
    sys.exit(1 if report.failures else 0)


if __name__ == "__main__":
    main()
