"""Headline figures, by the definitions of the field: allocation and utilisation are never one another."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.analysis.causes import OFFLINE
from gpusim.analysis.delays import QUANTILES, bounded_slowdown, queue_delay_s
from gpusim.record.result import Result
from gpusim.units import HOUR_S, JOULE_PER_MWH

__all__ = ["METRICS", "bounded_slowdown", "metrics"]

HELD = ("training", "serving", "serving_idle", "loading", "checkpointing", "lost_work")
JOBS = ("training", "loading", "checkpointing", "lost_work")

# Every metric in words, for tables and reports.
METRICS = {
    "planned_gpu_hours": "planned GPUs x time",
    "online_gpu_hours": "of those delivered, housed and energised",
    "useful_gpu_hours": "of those training or serving",
    "allocation": "held by jobs or replicas / online",
    "utilisation": "training or serving / held",
    "goodput": "useful / held by jobs (without loading, checkpoints, lost work)",
    "useful_share_of_planned": "training or serving / planned",
    "jobs": "submitted",
    "jobs_done": "ended",
    "jobs_waiting_at_end": "never started",
    "jobs_rejected": "refused",
    "evictions": "runs cut short",
    "job_hours_waited": "all waiting, also of evicted jobs for their next start",
    "wait_mean_s": "submission to first start",
    **{f"wait_p{q}_s": "submission to first start" for q in QUANTILES},
    "bounded_slowdown_mean": "max(1, (wait + run) / max(run, 10 s))",
    **{f"bounded_slowdown_p{q}": "max(1, (wait + run) / max(run, 10 s))" for q in QUANTILES},
    "service_tokens_served_share": "tokens served / tokens asked for",
    "energy_facility_mwh": "at the meter",
    "energy_it_mwh": "of servers",
    "pue": "energy at the meter / energy of servers",
    "carbon_t": "CO2e of the energy at the meter",
    "carbon_kg_per_useful_gpu_hour": "CO2e / useful GPU-hours",
    "energy_usd": "at hourly market prices",
    "gpu_list_usd": "online GPUs at list price",
    "usd_per_useful_gpu_hour": "(list price + energy) / useful GPU-hours",
    "energy_usd_per_useful_gpu_hour": "energy / useful GPU-hours",
}


def metrics(result: Result) -> pd.Series:
    """Headline figures of a run, with the names, units and definitions of ``METRICS``.

    A ratio without a denominator (no jobs, no services, nothing online) is NaN.
    """
    booked = result.ledger.groupby("cause", observed=True)["gpu_s"].sum()

    def gpu_h(*causes: str) -> float:
        return sum(float(booked.get(cause, 0.0)) for cause in causes) / HOUR_S

    planned = float(booked.sum()) / HOUR_S
    online = planned - gpu_h(*OFFLINE)
    useful, held = gpu_h("training", "serving"), gpu_h(*HELD)
    sites, services, jobs = result.sites, result.services, result.jobs
    facility_j, it_j = float(sites["energy_facility_j"].sum()), float(sites["energy_it_j"].sum())
    energy_usd, list_usd = float(sites["cost_usd"].sum()), float(result.costs["gpu_list_usd"].sum())
    carbon_kg = float(sites["carbon_kg"].sum())
    wait_s, slowdown = queue_delay_s(jobs).dropna(), bounded_slowdown(_ended(jobs))
    values = {
        "planned_gpu_hours": planned,
        "online_gpu_hours": online,
        "useful_gpu_hours": useful,
        "allocation": _ratio(held, online),
        "utilisation": _ratio(useful, held),
        "goodput": _ratio(gpu_h("training"), gpu_h(*JOBS)),
        "useful_share_of_planned": _ratio(useful, planned),
        "jobs": float(len(jobs)),
        "jobs_done": float(len(_ended(jobs))),
        "jobs_waiting_at_end": float((jobs["start_s"].isna() & (jobs["status"] == "queued")).sum()),
        "jobs_rejected": float((jobs["status"] == "rejected").sum()),
        "evictions": float(jobs["evictions"].sum()),
        "job_hours_waited": float(jobs["wait_s"].sum()) / HOUR_S,
        "wait_mean_s": float(wait_s.mean()) if len(wait_s) else np.nan,
        **{f"wait_p{q}_s": _percentile(wait_s, q) for q in QUANTILES},
        "bounded_slowdown_mean": float(slowdown.mean()) if len(slowdown) else np.nan,
        **{f"bounded_slowdown_p{q}": _percentile(slowdown, q) for q in QUANTILES},
        "service_tokens_served_share": _ratio(services["served_tokens"].sum(), services["demand_tokens"].sum()),
        "energy_facility_mwh": facility_j / JOULE_PER_MWH,
        "energy_it_mwh": it_j / JOULE_PER_MWH,
        "pue": _ratio(facility_j, it_j),
        "carbon_t": carbon_kg / 1000.0,
        "carbon_kg_per_useful_gpu_hour": _ratio(carbon_kg, useful),
        "energy_usd": energy_usd,
        "gpu_list_usd": list_usd,
        "usd_per_useful_gpu_hour": _ratio(list_usd + energy_usd, useful),
        "energy_usd_per_useful_gpu_hour": _ratio(energy_usd, useful),
    }
    return pd.Series(values, name="value")


def _ended(jobs: pd.DataFrame) -> pd.DataFrame:
    return jobs[jobs["status"].isin(["done", "timed_out"])]


def _ratio(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else np.nan


def _percentile(values: pd.Series, q: int) -> float:
    return float(np.percentile(values, q)) if len(values) else np.nan
