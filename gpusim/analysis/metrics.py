"""Headline figures, by the definitions of the field: allocation and utilisation are never one another."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.record.result import Result
from gpusim.units import HOUR_S, JOULE_PER_MWH

BOUND_S = 10.0  # of the bounded slowdown


def metrics(result: Result) -> pd.Series:
    """Headline figures; units in the names."""
    booked = result.ledger.groupby("cause", observed=True)["gpu_s"].sum()

    def gpu_h(*causes: str) -> float:
        return sum(float(booked.get(cause, 0.0)) for cause in causes) / HOUR_S

    planned = float(booked.sum()) / HOUR_S
    there = planned - gpu_h("not_delivered", "not_energised")
    useful = gpu_h("training", "serving")
    held = useful + gpu_h("loading", "checkpointing", "lost_work", "serving_idle")
    sites = result.sites
    facility_j, it_j = sites["energy_facility_j"].sum(), sites["energy_it_j"].sum()
    jobs = result.jobs
    started = jobs[jobs["start_s"].notna()]
    wait_s = (started["start_s"] - started["submit_s"]).to_numpy()
    figures = {
        "planned_gpu_hours": planned,
        "online_gpu_hours": there,
        "useful_gpu_hours": useful,
        "allocation": held / there if there else np.nan,
        "utilisation": useful / held if held else np.nan,
        "useful_share_of_planned": useful / planned if planned else np.nan,
        "jobs": float(len(jobs)),
        "jobs_done": float(jobs["status"].isin(["done", "timed_out"]).sum()),
        "jobs_rejected": float((jobs["status"] == "rejected").sum()),
        "evictions": float(jobs["evictions"].sum()),
        "wait_mean_s": float(wait_s.mean()) if len(wait_s) else np.nan,
    }
    for q in (50, 90, 95, 99):
        figures[f"wait_p{q}_s"] = float(np.percentile(wait_s, q)) if len(wait_s) else np.nan
    slowdown = bounded_slowdown(started)
    figures["bounded_slowdown_mean"] = float(slowdown.mean()) if len(slowdown) else np.nan
    services = result.services
    demand = services["demand_tokens"].sum()
    figures |= {
        "service_tokens_served_share": float(services["served_tokens"].sum() / demand) if demand else np.nan,
        "energy_facility_mwh": facility_j / JOULE_PER_MWH,
        "pue": facility_j / it_j if it_j else np.nan,
        "energy_usd": float(sites["cost_usd"].sum()),
        "carbon_t": float(sites["carbon_kg"].sum()) / 1000.0,
        "energy_usd_per_useful_gpu_hour": float(sites["cost_usd"].sum()) / useful if useful else np.nan,
    }
    return pd.Series(figures, name="value")


def bounded_slowdown(jobs: pd.DataFrame) -> pd.Series:
    """max(1, (wait + run) / max(run, 10 s)) of jobs that have run (Feitelson et al. 1997)."""
    return ((jobs["wait_s"] + jobs["run_s"]) / jobs["run_s"].clip(lower=BOUND_S)).clip(lower=1.0)


def waits_by(result: Result, column: str) -> pd.DataFrame:
    """Queue delay [s] from submission to first start by a column of the jobs table."""
    jobs = result.jobs[result.jobs["start_s"].notna()]
    delay = (jobs["start_s"] - jobs["submit_s"]).groupby(jobs[column], observed=True)
    table = delay.quantile([0.5, 0.9, 0.95, 0.99]).unstack().set_axis([f"p{q}_s" for q in (50, 90, 95, 99)], axis=1)
    return table.assign(mean_s=delay.mean(), jobs=delay.size()).reset_index()


def compare(first: Result, second: Result) -> pd.DataFrame:
    """Headline figures of two results and what changed."""
    a, b = first.metrics(), second.metrics()
    with np.errstate(divide="ignore", invalid="ignore"):
        return pd.DataFrame({"first": a, "second": b, "difference": b - a, "ratio": b / a})
