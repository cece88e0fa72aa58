"""Who does the work: an executor of any kind, and how many runs it is given at a time."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpusim.errors import GpusimError, did_you_mean
from gpusim.studies.sweeps.processes import Processes, sigint_blocked

if TYPE_CHECKING:
    from distributed import Client


# Dask as an executor: the cluster at an address, or one of this machine's own.

TIMEOUT_S = 10  # for a scheduler to answer


@contextmanager
def client(address: str | None, workers: int | None) -> Iterator[Client]:
    """Client of a cluster.

    Without an address a cluster of ``workers`` processes (None: one for each core) lives for as long as the context.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise GpusimError(
            "the executor dask needs distributed; install it with: pip install 'gpusim[cluster]'"
        ) from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # it would tell of every attempt
    if address is not None:
        with _connected(Client, address) as found:
            yield found
        return
    with sigint_blocked():
        cluster = LocalCluster(
            n_workers=workers, threads_per_worker=1, memory_limit=None, dashboard_address=None,
            silence_logs=logging.CRITICAL,
        )  # fmt: skip
    with cluster, Client(cluster) as own:
        yield own


def _connected(make: type[Client], address: str) -> Client:
    try:
        return make(address, timeout=TIMEOUT_S)
    except Exception as error:  # of many types, by what answers there
        raise GpusimError(f"no Dask scheduler answers at {address} ({error}); start one with: dask scheduler") from None


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
