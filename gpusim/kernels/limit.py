"""What a site draws at the run's hottest hour, beside its limit, and who shares a cap on that."""

from __future__ import annotations

from gpusim.kernels._jit import inner
from gpusim.kernels.state.codes import Capping, Phase

# What a site draws at the run's hottest hour, beside its limit; where runs are capped, under the deepest caps.

CALM = 1.0 / 32.0  # of a limit: caps ease only where so much of it would stay free
_IDLE, _UNIFORM = int(Phase.IDLE), int(Capping.UNIFORM)


@inner
def caps(f, s):
    """Whether a site caps its runs."""
    return f.sites[s].capping >= _UNIFORM


@inner
def look_at_caps(f, s):
    """What a site draws, or may draw, has changed: it looks at its caps before time goes on."""
    if (caps(f, s) or f.sites[s].fed != 0) and f.sites[s].uncapped == 0:
        f.sites[s].uncapped = 1
        f.clock[0].n_uncapped += 1


@inner
def allowed_w(limit_w):
    """What may be drawn under a limit: a trifle more, by which sums of the same watts in another order may differ."""
    return limit_w * (1.0 + 1e-9) + 1e-6


@inner
def peak_w(f, s, more_w):
    """What the site would draw at the run's hottest hour with ``more_w`` and all replicas at work."""
    site = f.sites[s]
    return (site.it_w - site.yielding_w + site.serving_room_w + more_w) * site.peak_overhead + site.fixed_w


@inner
def fits_limit(f, s, more_w):
    """Whether the site stays within its limit at the run's hottest hour with ``more_w`` and all replicas at work."""
    return peak_w(f, s, more_w) <= allowed_w(f.sites[s].limit_w)


@inner
def fits_alone(f, s, more_w):
    """Whether the site would stay within its limit at the run's hottest hour if nothing but ``more_w`` was at work."""
    site = f.sites[s]
    return (site.phase_w[_IDLE] + more_w) * site.peak_overhead + site.fixed_w <= allowed_w(site.limit_w)


# Which jobs and replicas of a site share a cap, and which jobs have started since its caps were looked at.

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
