"""What does a quarter's delay in power cost, and at which site is it most expensive?
==================================================================================

For each site of the default fleet in turn, the stages of its grid connection still to come are 91 days late (Abilene,
Narvik); a site with its whole connection from the start is energised 91 days late as a whole. The work the site loses
is not the work the fleet loses: other sites take over some of it, and some is made up after the delay.

GPU-hours of all types count the same, their value does not: if a late site's work goes to slower GPUs, the fleet may
do more GPU-hours and still lose money.

The run is 180 days instead of 30: the quarter, and time to catch up. To take seconds it has fewer jobs that ask for the
same in total: jobs of less than 32 GPUs are bundled, which is fair where pools have thousands of GPUs and capacity is
the question, not how long a small job waits (`gpusim sweep bundles` compares the two); and replicas
follow demand every four hours.

::

    python experiments/power_delay.py [OUT.png [small]]

Runs are kept next to the figure; the same command resumes where it stopped. ``small``: two sites,
dates and delays a tenth as long, twelve days, storage at its mean speed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import gpusim
from gpusim.report.tables import plus_minus
from gpusim.scenario.earnings import Earnings
from gpusim.studies.statistics.intervals import paired_interval
from gpusim.studies.sweeps.spec import SweepSpec
from gpusim.units import DAY_S, MONTH_S

SWEEP = Path(__file__).parents[1] / "seeds" / "sweeps" / "power_delay.toml"
DELAY_DAYS = 91.0
OWN, FLEET, USD = "site [M GPU-h]", "fleet [M GPU-h]", "M USD/month"
# What a delay does: heading -> (column of the runs, factor by which its change is told; losses are positive).
FIGURES = {
    OWN: ("site {site} useful_gpu_hours", -1e-6),
    FLEET: ("useful_gpu_hours", -1e-6),
    USD: ("usd", -1e-6),
    "waited [k job-h]": ("job_hours_waited", 1e-3),
    "not served [%]": ("service_tokens_served_share", -100.0),
    "not used [GWh]": ("energy_facility_mwh", -1e-3),
}


def spec_of(small: bool) -> SweepSpec:
    """The sweep; small: three cases, dates and delays a tenth as long, twelve days, three replications."""
    spec = SweepSpec.from_toml(SWEEP)
    if not small:
        return spec
    late, abilene = spec.axes["late"], gpusim.Scenario.from_toml(spec.scenario).sites["abilene"]
    planned = _sooner({"sites.abilene.grid_mw": abilene.grid_mw.model_dump()})
    cases = {name: planned | _sooner(late.cases[name]) for name in ("as planned", "abilene", "virginia")}
    axes = {"late": late.model_copy(update={"cases": cases})}
    set_ = spec.set | {"run.days": 12.0, "sites.*.storage.shared": False}
    return spec.model_copy(update={"replications": 3, "set": set_, "axes": axes})


def _sooner(case: dict) -> dict:
    """A case with its days a tenth as long."""
    return {key: [{**step, "at": step["at"] / 10.0} for step in steps] for key, steps in case.items()}


def prices(study: gpusim.Sweep, delay_days: float = DELAY_DAYS) -> pd.DataFrame:
    """What the delay of each site costs, the costliest first: a row per site and figure, with paired intervals.

    Returns
    -------
    DataFrame
        site; figure, one of ``FIGURES``; mean, low, high. USD are those of the fleet's useful GPU-hours lost, at market
        prices, per month of delay.
    """
    table = study.table().sort_values("replication")
    scenario = gpusim.Scenario.from_toml(study.spec.scenario)
    pools = {f"{site}/{kind}": kind for site, spec in scenario.sites.items() for kind in spec.pools}
    useful = table[[f"pool {pool} useful_gpu_hours" for pool in pools]].to_numpy()
    earnings = Earnings.of(scenario)
    usd = useful @ np.array([float(earnings.at("", kind, 0.0)) for kind in pools.values()])
    table = table.assign(usd=usd * (MONTH_S / DAY_S) / delay_days)
    base, *sites = study.spec.axes["late"].levels()
    rows = []
    for site in sites:
        for figure, (column, factor) in FIGURES.items():
            as_planned, late = (table.loc[table["late"] == case, column.format(site=site)] for case in (base, site))
            change = paired_interval(factor * as_planned.to_numpy(), factor * late.to_numpy())
            rows.append((site, figure, *np.round([change.mean, change.low, change.high], 9) + 0.0))  # sums to rounding
    found = pd.DataFrame(rows, columns=["site", "figure", "mean", "low", "high"])
    price = found[found["figure"] == USD].set_index("site")["mean"]
    return found.sort_values("site", key=lambda site: -site.map(price), kind="stable", ignore_index=True)


def report(table: pd.DataFrame) -> str:
    """Mean and half the width of the 95% interval of every figure, a row per site."""
    said = [plus_minus(row.mean, row.low, row.high) for row in table.itertuples()]
    wide = table.assign(said=said).pivot(index="figure", columns="site", values="said")
    return wide.loc[list(FIGURES), table["site"].unique()].T.rename_axis(None, axis=1).to_string()


def draw(table: pd.DataFrame) -> Figure:
    """What the site and the fleet lose, and what the fleet's loss is worth, with 95% intervals."""
    sites = list(table["site"].unique())
    figure = Figure(figsize=(6.6, 1.2 + 0.3 * len(sites)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for ax, name, colour, label, shift in (
        (left, OWN, "#56B4E9", "at the site itself", -0.15),
        (left, FLEET, "#0072B2", "in the whole fleet", 0.15),
        (right, USD, "#0072B2", "", 0.0),
    ):
        part = table[table["figure"] == name]
        rows = np.arange(len(sites)) + shift
        ax.hlines(rows, part["low"], part["high"], color=colour, linewidth=1.8)
        ax.scatter(part["mean"], rows, color=colour, s=16, zorder=3, label=label)
    left.legend(frameon=False, fontsize=8)
    left.set_xlabel("useful work lost [million GPU-hours]")
    right.set_xlabel("of the fleet, at market prices\n[million USD per month of delay]")
    left.set_yticks(range(len(sites)), sites)
    left.set_ylim(len(sites) - 0.5, -0.5)
    for ax in (left, right):
        ax.axvline(0.0, color="black", linewidth=0.8)
        ax.grid(axis="x", color="#E3E3E3", linewidth=0.6)
        ax.tick_params(axis="y", length=0)
        ax.spines[["top", "right"]].set_visible(False)
    return figure


def main(out: str = "out/power_delay.png", size: str = "full", executor: str = "processes") -> None:
    """Run what is missing, print the prices, draw one figure."""
    small = size == "small"
    study = gpusim.sweep(spec_of(small), Path(out).with_suffix(""), executor=executor)
    table = prices(study, DELAY_DAYS / 10.0 if small else DELAY_DAYS)
    print(report(table))
    draw(table).savefig(out, dpi=150)
    print(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
