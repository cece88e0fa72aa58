"""Do the quarters that CoreWeave published in 2025 and 2026 lie where the simulated ones do?
==========================================================================================

Active power, revenue, margin, result, debt and backlog as published, beside the median and the P10 to P90 range
over replications of the build-out in ``seeds/coreweave_openai_2025.toml`` and of its statements. It is a plausibility
check, not a fit: the scenario contains the balance sheet at the end of 2024, the announced contracts,
the guided energisation plan, and published lead times and rents. ``gpusim validate --only 53`` says how
far off each is. Where the two differ, ``GAPS`` gives the likely reasons.

::

    python experiments/coreweave_quarters.py [OUT.png [small]]

``small``: 12 replications instead of 200. No fleet is simulated: seconds, not minutes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import gpusim
from gpusim.validation.hindcast import BACKLOG, DEBT, MARGIN, MW, PUBLISHED, RESULT, REVENUE, loss_by_line, simulated

SEED = "coreweave_openai_2025"
SHOWN = (MW, REVENUE, MARGIN, RESULT, DEBT, BACKLOG)
GAPS = {
    MW: "The plan is that of the guidance, more than 900 MW at the end of 2025, and every hall may slip as published"
    " lead times do. So the range widens towards the fourth quarter, in which most is due; what was published lies at"
    " its upper end: what is late stays late here, and power came in greater lumps (120 MW, then 260) than planned.",
    REVENUE: "Each contract has one price here, and new halls earn in full from the day they are live. Both make"
    " revenue follow power closely, while the published revenue per MW fell from 10.9 to 8.7 million USD a year: the"
    " first quarters are too low and the last is too high. What else was sold, and at which prices, is not public.",
    MARGIN: "Rent, staff and overhead are those of 2024, for each MW or as a share of revenue, and grow with the fleet"
    " alone. From the fourth quarter on the costs of halls came before their revenue, as had been announced in November"
    " 2025. Of the last quarter only the operating margin was read: 1%, after 16% in the first ones.",
    RESULT: "Shares given to staff are taken as in the middle of 2025. Deals, changes of fair value and costs ahead of"
    " revenue are not in the accounts: before shares and such items the company's loss was 131 million in the second"
    " quarter and 41 in the third.",
    DEBT: "Loans pay for a share of what is built, and GPUs are paid for 60 days ahead of their work, as what was"
    " under construction at the end of 2024 suggests.",
    BACKLOG: "Contracts are in it from the day on which they were announced. In the third quarter CoreWeave reported"
    " another with a hyperscaler that it did not name; what the fourth had beyond those named is one contract of"
    " unnamed customers, signed on the last day of the year.",
}


def compare(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of figure and quarter: p10, p50, p90 over seeds, published, and gap.

    The gap is published over p50, less 1; of a result, which may be 0, there is none.
    """
    wide = table.drop(columns="seed").groupby("quarter").quantile([0.1, 0.5, 0.9]).unstack().stack(0).swaplevel()
    wide.columns = ["p10", "p50", "p90"]
    wide["published"] = [PUBLISHED.loc[quarter, figure] for figure, quarter in wide.index]
    gap = wide["published"] / wide["p50"] - 1.0
    wide["gap"] = gap.where(wide.index.get_level_values(0) != RESULT)
    order = [(figure, quarter) for figure in SHOWN for quarter in PUBLISHED.index]
    return wide.loc[order].rename_axis(["figure", "quarter"])


def draw(found: pd.DataFrame) -> Figure:
    """Published figures as dots on the simulated median and range."""
    figure = Figure(figsize=(7.4, 5.0), layout="constrained")
    for ax, name in zip(figure.subplots(2, 3).flat, SHOWN, strict=True):
        part, x = found.loc[name], np.arange(len(PUBLISHED))
        ax.bar(x, part["p90"] - part["p10"], 0.5, part["p10"], color="#CFE3F1", label="simulated, P10 to P90")
        ax.hlines(part["p50"], x - 0.25, x + 0.25, color="#0072B2", linewidth=1.8, label="median")
        ax.scatter(x, part["published"], color="#D55E00", s=22, zorder=3, label="published")
        ax.set_xticks(x, [f"{quarter[-2:]}\n{quarter[:4]}" for quarter in PUBLISHED.index], fontsize=8)
        ax.set_title(name, fontsize=9, loc="left")
        if name == RESULT:
            ax.axhline(0.0, color="black", linewidth=0.6)
        else:
            ax.set_ylim(bottom=0.0)
        ax.grid(axis="y", color="#E3E3E3", linewidth=0.6)
        ax.spines[["top", "right"]].set_visible(False)
    figure.axes[0].legend(frameon=False, fontsize=7, loc="lower right")
    return figure


def main(out: str = "out/coreweave_quarters.png", size: str = "full") -> None:
    """Print the figures beside each other and why they differ, and draw them."""
    runs = simulated(gpusim.Scenario.from_toml(SEED), range(12 if size == "small" else 200))
    found = compare(runs)
    print(found.to_string(formatters={"gap": "{:+.0%}".format}, float_format="{:,.1f}".format))
    for name, reason in GAPS.items():
        print(f"\n{name}: {reason}")
    print("\nThe loss of 2026Q1, line by line, and with the operating result as guided in February 2026 [million USD]:")
    print(loss_by_line(runs).to_string(float_format="{:,.0f}".format))
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    draw(found).savefig(out, dpi=150)
    print(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
