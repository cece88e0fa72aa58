"""How many requests a second can four replicas take before too many are late, and which router takes most?
========================================================================================================

Goodput is the rate of requests that meet both objectives. It follows the request rate up to a knee: the
highest rate at which the promised share of requests is on time. Beyond it, goodput still rises for a while, as most are
still on time, and then falls to nothing while the replicas generate as many tokens as before: every request waits.

The service of ``seeds/chat_and_training.toml`` on four replicas of four H100 each, without training, under several
seeds; routers are compared under the same requests.

::

    python experiments/serving_goodput.py [OUT.png [small]]

Runs are kept next to the figure; the same command resumes where it stopped. ``small``: two routers, five rates,
three seeds.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import gpusim
from gpusim.studies.sweeps.spec import SweepSpec

SWEEP = Path(__file__).parents[1] / "seeds" / "sweeps" / "serving_goodput.toml"
ATTAINMENT, GOODPUT = "service chat attainment", "service chat goodput_requests_per_s"
GOOD = "goodput_requests_per_s"
BASE = "round-robin"
LOOKS = {"round-robin": ("#D55E00", "--"), "least-requests": ("#0072B2", "-"), "least-kv": ("#009E73", "-.")}


def spec_of(small: bool) -> SweepSpec:
    """The sweep; small: two routers, five rates, three seeds."""
    spec = SweepSpec.from_toml(SWEEP)
    if not small:
        return spec
    few = {"router": [BASE, "least-requests"], "tokens_per_s": [1000, 2000, 2750, 3500, 6500]}
    axes = {name: axis.model_copy(update={"values": few[name]}) for name, axis in spec.axes.items()}
    return spec.model_copy(update={"replications": 3, "axes": axes})


def runs_of(study: gpusim.Sweep) -> pd.DataFrame:
    """Router, seed, asked and goodput [requests/s], and share in time, a row per run."""
    chat = gpusim.Scenario.from_toml(study.spec.scenario).services["chat"]
    table = study.table().sort_values(["router", "seed", "tokens_per_s"])
    return pd.DataFrame(
        {
            "router": table["router"],
            "seed": table["seed"],
            "asked_requests_per_s": table["tokens_per_s"].astype(float) / chat.requests.output_tokens,
            "goodput_requests_per_s": table[GOODPUT],
            "attainment": table[ATTAINMENT],
        }
    )


def knees(runs: pd.DataFrame, promised: float) -> pd.DataFrame:
    """Highest rate [requests/s] at which the promised share is in time, by router (columns) and seed (rows).

    Linear between the rates that were run; the first of these if it is too much already, the last if none is.
    """
    return pd.DataFrame(
        {
            router: {seed: _knee(*part[["asked_requests_per_s", "attainment"]].to_numpy().T, promised)
                     for seed, part in mine.groupby("seed")}
            for router, mine in runs.groupby("router", sort=False)
        }
    )  # fmt: skip


def _knee(asked: np.ndarray, share: np.ndarray, promised: float) -> float:
    late = np.flatnonzero(share < promised)
    if not len(late) or late[0] == 0:
        return float(asked[-1] if not len(late) else asked[0])
    i = late[0]
    part = (share[i - 1] - promised) / (share[i - 1] - share[i])
    return float(asked[i - 1] + part * (asked[i] - asked[i - 1]))


def check(runs: pd.DataFrame, found: pd.DataFrame, promised: float) -> None:
    """What the figure shows holds in every run, and which router takes more is no luck."""
    assert (runs["goodput_requests_per_s"] <= 1.1 * runs["asked_requests_per_s"]).all()  # what comes is random
    for (router, seed), part in runs.groupby(["router", "seed"]):
        knee = found.loc[seed, router]
        below = part["asked_requests_per_s"] <= knee
        assert (part.loc[below, "attainment"] >= promised).all()
        assert part["attainment"].iloc[-1] < 0.1  # the last rate is more than the replicas can put out
        assert part["goodput_requests_per_s"].iloc[-1] < 0.2 * part["goodput_requests_per_s"].max()
    assert gpusim.paired_interval(found[BASE], found["least-requests"]).low > 0.0


def report(found: pd.DataFrame) -> str:
    """The knee of each router, and by how much it is above that of ``BASE``, with 95% intervals."""
    lines = []
    for router in found:
        knee = gpusim.mean_interval(found[router])
        line = f"{router:15} {knee.mean:6.2f} requests/s ({knee.low:.2f} to {knee.high:.2f})"
        if router != BASE:
            more = gpusim.paired_interval(found[BASE], found[router])
            line += f"   {more.mean:+.2f} ({more.low:+.2f} to {more.high:+.2f}) against {BASE}"
        lines.append(line)
    return "\n".join(lines)


def draw(runs: pd.DataFrame, found: pd.DataFrame, promised: float) -> Figure:
    """Goodput against the rate asked for, means over seeds in bands of their 95% intervals; below, the knees."""
    figure = Figure(figsize=(6.6, 3.8), layout="constrained")
    ax = figure.subplots()
    most = runs["asked_requests_per_s"].max()
    ax.plot([0.0, most], [0.0, most], color="#9A9A9A", linewidth=0.9, label="all requests in time")
    for i, (router, part) in enumerate(runs.groupby("router", sort=False)):
        colour, line = LOOKS[router]
        by_rate = {rate: gpusim.mean_interval(mine) for rate, mine in part.groupby("asked_requests_per_s")[GOOD]}
        asked, means = list(by_rate), [one.mean for one in by_rate.values()]
        low, high = ([getattr(one, end) for one in by_rate.values()] for end in ("low", "high"))
        ax.fill_between(asked, low, high, color=colour, alpha=0.2, linewidth=0)
        ax.plot(asked, means, color=colour, linestyle=line, linewidth=1.5, label=router)
        knee, row = gpusim.mean_interval(found[router]), 0.9 + 0.9 * i
        ax.plot([knee.mean] * 2, [row, np.interp(knee.mean, asked, means)], color=colour, linestyle=line, linewidth=0.8)
        ax.hlines(row, knee.low, knee.high, color=colour, linewidth=3.0)
        ax.plot(knee.mean, row, "o", color=colour, markersize=5)
        said = f"{router}: {knee.mean:.2f} \u00b1 {knee.half_width:.2f}"
        ax.text(max(found.max()) + 0.4, row, said, color=colour, va="center", fontsize=8)
    ax.set_xlabel("Request rate (requests/s)")
    ax.set_ylabel("Goodput (requests in time/s)")
    ax.set_xlim(0.0, most)
    ax.set_ylim(0.0, 1.25 * runs[GOOD].max())
    title = f"Four replicas of four H100; bars: the knee, up to which {promised:.0%} are in time (95% intervals)"
    ax.set_title(title, fontsize=9, loc="left")
    ax.legend(frameon=False, fontsize=8, loc="upper left")
    ax.spines[["top", "right"]].set_visible(False)
    return figure


def main(out: str = "out/serving_goodput.png", size: str = "full", executor: str = "processes") -> None:
    """Run what is missing, print the knees, draw one figure."""
    study = gpusim.sweep(spec_of(size == "small"), Path(out).with_suffix(""), executor=executor)
    promised = gpusim.Scenario.from_toml(study.spec.scenario).services["chat"].objectives.share
    runs = runs_of(study)
    found = knees(runs, promised)
    check(runs, found, promised)
    print(report(found))
    draw(runs, found, promised).savefig(out, dpi=150)
    print(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
