"""Tables of sites, of what feeds their GPUs, and of what each pool cost, at the end of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from gpusim.causes import OFFLINE
from gpusim.engine.build import Names
from gpusim.engine.cooling import CoolingPlant, HallCooling
from gpusim.engine.meter import MarginalCarbon
from gpusim.engine.runs import have_moved
from gpusim.kernels.state.codes import Tier
from gpusim.kernels.state.fleet import Fleet
from gpusim.scenario.scenario import Scenario

# The table of nodes, racks, busways and halls at the end of a run.


def feeders_table(fleet: Fleet, names: Names, now_s: float, halls: Sequence[HallCooling]) -> pd.DataFrame:
    """One row per feeder: where it is, what it may carry, what was asked of it at most, how long it capped runs.

    Where hot days limit some ``halls``, ``least_limit_w`` is the least that each feeder carried.
    """
    feeders = fleet.feeders
    pool, tier = feeders["pool"], feeders["tier"]
    first = fleet.pools["first_feeder"][pool, tier]
    since_s = np.where(feeders["cap_step"] > 0, feeders["since_s"], now_s)
    limit_w = feeders["limit_w"].copy()
    least_w = limit_w.copy()
    for hall in halls:
        mine = (pool == hall.pool) & (tier == Tier.HALL)
        limit_w[mine], least_w[mine] = hall.limit_w, hall.least_w
    return pd.DataFrame(
        {
            "site": [names.pools[p][0] for p in pool],
            "gpu_type": [names.pools[p][1] for p in pool],
            "tier": [Tier(t).name.lower() for t in tier],
            "feeder": np.arange(len(feeders)) - first,
            "nodes": feeders["n_nodes"],
            "limit_w": limit_w,
            **({"least_limit_w": least_w} if halls else {}),
            "asked_w": feeders["asked_w"],
            "capped_s": feeders["capped_s"] + (now_s - since_s),
        }
    )


# Tables of sites and of what each pool cost, at the end of a run.


def sites_table(
    scenario: Scenario, fleet: Fleet, names: Names, plants: list[CoolingPlant], marginals: Mapping[int, MarginalCarbon]
) -> pd.DataFrame:
    """One row per site: where it is, what it used and what that cost."""
    rows = []
    for row, site, plant in zip(fleet.sites, names.sites, plants, strict=True):
        spec = scenario.sites[site]
        pools = fleet.pools[row.first_pool : row.first_pool + row.n_pools]
        rows.append(
            {
                "site": site, "region": spec.region, "jurisdiction": spec.jurisdiction,
                "latitude_deg": spec.latitude, "longitude_deg": spec.longitude,
                "planned_gpus": int(pools["planned"].sum()),
                "energy_it_j": float(row.energy_j.sum()), "energy_facility_j": float(row.facility_j),
                "cost_usd": float(row.cost_usd), "carbon_kg": float(row.carbon_g) / 1000.0,
                "peak_facility_w": float(row.peak_w), "water_l": plant.water_l,
            }
        )  # fmt: skip
    table = pd.DataFrame(rows)
    if marginals:
        kg = [marginals[s].grams / 1000.0 if s in marginals else np.nan for s in range(len(rows))]
        table["marginal_carbon_kg"] = kg
    return table


def costs_table(
    scenario: Scenario, fleet: Fleet, names: Names, ledger: pd.DataFrame, jobs: pd.DataFrame
) -> pd.DataFrame:
    """One row per pool: its share of the site's bill and carbon.

    A site's bill is shared by the IT energy of its pools; equally if there was none.
    """
    pools = fleet.pools
    online_s, serving_s = _booked(ledger, names)
    it_j = pools_it_j(fleet, online_s, serving_s, jobs)
    site = pools["site"]
    total_j, count = np.bincount(site, it_j, len(fleet.sites)), np.bincount(site, minlength=len(fleet.sites))
    share = np.where(total_j[site] > 0.0, it_j / np.where(total_j[site] > 0.0, total_j[site], 1.0), 1.0 / count[site])
    return pd.DataFrame(
        {
            "site": [name for name, _kind in names.pools],
            "gpu_type": [kind for _site, kind in names.pools],
            "energy_usd": share * fleet.sites["cost_usd"][site],
            "carbon_kg": share * fleet.sites["carbon_g"][site] / 1000.0,
        }
    )


def _booked(ledger: pd.DataFrame, names: Names) -> tuple[np.ndarray, np.ndarray]:
    """GPU-seconds per pool that were online, and those of replicas that demand filled."""
    (site, sites), (kind, kinds), (cause, causes) = (
        pd.factorize(ledger[name], sort=True) for name in ("site", "gpu_type", "cause")
    )
    sums = ledger["gpu_s"].groupby((site * len(kinds) + kind) * len(causes) + cause).sum()
    table = np.zeros((len(sites), len(kinds), len(causes)))
    table.ravel()[sums.index] = sums
    booked = pd.DataFrame(
        table.reshape(len(sites) * len(kinds), len(causes)), pd.MultiIndex.from_product([sites, kinds]), causes
    )
    booked = booked.reindex(pd.MultiIndex.from_tuples(names.pools), fill_value=0.0)
    online_s = booked.drop(columns=list(OFFLINE), errors="ignore").sum(axis=1).to_numpy()
    return online_s, booked["serving"].to_numpy() if "serving" in booked else np.zeros(len(booked))


def pools_it_j(fleet: Fleet, online_s: np.ndarray, serving_s: np.ndarray, jobs: pd.DataFrame) -> np.ndarray:
    """IT energy [J] per pool: idle power of nodes that were on, and what replicas and jobs drew beyond it."""
    pools = fleet.pools
    idle_j = online_s / pools["gpus_per_node"] * pools["node_idle_w"]
    return idle_j + serving_s * pools["serving_w"] + pools["serving_j"] + _above_idle_j(fleet, jobs)


def _above_idle_j(fleet: Fleet, jobs: pd.DataFrame) -> np.ndarray:
    """[J] that jobs drew beyond the idle power of the GPUs they held, per pool.

    What is noted of a job falls to the pools in which it ran, the rest to the last of them.
    """
    records = fleet.jobs[: len(jobs)]
    ran = (jobs["run_s"] > 0.0).to_numpy()
    pool, held_gpu_s = records["pool"], jobs["held_gpu_s"].to_numpy()
    idle_j = jobs["idle_j"].to_numpy() if "idle_j" in jobs else fleet.pools["idle_w"][pool] * held_gpu_s
    above_j = np.where(ran, jobs["energy_j"].to_numpy() - idle_j, 0.0)
    moved = have_moved(fleet)[: len(jobs)]
    if not moved.any():
        return np.bincount(pool[ran], above_j[ran], len(fleet.pools))
    segments = fleet.segments[: int(fleet.clock[0].n_segments)]
    segments = segments[moved[segments["job"]]]
    above_w = segments["power_w"] - fleet.pools["idle_w"][segments["pool"]] * segments["held"]
    noted_j = above_w * (segments["end_s"] - segments["start_s"])
    above_j -= np.bincount(segments["job"], noted_j, len(jobs))
    last_j = np.bincount(pool[ran], above_j[ran], len(fleet.pools))
    return last_j + np.bincount(segments["pool"], noted_j, len(fleet.pools))
