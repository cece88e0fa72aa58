"""A file of prices, carbon intensity or weather: its format found by content, its readings as signals of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gpusim import plugins
from gpusim.errors import TraceError, did_you_mean
from gpusim.inputs.files import stamp
from gpusim.inputs.grid.carbon import (
    is_dcrl,
    is_electricity_maps,
    is_opendc,
    is_watttime,
    read_dcrl,
    read_electricity_maps,
    read_opendc,
    read_watttime,
)
from gpusim.inputs.grid.currency import PricedSource
from gpusim.inputs.grid.prices import (
    is_entsoe,
    is_gridstatus,
    is_prices,
    is_smoothed,
    read_entsoe,
    read_gridstatus,
    read_prices,
    refuse_smoothed,
)
from gpusim.inputs.grid.readings import SECOND, Readings, in_years, whole_year
from gpusim.inputs.grid.table import is_merged, is_named, read_merged, read_named
from gpusim.inputs.grid.weather import is_epw, is_openmeteo, read_epw, read_openmeteo
from gpusim.inputs.signals import Signal
from gpusim.units import DAY_S, calendar

# All formats of grid files that can be read.


class Format(NamedTuple):
    """One format: its title, whether a file's content looks like it, and its reader."""

    title: str
    fits: Callable[[PricedSource], bool]
    read: Callable[[PricedSource], dict[str, Readings]]


# In order of asking: the first whose content fits reads the file. Those of other packages are asked after these.
FORMATS = (
    Format("OpenDC carbon (Parquet)", is_opendc, read_opendc),
    Format("Open-Meteo weather (JSON)", is_openmeteo, read_openmeteo),
    Format("EnergyPlus weather (EPW)", is_epw, read_epw),
    Format("merged table (timestamp_utc, ...)", is_merged, read_merged),
    Format("Electricity Maps carbon", is_electricity_maps, read_electricity_maps),
    Format("dc-rl carbon (timestamp, ..., avg_CI)", is_dcrl, read_dcrl),
    Format("WattTime carbon (time, area)", is_watttime, read_watttime),
    Format("sustain-cluster prices (Datetime, Price (CUR/MWh))", is_prices, read_prices),
    Format("sustain-cluster standardized prices", is_smoothed, refuse_smoothed),
    Format("gridstatus prices (Interval Start, Location, LMP or SPP)", is_gridstatus, read_gridstatus),
    Format("ENTSO-E prices (XML)", is_entsoe, read_entsoe),
    Format("named columns (time, price (EUR/MWh), ...)", is_named, read_named),
)
TYPICAL = ("EnergyPlus weather (EPW)",)  # titles of formats whose year means nothing


LONGEST_GAP_S = 7 * DAY_S  # a value held longer than a week is an invention, not a reading


