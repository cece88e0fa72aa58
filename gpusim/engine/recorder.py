"""From the state to tables: snapshots of running integrals at record intervals, and one row per job at the end."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.engine.build import Names
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.services import Deployment
from gpusim.inputs.jobtable import JobTable
from gpusim.kernels.control import draw_of
from gpusim.state import Cause, Fleet, Phase, Status, Wait


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
            "job_waits": job_waits_table(fleet, table),
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
            parts.append(
                _block(
                    site,
                    kind,
                    edges,
                    planned=planned,
                    delivered=delivered,
                    energised=delivered - mean[:, Cause.NOT_ENERGISED],
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


def jobs_table(fleet: Fleet, table: JobTable, names: Names, end_s: float) -> pd.DataFrame:
    """One row per job. A job that still runs has no end; its run and energy so far are counted."""
    n = len(table)
    jobs = fleet.jobs[:n]
    status = jobs["status"]
    running = status == Status.RUNNING
    elapsed = np.where(running, end_s - jobs["start_s"], 0.0)
    pool = jobs["pool"]
    site_of = np.array([names.sites.index(site) for site, _kind in names.pools] + [-1])
    kind_of = np.array([names.gpu_types.index(kind) for _site, kind in names.pools] + [-1])
    done = (status == Status.DONE) | (status == Status.TIMED_OUT)
    frame = table.to_frame()
    return pd.DataFrame(
        {
            "job_id": frame["job_id"],
            "tenant": frame["tenant"],
            "job_class": frame["job_class"],
            "site": pd.Categorical.from_codes(site_of[pool], names.sites),
            "gpu_type": pd.Categorical.from_codes(kind_of[pool], names.gpu_types),
            "gpus": frame["gpus"],
            "submit_s": frame["submit_s"],
            "start_s": jobs["first_start_s"],
            "end_s": np.where(done, jobs["end_s"], np.nan),
            "wait_s": total_waits(fleet, n).sum(axis=1),
            "run_s": jobs["run_s"] + elapsed,
            "status": pd.Categorical.from_codes(status, [s.name.lower() for s in Status]),
            "final_state": frame["final_state"],
            "evictions": jobs["evictions"],
            "lost_gpu_s": jobs["lost_s"] * jobs["held"],
            "energy_j": jobs["energy_j"] + _energy_so_far(fleet, n, elapsed),
            "runtime_s": frame["runtime_s"],
            "estimate_s": frame["estimate_s"],
        }
    )


def _energy_so_far(fleet: Fleet, n: int, elapsed: np.ndarray) -> np.ndarray:
    energy = np.zeros(n)
    for j in np.flatnonzero(elapsed > 0.0).tolist():
        energy[j] = draw_of(fleet, j) * elapsed[j]
    return energy


def total_waits(fleet: Fleet, n: int) -> np.ndarray:
    """[s] each job waited by cause, shape (n, causes); those still queued have waited until now."""
    waits = fleet.jobs["waits"][:n].copy()
    queued = np.flatnonzero(fleet.jobs["status"][:n] == Status.QUEUED)
    if len(queued):
        pools = fleet.pools[fleet.jobs["pool"][queued]]
        lane = pools["first_lane"] + np.where(pools["n_lanes"] > 1, fleet.jobs["tenant"][queued], 0)
        waits[queued] += fleet.lanes["blocked_s"][lane]
    return waits


def job_waits_table(fleet: Fleet, table: JobTable) -> pd.DataFrame:
    """Waiting of each job by cause, causes that occurred only."""
    waits = total_waits(fleet, len(table))
    rows, causes = np.nonzero(waits > 0.0)
    names = [cause.name.lower() for cause in Wait]
    return pd.DataFrame(
        {
            "job_id": table["job_id"][rows],
            "cause": pd.Categorical.from_codes(causes, names),
            "wait_s": waits[rows, causes],
        }
    )


def split_runs(fleet: Fleet, edges: np.ndarray) -> dict[Cause, np.ndarray]:
    """GPU-seconds of loading, checkpointing, lost work and unasked GPUs in the jobs' runs.

    Returns
    -------
    dict of Cause to ndarray, shape (intervals, pools)
    """
    n = int(fleet.clock[0].n_jobs)
    jobs, now = fleet.jobs[:n], edges[-1]
    final = np.flatnonzero(
        (jobs["start_s"] == jobs["start_s"]) & np.isin(jobs["status"], [Status.RUNNING, Status.DONE, Status.TIMED_OUT])
    )
    cut = fleet.segments[: int(fleet.clock[0].n_segments)]
    job = np.concatenate([final, cut["job"]])
    start = np.concatenate([jobs["start_s"][final], cut["start_s"]])
    end = np.concatenate([np.minimum(jobs["end_s"][final], now), cut["end_s"]])
    planned_end = np.concatenate([jobs["end_s"][final], cut["end_s"]])
    lost = np.concatenate([np.zeros(len(final)), cut["lost_s"]])
    pool, held = jobs["pool"][job], jobs["held"][job]
    classes = fleet.classes[jobs["job_class"][job]]
    loaded = np.minimum(start + classes["load_s"], end)
    # In a finished run what is neither loading nor work was checkpoints: the wall time says how long they took.
    writes = np.zeros(len(job))
    writes[len(final) :] = cut["checkpoint_s"]
    work = _work_of_last_run(fleet, final)
    writes[: len(final)] = np.maximum(
        planned_end[: len(final)] - start[: len(final)] - classes["load_s"][: len(final)] - work, 0.0
    )
    writes[: len(final)][work + classes["load_s"][: len(final)] <= 0.0] = 0.0
    spread = np.maximum(planned_end - lost - loaded, 1e-300)
    shape = (len(edges) - 1, len(fleet.pools))
    kept_end = np.maximum(end - lost, loaded)
    return {
        Cause.LOADING: _spread(edges, shape, pool, held * 1.0, start, loaded),
        Cause.CHECKPOINTING: _spread(edges, shape, pool, held * np.minimum(writes / spread, 1.0), loaded, kept_end),
        Cause.LOST_WORK: _spread(edges, shape, pool, held * 1.0, kept_end, end),
    }


def _work_of_last_run(fleet: Fleet, rows: np.ndarray) -> np.ndarray:
    jobs = fleet.jobs[rows]
    total = np.where(jobs["outruns"] != 0, jobs["estimate_s"], jobs["runtime_s"])
    return np.maximum(total - jobs["saved_s"], 0.0) / fleet.pools["speed"][jobs["pool"]]


def _spread(edges, shape, pool, rate, start, end) -> np.ndarray:
    """Integrate per pool and interval the sum over runs of ``rate`` within [start, end)."""
    out = np.zeros(shape)
    keep = (end > start) & (rate > 0.0)
    pool, rate, start, end = pool[keep], rate[keep], start[keep], end[keep]
    first = np.searchsorted(edges, start, side="right") - 1
    last = np.minimum(np.searchsorted(edges, end, side="left") - 1, shape[0] - 1)
    for offset in range(int((last - first).max()) + 1 if len(first) else 0):
        i = first + offset
        rows = np.flatnonzero(i <= last)
        a = np.maximum(start[rows], edges[i[rows]])
        b = np.minimum(end[rows], edges[i[rows] + 1])
        np.add.at(out, (i[rows], pool[rows]), rate[rows] * (b - a))
    return out
