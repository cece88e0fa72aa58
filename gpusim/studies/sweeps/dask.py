"""Dask as an executor: the cluster at an address, or one of this machine's own."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gpusim.errors import GpusimError
from gpusim.studies.sweeps.processes import sigint_blocked

if TYPE_CHECKING:
    from distributed import Client

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
