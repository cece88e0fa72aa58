"""From the state to tables over time: snapshots of running integrals at the ends of record intervals."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
import pandas as pd

from gpusim.causes import Stage
from gpusim.engine.build import Names
from gpusim.engine.cooling import CoolingPlant
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.fragments import fragments_s
from gpusim.engine.job_tables import job_waits_table, jobs_table
from gpusim.engine.meter import MarginalCarbon
from gpusim.engine.runs import split_runs
from gpusim.engine.serving.records import ServingRecorder
from gpusim.engine.serving.services import Services
from gpusim.inputs.jobtable import JobTable
from gpusim.kernels.feeding import recount
from gpusim.kernels.state.codes import ABSENT_UNTIL, SLOWED_FOR, Cause, Phase, Wait

SERVING = tuple(cause for cause in Cause if cause.name.startswith("SERVING"))  # held by replicas


class Recorder:
    """Snapshots of the fleet's integrals at the end of every record interval.

    Attributes
    ----------
    edges_s : list of float
        Ends of the intervals so far; the first is 0.
    """

    def __init__(
        self, env: FleetEnvironment, names: Names, signals: list, services: Services | None, plants: list[CoolingPlant],
        marginals: dict[int, MarginalCarbon],
    ):  # fmt: skip
        self.env, self.names, self.signals, self.services, self.plants = env, names, signals, services, plants
        self.marginals = marginals
        self.edges_s = [0.0]
        self._pools = [env.fleet.pools.copy()]
        self._sites = [env.fleet.sites.copy()]
        self._water_l = [np.zeros(len(env.fleet.sites))]
        self._marginal_g = [np.zeros(len(env.fleet.sites))]
        self._lanes = [env.fleet.lanes.copy()]
        self._fragments = [fragments_s(env.fleet, 0.0)]
        self._served: list[dict] = []
        self._requests = None if services is None else ServingRecorder(services, names)
        self.events: list[tuple[float, str, str, str, float, str]] = []

    def log(self, time_s: float, site: str, kind: str, detail: str, value: float, unit: str = "") -> None:
        """One line of the run's log; ``unit`` is that of ``value``."""
        self.events.append((time_s, site, kind, detail, float(value), unit))

    def snapshot(self) -> None:
        """Close the record interval that ends now; the next starts from what the control processes made of the sites.

        The first starts behind those of time 0.
        """
        env = self.env
        if env.now == self.edges_s[-1]:
            self._sites[-1] = env.fleet.sites.copy()
            return
        env.settle()
        if env.fleet.pools["fed"].any():
            recount(env.fleet)
        for counted in (*self.plants, *self.marginals.values()):
            counted.settle()
        for power in env.sites.values():
            if power.plant is not None:
                power.plant.note()
        self._record_services(self.edges_s[-1], env.now)
        self.edges_s.append(env.now)
        self._pools.append(env.fleet.pools.copy())
        self._sites.append(env.fleet.sites.copy())
        self._water_l.append(np.array([plant.water_l for plant in self.plants]))
        self._marginal_g.append(
            np.array([self.marginals[s].grams if s in self.marginals else np.nan for s in range(len(self.plants))])
        )
        self._lanes.append(env.fleet.lanes.copy())
        self._fragments.append(fragments_s(env.fleet, env.now))

    def _record_services(self, start_s: float, end_s: float) -> None:
        if self.services is None:
            return
        self.services.settle()
        self._requests.close(start_s, end_s)
        span = end_s - start_s
        for d in self.services.deployments:
            site, kind = self.names.pools[d.pool]
            worst = max(d.short_s, key=lambda cause: (d.short_s[cause], -cause)) if d.short_s else None
            self._served.append(
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
                    "role": d.role,
                }
            )
            d.begin_record()

    def tables(self, table: JobTable) -> dict[str, pd.DataFrame]:
        """All result tables but those that need prices of the catalogue."""
        pools, sites, lanes = (_stacked(parts) for parts in (self._pools, self._sites, self._lanes))
        edges = np.array(self.edges_s)
        fleet = self.env.fleet
        columns = ["service", "site", "gpu_type", "start_s", "end_s", "demand_tokens", "served_tokens",
                   "replicas", "wanted_replicas", "cause"]  # fmt: skip
        if any(row["role"] for row in self._served):
            columns.append("role")
        binding_s = {
            slowed: [plant.power.binds_s[wait] for plant in self.plants] for wait, slowed in SLOWED_FOR.items()
        }
        split, gpu_time = split_runs(fleet, edges, binding_s)
        return {
            "jobs": jobs_table(fleet, table, self.names, edges[-1], gpu_time),
            "job_waits": job_waits_table(fleet, table, edges[-1]),
            "ledger": self._ledger(pools, edges, split),
            "waits": self._waits(lanes, edges),
            "unmet": self._unmet(pools, edges),
            "pools": self._pool_series(pools, edges),
            "power": self._power(sites, edges),
            "services": pd.DataFrame(self._served, columns=columns).astype(dict.fromkeys(columns[3:9], float)),
            **({} if self._requests is None else self._requests.tables()),
            "events": pd.DataFrame(self.events, columns=["time_s", "site", "kind", "detail", "value", "unit"]),
        }

    def _ledger(self, pools: np.ndarray, edges: np.ndarray, split: dict[Cause, np.ndarray]) -> pd.DataFrame:
        """GPU-seconds by pool, interval and cause; the jobs' GPUs are split by what became of each run."""
        booked = np.diff(pools["ledger"], axis=0)  # (interval, pool, cause)
        for cause, gpu_s in split.items():
            booked[:, :, cause] += gpu_s
            booked[:, :, Cause.TRAINING] -= gpu_s
        pool, cause = np.nonzero(np.any(booked != 0.0, axis=0))
        if not len(pool):
            return pd.DataFrame(columns=["site", "gpu_type", "start_s", "end_s", "cause", "gpu_s"])
        n = len(booked)
        return pd.DataFrame(
            {
                **self._where(np.repeat(pool, n), np.tile(np.arange(n), len(pool)), edges),
                "cause": _texts(_names(Cause), np.repeat(cause, n)),
                "gpu_s": booked[:, pool, cause].T.ravel(),
            }
        )

    def _waits(self, lanes: np.ndarray, edges: np.ndarray) -> pd.DataFrame:
        job_s, gpu_s = (np.diff(lanes[name], axis=0).transpose(1, 2, 0) for name in ("job_s", "gpu_s"))
        lane, cause, interval = np.nonzero(job_s)
        if not len(lane):
            columns = ["site", "gpu_type", "tenant", "start_s", "end_s", "cause", "job_s", "gpu_s"]
            return pd.DataFrame(columns=columns)
        pools = self.env.fleet.pools
        pool = np.repeat(np.arange(len(pools)), pools["n_lanes"])  # of each lane
        # A lane is a tenant's; where there is one for all, its name is "".
        tenant = np.where(pools["n_lanes"][pool] > 1, self.env.fleet.lanes["tenant"], len(self.names.tenants))
        where = self._where(pool[lane], interval, edges)
        return pd.DataFrame(
            {
                "site": where.pop("site"),
                "gpu_type": where.pop("gpu_type"),
                "tenant": _texts([*self.names.tenants, ""], tenant[lane]),
                **where,
                "cause": _texts(_names(Wait), cause),
                "job_s": job_s[lane, cause, interval],
                "gpu_s": gpu_s[lane, cause, interval],
            }
        )

    def _unmet(self, pools: np.ndarray, edges: np.ndarray) -> pd.DataFrame:
        """GPU-seconds asked for in vain by pool, interval and cause of waiting, and where they were meanwhile."""
        names = {"gpu_s": "asked_s", **{f"{part}_gpu_s": f"{part}_s" for part in ("free", "padding", "short")}}
        booked = {name: np.diff(pools[own], axis=0).transpose(1, 2, 0) for name, own in names.items()}
        pool, cause, interval = np.nonzero(booked["gpu_s"])
        return pd.DataFrame(
            {
                **self._where(pool, interval, edges),
                "cause": _texts(_names(Wait), cause),
                **{name: gpu_s[pool, cause, interval] for name, gpu_s in booked.items()},
            }
        )

    def _pool_series(self, pools: np.ndarray, edges: np.ndarray) -> pd.DataFrame:
        span = np.diff(edges)[:, None]
        mean = np.diff(pools["ledger"], axis=0) / span[:, :, None]  # (interval, pool, cause)
        n, n_pools = mean.shape[:2]
        planned = pools["planned"][0] - np.diff(pools["retired_s"], axis=0) / span
        series, left = {"planned_gpus": planned}, planned
        for stage in Stage:
            left = left - sum(mean[:, :, cause] for cause in ABSENT_UNTIL[stage])
            series[f"{stage.value}_gpus"] = left
        series |= {
            "busy_gpus": mean[:, :, Cause.TRAINING],
            "serving_gpus": sum(mean[:, :, cause] for cause in SERVING),
            "queued_jobs": np.diff(pools["queued_job_s"], axis=0) / span,
            "queued_gpus": np.diff(self._lane_gpu_s(), axis=0) / span,
            "running_jobs": np.diff(pools["running_job_s"], axis=0) / span,
        }
        if self._fragments[0] is not None:
            series["fragment_gpus"] = np.diff(np.array(self._fragments), axis=0) / span
        where = self._where(np.repeat(np.arange(n_pools), n), np.tile(np.arange(n), n_pools), edges)
        return pd.DataFrame({**where, **{name: values.T.ravel() for name, values in series.items()}})

    def _lane_gpu_s(self) -> np.ndarray:
        gpu_s = _stacked([lanes["gpu_s"].sum(axis=1) for lanes in self._lanes])
        pools = self.env.fleet.pools
        first = pools["first_lane"]
        return np.stack([gpu_s[:, a : a + n].sum(axis=1) for a, n in zip(first, pools["n_lanes"], strict=True)], axis=1)

    def _power(self, sites: np.ndarray, edges: np.ndarray) -> pd.DataFrame:
        span = np.diff(edges)[:, None]
        energy = np.diff(sites["energy_j"], axis=0)  # (interval, site, phase)
        facility_j, it_j = np.diff(sites["facility_j"], axis=0), energy.sum(axis=2)
        with np.errstate(invalid="ignore", divide="ignore"):
            pue = np.where(it_j > 0.0, facility_j / it_j, np.nan)

        def means(name: str) -> np.ndarray:
            return np.stack([getattr(signals, name).means(edges) for signals in self.signals], axis=1)

        series = {
            "it_w": it_j / span,
            "facility_w": facility_j / span,
            "limit_w": sites["limit_w"][:-1],
            "pue": pue,
            "price_usd_per_mwh": means("price_usd_per_mwh"),
            "carbon_g_per_kwh": means("carbon_g_per_kwh"),
            "outdoor_c": means("dry_bulb_c"),
            "wet_bulb_c": means("wet_bulb_c"),
            "cost_usd": np.diff(sites["cost_usd"], axis=0),
            "carbon_kg": np.diff(sites["carbon_g"], axis=0) / 1000.0,
            "water_l": np.diff(np.array(self._water_l), axis=0),
            **self._marginal(edges),
            **{f"{phase.name.lower()}_j": energy[:, :, phase] for phase in Phase},
        }
        n, n_sites = it_j.shape
        return pd.DataFrame(
            {
                "site": _texts(self.names.sites, np.repeat(np.arange(n_sites), n)),
                "start_s": np.tile(edges[:-1], n_sites),
                "end_s": np.tile(edges[1:], n_sites),
                **{name: values.T.ravel() for name, values in series.items()},
            }
        )

    def _marginal(self, edges: np.ndarray) -> dict[str, np.ndarray]:
        """Marginal intensity and emissions, where some site has them; NaN for those that have none."""
        if not self.marginals:
            return {}
        means = np.full((len(edges) - 1, len(self.plants)), np.nan)
        for s, marginal in self.marginals.items():
            means[:, s] = marginal.signal.means(edges)
        return {
            "marginal_g_per_kwh": means,
            "marginal_carbon_kg": np.diff(np.array(self._marginal_g), axis=0) / 1000.0,
        }

    def _where(self, pool: np.ndarray, interval: np.ndarray, edges: np.ndarray) -> dict:
        """The first columns of a table of rows in these pools and record intervals."""
        sites, kinds = zip(*self.names.pools, strict=True)
        return {
            "site": _texts(sites, pool),
            "gpu_type": _texts(kinds, pool),
            "start_s": edges[:-1][interval],
            "end_s": edges[1:][interval],
        }


def _stacked(parts: list[np.ndarray]) -> np.ndarray:
    """``np.stack`` of equal rows, read-only; of records it is many times faster."""
    return np.frombuffer(b"".join(part.tobytes() for part in parts), parts[0].dtype).reshape(len(parts), -1)


def _names(members: type[IntEnum]) -> list[str]:
    return [member.name.lower() for member in members]


def _texts(names: Sequence[str], codes: np.ndarray) -> pd.api.extensions.ExtensionArray:
    """A column of texts, named by code."""
    return pd.array(list(names), dtype="str").take(codes)
