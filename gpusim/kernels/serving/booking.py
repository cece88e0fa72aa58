"""What the replicas of a pool did since it was last told: known only behind it, when their steps have been played."""

from __future__ import annotations

from gpusim.kernels._jit import kernel
from gpusim.kernels.ledger import facility_w, settle_pool, settle_site
from gpusim.state.codes import Cause, Phase

_IDLE, _PREFILL, _DECODE = int(Cause.SERVING_IDLE), int(Cause.SERVING_PREFILL), int(Cause.SERVING_DECODE)
_LOADING, _DRAINING, _SERVING = int(Cause.SERVING_LOADING), int(Cause.SERVING_DRAINING), int(Phase.SERVING)


@kernel
def book(f, p, prefill_gpu_s, decode_gpu_s, loading_gpu_s, draining_gpu_s, joules, since_s, now):
    """Take GPU-seconds out of those on standby, and add energy above idle, at the site's price since ``since_s``."""
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
    site.energy_j[_SERVING] += joules
    facility_j = joules * site.overhead
    site.facility_j += facility_j
    site.cost_usd += facility_j * site.price_usd_per_j
    site.carbon_g += facility_j * site.carbon_g_per_j
    site.late_w += facility_j / (now - since_s)


@kernel
def mark_peaks(f):
    """See whether sites drew more than before, all of their pools told: the mean since these were last told."""
    for s in range(len(f.sites)):
        site = f.sites[s]
        site.peak_w = max(site.peak_w, facility_w(site) + site.late_w)
        site.late_w = 0.0
