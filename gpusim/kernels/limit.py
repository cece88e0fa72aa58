"""What a site draws at the run's hottest hour, beside its limit; where runs are capped, under the deepest caps.

Writes: clock, sites.
Units: W.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner
from gpusim.kernels.state.codes import Capping, Phase

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
    return (site.it_w - site.yielding_w + site.serving_headroom_w + more_w) * site.peak_overhead + site.fixed_w


@inner
def fits_limit(f, s, more_w):
    """Whether the site stays within its limit at the run's hottest hour with ``more_w`` and all replicas at work."""
    return peak_w(f, s, more_w) <= allowed_w(f.sites[s].limit_w)


@inner
def fits_alone(f, s, more_w):
    """Whether the site would stay within its limit at the run's hottest hour if nothing but ``more_w`` was at work."""
    site = f.sites[s]
    return (site.phase_w[_IDLE] + more_w) * site.peak_overhead + site.fixed_w <= allowed_w(site.limit_w)
