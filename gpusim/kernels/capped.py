"""Which jobs and replicas of a site share a cap, and which jobs have started since its caps were looked at.

Writes: clock, fresh.
Reads: cap_priorities, jobs, paces, sites.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner
from gpusim.kernels.state.codes import Capping

_PRIORITY, _PHASE = int(Capping.PRIORITY), int(Capping.PHASE)


@inner
def cap_group(f, s, by_phase, priority):
    """Group of who has a priority, and by phases a group, among those that the site caps one after the other."""
    capping, group = f.sites[s].capping, 0
    if capping == _PHASE:
        return by_phase
    if capping == _PRIORITY:
        while group + 1 < len(f.cap_priorities) and f.cap_priorities[group] < priority:
            group += 1
    return group


@inner
def note_fresh(f, j):
    """A job has started; of more than there is room for, their number is enough."""
    clock = f.clock[0]
    if clock.n_fresh < len(f.fresh):
        f.fresh[clock.n_fresh] = j
    clock.n_fresh += 1


@inner
def cap_of(f, j):
    """Step of the cap that a running job is under."""
    return f.paces[j].cap_step if f.jobs[j].paced != 0 else 0
