"""What a run leaves behind: tables and a manifest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from gpusim.errors import did_you_mean, one_line
from gpusim.results.tables import folder as storage
from gpusim.results.tables.names import OPTIONAL, RULES, TABLES, Tables
from gpusim.results.tables.rules import table as rules_table
from gpusim.units import DAY_S, number_of

# Timestamps (UTC) beside the seconds of a table: made when a table is read, and not kept on disk.

# Columns of seconds since the run's start. All others that end in ``_s`` are durations, or sums of them.
INSTANTS = frozenset({
    "submit_s", "start_s", "end_s", "time_s", "period_start_s", "period_end_s",
    "planned_s", "delivered_s", "arrived_s", "planned_start_s", "planned_end_s", "ready_s", "from_s", "to_s",
    "asked_s", "dropped_s", "received_s", "cancelled_s", "arrival_s", "sent_s", "scheduled_s", "first_token_s",
    "due_s", "p10_s", "p50_s", "p90_s", "start_p50_s", "end_p10_s", "end_p50_s", "end_p90_s",
})  # fmt: skip
LATEST_S = 1e13  # beyond, 300,000 years, a moment counts as never


def utc(name: str) -> str:
    """Name of the timestamps of a column of seconds: ``"start_utc"`` of ``"start_s"``."""
    return f"{name.removesuffix('_s')}_utc"


def dated(table: pd.DataFrame, start: datetime) -> pd.DataFrame:
    """The table with timestamps behind each column of ``INSTANTS``; its own columns are shared, not copied.

    Parameters
    ----------
    table : DataFrame
    start : datetime
        Of the run, in UTC.

    Returns
    -------
    DataFrame
        ``submit_utc`` behind ``submit_s`` and so on, to the microsecond. NaT where the seconds are infinite or NaN:
        never.
    """
    names = [name for name in table.columns if name in INSTANTS and utc(name) not in table]
    if not names:
        return table
    found = table.copy(deep=False)
    for name in names:
        found.insert(found.columns.get_loc(name) + 1, utc(name), timestamps(table[name].to_numpy(float), start))
    return found


def undated(table: pd.DataFrame) -> pd.DataFrame:
    """The table without what ``dated`` added."""
    return table.drop(columns=[utc(name) for name in table.columns if name in INSTANTS and utc(name) in table])


def timestamps(times_s: np.ndarray, start: datetime) -> pd.DatetimeIndex:
    """Calendar times (UTC) of seconds since ``start``, shape (n,); NaT for what is not finite."""
    known = np.abs(times_s) < LATEST_S
    moments = np.full(len(times_s), np.datetime64("NaT", "us"))
    elapsed_us = np.rint(times_s[known] * 1e6).astype("timedelta64[us]")
    moments[known] = np.datetime64(start.replace(tzinfo=None), "us") + elapsed_us
    return pd.DatetimeIndex(moments).tz_localize("UTC")


@dataclass(frozen=True)
class Record(Tables):
    """Tables and manifest of one run; ``gpusim.Result`` adds what can be asked of them.

    Attributes
    ----------
    manifest : dict
        Scenario, its hash, seed, versions, wall time. All but ``wall_s`` is the same on every run.
    tables : dict of str to DataFrame
        The tables of ``TABLES``, of ``BUILD_TABLES`` if the scenario has projects, of ``CONTRACT_TABLES`` if it has
        contracts, ``market_prices`` if prices follow scarcity too, ``rules`` if it enforces any, and of
        ``SERVICE_TABLES`` if it has services with a model. Times are seconds
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

    def as_stored(self) -> Self:
        """The same without timestamps: for what works with the seconds and is to be quick."""
        plain = type(self)(self.manifest, self.tables)
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
        return one_line(f"<{type(self).__name__} {about.get('scenario', {}).get('name', '')!r}: {', '.join(parts)}>")

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
    def load(cls, folder: str | Path) -> Self:
        """Read what was saved.

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
