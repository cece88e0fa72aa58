"""What a user sees while something takes long."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

import click

T = TypeVar("T")
COMPILING = "Loading kernels: they are compiled first, once, which takes a minute or more ..."


def loading() -> None:
    """Load the kernels, so that their time is not taken for a simulation's; say so if they have to be compiled."""
    from gpusim.kernels.compiling import told_of_compiling
    from gpusim.sweeps.worker import load_kernels

    with told_of_compiling(lambda: click.echo(COMPILING, err=True)):
        load_kernels()


def with_progress(work: Callable[[Callable[[float], None]], T]) -> T:
    """The result of ``work``, which reports the share that is done to the function that it is given."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("simulating"), BarColumn(), TaskProgressColumn(show_speed=True), TimeRemainingColumn())
    with Progress(*columns, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("run", total=1.0)
        return work(lambda share: bar.update(task, completed=share))
