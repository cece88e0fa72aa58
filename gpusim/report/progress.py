"""Bars on standard error that show how far something is, where that is a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TaskProgressColumn
from rich.progress import TextColumn as Text
from rich.progress import TimeRemainingColumn as TimeLeft


def of_a_run() -> Progress:
    """Of one run, or of what is as long: a share of it."""
    return _bar(Text("simulating"), BarColumn(), TaskProgressColumn(show_speed=True), TimeLeft())


def of_runs() -> Progress:
    """Of many runs: how many, and two texts, ``rate`` and ``failed``."""
    return _bar(
        Text("runs"), BarColumn(), MofNCompleteColumn(), Text("{task.fields[rate]}"), TimeLeft(),
        Text("{task.fields[failed]}"),
    )  # fmt: skip


def _bar(*columns: ProgressColumn) -> Progress:
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
