"""From the state to tables over time: snapshots of running integrals at the ends of record intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.engine.build import Names
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.job_tables import job_waits_table, jobs_table
from gpusim.engine.runs import split_runs
from gpusim.engine.services import Deployment
from gpusim.inputs.jobtable import JobTable
from gpusim.state import Cause, Phase, Wait


class Recorder:
    """Snapshots of the fleet's integrals at the end of every record interval.

    Attributes
    ----------
    edges_s : list of float
        Ends of the intervals so far; the first is 0.
    """

    def __init__(self, env: FleetEnvironment, names: Names, signals: list, deployments: list[Deployment]):
        self.env, self.names, self.signals, self.deployments = env, names, signals, deployments
        self.edges_s = [0.0]
        self._pools = [env.fleet.pools.copy()]
        self._sites = [env.fleet.sites.copy()]
        self._lanes = [env.fleet.lanes.copy()]
        self._services: list[dict] = []
        self.events: list[tuple[float, str, str, str, float]] = []

    def log(self, time_s: float, site: str, kind: str, detail: str, value: float) -> None:
        """One line of the run's story."""
        self.events.append((time_s, site, kind, detail, float(value)))

    def begin(self) -> None:
        """The fleet is as the control processes made it at time 0: the first interval starts from this."""
        self._sites[0] = self.env.fleet.sites.copy()

    def snapshot(self) -> None:
        """Close the record interval that ends now."""
        env = self.env
        if env.now <= self.edges_s[-1]:
            return
        env.settle()
        self._record_services(self.edges_s[-1], env.now)
        self.edges_s.append(env.now)
        self._pools.append(env.fleet.pools.copy())
        self._sites.append(env.fleet.sites.copy())
        self._lanes.append(env.fleet.lanes.copy())

    def _record_services(self, start_s: float, end_s: float) -> None:
        span = end_s - start_s
        for d in self.deployments:
            site, kind = self.names.pools[d.pool]
            worst = max(d.short_s, key=lambda cause: (d.short_s[cause], -cause)) if d.short_s else None
            self._services.append(
                {
                    "service": d.service,
                    "site": site,
                    "gpu_type": kind,
                    "start_s": start_s,
                    "end_s": end_s,
                    "demand_tokens": d.demand_tokens,
                    "served_tokens": d.served_tokens,
                    "replicas": d.replica_s / span,
                    "wanted_replicas": d.wanted_s / span,
                    "cause": "" if worst is None else Wait(worst).name.lower(),
                }
            )
            d.demand_tokens = d.served_tokens = d.replica_s = d.wanted_s = 0.0
            d.short_s = {}

    def tables(self, table: JobTable) -> dict[str, pd.DataFrame]:
        """All result tables but those that need prices of the catalogue."""
        pools, sites, lanes = np.stack(self._pools), np.stack(self._sites), np.stack(self._lanes)
        edges = np.array(self.edges_s)
        fleet = self.env.fleet
        columns = ["service", "site", "gpu_type", "start_s", "end_s", "demand_tokens", "served_tokens",
                   "replicas", "wanted_replicas", "cause"]  # fmt: skip
        return {
            "jobs": jobs_table(fleet, table, self.names, edges[-1]),
            "job_waits": job_waits_table(fleet, table, edges[-1]),
            "ledger": self._ledger(pools, edges),
            "waits": self._waits(lanes, edges),
            "pools": self._pool_series(pools, edges),
            "power": self._power(sites, edges),
            "services": pd.DataFrame(self._services, columns=columns).astype(dict.fromkeys(columns[3:9], float)),
            "events": pd.DataFrame(self.events, columns=["time_s", "site", "kind", "detail", "value"]),
        }

    def _ledger(self, pools: np.ndarray, edges: np.ndarray) -> pd.DataFrame:
        """GPU-seconds by pool, interval and cause; the jobs' GPUs are split by what became of each run."""
        booked = np.diff(pools["ledger"], axis=0)  # (interval, pool, cause)
        split = split_runs(self.env.fleet, edges)
        for cause, gpu_s in split.items():
            booked[:, :, cause] += gpu_s
            booked[:, :, Cause.TRAINING] -= gpu_s
        parts = []
        for p, (site, kind) in enumerate(self.names.pools):
            used = [c for c in Cause if np.any(booked[:, p, c] != 0.0)]
            for c in used:
                parts.append(_block(site, kind, edges, cause=c.name.lower(), gpu_s=booked[:, p, c]))
        return _concatenate(parts, ["site", "gpu_type", "start_s", "end_s", "cause", "gpu_s"])

    def _waits(self, lanes: np.ndarray, edges: np.ndarray) -> pd.DataFrame:
        job_s, gpu_s = np.diff(lanes["job_s"], axis=0), np.diff(lanes["gpu_s"], axis=0)
        fleet, parts = self.env.fleet, []
        for p, (site, kind) in enumerate(self.names.pools):
            pool = fleet.pools[p]
            for i in range(int(pool.first_lane), int(pool.first_lane + pool.n_lanes)):
                tenant = self.names.tenants[int(fleet.lanes[i].tenant)] if pool.n_lanes > 1 else ""
                for c in Wait:
                    rows = np.flatnonzero(job_s[:, i, c])
                    if len(rows):
                        block = _block(site, kind, edges, tenant=tenant, cause=c.name.lower(),
                                       job_s=job_s[:, i, c], gpu_s=gpu_s[:, i, c])  # fmt: skip
                        parts.append(block.iloc[rows])
        return _concatenate(parts, ["site", "gpu_type", "tenant", "start_s", "end_s", "cause", "job_s", "gpu_s"])

    def _pool_series(self, pools: np.ndarray, edges: np.ndarray) -> pd.DataFrame:
        span = np.diff(edges)
        booked = np.diff(pools["ledger"], axis=0) / span[:, None, None]
        queued, running = np.diff(pools["queued_job_s"], axis=0), np.diff(pools["running_job_s"], axis=0)
        queued_gpus = np.diff(self._lane_gpu_s(), axis=0)
        parts = []
        for p, (site, kind) in enumerate(self.names.pools):
            mean, planned = booked[:, p], float(pools["planned"][0, p])
            delivered = planned - mean[:, Cause.NOT_DELIVERED]
            housed = delivered - mean[:, Cause.NOT_HOUSED]
            parts.append(
                _block(
                    site,
                    kind,
                    edges,
                    planned=planned,
                    delivered=delivered,
                    housed=housed,
                    energised=housed - mean[:, Cause.NOT_ENERGISED],
                    busy=mean[:, Cause.TRAINING],
                    serving=mean[:, Cause.SERVING] + mean[:, Cause.SERVING_IDLE],
                    queued_jobs=queued[:, p] / span,
                    queued_gpus=queued_gpus[:, p] / span,
                    running_jobs=running[:, p] / span,
                )  # fmt: skip
            )
        return _concatenate(parts, None)

    def _lane_gpu_s(self) -> np.ndarray:
        gpu_s = np.stack([lanes["gpu_s"].sum(axis=1) for lanes in self._lanes])
        pools = self.env.fleet.pools
        first = pools["first_lane"]
        return np.stack([gpu_s[:, a : a + n].sum(axis=1) for a, n in zip(first, pools["n_lanes"], strict=True)], axis=1)

    def _power(self, sites: np.ndarray, edges: np.ndarray) -> pd.DataFrame:
        span = np.diff(edges)
        energy = np.diff(sites["energy_j"], axis=0)
        facility = np.diff(sites["facility_j"], axis=0)
        parts = []
        for s, site in enumerate(self.names.sites):
            it_j = energy[:, s].sum(axis=1)
            signals = self.signals[s]
            means = {
                name: [getattr(signals, name).mean(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]
                for name in ("price_usd_per_mwh", "carbon_g_per_kwh", "dry_bulb_c")
            }
            limit_w = np.stack([row["limit_w"] for row in self._sites[:-1]])[:, s]
            with np.errstate(invalid="ignore", divide="ignore"):
                pue = np.where(it_j > 0.0, facility[:, s] / it_j, np.nan)
            phases = {f"{phase.name.lower()}_j": energy[:, s, phase] for phase in Phase}
            parts.append(
                pd.DataFrame(
                    {
                        "site": site,
                        "start_s": edges[:-1],
                        "end_s": edges[1:],
                        "it_w": it_j / span,
                        "facility_w": facility[:, s] / span,
                        "limit_w": limit_w,
                        "pue": pue,
                        "price_usd_per_mwh": means["price_usd_per_mwh"],
                        "carbon_g_per_kwh": means["carbon_g_per_kwh"],
                        "outdoor_c": means["dry_bulb_c"],
                        "cost_usd": np.diff(sites["cost_usd"], axis=0)[:, s],
                        "carbon_kg": np.diff(sites["carbon_g"], axis=0)[:, s] / 1000.0,
                        **phases,
                    }
                )  # fmt: skip
            )
        return _concatenate(parts, None)


def _block(site: str, kind: str, edges: np.ndarray, **columns) -> pd.DataFrame:
    return pd.DataFrame({"site": site, "gpu_type": kind, "start_s": edges[:-1], "end_s": edges[1:], **columns})


def _concatenate(parts: list[pd.DataFrame], columns: list[str] | None) -> pd.DataFrame:
    if not parts:
        return pd.DataFrame(columns=columns)
    frame = pd.concat(parts, ignore_index=True)
    return frame[columns] if columns else frame
