"""Who does the work: an executor of any kind, and how many runs it is given at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass

from gpusim.errors import GpusimError, did_you_mean
from gpusim.studies.sweeps.processes import Processes

KINDS = ("serial", "processes", "dask")
AHEAD = 1000  # runs that are submitted to a backend of unknown, perhaps growing, size


class Serial(Executor):
    """Does everything at once, in this process."""

    def submit(self, fn: Callable, /, *args: object, **kwargs: object) -> Future:
        """The finished future of a call."""
        future: Future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@dataclass(frozen=True)
class Backend:
    """An executor and the number of runs that it does at once.

    Attributes
    ----------
    executor : Executor
        Where runs are submitted.
    workers : int or None
        How many it does at once; None: it cannot be told, or changes.
    """

    executor: Executor
    workers: int | None

    @property
    def window(self) -> int:
        """Runs to submit ahead: enough that no worker waits for the next one."""
        if isinstance(self.executor, Serial):
            return 1
        return AHEAD if self.workers is None else 2 * self.workers


@contextmanager
def open_backend(
    executor: str | Executor = "processes", workers: int | None = None, address: str | None = None
) -> Iterator[Backend]:
    """A backend for as long as the context lasts.

    Parameters
    ----------
    executor : str or Executor
        ``"serial"``, ``"processes"``, ``"dask"``, or an executor of ``concurrent.futures`` of your own, which is left
        open.
    workers : int, optional
        Processes; by default all cores of this machine that this process may use.
    address : str, optional
        Of a Dask scheduler; without one Dask starts a cluster on this machine.
    """
    if isinstance(executor, Executor):
        yield Backend(executor, workers or getattr(executor, "_max_workers", None))
        return
    if executor not in KINDS:
        raise GpusimError(f"executor: found {executor!r}{did_you_mean(executor, KINDS)}; allowed: {', '.join(KINDS)}")
    if address is not None and executor != "dask":
        raise GpusimError(f"an address is for the executor dask; found {executor!r}")
    if executor == "serial":
        yield Backend(Serial(), 1)
    elif executor == "dask":
        from gpusim.studies.sweeps.dask import client

        with client(address, workers) as found:
            yield Backend(found.get_executor(pure=False), None)
    else:
        workers = workers or cores()
        processes = Processes(workers)
        try:
            yield Backend(processes, workers)
        except BaseException:
            processes.terminate()  # what they do is lost, what is stored is not
            raise
        processes.shutdown()


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
