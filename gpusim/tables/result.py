"""What a run leaves behind: tables, a manifest, and questions that can be asked of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from gpusim.errors import did_you_mean, one_line
from gpusim.tables import folder as storage
from gpusim.tables.instants import dated
from gpusim.tables.names import BUILD_TABLES, CONTRACT_TABLES, OPTIONAL, PRICES, RULES, TABLES, Tables
from gpusim.tables.rules import table as rules_table
from gpusim.units import DAY_S, number_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["BUILD_TABLES", "CONTRACT_TABLES", "OPTIONAL", "PRICES", "RULES", "TABLES", "Result"]


@dataclass(frozen=True)
class Result(Tables):
    """Tables and manifest of one run.

    Attributes
    ----------
    manifest : dict
        Scenario, its hash, seed, versions, wall time. All but ``wall_s`` is the same on every run.
    tables : dict of str to DataFrame
        The tables of ``TABLES``, of ``BUILD_TABLES`` if the scenario has projects, of ``CONTRACT_TABLES`` if it has
        contracts, ``market_prices`` if prices follow scarcity too, and ``rules`` if it enforces any. Times are seconds
        since the run's start; as attributes (``result.jobs``) the tables have timestamps too.
    """

    manifest: dict
    tables: dict[str, pd.DataFrame]

    def table(self, name: str) -> pd.DataFrame:
        """A table with timestamps (UTC) beside its seconds, as its attribute; ``tables`` holds it as it is stored."""
        if name not in self._read:
            if name == RULES and RULES not in self.tables:
                table = rules_table([])
            elif name in self.tables:
                table = self.tables[name]
            else:
                raise AttributeError(_lacking(name))
            start = self.manifest.get("start")
            self._read[name] = dated(table, datetime.fromisoformat(start)) if start else table
        return self._read[name]

    def as_stored(self) -> Result:
        """The same result without timestamps: for what works with the seconds and is to be quick."""
        plain = Result(self.manifest, self.tables)
        plain._read.update(self.tables)
        return plain

    @cached_property
    def _read(self) -> dict[str, pd.DataFrame]:
        """Tables that were asked for, so that each is dated once."""
        return {}

    def __getstate__(self) -> dict:
        return {"manifest": self.manifest, "tables": self.tables}

    def __getattr__(self, name: str) -> pd.DataFrame:
        raise AttributeError(_lacking(name))

    def __repr__(self) -> str:
        about = self.manifest
        parts = [f"seed {about.get('seed')}"]
        if "sites" in self.tables and "planned_gpus" in self.tables["sites"]:
            sites = self.tables["sites"]
            parts += [number_of(len(sites), "site"), f"{number_of(sites['planned_gpus'].sum(), 'GPU')} planned"]
        parts.append(number_of(len(self.tables["jobs"]), "job"))
        if "start" in about:
            days = float(f"{about['duration_s'] / DAY_S:.4g}")
            parts.append(f"{number_of(days, 'day')} from {about['start'][:16].replace('T', ' ')} UTC")
        return one_line(f"<Result {about.get('scenario', {}).get('name', '')!r}: {', '.join(parts)}>")

    def bottlenecks(self) -> pd.DataFrame:
        """Ranked losses of GPU-hours, each with a sentence."""
        from gpusim.analysis.bottlenecks import bottlenecks

        return dated(bottlenecks(self), datetime.fromisoformat(self.manifest["start"]))

    def metrics(self) -> pd.DataFrame:
        """Headline figures of the run by name: text (the value as people write it), value, unit, meaning."""
        from gpusim.analysis.metrics import described, metrics

        return described(metrics(self))

    def outcome(self) -> pd.DataFrame:
        """All figures of the run as studies keep them: kind, name, cause, measure, value; a measure names its unit."""
        from gpusim.analysis.outcome import outcome

        return outcome(self)

    def countries(self) -> pd.DataFrame:
        """Energy, carbon and what they cost by country."""
        from gpusim.analysis.countries import countries

        return countries(self)

    def draw(self, name: str) -> Figure:
        """One of the figures that ``figures`` draws, by its name: ``result.draw("headline")``."""
        from gpusim.report.drawing import draw
        from gpusim.report.findings import Findings

        return draw(Findings(self), name)

    def figures(self, folder: str | Path) -> list[Path]:
        """Draw all figures as PNG files into a folder."""
        from gpusim.report.drawing import draw_all
        from gpusim.report.findings import Findings

        return draw_all(Findings(self), Path(folder))

    def report(self, path: str | Path) -> Path:
        """Write one self-contained HTML page."""
        from gpusim.report.findings import Findings
        from gpusim.report.page import write

        return write(Findings(self), Path(path))

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


def _lacking(name: str) -> str:
    """Why a result has no such attribute."""
    if name in OPTIONAL:
        return f"this result has no {name!r}: its scenario has no {OPTIONAL[name]}"
    return f"a result has no {name!r}{did_you_mean(name, TABLES)}; its tables: {', '.join(TABLES)}"
