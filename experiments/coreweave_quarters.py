"""Do the quarters of 2025 that CoreWeave published lie where the simulated ones do?
=================================================================================

Active power, revenue and backlog as published, beside the median and the range from P10 to P90 over replications of
the build-out in ``seeds/coreweave_openai_2025.toml`` and of the accounts of its contracts. It is a check of
plausibility and no fit: what the scenario holds are the contracts that were announced, the plan of energisation as it
was guided, and published lead times. Where the two differ, ``GAPS`` says what is known of the reasons.

::

    python experiments/coreweave_quarters.py [OUT.png [small]]

``small``: 12 replications instead of 200. No fleet is simulated: seconds, not minutes.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import gpusim
from gpusim.buildout.play import play
from gpusim.commerce.accounts import accounts
from gpusim.commerce.allocate import allocate
from gpusim.commerce.allocation import Allocation
from gpusim.commerce.book import Book
from gpusim.commerce.capacity import of_programme
from gpusim.commerce.capital import spending_of
from gpusim.commerce.figures import quarters
from gpusim.commerce.scarcity import prices
from gpusim.commerce.statements import statements
from gpusim.units import WATT_PER_MW, seconds_between

SEED = "coreweave_openai_2025"
MW, REVENUE, BACKLOG = "active power [MW]", "revenue [million USD]", "backlog [billion USD]"
# As published: summamoney.com, fintool, marketscreener, stocktitan, statementdog, nasdaq.com (2026-03-06) and
# completeaitraining, 2025 and 2026. Active power and backlog at the end of the quarter.
PUBLISHED = pd.DataFrame(
    {
        MW: [420.0, 470.0, 590.0, 850.0],
        REVENUE: [981.6, 1213.0, 1364.7, 1570.0],
        BACKLOG: [25.9, 30.1, 55.6, 66.8],
    },
    index=["2025Q1", "2025Q2", "2025Q3", "2025Q4"],
)
GAPS = {
    MW: "The plan is that of the guidance, more than 900 MW at the end of 2025, and every hall may slip, or come early,"
    " as published lead times do. So the range widens towards the fourth quarter, in which most is due; what was"
    " published lies within it, below the median in the third and above it in the fourth: power came in greater lumps"
    " (120 MW, then 260) than the plan has.",
    REVENUE: "Each contract has one price here, and new halls earn in full from the day they are live. Both make"
    " revenue follow power closely, while the published revenue per MW fell from 10.9 to 8.7 million USD a year: the"
    " first quarters are too low and the last is too high. What else was sold, and at which prices, is not public.",
    BACKLOG: "Only announced contracts are in it: those of OpenAI and Meta, and what was to come at the end of 2024."
    " In the third quarter CoreWeave reported another with a hyperscaler that it did not name, and more in the fourth.",
}


def simulated(scenario: gpusim.Scenario, seeds: range) -> pd.DataFrame:
    """Published figures as simulated: one row per seed and quarter, columns seed, quarter and ``PUBLISHED``'s."""
    book, rows = Book.of(scenario), []
    for seed in seeds:
        programme = play(scenario, seed)
        allocation = allocate(book, of_programme(programme.live))
        spending = spending_of(programme.tasks, book.months_s)
        index = prices(allocation, programme.line, programme.requests)
        found = quarters(statements(accounts(allocation), spending, prices=index))
        found = found.set_index("quarter").loc[PUBLISHED.index]
        rows.append(
            pd.DataFrame(
                {
                    "seed": seed,
                    "quarter": PUBLISHED.index,
                    MW: [active_mw(allocation, quarter) for quarter in PUBLISHED.index],
                    REVENUE: found["revenue_usd"].to_numpy() / 1e6,
                    BACKLOG: found["backlog_usd"].to_numpy() / 1e9,
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


def active_mw(allocation: Allocation, quarter: str) -> float:
    """[MW] Rated IT power of the GPUs that are live at the end of a quarter, say 2025Q1."""
    scenario = allocation.book.scenario
    year, last = int(quarter[:4]), 3 * int(quarter[-1])
    end = datetime(year + last // 12, last % 12 + 1, 1, tzinfo=UTC)
    column = np.searchsorted(allocation.edges_s, seconds_between(scenario.run.start, end), side="left") - 1
    rated_w = np.array([scenario.gpus[kind].rated_it_w_per_gpu for _site, kind in allocation.pools])
    return float(rated_w @ allocation.live[:, column]) / WATT_PER_MW


def compare(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of figure and quarter: p10, p50, p90 over seeds, published, and gap (published over p50, less 1)."""
    wide = table.drop(columns="seed").groupby("quarter").quantile([0.1, 0.5, 0.9]).unstack().stack(0).swaplevel()
    wide.columns = ["p10", "p50", "p90"]
    wide["published"] = [PUBLISHED.loc[quarter, figure] for figure, quarter in wide.index]
    wide["gap"] = wide["published"] / wide["p50"] - 1.0
    order = [(figure, quarter) for figure in PUBLISHED for quarter in PUBLISHED.index]
    return wide.loc[order].rename_axis(["figure", "quarter"])


def draw(found: pd.DataFrame) -> Figure:
    """Published figures as dots on the simulated median and range."""
    figure = Figure(figsize=(7.4, 2.8), layout="constrained")
    for ax, name in zip(figure.subplots(1, len(PUBLISHED.columns)), PUBLISHED, strict=True):
        part, x = found.loc[name], np.arange(len(PUBLISHED))
        ax.bar(x, part["p90"] - part["p10"], 0.5, part["p10"], color="#CFE3F1", label="simulated, P10 to P90")
        ax.hlines(part["p50"], x - 0.25, x + 0.25, color="#0072B2", linewidth=1.8, label="median")
        ax.scatter(x, part["published"], color="#D55E00", s=22, zorder=3, label="published")
        ax.set_xticks(x, [quarter[-2:] for quarter in PUBLISHED.index])
        ax.set_title(name, fontsize=9, loc="left")
        ax.set_ylim(bottom=0.0)
        ax.grid(axis="y", color="#E3E3E3", linewidth=0.6)
        ax.spines[["top", "right"]].set_visible(False)
    figure.axes[0].legend(frameon=False, fontsize=7, loc="lower right")
    figure.supxlabel("2025", fontsize=9)
    return figure


def main(out: str = "out/coreweave_quarters.png", size: str = "full") -> None:
    """Print the figures beside each other and why they differ, and draw them."""
    found = compare(simulated(gpusim.Scenario.from_toml(SEED), range(12 if size == "small" else 200)))
    print(found.to_string(formatters={"gap": "{:+.0%}".format}, float_format="{:,.1f}".format))
    for name, reason in GAPS.items():
        print(f"\n{name}: {reason}")
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    draw(found).savefig(out, dpi=150)
    print(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
