"""A replica through time.

Writes: engines.
Reads: requests.
Units: s.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner, kernel, part
from gpusim.kernels.serving.jump import jump
from gpusim.kernels.serving.lists import release, see
from gpusim.kernels.serving.schedule import schedule
from gpusim.kernels.serving.shipping import let_go, next_come_s, next_free_s
from gpusim.kernels.serving.slowed import look_at_queue
from gpusim.kernels.serving.step import begin, end_decoding, finish
from gpusim.kernels.state.codes import NONE


@part
def _see(s, r, seen_s):
    """The scheduler sees those that have arrived."""
    replica = s.engines[r]
    while replica.unseen != NONE and s.requests[replica.unseen].sent_s <= seen_s:
        see(s, r, seen_s)


@inner
def next_news_s(s, g):
    """[s] When something is to happen that could make a scheduler of a group go on, of whom nobody runs."""
    news_s = math.inf
    for r in range(g, g + s.engines[g].ranks):
        replica = s.engines[r]
        if replica.unseen != NONE:
            news_s = min(news_s, s.requests[replica.unseen].sent_s)
        if replica.coming > 0:
            news_s = min(news_s, next_come_s(s, r, replica.clock_s))
        if replica.ships:
            news_s = min(news_s, next_free_s(s, r))
    return news_s


@part
def _wait(s, g, until_s):
    """Nobody runs: go on to what schedulers have not seen yet; False if there is nothing before ``until_s``."""
    first = s.engines[g]
    next_s = next_news_s(s, g)
    if first.began_s < first.clock_s:
        next_s = first.clock_s  # what has happened since the step before began
    elif next_s >= until_s:
        return False
    for r in range(g, g + first.ranks):
        s.engines[r].clock_s = s.engines[r].began_s = next_s
    return True


@part
def _go_on(s, g, until_s):
    """Go on with a group to the next change of its batch; False if there is none by ``until_s``."""
    first = s.engines[g]
    ranks = first.ranks
    if not math.isnan(first.step_end_s):
        if first.step_end_s > until_s:
            return False
        for r in range(g, g + ranks):
            finish(s, r)
        return True
    if first.clock_s >= until_s:
        return False
    seen_s = first.began_s if first.ahead else first.clock_s
    mixed, running, decoding = False, 0, 0
    for r in range(g, g + ranks):
        release(s, r, seen_s)
        if s.engines[r].ships:
            let_go(s, r, seen_s)
        look_at_queue(s, r)
        _see(s, r, seen_s)
        mixed |= schedule(s, r, seen_s)
        running += s.engines[r].running
        decoding += s.engines[r].decoding
    if mixed and running > 0:
        begin(s, g)
        return True
    if decoding == 0:
        return _wait(s, g, until_s)
    changed = jump(s, g, until_s)
    if changed:
        for r in range(g, g + ranks):
            end_decoding(s, r)
    return changed


@inner
def group_of(s, r):
    """First replica of the group of one."""
    return r - r % s.engines[r].ranks


@inner
def advance_group(s, g, until_s):
    """The same as ``advance``, for the first replica of a group."""
    while _go_on(s, g, until_s):
        pass


@kernel
def advance(s, r, until_s):
    """Play a replica and those in step with it up to a time; who arrives before must have been given to them.

    Steps that end by then have ended; one that is under way goes on at the next call, and none begins at that time, so
    that who arrives then can still be given to a replica.
    """
    advance_group(s, group_of(s, r), until_s)


@inner
def _ended(s, g):
    ended = 0
    for r in range(g, g + s.engines[g].ranks):
        ended += s.engines[r].ended
    return ended


@kernel
def advance_to_end(s, r):
    """Play a replica and those in step with it until a request ends; False if nobody is left."""
    g = group_of(s, r)
    ended = _ended(s, g)
    while _ended(s, g) == ended:
        if not _go_on(s, g, math.inf):
            return False
    return True
