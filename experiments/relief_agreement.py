"""How far can the ledger of one run be trusted to say what to relieve?
====================================================================

Small fleets are generated at random: sites, GPUs, power in stages, quotas, residency, queue rules. For each, the cause
that its ledger ranks first is compared with the relief that gains most in counterfactual runs with the same random
streams.

::

    python experiments/relief_agreement.py [FLEETS [OUT.png]]
"""

# sphinx_gallery_thumbnail_path = "relief_agreement.png"

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import gpusim
from gpusim import rng
from gpusim.studies.sweeps.backend import open_backend

KINDS = {"H100": 8, "H200": 8, "A100": 8}
RATED_KW = {"H100": 1.3, "H200": 1.3, "A100": 0.85}  # of a GPU, with its share of the node and of cooling, roughly
PLACES = {
    "texas": ("US-TEX-ERCO", "US"),
    "virginia": ("US-MIDA-PJM", "US"),
    "frankfurt": ("DE-LU", "EU"),
    "london": ("GB", "UK"),
}
DAYS = 3.0


def fleet(number: int) -> gpusim.Scenario:
    """The random fleet of a number: two or three sites, at least one of which lacks something."""
    draw = rng.stream(2026, "fleet", number)
    sites = {}
    for name in draw.choice(list(PLACES), draw.integers(2, 4), replace=False).tolist():
        kinds = draw.choice(list(KINDS), draw.integers(1, 3), replace=False).tolist()
        nodes = {kind: int(draw.integers(6, 33)) for kind in kinds}
        need_mw = sum(nodes[kind] * 8 * RATED_KW[kind] for kind in kinds) / 1000.0
        power_mw = round(need_mw * draw.uniform(0.55, 1.3), 3)
        region, law = PLACES[name]
        sites[name] = {
            "region": region,
            "jurisdiction": law,
            "grid_mw": staged(draw, power_mw, 0.4, 3),
            "oversubscription": float(draw.choice([1.0, 1.0, 1.3])),
            "pools": {kind: {"gpus": staged(draw, nodes[kind] * 8.0, 0.3, 0)} for kind in kinds},
        }
    return gpusim.Scenario.from_dict(
        {
            "name": f"fleet {number}",
            "run": {"start": "2026-06-01", "days": DAYS},
            "scheduler": scheduler(draw),
            "sites": sites,
            "tenants": tenants(draw, sites),
            "workload": workload(draw, sites),
        },
        f"fleet {number}",
    )


def staged(draw: np.random.Generator, level: float, chance: float, digits: int) -> object:
    """A level from the start, or at times half of it and the rest later."""
    if draw.random() >= chance:
        return level
    first = round(level / 2.0 / 8.0) * 8.0 if digits == 0 else round(level / 2.0, digits)
    return [{"at": 0.0, "value": first}, {"at": round(draw.uniform(0.5, 2.0), 2), "value": level}]


def scheduler(draw: np.random.Generator) -> dict:
    """Queue rules: mostly EASY behind first come, first served."""
    rules = {
        "order": str(draw.choice(["fifo", "fifo", "sjf", "priority"])),
        "backfill": str(draw.choice(["easy", "easy", "none"])),
        "dispatch": str(draw.choice(["least_loaded", "earliest_start"])),
    }
    return rules | ({"mode": "cycle", "cycle_s": float(draw.choice([120.0, 900.0]))} if draw.random() < 0.2 else {})


def tenants(draw: np.random.Generator, sites: dict) -> dict:
    """Two tenants, of which one at times may hold no more than a part of a type."""
    limited = {}
    for kind in dict.fromkeys(kind for site in sites.values() for kind in site["pools"]):
        if draw.random() < 0.25:
            limited[kind] = int(8 * draw.integers(4, 12))
    return {"a": {"quota_gpus": limited}, "b": {}}


