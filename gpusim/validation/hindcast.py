"""Hindcast: the quarters that CoreWeave published, beside those of the seed scenario of its contracts.

What goes in was known before what is checked: the balance and the loans of the end of 2024, the plan of power as it was
guided, contracts on the day they were announced, rents and overhead of 2024. Nothing is fitted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from gpusim.buildout.play import play
from gpusim.commerce.accounts import accounts
from gpusim.commerce.allocate import allocate
from gpusim.commerce.allocation import Allocation, of_build_out
from gpusim.commerce.book import Book
from gpusim.commerce.capital import spending_of
from gpusim.commerce.figures import quarters
from gpusim.commerce.scarcity import prices
from gpusim.commerce.site_costs import leases_of
from gpusim.commerce.statements import statements
from gpusim.scenario.files import located
from gpusim.scenario.scenario import Scenario
from gpusim.units import WATT_PER_MW, seconds_between
from gpusim.validation.anchor import Effort, Row

SEED, DAYS = "coreweave_openai_2025", 455.0  # from 2025-01-01 to the end of March 2026
MW, REVENUE, MARGIN = "active power [MW]", "revenue [million USD]", "EBITDA of revenue [%]"
INTEREST, RESULT = "interest [million USD]", "net result [million USD]"
DEBT, BACKLOG = "debt [billion USD]", "backlog [billion USD]"
CONSTRUCTION = "construction in progress [billion USD]"
BEFORE_SHARES = "net result before stock-based compensation [million USD]"  # "adjusted" by the company
OPERATING = "operating result before stock-based compensation [million USD]"  # likewise
NET = "net result"
NAN = float("nan")
# As published. Power and backlog at the end of the quarter: summamoney.com, fintool, stocktitan, nasdaq.com
# (2026-03-06), allmind.ai. Revenue, EBITDA (adjusted), interest and results: fintool, press releases of August and
# November 2025 (marketminute, stocktitan), wallstreetcn (May 2025), barchart.com (2026-03-02), nasdaq.com (2026-03-03),
# allmind.ai (May 2026; interest: 26% of revenue; operating result before shares: "about 1%" of it). Interest of 2025Q4
# is what the guidance of November 2025, 1,210 to 1,250 for the year (finviz.com, 2026-01-14), leaves for it. Debt: 10-Q
# of May 2025 by tradepost.ai, of August 2025 (sec.gov, R41). Construction in progress: 6.9 in the third quarter, 2.8
# more than in the second (confecq1.com, November 2025).
PUBLISHED = pd.DataFrame(
    {
        MW: [420.0, 470.0, 590.0, 850.0, 1000.0],
        REVENUE: [981.6, 1212.8, 1364.7, 1570.0, 2080.0],
        MARGIN: [62.0, 62.0, 61.0, 57.2, NAN],
        INTEREST: [263.8, 267.0, 310.6, 388.6, 541.0],
        BEFORE_SHARES: [NAN, -130.8, -41.0, NAN, NAN],
        OPERATING: [163.0, 199.8, 217.2, NAN, 20.8],
        RESULT: [-314.6, -290.5, -110.1, -452.0, -740.0],
        DEBT: [8.8, 11.17, NAN, NAN, NAN],
        CONSTRUCTION: [NAN, 4.1, 6.9, NAN, NAN],
        BACKLOG: [25.9, 30.1, 55.6, 66.8, 99.4],
    },
    index=["2025Q1", "2025Q2", "2025Q3", "2025Q4", "2026Q1"],
)
TOLERANCE = 0.15
KNOWN = (BACKLOG, "2025Q4")  # goes in: contracts that were not named are what it has beyond those that were
LUMPS = "power came in greater lumps than the plan has, 260 MW in the fourth quarter, and what is late stays late here"
BEGUN = "more halls have been begun by then than in fact"
# (figure, quarter) -> tolerance, and what to know of it.
REMARKS = {
    (MW, "2026Q1"): (0.2, LUMPS),
    (INTEREST, "2025Q4"): (TOLERANCE, "what the guidance for the year leaves"),
    (INTEREST, "2026Q1"): (0.2, "follows from the power"),
    (CONSTRUCTION, "2025Q2"): (0.5, BEGUN),
    (CONSTRUCTION, "2025Q3"): (0.5, BEGUN),
}
# Shares given to staff are not in the accounts: the result of 2025 is held against the one before them, and in the net
# result ours are taken as in the middle of 2025.
SUMMED = ("2025Q2", "2025Q3")
DIFFERENCE = "a difference of sums twenty times as large, of which it may be 2% off"
OF_RESULT = 0.3
FIRST_YEAR = ("2025Q1", "2025Q2", "2025Q3")
# [million USD] Shares given to staff and what goes with them: operating result before less after, 199.8 - 19.2 and
# 217.2 - 51.9 in the second and third quarter of 2025 (press releases).
SHARES_OF_A_QUARTER = 173.0
# [million USD] Operating result before shares of 2026Q1 as guided at the end of February 2026, 0 to 40: costs of halls
# come before their revenue (barchart.com, 2026-03-02). Known a month before the quarter ended, and not an input.
LAST, GUIDED = "2026Q1", 20.0
OF_GUIDED, LESS_INTEREST = 0.2, "as guided in February 2026; ours are interest, on less power, and shares as in 2025"


def simulated(scenario: Scenario, seeds: Iterable[int]) -> pd.DataFrame:
    """One row per seed and quarter: seed, quarter, and ours in the columns of ``PUBLISHED``."""
    book, rows = Book.of(scenario), []
    for seed in seeds:
        build_out = play(scenario, seed)
        allocation = allocate(book, of_build_out(build_out.live))
        spending = spending_of(build_out.tasks, build_out.projects, book.months_s, scenario.money)
        leases = leases_of(scenario, build_out.tasks)
        index = prices(allocation, build_out.line, build_out.requests)
        found = quarters(statements(accounts(allocation), spending, prices=index, leases=leases))
        found = found.set_index("quarter").loc[PUBLISHED.index]
        rows.append(
            pd.DataFrame(
                {
                    "seed": seed,
                    "quarter": PUBLISHED.index,
                    MW: [active_mw(allocation, quarter) for quarter in PUBLISHED.index],
                    REVENUE: found["revenue_usd"].to_numpy() / 1e6,
                    MARGIN: 100.0 * found["ebitda_share"].to_numpy(),
                    INTEREST: found["interest_usd"].to_numpy() / 1e6,
                    BEFORE_SHARES: found["profit_usd"].to_numpy() / 1e6,
                    OPERATING: (found["ebitda_usd"] - found["depreciation_usd"]).to_numpy() / 1e6,
                    RESULT: found["profit_usd"].to_numpy() / 1e6 - SHARES_OF_A_QUARTER,
                    DEBT: found["debt_usd"].to_numpy() / 1e9,
                    CONSTRUCTION: found["construction_usd"].to_numpy() / 1e9,
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


def coreweave(effort: Effort, changes: dict[str, object] | None = None) -> Iterator[Row]:
    """53: medians over replications of the build-out, each within 15% or with the reason beside it."""
    scenario = Scenario.from_toml(located(SEED)).with_({"run.days": DAYS, **(changes or {})})
    found = simulated(scenario, range(max(effort.runs(48), 24)))
    median = found.groupby("quarter")[list(PUBLISHED)].median()
    for figure in (MW, REVENUE, MARGIN, INTEREST, DEBT, CONSTRUCTION, BACKLOG):
        for quarter, published in PUBLISHED[figure].dropna().items():
            if (figure, quarter) == KNOWN:
                continue
            tolerance, reason = REMARKS.get((figure, quarter), (TOLERANCE, ""))
            what = f"{figure}, {quarter}" + (f"; {reason}" if reason else "")
            yield Row(53, what, published, float(median.loc[quarter, figure]), tolerance)
    sums = found[found["quarter"].isin(SUMMED)].groupby("seed")[BEFORE_SHARES].sum()
    published = float(PUBLISHED.loc[list(SUMMED), BEFORE_SHARES].sum())
    what = f"{BEFORE_SHARES}, {' and '.join(SUMMED)}; {DIFFERENCE}"
    yield Row(53, what, published, float(sums.median()), OF_RESULT)
    operating = found[found["quarter"].isin(FIRST_YEAR)].groupby("seed")[OPERATING].sum()
    published = float(PUBLISHED.loc[list(FIRST_YEAR), OPERATING].sum())
    yield Row(53, f"{OPERATING}, {FIRST_YEAR[0]} to {FIRST_YEAR[-1]}", published, float(operating.median()), TOLERANCE)
    guided = float(loss_by_line(found).loc[NET, "guided"])
    what = f"{RESULT}, {LAST}, with its operating result {LESS_INTEREST}"
    yield Row(53, what, float(PUBLISHED.loc[LAST, RESULT]), guided, OF_GUIDED)


def loss_by_line(found: pd.DataFrame) -> pd.DataFrame:
    """Lines from the operating result to the net result of the last quarter [million USD].

    Parameters
    ----------
    found : DataFrame
        As ``simulated`` gives it.

    Returns
    -------
    DataFrame
        published; ours: medians; guided: ours with the operating result that was guided before the quarter ended, and
        without taxes, as there is no profit; difference: published less ours. "rest" is what the other lines leave:
        taxes, and what is not public.
    """
    ours = found[found["quarter"] == LAST][[OPERATING, INTEREST, RESULT]].median()
    published = PUBLISHED.loc[LAST]
    lines = {
        "operating result before shares": (published[OPERATING], ours[OPERATING], GUIDED),
        "interest": (-published[INTEREST], -ours[INTEREST], -ours[INTEREST]),
        "shares given to staff, as in mid-2025": (-SHARES_OF_A_QUARTER,) * 3,
    }
    sums = np.sum(list(lines.values()), axis=0)
    total = (published[RESULT], ours[RESULT], sums[2])
    lines["rest"] = tuple(total - sums)
    table = pd.DataFrame([*lines.values(), total], index=[*lines, NET], columns=["published", "ours", "guided"])
    return table.assign(difference=table["published"] - table["ours"])
