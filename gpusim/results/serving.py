"""Inference services: what was asked of them, what they served, and what kept replicas from starting."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.results.tables.record import Record
from gpusim.units import HOUR_S

KEYS = ["service", "site", "gpu_type"]


def keys(table: pd.DataFrame) -> list[str]:
    """Columns that name a deployment: ``KEYS``, and ``role`` where prefill is apart."""
    return [*KEYS, "role"] if "role" in table else KEYS


def serving(result: Record) -> pd.DataFrame:
    """One row per deployment.

    Returns
    -------
    DataFrame
        service, site, gpu_type, role if prefill is apart anywhere ("prefill", "decode"), demand_tokens, served_share
        (over 1 where a site served another's share), replicas and wanted_replicas (means over time), short_hours (with
        fewer replicas than wanted), cause (of most of the shortage; "" if there was none).
    """
    services, sums = result.services, totals(result)
    by = keys(services)
    missing, span_s = _missing(services), services["end_s"] - services["start_s"]
    blamed = services.assign(missing_s=missing * span_s)[services["cause"] != ""]
    worst = blamed.groupby([*by, "cause"], observed=True)["missing_s"].sum().sort_values(kind="stable")
    worst = worst.reset_index().drop_duplicates(by, keep="last").set_index(by)["cause"]
    demand = sums["demand_tokens"]
    return pd.DataFrame(
        {
            "demand_tokens": demand,
            "served_share": np.where(demand > 0.0, sums["served_tokens"] / demand.where(demand > 0.0), np.nan),
            "replicas": sums["replica_s"] / sums["span_s"],
            "wanted_replicas": sums["wanted_s"] / sums["span_s"],
            "short_hours": sums["short_s"] / HOUR_S,
            "cause": worst.reindex(sums.index).fillna(""),
        }
    ).reset_index()


def totals(result: Record) -> pd.DataFrame:
    """Sums over time by deployment: demand_tokens, served_tokens, replica_s, wanted_s, span_s, short_s."""
    services, by = result.services, keys(result.services)
    span_s = services["end_s"] - services["start_s"]
    # A replica that starts within its control interval is not a shortage: a hundredth of a replica is the threshold.
    columns = {
        "demand_tokens": services["demand_tokens"], "served_tokens": services["served_tokens"],
        "replica_s": services["replicas"] * span_s, "wanted_s": services["wanted_replicas"] * span_s, "span_s": span_s,
        "short_s": span_s.where(_missing(services) > 0.01, 0.0),
    }  # fmt: skip
    codes, labels = zip(*(pd.factorize(services[name]) for name in by), strict=True)
    place = np.ravel_multi_index(codes, [max(len(names), 1) for names in labels])
    deployment, first = pd.factorize(place)
    rows = services[by].iloc[np.unique(deployment, return_index=True)[1]]
    sums = {name: np.bincount(deployment, values, minlength=len(first)) for name, values in columns.items()}
    return pd.DataFrame(sums, index=pd.MultiIndex.from_frame(rows), dtype=float)


def _missing(services: pd.DataFrame) -> pd.Series:
    return (services["wanted_replicas"] - services["replicas"]).clip(lower=0.0)
