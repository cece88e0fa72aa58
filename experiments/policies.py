"""Which scheduling policy, and which of the differences are significant?
======================================================================

Every queue order with every kind of backfill, on a small, nearly full fleet with the same
jobs. All are compared with what most batch schedulers do: first come, first served with EASY backfill.

::

    python experiments/policies.py [OUT.png [small]]

Runs are kept next to the figure; the same command resumes where it stopped. ``small``: fewer policies, shorter runs.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import gpusim
from gpusim.results.labels import label_of, unit_of, words_of
from gpusim.studies.sweeps.spec import SweepSpec

SWEEP = Path(__file__).parents[1] / "seeds" / "sweeps" / "policies.toml"
BASE = ("fifo", "easy")
RISK = 0.05  # that any difference of a measure is called real by luck
A_DAY_S = 86_400.0  # up to which waits are told in hours
WORSE, BETTER, UNKNOWN = "#D55E00", "#0072B2", "#9A9A9A"


def spec_of(small: bool) -> SweepSpec:
    """The sweep; small: two orders, five days, four replications."""
    spec = SweepSpec.from_toml(SWEEP)
    if not small:
        return spec
    axes = spec.axes | {"order": spec.axes["order"].model_copy(update={"values": ["fifo", "sjf"]})}
    return spec.model_copy(update={"replications": 4, "set": spec.set | {"run.days": 5.0}, "axes": axes})


def differences(study: gpusim.Sweep) -> pd.DataFrame:
    """Differences of all policies to ``BASE``, paired by seed, with a verdict: better, worse, or not significant.

    The intervals of a measure hold together, at a risk of ``RISK``: each has its share of it (Bonferroni).
    """
    design = study.store.design().drop_duplicates("point").set_index("point")
    base = design.index[(design["order"] == BASE[0]) & (design["backfill"] == BASE[1])][0]
    table = study.against(int(base), confidence=1.0 - RISK / (len(design) - 1))
    good = np.where(table["measure"].str.contains("useful"), 1.0, -1.0)  # of waits less is better
    known = (table["low"] > 0.0) | (table["high"] < 0.0)
    better = np.where(good * table["difference"] > 0.0, "better", "worse")
    return table.assign(verdict=np.where(known, better, "not significant"))


def report(study: gpusim.Sweep, table: pd.DataFrame) -> str:
    """What is real, measure by measure."""
    lines = []
    for measure, part in table.groupby("measure", sort=False):
        base = study.summary([measure]).set_index(["order", "backfill"]).loc[BASE]
        unit = unit_of(measure, A_DAY_S)
        lines.append(f"{words_of(measure)}: {unit.said(base['mean'])} with {' '.join(BASE)}")
        for verdict in ("better", "worse", "not significant"):
            rows = part[part["verdict"] == verdict].sort_values("difference")
            said = [
                f"{row.order} {row.backfill} {'+' * (row.difference > 0)}{unit.number(row.difference)}"
                for row in rows.itertuples()
            ]
            lines.append(f"  {verdict:15}  {', '.join(said) or 'none'}")
    return "\n".join(lines)


def draw(table: pd.DataFrame) -> Figure:
    """Differences with their intervals, a panel for each measure; grey where the interval holds 0."""
    measures = list(dict.fromkeys(table["measure"]))
    names = [f"{row.order}, {row.backfill}" for row in table.drop_duplicates("point").itertuples()]
    figure = Figure(figsize=(6.6, 1.1 + 0.2 * len(names)), layout="constrained")
    axes = figure.subplots(1, len(measures), sharey=True, squeeze=False)[0]
    for ax, measure in zip(axes, measures):
        _panel(ax, table[table["measure"] == measure], measure)
    axes[0].set_yticks(range(len(names)), names)
    axes[0].set_ylim(len(names) - 0.5, -0.5)
    figure.suptitle(
        f"Difference to {', '.join(BASE)}, with intervals that hold together at {1.0 - RISK:.0%}.\n"
        "Blue: better, red: worse, grey: not significant",
        fontsize=9, x=0.01, ha="left",
    )  # fmt: skip
    return figure


def _panel(ax: Axes, part: pd.DataFrame, measure: str) -> None:
    unit = unit_of(measure, A_DAY_S)
    colours = part["verdict"].map({"better": BETTER, "worse": WORSE, "not significant": UNKNOWN})
    rows = np.arange(len(part))
    ax.hlines(rows, part["low"] * unit.factor, part["high"] * unit.factor, color=colours, linewidth=1.8)
    ax.scatter(part["difference"] * unit.factor, rows, color=colours, s=14, zorder=3)
    ax.axvline(0.0, color="black", linewidth=0.8)
    if measure.endswith("_s"):  # the worst policies make jobs wait days
        ax.set_xscale("symlog", linthresh=1.0)
        ax.set_xticks([-10, -1, 0, 1, 10, 100], ["-10", "-1", "0", "1", "10", "100"])
    ax.set_xlabel(label_of(measure, unit).replace(": ", ":\n").replace(", ", ",\n"), fontsize=8)
    ax.tick_params(labelsize=8)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", color="#E3E3E3", linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)


def main(out: str = "out/policies.png", size: str = "full", executor: str = "processes") -> None:
    """Run what is missing, print which differences are real, draw one figure."""
    study = gpusim.sweep(spec_of(size == "small"), Path(out).with_suffix(""), executor=executor)
    table = differences(study)
    print(report(study, table))
    draw(table).savefig(out, dpi=150)
    print(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
