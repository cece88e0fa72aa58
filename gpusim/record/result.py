"""What a run leaves behind: tables, a manifest, and questions that can be asked of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from gpusim.errors import did_you_mean
from gpusim.record import folder as storage
from gpusim.record.rules import table as rules_table

TABLES = (
    "jobs", "job_waits", "ledger", "waits", "unmet", "rejections", "pools", "power", "sites", "costs", "services",
    "events",
)  # fmt: skip
# Of scenarios with projects only: what `gpusim.programme` says of them.
BUILD_TABLES = (
    "build_projects", "build_tasks", "build_capacity", "build_live", "build_months", "build_ledger", "build_paths",
    "build_requests", "build_line",
)  # fmt: skip
RULES = "rules"  # of scenarios that enforce rules only
# Of scenarios with contracts only: what `gpusim.commerce` makes of the run.
CONTRACT_TABLES = (
    "contract_signings", "contract_allocation", "contract_milestones", "contract_departures", "contract_accounts",
    "money_sites", "money_contracts", "money_fleet", "money_figures",
)  # fmt: skip
PRICES = "market_prices"  # of scenarios with contracts and prices that follow scarcity only
OPTIONAL = {
    **dict.fromkeys(BUILD_TABLES, "projects"), **dict.fromkeys(CONTRACT_TABLES, "contracts"),
    PRICES: "contracts with market.index",
}  # fmt: skip


@dataclass(frozen=True)
class Result:
    """Tables and manifest of one run.

    Attributes
    ----------
    manifest : dict
        Scenario, its hash, seed, versions, wall time. All but ``wall_s`` is the same on every run.
    tables : dict of str to DataFrame
        The tables of ``TABLES``, of ``BUILD_TABLES`` if the scenario has projects, of ``CONTRACT_TABLES`` if it has
        contracts, ``market_prices`` if prices follow scarcity too, and ``rules`` if it enforces any, also as
        attributes; units are in the column names.
    """

    manifest: dict
    tables: dict[str, pd.DataFrame]

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name in TABLES or (name in OPTIONAL and name in self.tables):
            return self.tables[name]
        if name == RULES:
            return self.tables[RULES] if RULES in self.tables else rules_table([])
        if name in OPTIONAL:
            raise AttributeError(f"this result has no {name!r}: its scenario has no {OPTIONAL[name]}")
        raise AttributeError(f"a result has no {name!r}{did_you_mean(name, TABLES)}; its tables: {', '.join(TABLES)}")

    def bottlenecks(self) -> pd.DataFrame:
        """Ranked losses of GPU-hours, each with a sentence."""
        from gpusim.analysis.bottlenecks import bottlenecks

        return bottlenecks(self)

    def metrics(self) -> pd.Series:
        """Headline figures of the run."""
        from gpusim.analysis.metrics import metrics

        return metrics(self)

    def figures(self, folder: str | Path) -> list[Path]:
        """Draw all figures as PNG files into a folder."""
        from gpusim.report.figures import draw_all

        return draw_all(self, Path(folder))

    def report(self, path: str | Path) -> Path:
        """Write one self-contained HTML page."""
        from gpusim.report.page import write

        return write(self, Path(path))

    def save(self, folder: str | Path) -> Path:
        """Write Parquet tables and manifest into a folder, in place of an earlier result there.

        A killed run leaves the earlier result, the new one, or nothing that looks whole.

        Raises
        ------
        ResultError
            If the folder cannot be written, or holds something that is not a result.
        """
        names = [*TABLES, *(name for name in (*OPTIONAL, RULES) if name in self.tables)]
        return storage.save(Path(folder), self.manifest, {name: self.tables[name] for name in names})

    @classmethod
    def load(cls, folder: str | Path) -> Result:
        """Read a saved result.

        Raises
        ------
        ResultError
            With everything that is missing or damaged.
        """
        return cls(*storage.load(Path(folder), TABLES, optional=(*OPTIONAL, RULES)))
