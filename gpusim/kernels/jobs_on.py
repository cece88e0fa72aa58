"""The jobs on a node, one after the other: those of its holdings, and the guests of GPUs that jobs share.

A gang is met on each of its nodes; who wants it once takes it where its ``first_node`` is.

Writes: `found`.
Reads: holdings, nodes.
Units: GPU/1000.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner, kernel
from gpusim.kernels.state.codes import NONE, Owner

_JOB, _HOST = int(Owner.JOB), int(Owner.HOST)


@inner
def first_of(f, h):
    """Holding of the first job that a holding is there for, itself or a guest; NONE: it is there for a replica."""
    if f.holdings[h].kind == _HOST:
        return f.holdings[h].host
    return h if f.holdings[h].kind == _JOB else NONE


@inner
def next_of(f, g):
    """Of the next job that the same holding is there for, or NONE."""
    return f.holdings[g].next_on_node if f.holdings[g].milli != 0 else NONE


@inner
def _from(f, h):
    while h != NONE:
        g = first_of(f, h)
        if g != NONE:
            return g
        h = f.holdings[h].next_on_node
    return NONE


@inner
def first_on(f, n):
    """Holding of the first job on a node, or NONE."""
    return _from(f, f.nodes[n].first_holding)


@inner
def next_on(f, g):
    """Of the job that comes after another on its node, or NONE."""
    following = next_of(f, g)
    if following != NONE:
        return following
    h = f.holdings[g].host if f.holdings[g].milli != 0 else g
    return _from(f, f.holdings[h].next_on_node)


@kernel
def list_jobs_on(f, n, found):
    """Rows of the jobs on a node into ``found``, as far as it holds them; how many there are."""
    count, g = 0, first_on(f, n)
    while g != NONE:
        if count < len(found):
            found[count] = f.holdings[g].owner
        count += 1
        g = next_on(f, g)
    return count
