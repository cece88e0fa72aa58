"""Results written by hand, one hour per record interval, without the engine."""

from __future__ import annotations

from collections import defaultdict

import pandas as pd

from gpusim.causes import ABSENT, HELD, LOSS_OF_WAIT
from gpusim.result import Result

HOUR_S = 3600.0
LIST_USD = {"H100": 6.0, "A100": 3.0, **{f"type-{i}": 1.0 for i in range(8)}}  # per GPU-hour
NODE = {"gpus_per_node": 8, "idle_w": 100.0, "rated_it_w_per_gpu": 1250.0}

JOB = {
    "job_id": 0, "tenant": "lab", "job_class": "research", "site": "north", "gpu_type": "H100", "gpus": 8,
    "submit_s": 0.0, "start_s": 0.0, "end_s": HOUR_S, "wait_s": 0.0, "run_s": HOUR_S, "status": "done",
    "final_state": "completed", "evictions": 0, "gpu_s": 0.0, "held_gpu_s": 0.0, "useful_gpu_s": 0.0, "lost_gpu_s": 0.0,
    "energy_j": 0.0,
    "runtime_s": HOUR_S, "estimate_s": HOUR_S,
}  # fmt: skip

REJECTED = {
    "start_s": 0.0, "end_s": HOUR_S, "time_s": 60.0, "cause": "rejected_size", "site": "", "gpu_type": "",
    "residency": "", "home": "", "jobs": 1, "least_gpus": 4000, "most_gpus": 4000, "largest_gpus": 32,
    "gpu_s": 4000 * HOUR_S, "usd": 4000 * 2.0,
}  # fmt: skip


