"""What a user sees while something takes long."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TypeVar

from gpusim.cli.streams import say

T = TypeVar("T")
COMPILING = "Loading kernels: they are compiled first, once, which takes a minute or more ..."


def loading() -> None:
    """Load the kernels, so that no worker has to compile them; say so if they are compiled."""
    from gpusim.studies.sweeps.worker import load_kernels

    timed(load_kernels)


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What ``work`` finds, and how long it took [s], less the time in which kernels were compiled, which is told."""
    from gpusim.kernels.compiling import told_of_compiling

    began_s = time.perf_counter()
    with told_of_compiling(lambda: say(COMPILING, err=True)) as compiling:
        found = work()
    return found, time.perf_counter() - began_s - compiling.took_s


def with_progress(work: Callable[[Callable[[float], None]], T]) -> T:
    """The result of ``work``, which reports the share that is done to the function that it is given."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("simulating"), BarColumn(), TaskProgressColumn(show_speed=True), TimeRemainingColumn())
    with Progress(*columns, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("run", total=1.0)
        return work(lambda share: bar.update(task, completed=share))
