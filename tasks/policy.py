"""What all stages share: how a task is declared, the batch it works on, and what is tried again."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE

from jixiao.errors import JixiaoError

RETRIES = 1
RETRY_DELAY_SECONDS = 1.0
# A stage that takes longer hangs: a batch of 500 units takes seconds, a whole ledger of 10M rows some minutes.
TIMEOUT_SECONDS = 3600

_Parameters = ParamSpec("_Parameters")
_Receipt = TypeVar("_Receipt")


@dataclass(frozen=True)
class Batch:
    """Units that are worked on together. ``number`` and ``count`` are for people: batch 2 of 3."""

    number: int
    count: int
    unit_codes: tuple[str, ...]

    @property
    def label(self) -> str:
        units = f"{len(self.unit_codes)} 个单位" if len(self.unit_codes) > 1 else "单位 " + "".join(self.unit_codes)
        return f"第 {self.number}/{self.count} 批 · {units}"

    def without(self, unit_codes: tuple[str, ...]) -> Batch:
        """The units that are not among ``unit_codes``."""
        return Batch(self.number, self.count, tuple(code for code in self.unit_codes if code not in set(unit_codes)))

    def halves(self) -> tuple[Batch, Batch]:
        middle = len(self.unit_codes) // 2
        first, second = self.unit_codes[:middle], self.unit_codes[middle:]
        return Batch(self.number, self.count, first), Batch(self.number, self.count, second)


def worth_retrying(task: Any, task_run: Any, state: Any) -> bool:  # noqa: ARG001 - the shape the engine calls
    """A fault of the machine may pass; what the user must mend (``JixiaoError``) does not."""
    try:
        state.result()
    except JixiaoError:
        return False
    except Exception:  # noqa: BLE001 - whatever else it was, one more try is cheap
        return True
    return False


def stage(*, name: str, description: str) -> Callable[[Callable[_Parameters, _Receipt]], Task[_Parameters, _Receipt]]:
    """Declare a stage: a task whose runs are named by period, stage and, where it has one, batch.

    One more try after a fault of the machine; nothing is cached or kept, because a receipt is all it hands on. The
    function's parameters are ``request`` and, for a stage of batches, ``batch``.
    """

    def declare(function: Callable[_Parameters, _Receipt]) -> Task[_Parameters, _Receipt]:
        of_batch = " · {batch.label}" if "batch" in inspect.signature(function).parameters else ""
        return task(
            name=name,
            task_run_name=f"{{request.span}} · {name}{of_batch}",
            description=description,
            retries=RETRIES,
            retry_delay_seconds=RETRY_DELAY_SECONDS,
            retry_condition_fn=worth_retrying,
            timeout_seconds=TIMEOUT_SECONDS,
            cache_policy=NO_CACHE,
            persist_result=False,
        )(function)

    return declare
