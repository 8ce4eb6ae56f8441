"""Engines: where the blocks of a tally are summed.

An engine places blocks and returns their sums in order; it has no say in what is
summed with what, so every engine gives the same bits.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

Task = TypeVar("Task")
Answer = TypeVar("Answer")


class Engine(Protocol):
    """Anything that applies a function to tasks and yields the answers in their order."""

    def map(self, function: Callable[[Task], Answer], tasks: Sequence[Task]) -> Iterator[Answer]:
        """Yield ``function(task)`` for each task, in order."""
        ...


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """One machine: threads (the kernels release the interpreter's lock) or processes.

    Attributes
    ----------
    workers
        How many blocks at once; by default one per core.
    processes
        Spawned processes instead of threads: slower to start, and every block is copied.
    progress
        Called with (tasks done, tasks in all) after each task.
    """

    workers: int = os.cpu_count() or 1
    processes: bool = False
    progress: Callable[[int, int], None] | None = None

    def map(self, function: Callable[[Task], Answer], tasks: Sequence[Task]) -> Iterator[Answer]:
        """Yield ``function(task)`` for each task, in order."""
        if not self.processes and (self.workers == 1 or len(tasks) == 1):
            yield from self._reported(map(function, tasks), len(tasks))
            return
        pool: Executor
        if self.processes:  # spawn: polars hangs in forked processes
            context = multiprocessing.get_context("spawn")
            pool = ProcessPoolExecutor(self.workers, mp_context=context)
        else:
            pool = ThreadPoolExecutor(self.workers)
        with pool:
            yield from self._reported(pool.map(function, tasks), len(tasks))

    def _reported(self, answers: Iterator[Answer], total: int) -> Iterator[Answer]:
        for done, answer in enumerate(answers, start=1):
            if self.progress is not None:
                self.progress(done, total)
            yield answer