def workload(draw: np.random.Generator, sites: dict) -> dict:
    """Two or three streams that together ask for 70% to 150% of the GPUs that there are when all have come."""
    planned = sum(top(pool["gpus"]) for site in sites.values() for pool in site["pools"].values())
    laws = list(dict.fromkeys(site["jurisdiction"] for site in sites.values()))
    count = int(draw.integers(2, 4))
    streams = {}
    for number in range(count):
        sizes = {"1": 0.5, "8": 0.35, "32": 0.15} if draw.random() < 0.6 else {"8": 0.6, "32": 0.3, "64": 0.1}
        mean_gpus = sum(int(size) * weight for size, weight in sizes.items())
        median_s, sigma = float(draw.uniform(1500.0, 6000.0)), 1.0
        mean_s = median_s * np.exp(sigma**2 / 2.0)
        load = draw.uniform(0.7, 1.5) / count
        streams[f"stream {number}"] = {
            "tenant": "ab"[number % 2],
            "job_class": "research",
            "jobs_per_day": float(load * planned * 86_400.0 / (mean_gpus * mean_s)),
            "gpus": sizes,
            "runtime_median_s": median_s,
            "runtime_sigma": sigma,
            "estimate_factor_max": 3.0,
            "priority": int(draw.integers(0, 3)),
            "preemptible": bool(draw.random() < 0.5),
            "residency": [str(draw.choice(laws))] if len(laws) > 1 and draw.random() < 0.3 else [],
        }
    checkpoints = {"checkpoint_interval_s": 3600.0, "checkpoint_write_s": 60.0, "load_s": 60.0}
    return {"classes": {"research": checkpoints}, "streams": streams}


def top(gpus: object) -> float:
    """The GPUs of a pool when all have come."""
    return gpus[-1]["value"] if isinstance(gpus, list) else gpus


def study(fleets: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row per fleet (agreement of ledger and relief), and all groups of all fleets."""
    rows, groups = [], []
    with TemporaryDirectory() as folder, open_backend() as backend:
        for number in range(fleets):
            found = gpusim.relieve(
                fleet(number), budget=120, curves=0, store=f"{folder}/{number}",
                executor=backend.executor, workers=backend.workers,
            )  # fmt: skip
            first, second = found.groups["gain"].nlargest(2) if len(found.groups) > 1 else (np.nan, np.nan)
            trusted = found.groups.loc[found.groups["ledger_rank"] == 1.0, "gain"].max()
            rows.append(
                {
                    "fleet": number,
                    **found.about["agreement"],
                    "separated": found.about["separated"],
                    "kept": max(trusted, 0.0) / first if first > 0.0 else np.nan,
                    "best": found.ranking["resource"].iloc[0],
                    "runs": found.about["runs"],
                }
            )
            groups.append(found.groups.assign(fleet=number))
    return pd.DataFrame(rows), pd.concat(groups, ignore_index=True)


def report(table: pd.DataFrame) -> str:
    """The figures in words."""
    sure, kept, tau = table[table["separated"]], table["kept"].describe(), table["kendall"].describe()
    return "\n".join(
        (
            f"{len(table)} fleets, {table['runs'].sum():,} runs; the best relief was separated in {len(sure)} of them.",
            f"The ledger's first was the best relief in {table['top1'].mean():.0%} of the fleets, in"
            f" {sure['top1'].mean():.0%} of those separated.",
            f"Relieving the ledger's first gained {kept['50%']:.0%} of the best relief's gain in the median fleet"
            f" (quartiles {kept['25%']:.0%} and {kept['75%']:.0%}).",
            f"Rank correlation (Kendall) of ledger and relief over the groups of a fleet: median {tau['50%']:.2f},"
            f" quartiles {tau['25%']:.2f} and {tau['75%']:.2f}.",
        )
    )


def draw_figure(table: pd.DataFrame) -> Figure:
    """Rank correlation of every fleet, and what trusting the ledger's first would have gained."""
    figure = Figure(figsize=(6.6, 2.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.hist(table["kendall"].dropna(), bins=np.linspace(-1.0, 1.0, 11), color="#0072B2", edgecolor="white")
    left.axvline(table["kendall"].median(), color="black", linestyle="--", linewidth=1)
    left.set_xlabel("rank correlation (Kendall)\nof ledger and relief")
    left.set_ylabel("fleets")
    kept = np.sort(table["kept"].dropna().to_numpy())
    right.step(100.0 * kept, 100.0 * np.arange(1, len(kept) + 1) / len(kept), where="post", color="#D55E00")
    right.set_xlabel("gain of relieving the ledger's first\n[% of the best relief's gain]")
    right.set_ylabel("fleets with at most this [%]")
    right.set_xlim(-2, 102)
    right.set_ylim(0, 102)
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
    return figure


def main(fleets: str = "60", out: str = "out/relief_agreement.png") -> None:
    """Make the fleets, relieve each, print and draw how far ledger and relief agree."""
    table, groups = study(int(fleets))
    print(table.to_string(index=False, float_format="{:.2f}".format))
    print(report(table))
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    groups.to_csv(Path(out).with_suffix(".csv"), index=False)
    draw_figure(table).savefig(out, dpi=150)
    print(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
