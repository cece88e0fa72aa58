"""Dask as an executor: the cluster at an address, or one of this machine's own."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from gpusim.errors import GpusimError

RETRIES = 3  # of a run whose worker was lost


@contextmanager
def client(address: str | None, workers: int | None) -> Iterator[tuple[Executor, int]]:
    """Executor of a Dask client, and the runs that its cluster does at once.

    Without an address a cluster of ``workers`` processes (None: one for each core) lives for as long as the context.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise GpusimError(
            "the executor dask needs distributed; install it with: pip install 'gpusim[cluster]'"
        ) from None
    if address is not None:
        with _connected(Client, address) as found:
            yield found.get_executor(retries=RETRIES), _threads(found)
        return
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as own,
    ):
        yield own.get_executor(retries=RETRIES), _threads(own)


def _connected(client, address: str):
    try:
        return client(address, timeout="20s")
    except (OSError, ValueError) as error:
        raise GpusimError(f"no Dask scheduler answers at {address} ({error}); start one with: dask scheduler") from None


def _threads(client) -> int:
    return max(sum(client.nthreads().values()), 1)
