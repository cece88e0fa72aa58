"""Whether kernels are compiled or come from disk, told as it happens, and how long it takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from numba.core import event


class Compiling(event.Listener):
    """What was compiled since it listens.

    Attributes
    ----------
    took_s : float
        [s] Time that it took.
    """

    def __init__(self, tell: Callable[[], None]):
        self.took_s = 0.0
        self._tell, self._depth, self._began_s = tell, 0, 0.0

    def on_start(self, event: event.Event) -> None:
        """A kernel, or one that it calls, begins to be compiled."""
        if self._depth == 0:
            self._began_s = time.perf_counter()
            if self.took_s == 0.0:
                self._tell()
        self._depth += 1

    def on_end(self, event: event.Event) -> None:
        """It is done."""
        self._depth -= 1
        if self._depth == 0:
            self.took_s += time.perf_counter() - self._began_s


@contextmanager
def told_of_compiling(tell: Callable[[], None]) -> Iterator[Compiling]:
    """Have ``tell`` called when a kernel has to be compiled within the context: once, before that."""
    listener = Compiling(tell)
    with event.install_listener("numba:compile", listener):
        yield listener
