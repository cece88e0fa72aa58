"""Relief studies written by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.results.tables.studies import Relief

LONG = "a-site-with-a-name-of-sixty-four-characters-all-together-and-more"
MEASURES = (
    "useful_gpu_hours", "goodput", "job_hours_waited", "service_tokens_served_share", "energy_facility_mwh",
    "usd_per_useful_gpu_hour", "carbon_t",
)  # fmt: skip
UNITS = ("GPU", "MW", "day", "%", "rule")


def study(
    rows: int,
    scale: float = 1000.0,
    *,
    measure: str = "useful_gpu_hours",
    site: str = "north",
    certain: bool = True,
    curves: int = 3,
) -> Relief:
    """A study of so many counterfactuals: gains fall from ``scale`` below 0, every third is not in the ledger.

    Without certainty each has one run, and its interval is everything.
    """
    gains = scale * np.linspace(1.0, -0.5, rows) if rows > 1 else np.full(rows, scale)
    half = abs(scale) / 10.0 if certain else np.inf
    hours = [float("nan") if i % 3 == 2 else 10.0 * (i + 1) for i in range(rows)]
    ranking = pd.DataFrame({
        "rank": np.arange(1, rows + 1), "relief": [f"grid_mw {site} {i}" for i in range(rows)],
        "group": [f"power {site} {i}" for i in range(rows)], "resource": "power", "place": site,
        "constraint": "grid_mw", "text": [f"{i + 1} MW more grid connection at {site}" for i in range(rows)],
        "size": 2.0, "unit": [UNITS[i % len(UNITS)] for i in range(rows)], "gain": gains, "low": gains - half,
        "high": gains + half, "n": 4 if certain else 1, "per_unit": gains / 2.0,
        "usd": [50.0 if i % 2 else float("nan") for i in range(rows)],
        "per_usd": [gain / 50.0 if i % 2 else float("nan") for i, gain in enumerate(gains)],
        "ledger_gpu_hours": np.array(hours, dtype=float),
    })  # fmt: skip
    ranking["ledger_rank"] = ranking["ledger_gpu_hours"].rank(ascending=False, method="min")
    groups = ranking[["group", "relief", "gain", "ledger_gpu_hours", "ledger_rank"]].assign(relief_rank=ranking["rank"])
    about = {
        "scenario": {"run": {"days": 3.0}}, "seed": 7, "measure": measure, "what": "useful GPU-hours", "step": 0.1,
        "days": 2.0, "runs": 100, "budget": 90, "verdict": "The <first> gains most.", "separated": True,
        "agreement": {"top1": False, "kendall": 0.25, "spearman": 0.5, "groups": rows}, "replications": 4,
        "explanations": ["The bottleneck moved."][:rows], "levelling": ["Gains level off at 4 MW."][:rows],
    }  # fmt: skip
    names = ranking["relief"].tolist()
    return Relief(
        about, ranking, _effects(names, measure), groups, pd.DataFrame(), _curves(names[:curves], scale, half)
    )


def _effects(names: list[str], measure: str) -> pd.DataFrame:
    """Counterfactual i changes measure k by (i - k) % of a base of 100, +- 2; the last base is 0."""
    rows = []
    for i, name in enumerate(names):
        for k, figure in enumerate(dict.fromkeys((measure, *MEASURES))):
            base = 0.0 if figure == "carbon_t" and i == 1 else 100.0
            rows.append((name, figure, base, float(i - k), i - k - 2.0, i - k + 2.0, 4, 8.0))
    columns = ["relief", "measure", "base", "difference", "low", "high", "n", "variance_reduction"]
    return pd.DataFrame(rows, columns=columns)


def _curves(names: list[str], scale: float, half: float) -> pd.DataFrame:
    amounts = np.array([1.0, 2.0, 4.0, 8.0])
    gains = scale * np.array([0.4, 0.7, 0.9, 1.0])
    parts = [
        pd.DataFrame({
            "relief": name, "amount": amounts, "unit": "MW", "gain": gains, "low": gains - half, "high": gains + half,
            "n": 4, "next_pool": name.split()[1] + "/H100" if i != 1 else "", "next_cause": "busy" if i != 1 else "",
            "next_gpu_hours": 12_345.0, "knee": (amounts == 4.0) & (i != 2),
        })
        for i, name in enumerate(names)
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
