"""make bench: how long the annual cycle of 200 invented units takes, stage by stage, bare and orchestrated.

Machines are noisy: read the ratios. Each call appends to benchmarks/history/first_light.jsonl and prints the last one
beside. The synthetic city and the limits of scale are a work of their own.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
HISTORY = ROOT / "benchmarks" / "history" / "first_light.jsonl"
YEAR = 2023


def help_seconds(times: int = 10) -> float:
    """Median wall seconds of ``jixiao --help``, warm."""
    command = [str(Path(sys.executable).parent / "jixiao"), "--help"]
    taken = []
    for _ in range(times + 1):
        begun = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        taken.append(time.perf_counter() - begun)
    return round(statistics.median(taken[1:]), 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=200)
    told = parser.parse_args()

    from expectations.runner import framework, judge_batch
    from flows.application import application
    from jixiao import cycle
    from jixiao.application import EvaluationRequest
    from tests.fixtures.units import many_units

    framework()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        many_units(work / "in", told.units, 1, year=YEAR)

        def request(name: str) -> EvaluationRequest:
            url = f"sqlite:///{work / name / 'jixiao.db'}"
            return EvaluationRequest(
                YEAR, str(work / "in"), str(work / name), url, as_of=date(2024, 2, 1), var=str(work / name)
            )

        stages = []

        def timed(stage: str, call: object, *arguments: object) -> object:
            cpu, wall = time.process_time(), time.perf_counter()
            made = call(*arguments)  # type: ignore[operator]
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            seconds = round(time.perf_counter() - wall, 3)
            stages.append(
                {
                    "stage": stage,
                    "seconds": seconds,
                    "cpu_seconds": round(time.process_time() - cpu, 3),
                    "peak_rss_mib": peak,
                }
            )
            return made

        bare = request("bare")
        receipt = timed("intake", cycle.import_inbox, bare)
        for batch in receipt.unit_batches:  # type: ignore[attr-defined]
            run = receipt.run_id  # type: ignore[attr-defined]

            def judge(codes: tuple[str, ...] = batch, run_id: str = run) -> object:
                judged = judge_batch(
                    cycle.quality_frames(bare, run_id, codes), year=YEAR, limits=cycle.quality_limits(bare)
                )
                return cycle.record_quality(bare, run_id, codes, judged.results)

            timed("quality", judge)
            timed("evaluation", cycle.evaluate_units, bare, run, batch)
            timed("gaps", cycle.find_unit_gaps, bare, run, batch)
            timed("reports", cycle.render_units, bare, run, batch)
        timed("messages", cycle.draft_messages, bare, run)
        bare_seconds = sum(s["seconds"] for s in stages)
        orchestrated = request("orchestrated")
        summary = application.run(orchestrated, progress=lambda _: None)
    line = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()} Python {platform.python_version()}",
        "units": len(summary.units),
        "stages": stages,
        "ratios": {"orchestrated_over_bare": round(sum(summary.seconds.values()) / bare_seconds, 2)},
        "help_seconds": help_seconds(),
    }
    last = HISTORY.read_text(encoding="utf-8").splitlines()[-1] if HISTORY.exists() else ""
    HISTORY.parent.mkdir(exist_ok=True)
    with HISTORY.open("a", encoding="utf-8") as history:
        history.write(json.dumps(line, ensure_ascii=False) + "\n")
    print(json.dumps({"now": line, "last": json.loads(last) if last else None}, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