def make(
    pools: dict[tuple[str, str], dict[str, list[float]]],
    *,
    waits: tuple[tuple[str, str, int, str, float, float], ...] = (),
    jobs: tuple[dict, ...] = (),
    job_waits: tuple[tuple[int, str, float], ...] = (),
    services: tuple[dict, ...] = (),
    events: tuple[tuple[float, str, str, str, float, str], ...] = (),
    rejections: tuple[dict, ...] = (),
    scenario: dict | None = None,
    seed: int = 1,
) -> Result:
    """A result of pools given as mean GPUs by cause of the ledger and hour.

    ``waits``: site, GPU type, hour, cause, jobs waiting, GPUs asked for (means of the hour). ``jobs``: what differs
    from ``JOB``. ``job_waits``: job, cause, seconds. ``rejections``: what differs from ``REJECTED``. Idle GPUs are
    asked for by somebody, as in a run. Every site draws 1 MW in its servers and 1.25 MW at the meter, of 1.3 MW, at 40
    USD/MWh and 200 g/kWh.
    """
    hours = max(len(gpus) for causes in pools.values() for gpus in causes.values())
    span = [(hour * HOUR_S, (hour + 1) * HOUR_S) for hour in range(hours)]
    sites = list(dict.fromkeys(site for site, _kind in pools))
    ledger = [
        (site, kind, *span[hour], cause, gpus * HOUR_S)
        for (site, kind), causes in pools.items()
        for cause, series in causes.items()
        for hour, gpus in enumerate(series)
    ]
    asked = defaultdict(list)
    for site, kind, hour, cause, _n, gpus in waits:
        asked[site, kind, hour].append((cause, gpus))
    for s in services:
        if s["cause"]:
            missing = 4.0 * (s["wanted_replicas"] - s["replicas"])
            asked[s["site"], s["gpu_type"], int(s["start_s"] // HOUR_S)].append((s["cause"], missing))
    tables = {
        "ledger": pd.DataFrame(ledger, columns=["site", "gpu_type", "start_s", "end_s", "cause", "gpu_s"]),
        "pools": pd.DataFrame([_pool(*at, causes, hour) for at, causes in pools.items() for hour in range(hours)]),
        "waits": pd.DataFrame(
            [(s, k, "", *span[h], cause, n * HOUR_S, gpus * HOUR_S) for s, k, h, cause, n, gpus in waits],
            columns=["site", "gpu_type", "tenant", "start_s", "end_s", "cause", "job_s", "gpu_s"],
        ),
        "unmet": pd.DataFrame(
            [
                (site, kind, *span[h], *row)
                for (site, kind), causes in pools.items()
                for h in range(hours)
                for row in _unmet(
                    {cause: series[h] for cause, series in causes.items()},
                    asked[site, kind, h],
                )
            ],
            columns=["site", "gpu_type", "start_s", "end_s", "cause", "gpu_s", "free_gpu_s", "padding_gpu_s",
                     "short_gpu_s"],
        ),
        "rejections": _table(REJECTED, [{**REJECTED, **row} for row in rejections]),
        "jobs": _jobs(jobs),
        "job_waits": pd.DataFrame(list(job_waits), columns=["job_id", "cause", "wait_s"]),
        "power": pd.DataFrame([_power(site, hour) for site in sites for hour in range(hours)]),
        "sites": pd.DataFrame([_site(site, pools, hours) for site in sites]),
        "costs": pd.DataFrame([_cost(site, kind) for site, kind in pools]),
        "services": pd.DataFrame(
            list(services),
            columns=["service", "site", "gpu_type", "start_s", "end_s", "demand_tokens", "served_tokens", "replicas",
                     "wanted_replicas", "cause"],
        ),
        "events": pd.DataFrame(list(events), columns=["time_s", "site", "kind", "detail", "value", "unit"]),
    }  # fmt: skip
    manifest = {
        "scenario": {
            "name": "by hand", "description": "A fleet for tests.", "run": {"days": hours / 24, "record_s": HOUR_S},
            "sites": {site: {} for site in sites},
            "services": {row["service"]: {"gpus_per_replica": 4} for row in services}, **(scenario or {}),
        },
        "scenario_hash": "0" * 64, "gpus": {kind: {"usd_per_gpu_hour": usd, **NODE} for kind, usd in LIST_USD.items()},
        "seed": seed, "gpusim_version": "0.1.0", "versions": {"numpy": "2"}, "wall_s": 1.0,
        "start": "2026-06-01T00:00:00+00:00", "duration_s": hours * HOUR_S, "mode": "event", "cycle_s": None,
    }  # fmt: skip
    return Result(manifest, tables)


def fleet(sites: int, hours: int) -> Result:
    """A fleet that shows every kind of panel: deliveries, grid stages, waiting, busy GPUs, services."""
    pools, waits, events, services = {}, [], [], []
    for i in range(sites):
        name, half = f"site-{i:02d}", hours // 2
        pools[name, "H100"] = {
            "training": [300.0] * half + [620.0] * (hours - half),
            "serving": [100.0] * hours,
            "not_delivered": [300.0 + 20.0 * (i % 10)] * half + [0.0] * (hours - half),
            "not_energised": [0.0] * half + [200.0] * (hours - half),
            "idle_reserved": [50.0] * half + [80.0] * (hours - half),
            "idle_no_demand": [250.0 - 20.0 * (i % 10)] * half + [0.0] * (hours - half),
        }
        waits += [(name, "H100", h, "not_delivered", 2.0, 128.0) for h in range(half)]
        waits += [(name, "H100", h, "busy", 9.0, 700.0) for h in range(half, hours)]
        events.append((half * HOUR_S, name, "delivery", "H100: 1,000 GPUs delivered in all", 1000.0, "GPUs"))
        for h in range(hours):
            services.append(
                {
                    "service": "chat", "site": name, "gpu_type": "H100", "start_s": h * HOUR_S,
                    "end_s": (h + 1) * HOUR_S, "demand_tokens": 1e9, "served_tokens": 0.9e9, "replicas": 9.0,
                    "wanted_replicas": 10.0, "cause": "busy",
                }
            )  # fmt: skip
    jobs = tuple({"site": f"site-{i % sites:02d}", "wait_s": 60.0 * i, "start_s": 60.0 * i} for i in range(40))
    job_waits = tuple((i, "busy" if i % 3 else "not_delivered", 60.0 * i) for i in range(1, 40))
    return make(
        pools, waits=tuple(waits), events=tuple(events), services=tuple(services), jobs=jobs, job_waits=job_waits
    )


def _unmet(gpus: dict[str, float], asks: list[tuple[str, float]]) -> list[tuple]:
    """Mean GPUs asked for in an hour against the GPUs of ``gpus``, each once: the rule of the ledger, without gangs."""
    asked = dict.fromkeys(LOSS_OF_WAIT, 0.0)
    for cause, number in asks:
        asked[cause] += number
    reserved, rows = gpus.get("idle_reserved", 0.0), []
    waits_on = [wait for wait, loss in LOSS_OF_WAIT.items() if loss in ("busy", *ABSENT)]
    asked["busy"] += max(reserved - sum(asked[wait] for wait in waits_on), 0.0)
    for wait, loss in LOSS_OF_WAIT.items():
        if wait in waits_on:
            free = min(asked[wait], reserved)
            reserved -= free
            short = sum(gpus.get(cause, 0.0) for cause in HELD) if wait == "busy" else gpus.get(loss, 0.0)
        else:
            free, short = gpus.get(loss, 0.0), 0.0
            asked[wait] = max(asked[wait], free)
        if asked[wait]:
            rows.append((wait, *(HOUR_S * x for x in (asked[wait], free, 0.0, min(asked[wait] - free, short)))))
    return rows


def _jobs(jobs: tuple[dict, ...]) -> pd.DataFrame:
    rows = [{**JOB, "job_id": i, **job} for i, job in enumerate(jobs)]
    for row in rows:  # as the engine says of jobs that keep their size, on nodes of 8
        held = row["gpus"] if row["gpus"] <= 8 else -(-row["gpus"] // 8) * 8
        row["gpu_s"], row["held_gpu_s"] = row["gpus"] * row["run_s"], held * row["run_s"]
    return _table(JOB, rows)


def _table(like: dict, rows: list[dict]) -> pd.DataFrame:
    """Rows with the dtypes of a run's, also when there are none."""
    return pd.DataFrame([like, *rows]).iloc[1:].reset_index(drop=True)


def _pool(site: str, kind: str, causes: dict[str, list[float]], hour: int) -> dict:
    now = {cause: series[hour] for cause, series in causes.items()}
    planned = sum(now.values())
    delivered = planned - now.get("not_delivered", 0.0)
    housed = delivered - now.get("not_housed", 0.0)
    return {
        "site": site, "gpu_type": kind, "start_s": hour * HOUR_S, "end_s": (hour + 1) * HOUR_S,
        "planned_gpus": planned, "delivered_gpus": delivered, "housed_gpus": housed,
        "energised_gpus": housed - now.get("not_energised", 0.0),
        "busy_gpus": sum(now.get(cause, 0.0) for cause in ("training", "loading", "checkpointing", "lost_work")),
        "serving_gpus": now.get("serving", 0.0) + now.get("serving_idle", 0.0), "queued_jobs": 0.0,
        "queued_gpus": 0.0, "running_jobs": 1.0,
    }  # fmt: skip


def _power(site: str, hour: int) -> dict:
    return {
        "site": site, "start_s": hour * HOUR_S, "end_s": (hour + 1) * HOUR_S, "it_w": 1.0e6, "facility_w": 1.25e6,
        "limit_w": 1.3e6, "pue": 1.25, "price_usd_per_mwh": 40.0, "carbon_g_per_kwh": 200.0, "outdoor_c": 20.0,
        "cost_usd": 50.0, "carbon_kg": 250.0, "water_l": 2000.0, "compute_j": 3.6e9,
        "communication_j": 0.0, "checkpoint_j": 0.0,
    }  # fmt: skip


def _site(site: str, pools: dict, hours: int) -> dict:
    planned = sum(sum(series[0] for series in causes.values()) for (at, _k), causes in pools.items() if at == site)
    return {
        "site": site, "region": "SE-SE1", "jurisdiction": "EU", "latitude_deg": 0.0, "longitude_deg": 0.0,
        "planned_gpus": int(planned), "energy_it_j": hours * 3.6e9, "energy_facility_j": hours * 4.5e9,
        "cost_usd": hours * 50.0, "carbon_kg": hours * 250.0, "peak_facility_w": 1.25e6,
        "water_l": hours * 2000.0,
    }  # fmt: skip


def _cost(site: str, kind: str) -> dict:
    return {"site": site, "gpu_type": kind, "energy_usd": 0.0, "carbon_kg": 0.0}
