"""What commands that run studies share: who does the work, and what is seen while it lasts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpusim.cli.terminal import say
from gpusim.units import number_of

if TYPE_CHECKING:
    from gpusim.studies.store import Store
    from gpusim.studies.sweeps.execution import Progress

MOST_FAILURES = 5  # that are told one by one
LINES_EVERY_S = 10.0  # where there is no terminal to draw a bar on


def backend_options(command: Callable) -> Callable:
    """Options ``--executor``, ``--workers`` and ``--address`` of a command."""
    for option in (
        click.option("--address", metavar="HOST:PORT", help="Dask scheduler to use [default: one of this machine]."),
        click.option("--workers", type=click.IntRange(1), help="Runs at a time [default: one per core]."),
        click.option(
            "--executor", type=click.Choice(["serial", "processes", "dask"]), default="processes", show_default=True,
            help="Where runs execute.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


@contextmanager
def stoppable(store: str | Path) -> Iterator[None]:
    """Ctrl-C ends what happens here with a word on what is kept, and exit status 130."""
    try:
        yield
    except KeyboardInterrupt:
        say(f"Stopped. Finished runs are in {store}; the same command resumes there.", err=True)
        click.get_current_context().exit(130)


@contextmanager
def study(store: Path) -> Iterator[Callable[[Progress], None]]:
    """Show the progress of a study, which Ctrl-C stops."""
    from gpusim.report.progress import of_runs

    with stoppable(store), of_runs() as bar:
        yield _Shown(bar)


def tell_failures(store: Store) -> int:
    """Tell of failed runs, each kind of error once; the exit status: 1 if there are any."""
    runs, kinds = store.status(), {}
    failed = set(runs.loc[runs["status"] == "failed", "run"])
    for key, error in store.failures().items():
        if key in failed:
            kinds.setdefault(f"{error['kind']}: {error['message']}", []).append(key)
    for text, keys in list(kinds.items())[:MOST_FAILURES]:
        say(f"{number_of(len(keys), 'run')} failed, {text}\n  see {store.folder / 'failures' / keys[0]}.json", err=True)
    if len(kinds) > MOST_FAILURES:
        say(f"and {number_of(len(kinds) - MOST_FAILURES, 'other error')}, see {store.folder / 'failures'}", err=True)
    return 1 if failed else 0


class _Shown:
    """Progress on a bar, or in lines where standard error is no terminal."""

    def __init__(self, bar):
        self.bar = bar
        self.task = bar.add_task("runs", total=None, rate="", failed="")
        self.began_s = self.said_s = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        done, now_s = progress.done + progress.failed, time.monotonic()
        if done == 0:
            self._begin(progress)
            self.began_s = self.said_s = now_s
        rate = f"{done / (now_s - self.began_s):.3g} runs/s" if done and now_s > self.began_s else ""
        failed = f"{progress.failed} failed" if progress.failed else ""
        total = progress.total - progress.kept
        self.bar.update(self.task, total=total, completed=done, rate=rate, failed=failed)
        if self.bar.disable and now_s - self.said_s >= LINES_EVERY_S:
            left_s = (now_s - self.began_s) / done * (total - done) if done else float("nan")
            say(f"{done} of {number_of(total, 'run')}, {rate}, {left_s:.0f} s left {failed}".rstrip(), err=True)
            self.said_s = now_s

    def _begin(self, progress: Progress) -> None:
        for file in progress.damaged:
            say(f"{file}: damaged; this run is repeated", err=True)
        if progress.kept:
            are = "is" if progress.kept == 1 else "are"
            say(f"{progress.kept} of {number_of(progress.total, 'run')} {are} in the store already.", err=True)
