"""Prices in euros and pounds as US dollars, at one rate a year."""

from __future__ import annotations

import numpy as np

from gpusim.inputs.traces.source import Source

# Annual averages of the European Central Bank's euro reference rates (series EXR.A.USD.EUR.SP00.A and
# EXR.A.GBP.EUR.SP00.A; Eurostat tec00033). A year's mean price is then right; its days are within a few percent.
USD_PER_EUR = {2019: 1.1195, 2020: 1.1422, 2021: 1.1827, 2022: 1.0530, 2023: 1.0813, 2024: 1.0824}
GBP_PER_EUR = {2019: 0.87777, 2020: 0.88970, 2021: 0.85960, 2022: 0.85276, 2023: 0.86979, 2024: 0.84662}
USD_PER = {"EUR": USD_PER_EUR, "GBP": {year: USD_PER_EUR[year] / rate for year, rate in GBP_PER_EUR.items()}}


def in_usd(source: Source, currency: str, moments: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values in USD, each at the rate of its (UTC) year; a currency or year without a rate is a fault of the file.

    Parameters
    ----------
    currency : str
        ISO 4217 code: USD, EUR or GBP.
    moments : ndarray of datetime64, shape (n,)
        NaT gives NaN.
    values : ndarray of float, shape (n,)
    """
    if currency == "USD":
        return values
    if currency not in USD_PER:
        source.faults.stop(f"prices in {currency}: there are rates for EUR and GBP only; convert the file to USD")
    rates = USD_PER[currency]
    timed = ~np.isnat(moments)
    years = np.where(timed, moments.astype("datetime64[Y]").astype(int) + 1970, min(rates))
    unknown = sorted({int(year) for year in years} - set(rates))
    if unknown:
        source.faults.stop(
            f"prices in {currency} of {', '.join(map(str, unknown))}: there are exchange rates for "
            f"{min(rates)} to {max(rates)}; convert the file to USD"
        )
    source.note(
        f"prices in {currency}, at the mean exchange rate of their year", np.count_nonzero(timed & ~np.isnan(values))
    )
    return np.where(timed, values * np.array([rates[int(year)] for year in years]), np.nan)
