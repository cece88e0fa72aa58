"""Energy, carbon and money, by site or by pool."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.analysis.owning import owning_usd
from gpusim.causes import USEFUL
from gpusim.tables.record import Record
from gpusim.units import HOUR_S, JOULE_PER_MWH, WATT_PER_MW


def economics(result: Record) -> pd.DataFrame:
    """What each site used, emitted and cost.

    Returns
    -------
    DataFrame
        site, energy_mwh (at the meter), peak_mw, pue, price_usd_per_mwh and carbon_g_per_kwh (means weighted by the
        energy drawn), carbon_t, energy_usd, owning_usd; marginal_g_per_kwh and marginal_carbon_t, where a site has a
        marginal carbon intensity
        (``gpusim.analysis.owning``), useful_gpu_hours, usd_per_useful_gpu_hour (owning and energy). NaN where a
        denominator is zero.
    """
    sites = result.sites.set_index("site")
    energy_mwh = sites["energy_facility_j"] / JOULE_PER_MWH
    useful_s = result.ledger["gpu_s"].where(result.ledger["cause"].isin(USEFUL), 0.0)
    useful = _by_site(sites.index, result.ledger["site"], useful_s) / HOUR_S
    owned_usd = _by_site(sites.index, result.ledger["site"], owning_usd(result))
    table = pd.DataFrame(
        {
            "energy_mwh": energy_mwh,
            "peak_mw": sites["peak_facility_w"] / WATT_PER_MW,
            "pue": _ratio(sites["energy_facility_j"], sites["energy_it_j"]),
            "price_usd_per_mwh": _ratio(sites["cost_usd"], energy_mwh),
            "carbon_g_per_kwh": _ratio(sites["carbon_kg"], energy_mwh),  # kg/MWh = g/kWh
            "carbon_t": sites["carbon_kg"] / 1000.0,
            "energy_usd": sites["cost_usd"],
            "owning_usd": owned_usd,
            "useful_gpu_hours": useful,
            "usd_per_useful_gpu_hour": _ratio(owned_usd + sites["cost_usd"], useful),
        }
    )
    if "marginal_carbon_kg" in sites:
        table.insert(5, "marginal_g_per_kwh", _ratio(sites["marginal_carbon_kg"], energy_mwh))
        table.insert(7, "marginal_carbon_t", sites["marginal_carbon_kg"] / 1000.0)
    return table.reset_index()


def pools(result: Record) -> pd.DataFrame:
    """What became of each pool's planned GPU-hours.

    Returns
    -------
    DataFrame
        site, gpu_type, planned_gpus, planned_gpu_hours, useful_share.
    """
    keys = ["site", "gpu_type"]
    planned = result.pools.groupby(keys, observed=True, sort=False)["planned_gpus"].max()
    hours = result.ledger.groupby(keys, observed=True)["gpu_s"].sum() / HOUR_S
    useful = result.ledger[result.ledger["cause"].isin(USEFUL)].groupby(keys, observed=True)["gpu_s"].sum() / HOUR_S
    return planned.to_frame().assign(
        planned_gpu_hours=hours,
        useful_share=_ratio(useful.reindex(planned.index, fill_value=0.0), hours.reindex(planned.index)),
    ).reset_index()  # fmt: skip


def _by_site(sites: pd.Index, site: pd.Series, values: pd.Series) -> pd.Series:
    """Sums by site, 0 where there is none."""
    return pd.Series(np.bincount(sites.get_indexer(site), values, minlength=len(sites)), index=sites)


def _ratio(part: pd.Series, whole: pd.Series) -> pd.Series:
    return part / whole.where(whole > 0.0)
