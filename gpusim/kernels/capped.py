"""Which jobs and replicas of a site share a cap, and which jobs have started since its caps were looked at.

Writes: clock, fresh.
Reads: cap_phases, cap_priorities, classes, jobs, paces, replicas, sites.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner
from gpusim.kernels.state.codes import Capping

_PRIORITY, _PHASE = int(Capping.PRIORITY), int(Capping.PHASE)


@inner
def cap_group(f, j, s):
    """Group of a job among those that the site caps one after the other."""
    capping = f.sites[s].capping
    if capping == _PHASE:
        return f.classes[f.jobs[j].job_class].cap_group
    group = 0
    if capping == _PRIORITY:
        while f.cap_priorities[group] < f.jobs[j].priority:
            group += 1
    return group


@inner
def replica_cap_group(f, v, r, s):
    """The same of a replica."""
    capping, group = f.sites[s].capping, 0
    if capping == _PHASE:
        while f.cap_phases[group] < v.replicas[r].cap_exponent:
            group += 1
    elif capping == _PRIORITY:
        while f.cap_priorities[group] < v.replicas[r].priority:
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
