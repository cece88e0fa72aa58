"""Prices in other currencies as US dollars, at one rate a year or at those that a scenario gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gpusim.inputs.traces.source import Source

# Annual averages of the European Central Bank's euro reference rates (series EXR.A.USD.EUR.SP00.A and
# EXR.A.GBP.EUR.SP00.A; Eurostat tec00033). A year's mean price is then right; its days are within a few percent.
# 2025 and 2026: means of the daily rates in the ECB's eurofxref-hist.zip of 30 October 2026; 2026 from 2 January to
# that day.
USD_PER_EUR = {
    1999: 1.0658, 2000: 0.9236, 2001: 0.8956, 2002: 0.9456, 2003: 1.1312, 2004: 1.2439, 2005: 1.2441, 2006: 1.2556,
    2007: 1.3705, 2008: 1.4708, 2009: 1.3948, 2010: 1.3257, 2011: 1.3920, 2012: 1.2848, 2013: 1.3281, 2014: 1.3285,
    2015: 1.1095, 2016: 1.1069, 2017: 1.1297, 2018: 1.1810, 2019: 1.1195, 2020: 1.1422, 2021: 1.1827, 2022: 1.0530,
    2023: 1.0813, 2024: 1.0824, 2025: 1.1300, 2026: 1.1568,
}  # fmt: skip
GBP_PER_EUR = {
    1999: 0.65874, 2000: 0.60948, 2001: 0.62187, 2002: 0.62883, 2003: 0.69199, 2004: 0.67866, 2005: 0.68380,
    2006: 0.68173, 2007: 0.68434, 2008: 0.79628, 2009: 0.89094, 2010: 0.85784, 2011: 0.86788, 2012: 0.81087,
    2013: 0.84926, 2014: 0.80612, 2015: 0.72584, 2016: 0.81948, 2017: 0.87667, 2018: 0.88471, 2019: 0.87777,
    2020: 0.88970, 2021: 0.85960, 2022: 0.85276, 2023: 0.86979, 2024: 0.84662, 2025: 0.85679, 2026: 0.86121,
}  # fmt: skip
USD_PER = {"EUR": USD_PER_EUR, "GBP": {year: USD_PER_EUR[year] / rate for year, rate in GBP_PER_EUR.items()}}


class PricedSource(Source):
    """A file whose prices become USD: at ``usd_per`` by currency, else at the mean rates of their years."""

    def __init__(self, path: Path, usd_per: dict[str, float]):
        super().__init__(path)
        self.usd_per = usd_per


def in_usd(source: PricedSource, currency: str, moments: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values in USD, each at the rate of its (UTC) year; after the last known year at that one's.

    A currency without a rate, and a year before the euro, are faults of the file.

    Parameters
    ----------
    currency : str
        ISO 4217 code.
    moments : ndarray of datetime64, shape (n,)
        NaT gives NaN.
    values : ndarray of float, shape (n,)
    """
    if currency == "USD":
        return values
    known = ~np.isnat(moments) & ~np.isnan(values)
    if currency in source.usd_per:
        source.note(f"prices in {currency}, at {source.usd_per[currency]:g} USD as money.usd_per says", known.sum())
        return np.where(known, values * source.usd_per[currency], np.nan)
    if currency not in USD_PER:
        source.faults.stop(
            f"prices in {currency}: there are rates for {' and '.join(USD_PER)} only; give the scenario one, say"
            f" money.usd_per.{currency} = 1.1"
        )
    rates = USD_PER[currency]
    first, last = min(rates), max(rates)
    years = np.where(known, moments.astype("datetime64[Y]").astype(int) + 1970, last)
    if years.min(initial=last) < first:
        source.faults.stop(
            f"prices in {currency} of {years.min()}: there are exchange rates from {first} on; give the scenario one,"
            f" say money.usd_per.{currency} = {rates[first]:g}"
        )
    late = known & (years > last)
    source.note(f"prices in {currency}, at the mean exchange rate of their year", np.count_nonzero(known & ~late))
    source.note(f"prices in {currency} after {last}, at the mean exchange rate of {last}", np.count_nonzero(late))
    by_year = np.array([rates[year] for year in range(first, last + 1)])
    return np.where(known, values * by_year[np.minimum(years, last) - first], np.nan)
