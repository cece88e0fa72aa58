"""Which jobs that wait may go to which other pool."""

from __future__ import annotations

from gpusim.state.codes import Dispatch
from tests.reference.world import Job, Pool

LOOK = 16  # first jobs of a queue that are looked at


def where_data_are(pools: list[int], links: list[int]) -> list[int]:
    """Those of the candidate pools that no link leads to."""
    return [pool for pool, link in zip(pools, links, strict=True) if link < 0]


def may_run(job: Job, pool: Pool, candidates: list[int], n_home: int, rule: Dispatch) -> bool:
    """Whether a job that waits elsewhere, and never ran, may run in the pool."""
    if pool is job.pool or job.first_start_s is not None or pool.index not in candidates:
        return False
    home = candidates[:n_home]
    return rule != Dispatch.HOME or job.pool.index not in home or pool.index in home
