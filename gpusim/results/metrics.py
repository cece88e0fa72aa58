"""Headline figures, by the definitions of the field: allocation and utilisation are never one another."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.causes import HELD, JOBS, OFFLINE, TRAINING, USEFUL
from gpusim.results.deadlines import Deadlines
from gpusim.results.delays import QUANTILES, bounded_slowdown, queue_delay_s
from gpusim.results.economics import owning_usd
from gpusim.results.labels import name_of_unit, unit_of
from gpusim.results.measure import FLEET as METRICS
from gpusim.results.measure import none_of
from gpusim.results.requests import attainment, in_all, with_model
from gpusim.results.tables.record import Record
from gpusim.units import HOUR_S, JOULE_PER_MWH

__all__ = ["METRICS", "bounded_slowdown", "described", "metrics"]


def metrics(result: Record) -> pd.Series:
    """Headline figures of a run, with the names, units and definitions of ``METRICS``.

    A ratio without a denominator (no jobs, no services, nothing online) is NaN.
    """
    code, causes = pd.factorize(result.ledger["cause"])
    booked = pd.Series(np.bincount(code, weights=result.ledger["gpu_s"], minlength=len(causes)), index=causes)

    def gpu_h(*causes: str) -> float:
        return sum(float(booked.get(cause, 0.0)) for cause in causes) / HOUR_S

    planned = float(booked.sum()) / HOUR_S
    online = planned - gpu_h(*OFFLINE)
    useful, held = gpu_h(*USEFUL), gpu_h(*HELD)
    sites, services, jobs = result.sites, result.services, result.jobs
    facility_j, it_j = float(sites["energy_facility_j"].sum()), float(sites["energy_it_j"].sum())
    energy_usd, owned_usd = float(sites["cost_usd"].sum()), float(owning_usd(result).sum())
    carbon_kg = float(sites["carbon_kg"].sum())
    ended, queued = jobs["status"].isin(["done", "timed_out"]).to_numpy(), (jobs["status"] == "queued").to_numpy()
    delay_s = queue_delay_s(jobs).to_numpy()
    wait_s, slowdown = delay_s[~np.isnan(delay_s)], bounded_slowdown(jobs).to_numpy()[ended]
    jct_s = (jobs["end_s"] - jobs["submit_s"]).to_numpy()[ended]
    values = {
        "planned_gpu_hours": planned,
        "online_gpu_hours": online,
        "useful_gpu_hours": useful,
        "allocation": _ratio(held, online),
        "utilisation": _ratio(useful, held),
        "goodput": _ratio(gpu_h(TRAINING), gpu_h(*JOBS)),
        "useful_share_of_planned": _ratio(useful, planned),
        "jobs": float(len(jobs)),
        "jobs_done": float(np.count_nonzero(ended)),
        "jobs_waiting_at_end": float(np.count_nonzero(queued & np.isnan(delay_s))),
        "jobs_rejected": float((jobs["status"] == "rejected").sum()),
        "evictions": float(jobs["evictions"].sum()),
        "job_hours_waited": float(jobs["wait_s"].sum()) / HOUR_S,
        "wait_mean_s": float(wait_s.mean()) if len(wait_s) else np.nan,
        **_percentiles("wait_p{}_s", wait_s),
        "bounded_slowdown_mean": float(slowdown.mean()) if len(slowdown) else np.nan,
        **_percentiles("bounded_slowdown_p{}", slowdown),
        "jct_mean_s": float(jct_s.mean()) if len(jct_s) else np.nan,
        **_percentiles("jct_p{}_s", jct_s),
        "makespan_s": float(jobs["end_s"].to_numpy()[ended].max() - jobs["submit_s"].min()) if len(jct_s) else np.nan,
        "fairness": _alike(slowdown, jobs["tenant"].to_numpy()[ended]),
        "deadlines_met": Deadlines.of(result).met_share(),
        "wasted_gpu_hours": gpu_h(*JOBS) - gpu_h(TRAINING),
        "service_tokens_served_share": _ratio(services["served_tokens"].sum(), services["demand_tokens"].sum()),
        "service_attainment": in_all(attainment(result)) if with_model(result) else np.nan,
        "energy_facility_mwh": facility_j / JOULE_PER_MWH,
        "energy_it_mwh": it_j / JOULE_PER_MWH,
        "pue": _ratio(facility_j, it_j),
        "carbon_t": carbon_kg / 1000.0,
        "carbon_kg_per_useful_gpu_hour": _ratio(carbon_kg, useful),
        "energy_usd": energy_usd,
        "owning_usd": owned_usd,
        "usd_per_useful_gpu_hour": _ratio(owned_usd + energy_usd, useful),
        "energy_usd_per_useful_gpu_hour": _ratio(energy_usd, useful),
    }
    return pd.Series(values, name="value")


def described(values: pd.Series) -> pd.DataFrame:
    """Metrics as a table to read, by name: text (the value as people write it), value, unit and meaning.

    Of nothing there is no value (``pd.NA``), and the text says what there was none of: ``"no jobs started"``.
    """
    names = list(values.index)
    return pd.DataFrame(
        {
            "text": [_said(name, value) for name, value in values.items()],
            "value": values.astype("Float64"),  # which can do without a value, where floats have a NaN
            "unit": [name_of_unit(name) for name in names],
            "meaning": [METRICS[name] for name in names],
        },
        index=pd.Index(names, name="name"),
    )


def _said(name: str, value: float) -> str:
    return unit_of(name, abs(value)).said(value) if value == value else none_of(name)


def _alike(values: np.ndarray, groups: np.ndarray) -> float:
    """Jain's index (1984) of the mean of each group: (sum)^2 / (n x sum of squares)."""
    if not len(values):
        return np.nan
    code, names = pd.factorize(groups)
    means = np.bincount(code, values, len(names)) / np.bincount(code, minlength=len(names))
    return float(means.sum() ** 2 / (len(means) * (means**2).sum()))


def _ratio(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else np.nan


def _percentiles(name: str, values: np.ndarray) -> dict[str, float]:
    found = np.percentile(values, QUANTILES) if len(values) else np.full(len(QUANTILES), np.nan)
    return {name.format(q): float(value) for q, value in zip(QUANTILES, found, strict=True)}
