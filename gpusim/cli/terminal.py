"""The terminal: standard streams that outlast their reader, and what is told while something takes long."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable
from typing import TypeVar

import click

from gpusim.errors import printable

# Standard output and error that outlast their reader, say any text, and fail with one line.

STDOUT = 1


class _Pipe(io.FileIO):
    """Goes on into nothing where it cannot be written.

    That is no error if whoever read it has gone, as in ``gpusim run ... | head -1``, nor of standard error, which then
    has nowhere to tell of it. Standard output on a full disk is one, once.
    """

    def write(self, content: bytes) -> int:
        try:
            return super().write(content)
        except OSError as error:
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, self.fileno())
            os.close(nothing)
            if self.fileno() == STDOUT and not isinstance(error, BrokenPipeError):
                raise OSError(error.errno, error.strerror, "standard output") from None
            return super().write(content)


def set_up_streams() -> None:
    """Make the standard streams so, once, at the start of the process."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, io.TextIOWrapper):  # closed, or taken by a test
            continue
        if stream.isatty():
            stream.reconfigure(errors="backslashreplace")
            continue
        stream.flush()
        pipe = io.BufferedWriter(_Pipe(stream.fileno(), "wb", closefd=False))
        encoding, lines = stream.encoding, stream.line_buffering
        setattr(sys, name, io.TextIOWrapper(pipe, encoding, "backslashreplace", line_buffering=lines))


def say(text: str, err: bool = False) -> None:
    """Print lines in which all is text: control characters, of the name of a file perhaps, are shown escaped."""
    click.echo("\n".join(map(printable, text.split("\n"))), err=err)


# What a user sees while something takes long.

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
    from gpusim.report.progress import of_a_run

    with of_a_run() as bar:
        task = bar.add_task("run", total=1.0)
        return work(lambda share: bar.update(task, completed=share))