@dataclass(frozen=True)
class GridFile:
    """What one file says.

    Attributes
    ----------
    path : Path
    format : str
        Title of the file's format (``FORMATS``).
    readings : dict of str to Readings
        By quantity: ``price_usd_per_mwh``, ``carbon_g_per_kwh``, ``dry_bulb_c``, ``wet_bulb_c``.
    notes : dict of str to int
        What was wrong or had to be assumed, and how often.
    """

    path: Path
    format: str
    readings: dict[str, Readings]
    notes: dict[str, int]

    def signal(
        self, quantity: str, start: datetime, duration_s: float, typical_year: bool = False
    ) -> tuple[Signal, dict[str, int]]:
        """Signal of a quantity over [0, ``duration_s``) after ``start``, and the file's notes with the run's gaps.

        Parameters
        ----------
        quantity : str
            One of ``readings``.
        start : datetime
            Time 0 of the signal, with its zone.
        duration_s : float
            [s]
        typical_year : bool
            Take the file's best covered calendar year for every year: same month, day and hour. EPW always is.

        Raises
        ------
        TraceError
            If the file has not this quantity, does not cover the period, or has a hole of more than a week in it.
        """
        if quantity not in self.readings:
            raise TraceError(
                f"{self.path}: no {quantity} in it{did_you_mean(quantity, self.readings)}; "
                f"as {self.format} it gives {', '.join(self.readings)}"
            )
        readings = self.readings[quantity]
        first, end = _utc(start), _utc(calendar(start, duration_s))
        if typical_year or self.format in TYPICAL:
            year = whole_year(readings)
            if year is None:
                raise TraceError(
                    f"{self.path}: covers {_period(readings.moments[0], readings.end)}; "
                    "a typical year needs 98% of one calendar year"
                )
            readings = in_years(
                readings, year, start.astimezone(UTC).year - 1, calendar(start, duration_s).astimezone(UTC).year
            )
        elif first < readings.moments[0] or end > readings.end:
            raise TraceError(
                f"{self.path}: covers {_period(readings.moments[0], readings.end)}, but the run needs "
                f"{_period(first, end)}; change run.start or run.days, or set typical_year = true to take the same "
                "month, day and hour of the file's year"
            )
        return self._cut(quantity, readings, first, end)

    def _cut(
        self, quantity: str, readings: Readings, first: np.datetime64, end: np.datetime64
    ) -> tuple[Signal, dict[str, int]]:
        """The readings that hold at some time in [first, end), each until the next; holes counted."""
        begin = int(np.searchsorted(readings.moments, first, side="right")) - 1
        stop = max(int(np.searchsorted(readings.moments, end, side="left")), begin + 1)
        times_s, steps_s = (readings.moments[begin:stop] - first) / SECOND, readings.steps_s[begin:stop]
        until_s = np.append(times_s[1:], (end - first) / SECOND)
        longest = int(np.argmax(until_s - times_s))
        if until_s[longest] - times_s[longest] > max(LONGEST_GAP_S, steps_s[longest]):
            hole = (first + np.timedelta64(round(float(t)), "s") for t in (times_s[longest], until_s[longest]))
            raise TraceError(
                f"{self.path}: {quantity} has no reading from {_period(*hole)}; a value is held for at most a week: "
                "fill the gap, or run in another period"
            )
        absent = _due_before(until_s, times_s, steps_s) - _due_before(np.zeros(1), times_s, steps_s)
        notes = dict(self.notes)
        if absent.sum():
            notes[f"{quantity}: readings absent in the run's period, the last value held"] = int(absent.sum())
        return Signal(times_s, readings.values[begin:stop]), notes


def read_grid(path: str | Path, usd_per: dict[str, float] | None = None) -> GridFile:
    """Read a file of prices, carbon intensity or weather; plain or gzip-ed, whatever its name.

    A file that has not changed is read once per process: what is returned is shared, and cannot be written to.

    Parameters
    ----------
    usd_per : dict of str to float, optional
        [USD] What one unit of a currency is worth; without it at the mean rate of each year (``currency.USD_PER``).

    Raises
    ------
    TraceError
        With every fault of the file, or with the known formats if it looks like none of them.
    """
    path = Path(path)
    if not path.exists():
        raise TraceError(f"{path}: no such file; a relative path counts from the working directory, {Path.cwd()}")
    return _read(path, stamp(path), tuple(sorted((usd_per or {}).items())))


@lru_cache(maxsize=64)  # the sites and runs of a process share their files
def _read(path: Path, _stamp: tuple[int, ...], usd_per: tuple[tuple[str, float], ...]) -> GridFile:
    source = PricedSource(path, dict(usd_per))
    formats = (*FORMATS, *plugins.loaded(plugins.GRIDS, Format))
    for format in formats:
        if format.fits(source):
            readings = format.read(source)
            source.faults.check()
            for shared in (array for each in readings.values() for array in (each.moments, each.values)):
                shared.flags.writeable = False
            return GridFile(source.path, format.title, readings, source.notes)
    source.faults.stop(
        f"not a file of prices, carbon intensity or weather; it begins {source.head[:60]!r}. "
        f"Formats read: {'; '.join(format.title for format in formats)}"
    )


def read_signal(
    path: str | Path, quantity: str, start: datetime, duration_s: float, typical_year: bool = False
) -> tuple[Signal, dict[str, int]]:
    """One quantity of one file as a signal; see ``read_grid`` and ``GridFile.signal``."""
    return read_grid(path).signal(quantity, start, duration_s, typical_year)


def _due_before(until_s: np.ndarray, times_s: np.ndarray, steps_s: np.ndarray) -> np.ndarray:
    """How many readings were due after each of ``times_s`` and before ``until_s``; a quarter of a step is no hole."""
    return np.maximum(np.ceil((until_s - times_s) / steps_s - 0.25) - 1.0, 0.0)


def _utc(moment: datetime) -> np.datetime64:
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")


def _period(first: np.datetime64, end: np.datetime64) -> str:
    return " to ".join(str(moment.astype("datetime64[m]")).replace("T", " ") for moment in (first, end)) + " UTC"
