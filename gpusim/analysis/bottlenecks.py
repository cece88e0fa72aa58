"""Which resource held the fleet back, where, when, and what it cost."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.analysis.causes import SENTENCES, SLACK, USEFUL, WAIT_OF
from gpusim.record.result import Result
from gpusim.units import DAY_S, HOUR_S


def bottlenecks(result: Result) -> pd.DataFrame:
    """Losses of GPU-hours by site, GPU type and cause, largest first; what is mere slack comes last.

    Returns
    -------
    DataFrame
        rank, site, gpu_type, period_start_s, period_end_s (the middle 90% of the loss), cause, gpu_hours_lost,
        share_of_planned, job_hours_waited (under the matching cause), usd (at the type's list price), sentence.
    """
    ledger = result.ledger
    planned = ledger.groupby(["site", "gpu_type"], observed=True)["gpu_s"].sum()
    waits = result.waits.groupby(["site", "gpu_type", "cause"], observed=True)["job_s"].sum()
    rows = []
    for (site, kind, cause), part in ledger.groupby(["site", "gpu_type", "cause"], observed=True):
        lost_s = part["gpu_s"].sum()
        if cause in USEFUL or lost_s <= 0.0:
            continue
        start_s, end_s = _middle(part)
        price = result.manifest["gpus"][kind]["usd_per_gpu_hour"]
        rows.append(
            {
                "site": site, "gpu_type": kind, "period_start_s": start_s, "period_end_s": end_s, "cause": cause,
                "gpu_hours_lost": lost_s / HOUR_S, "share_of_planned": lost_s / planned[site, kind],
                "job_hours_waited": float(waits.get((site, kind, WAIT_OF.get(cause, "")), 0.0)) / HOUR_S,
                "usd": lost_s / HOUR_S * price,
            }
        )  # fmt: skip
    columns = ["site", "gpu_type", "period_start_s", "period_end_s", "cause", "gpu_hours_lost", "share_of_planned",
               "job_hours_waited", "usd"]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    table["slack"] = table["cause"].isin(SLACK)
    table = table.sort_values(["slack", "gpu_hours_lost"], ascending=[True, False], kind="stable", ignore_index=True)
    table["sentence"] = [_sentence(row) for row in table.itertuples()]
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return table.drop(columns="slack")


def _middle(part: pd.DataFrame) -> tuple[float, float]:
    """Span [s] that holds the middle 90% of a loss."""
    part = part.sort_values("start_s")
    share = part["gpu_s"].clip(lower=0.0).cumsum() / part["gpu_s"].clip(lower=0.0).sum()
    first = int(np.searchsorted(share, 0.05))
    last = int(np.searchsorted(share, 0.95 - 1e-12))
    return float(part["start_s"].iloc[first]), float(part["end_s"].iloc[min(last, len(part) - 1)])


def _sentence(row) -> str:
    waited = f" Jobs waited {row.job_hours_waited:,.0f} hours for it." if row.job_hours_waited >= 1.0 else ""
    return (
        f"At {row.site}, {row.gpu_type} {SENTENCES[row.cause]}: {row.gpu_hours_lost:,.0f} GPU-hours"
        f" ({row.share_of_planned:.0%} of what was planned), mostly from day {row.period_start_s / DAY_S:.1f} to"
        f" {row.period_end_s / DAY_S:.1f}, worth {row.usd:,.0f} USD at list price.{waited}"
    )
