"""What does a summer curtailment programme in Texas cost the fleet?
=================================================================

On every weekday the grid asks the site to draw no more than half of its connection from 16 to 20 h local time. The
programme is a SimPy process of ten lines, added to an ordinary run. The same seed gives both runs the same jobs,
demand, weather and prices, so every difference is due to the programme.

::

    python experiments/01_curtailment.py [SCENARIO SITE OUT.png]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import gpusim
from gpusim.units import DAY_S, HOUR_S

UTC_OFFSET_H = -5.0  # Texas in summer
BEGIN_H, END_H, SHARE = 16.0, 20.0, 0.5


def programme(site: str, first_weekday: int):
    """Curtailment of ``site`` from 16 to 20 h local time on weekdays; ``first_weekday``: of day 0, Monday = 0."""

    def curtail(env):
        day = 0
        while True:
            if (first_weekday + day) % 7 < 5:
                yield env.at(day * DAY_S + (BEGIN_H - UTC_OFFSET_H) * HOUR_S)
                env.sites[site].set_cap(SHARE * env.sites[site].grid_w)
                yield env.at(day * DAY_S + (END_H - UTC_OFFSET_H) * HOUR_S)
                env.sites[site].set_cap(np.inf)
            day += 1

    return curtail


def main(path: str = "seeds/us_eu_fleet.toml", site: str = "abilene", out: str = "out/curtailment.png") -> None:
    """Run with and without, print what the programme costs, draw one figure."""
    scenario = gpusim.Scenario.from_toml(path)
    plain = gpusim.run(scenario)
    called = gpusim.run(scenario, processes=[programme(site, scenario.run.start.weekday())])
    print(f"{'':20} {'without':>16} {'with':>16} {'difference':>14}")
    for name, unit in (
        ("useful_gpu_hours", "useful GPU-hours"),
        ("evictions", "evictions"),
        ("energy_usd", "USD for energy"),
    ):
        before, after = plain.metrics().value[name], called.metrics().value[name]
        print(f"{unit:20} {before:16,.0f} {after:16,.0f} {after - before:+14,.0f}")
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    draw(plain.power, called.power, site).savefig(out, dpi=150)
    print(out)


def draw(plain: pd.DataFrame, called: pd.DataFrame, site: str) -> Figure:
    """Power of the site over the last week, without and with the programme, and the limit."""
    figure = Figure(figsize=(7.0, 3.2), layout="constrained")
    ax = figure.subplots()
    for power, label, colour in ((plain, "without", "#56B4E9"), (called, "with the programme", "#0072B2")):
        week = power[(power["site"] == site) & (power["start_s"] >= power["start_s"].max() - 7 * DAY_S)]
        ax.plot(week["start_s"] / DAY_S, week["facility_w"] / 1e6, color=colour, label=label)
    ax.step(week["start_s"] / DAY_S, week["limit_w"] / 1e6, where="post", color="#D55E00", label="limit")
    ax.set_xlabel("day of the run")
    ax.set_ylabel(f"facility power of {site} [MW]")
    ax.set_ylim(bottom=0)
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    return figure


if __name__ == "__main__":
    main(*sys.argv[1:])
