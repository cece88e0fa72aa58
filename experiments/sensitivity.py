"""Which of ten inputs matter to the useful work and the goodput of the default fleet, and which can be left alone?
================================================================================================================

Answered in two ways, under the same seeds: Morris's method moves every input across its range from many starting points
(screening: mu* is the mean size of the effect); and each input alone goes from its value in the scenario to the low and
the high end (a tornado). The ranges are assumptions, given in `seeds/sweeps/sensitivity.toml`. So is the thinning of
the jobs: those of less than 32 GPUs are bundled (`gpusim sweep bundles` compares the two), and
replicas follow demand every hour.

::

    python experiments/sensitivity.py [OUT.png [small]]

Runs are kept next to the figure; the same command resumes where it stopped. ``small``: two inputs, a day,
and four times as many failures, so that a few runs show what checkpoints do.
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
from gpusim.results.wording import share
from gpusim.studies.sweeps.axis import Design
from gpusim.studies.sweeps.spec import SweepSpec

SWEEP = Path(__file__).parents[1] / "seeds" / "sweeps" / "sensitivity.toml"
REPLICATIONS = 5  # of the tornado, whose points are read one by one
MATTERS = 0.1  # of the strongest input's effect
SMALL = ("power", "checkpoint interval")
LOW, HIGH, MORRIS = "#56B4E9", "#0072B2", "#E69F00"


def specs_of(small: bool) -> tuple[SweepSpec, SweepSpec]:
    """The sweeps of Morris and of the tornado; small: two inputs, a day with many failures, fewer samples."""
    morris = SweepSpec.from_toml(SWEEP)
    if small:
        axes = {name: morris.axes[name] for name in SMALL}
        set_ = morris.set | {"run.days": 1.0, "failures.factor": 4.0}
        design = Design(kind="morris", samples=2)
        morris = morris.model_copy(update={"axes": axes, "design": design, "set": set_})
    one_at_a_time = {"design": Design(kind="one_at_a_time"), "replications": 2 if small else REPLICATIONS}
    return morris, morris.model_copy(update=one_at_a_time)


def verdicts(morris: pd.DataFrame) -> pd.Series:
    """By input, the strongest first: whether it ``matters``, ``does not``, or that is ``not known``.

    It matters if the interval of its mu* lies above a tenth of the greatest mu*, and does not if it lies below.
    """
    effects = morris[morris["index"] == "mu_star"].set_index("axis").sort_values("value", ascending=False)
    limit = MATTERS * effects["value"].iloc[0]
    found = np.select([effects["low"] > limit, effects["high"] < limit], ["matters", "does not"], "not known")
    return pd.Series(found, index=effects.index)


def base_of(tornado: pd.DataFrame) -> float:
    """Mean of the measure in the scenario as it is."""
    return float(tornado.loc[tornado["index"] == "base", "value"].item())


def report(measure: str, morris: pd.DataFrame, tornado: pd.DataFrame) -> str:
    """What matters, with both effects and their intervals."""
    base = base_of(tornado)
    noise = share(morris.loc[morris["index"] == "noise", "value"].item())
    effects = morris[morris["index"] == "mu_star"].set_index("axis")
    unit = unit_of(measure, base)
    lines = [
        f"{words_of(measure)}: {unit.said(base)} as it is; effects in {unit.name},"
        f" noise of the replications {noise} of the variance"
    ]
    for axis, verdict in verdicts(morris).items():
        half = (effects.loc[axis, "high"] - effects.loc[axis, "low"]) / 2.0
        ends = tornado[tornado["axis"] == axis].sort_values("index", ascending=False)  # low, then high
        said = ";  ".join(
            f"at {row.at} {'+' * (row.value > 0)}{unit.number(row.value)}"
            f" ({unit.number(row.low)} to {unit.number(row.high)})"
            for row in ends.itertuples()
        )
        mu = f"{unit.number(effects.loc[axis, 'value'])} \u00b1 {unit.number(half)}"
        lines.append(f"  {verdict:9}  {axis:28} mu* {mu:16} alone: {said}")
    return "\n".join(lines)


def draw(tables: dict[str, tuple[pd.DataFrame, pd.DataFrame]]) -> Figure:
    """A row of panels for each measure: mu* of every input, and what each does alone; 95% intervals."""
    count = max(len(verdicts(morris)) for morris, _tornado in tables.values())
    figure = Figure(figsize=(6.6, 0.5 + len(tables) * (0.9 + 0.2 * count)), layout="constrained")
    panels = figure.subplots(len(tables), 2, squeeze=False)
    for (left, right), (measure, (morris, tornado)) in zip(panels, tables.items()):
        names = list(verdicts(morris).index)
        effects = morris[morris["index"] == "mu_star"].set_index("axis").loc[names]
        unit = unit_of(measure, base_of(tornado))
        _intervals(left, effects, np.arange(len(names)), unit.factor, MORRIS)
        for index, colour, shift in (("low", LOW, -0.15), ("high", HIGH, 0.15)):
            alone = tornado[tornado["index"] == index].set_index("axis").loc[names]
            _intervals(right, alone, np.arange(len(names)) + shift, unit.factor, colour)
        left.set_yticks(range(len(names)), names)
        right.set_yticks(range(len(names)), [])
        left.set_xlabel(f"mu* on {label_of(measure, unit)}".replace(" [", "\n["), fontsize=8)
        right.set_xlabel(f"alone on {label_of(measure, unit)}".replace(" [", "\n["), fontsize=8)
    figure.suptitle(
        "Left: mean size of the effect of moving an input across its range (Morris).\n"
        "Right: each alone, at its low (light) and its high end (dark), from the scenario as it is",
        fontsize=9, x=0.01, ha="left",
    )  # fmt: skip
    return figure


def _intervals(ax: Axes, table: pd.DataFrame, rows: np.ndarray, factor: float, colour: str) -> None:
    ax.hlines(rows, table["low"] * factor, table["high"] * factor, color=colour, linewidth=1.8)
    ax.scatter(table["value"] * factor, rows, color=colour, s=14, zorder=3)
    ax.axvline(0.0, color="black", linewidth=0.8)
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.tick_params(labelsize=8)
    ax.grid(axis="x", color="#E3E3E3", linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)


def main(out: str = "out/sensitivity.png", size: str = "full", executor: str = "processes") -> None:
    """Run what is missing of both sweeps, print what matters, draw one figure."""
    folder = Path(out).with_suffix("")
    screening, alone = (
        gpusim.sweep(spec, folder / spec.design.kind, executor=executor) for spec in specs_of(size == "small")
    )
    tables = {measure: (screening.sensitivity(measure), alone.sensitivity(measure)) for measure in alone.spec.measures}
    for measure, (morris, tornado) in tables.items():
        print(report(measure, morris, tornado))
    draw(tables).savefig(out, dpi=150)
    print(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
