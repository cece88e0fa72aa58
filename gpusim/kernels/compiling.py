"""Whether kernels are compiled or come from disk, told as it happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from numba.core import event


@contextmanager
def told_of_compiling(tell: Callable[[], None]) -> Iterator[None]:
    """Have ``tell`` called if a kernel has to be compiled within the context: once, before that."""
    with event.install_listener("numba:compile", _Once(tell)):
        yield


class _Once(event.Listener):
    def __init__(self, tell: Callable[[], None]):
        self._tell: Callable[[], None] | None = tell

    def on_start(self, event: event.Event) -> None:
        if self._tell:
            self._tell()
        self._tell = None

    def on_end(self, event: event.Event) -> None:
        """Nothing: that it is over is seen."""
