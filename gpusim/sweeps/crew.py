"""Who does the work: an executor of any kind, and how to start it anew when it breaks."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager

from gpusim.errors import GpusimError, did_you_mean
from gpusim.sweeps.worker import load_kernels

KINDS = ("serial", "processes", "dask")


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


class Crew:
    """An executor and the number of runs that it does at once.

    Attributes
    ----------
    executor : Executor
        Where runs are submitted.
    workers : int
        How many it does at once.
    """

    def __init__(self, executor: Executor, workers: int, make: Callable[[int], Executor] | None = None):
        self.executor, self.workers, self._make = executor, workers, make

    @property
    def window(self) -> int:
        """Runs to submit ahead: enough that no worker waits for the next one."""
        return 1 if isinstance(self.executor, Serial) else 2 * self.workers

    @property
    def renewable(self) -> bool:
        """Whether a broken executor can be started anew."""
        return self._make is not None

    def renew(self, workers: int) -> None:
        """Start anew with ``workers`` processes, after the executor broke or to change their number."""
        self.executor.shutdown(wait=False, cancel_futures=True)
        self.executor, self.workers = self._make(workers), workers


@contextmanager
def hire(
    executor: str | Executor = "processes", workers: int | None = None, address: str | None = None
) -> Iterator[Crew]:
    """A crew for as long as the context lasts.

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
        yield Crew(executor, workers or getattr(executor, "_max_workers", None) or cores())
        return
    if executor not in KINDS:
        raise GpusimError(f"executor: found {executor!r}{did_you_mean(executor, KINDS)}; allowed: {', '.join(KINDS)}")
    if address is not None and executor != "dask":
        raise GpusimError(f"an address is for the executor dask; found {executor!r}")
    if executor == "dask":
        from gpusim.sweeps.dask import client

        with client(address, workers) as (pool, found):
            yield Crew(pool, found)
        return
    load_kernels()  # once, before processes start that would each compile them
    if executor == "serial":
        yield Crew(Serial(), 1)
        return
    before = set(multiprocessing.active_children())
    crew = Crew(_processes(workers or cores()), workers or cores(), _processes)
    try:
        yield crew
    except BaseException:
        for process in set(multiprocessing.active_children()) - before:  # what they do is lost, what is stored is not
            process.terminate()
        raise
    finally:
        crew.executor.shutdown(wait=False, cancel_futures=True)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processes(workers: int) -> ProcessPoolExecutor:
    """Worker processes: never forked from this one, whose threads and locks would come along."""
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if context.get_start_method() == "forkserver":
        context.set_forkserver_preload(["gpusim.sweeps.worker"])
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_begin)


def _begin() -> None:
    """Start of a worker process: Ctrl-C is its parent's to handle, and it ends with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)
