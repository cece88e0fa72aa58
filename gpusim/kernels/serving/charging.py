"""What the replicas of a pool did since it was last told: known only behind it, when their steps have been played.

Writes: pools, sites.
Units: s, W, J, USD, g.
"""

from __future__ import annotations

from gpusim.kernels._jit import kernel
from gpusim.kernels.ledger import facility_w, settle_pool, settle_site
from gpusim.kernels.state.codes import N_PHASE, Cause, Phase

_IDLE, _PREFILL, _DECODE = int(Cause.SERVING_IDLE), int(Cause.SERVING_PREFILL), int(Cause.SERVING_DECODE)
_LOADING, _DRAINING, _SERVING = int(Cause.SERVING_LOADING), int(Cause.SERVING_DRAINING), int(Phase.SERVING)


@kernel
def charge(f, p, prefill_gpu_s, decode_gpu_s, loading_gpu_s, draining_gpu_s, joules, since_s, before_j, now):
    """Take GPU-seconds out of those on standby, and add energy above idle, at the site's price since ``since_s``.

    The site's IT had drawn ``before_j`` [J] then. What is lost by the square of load is reckoned with means since: of
    this energy, and of all that the site's books have already. What these have now is given back [J].
    """
    settle_pool(f.pools, p, now)
    pool = f.pools[p]
    settle_site(f.sites, pool.site, now)
    ledger = pool.ledger
    ledger[_IDLE] -= prefill_gpu_s + decode_gpu_s + loading_gpu_s + draining_gpu_s
    ledger[_PREFILL] += prefill_gpu_s
    ledger[_DECODE] += decode_gpu_s
    ledger[_LOADING] += loading_gpu_s
    ledger[_DRAINING] += draining_gpu_s
    pool.serving_j += joules
    site = f.sites[pool.site]
    known_j = 0.0
    for phase in range(N_PHASE):
        known_j += site.energy_j[phase]
    site.energy_j[_SERVING] += joules
    facility_j = joules * site.overhead
    if site.square_per_w > 0.0:
        facility_j += site.square_per_w * joules * (2.0 * (known_j - before_j) + joules) / (now - since_s)
    site.facility_j += facility_j
    site.cost_usd += facility_j * site.price_usd_per_j
    site.carbon_g += facility_j * site.carbon_g_per_j
    site.late_w += facility_j / (now - since_s)
    return known_j + joules


@kernel
def mark_peaks(f):
    """See whether sites drew more than before, all of their pools told: the mean since these were last told."""
    for s in range(len(f.sites)):
        site = f.sites[s]
        site.peak_w = max(site.peak_w, facility_w(site) + site.late_w)
        site.late_w = 0.0
