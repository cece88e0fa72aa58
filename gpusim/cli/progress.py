"""What a user sees while something takes long."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

import click

T = TypeVar("T")


def loading() -> None:
    """Say why nothing seems to happen: the first run compiles."""
    click.echo("Loading kernels (a first run compiles them, which takes about a minute) ...", err=True)


def with_progress(work: Callable[[Callable[[float], None]], T]) -> T:
    """The result of ``work``, which reports the share that is done to the function that it is given."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("simulating"), BarColumn(), TaskProgressColumn(show_speed=True), TimeRemainingColumn())
    with Progress(*columns, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("run", total=1.0)
        return work(lambda share: bar.update(task, completed=share))
