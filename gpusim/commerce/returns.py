"""What an investment brings: present value, rates of return and payback of monthly flows."""

from __future__ import annotations

import numpy as np

from gpusim.units import number_of

LEAST, MOST = -0.1, 1.0  # [per month] rates looked at: -72% to 409,500% a year


def irr(flows: np.ndarray) -> tuple[float, str]:
    """Internal rate of return a year of monthly flows, and why there is none.

    The rate r at which sum of flow_m / (1 + r)^(m / 12) is 0.

    Parameters
    ----------
    flows : ndarray, shape (months,)

    Returns
    -------
    (float, str)
        NaN with a reason if there is no such rate, or more than one: "all flows are of one sign", ...
    """
    flows = np.asarray(flows, dtype=float)
    if not (flows > 0.0).any() or not (flows < 0.0).any():
        return float("nan"), "no rate: all flows are of one sign"
    flows = flows / np.abs(flows).max()

    def value(rate: np.ndarray) -> np.ndarray:
        return np.polyval(flows[::-1], 1.0 / (1.0 + rate))

    rates = np.concatenate([np.linspace(LEAST, 0.1, 801), np.geomspace(0.1, MOST, 100)[1:]])
    values = value(rates)
    crossings = np.flatnonzero(np.sign(values[:-1]) * np.sign(values[1:]) <= 0.0)
    from scipy.optimize import brentq  # here: it takes long to load, and most runs do not ask

    roots = sorted({round(brentq(value, rates[i], rates[i + 1], xtol=1e-14), 12) for i in crossings})
    if not roots:
        return float("nan"), f"no rate between {_a_year(LEAST):.0%} and {_a_year(MOST):,.0%} a year"
    if len(roots) > 1:
        return float(
            "nan"
        ), f"{number_of(len(roots), 'rate')}: {', '.join(f'{_a_year(rate):.1%}' for rate in roots)} a year"
    return _a_year(roots[0]), ""


def npv(flows: np.ndarray, rate: float) -> float:
    """Net present value in the first month of monthly flows, at a rate a year: sum of flow_m / (1 + rate)^(m / 12)."""
    flows = np.asarray(flows, dtype=float)
    return float(flows @ (1.0 + rate) ** (-np.arange(len(flows)) / 12.0))


def mirr(flows: np.ndarray, finance_rate: float, reinvest_rate: float) -> tuple[float, str]:
    """Modified internal rate of return a year of monthly flows, and why there is none (Lin 1976).

    The rate at which the present value of all outlays, at ``finance_rate`` a year, grows to what all returns, put to
    use at ``reinvest_rate``, come to in the last month. There is one whenever there are outlays and returns.

    Parameters
    ----------
    flows : ndarray, shape (months,)

    Returns
    -------
    (float, str)
        NaN with a reason if all flows are of one sign.
    """
    flows = np.asarray(flows, dtype=float)
    years = (len(flows) - 1) / 12.0
    outlay = -npv(np.minimum(flows, 0.0), finance_rate)
    end = npv(np.maximum(flows, 0.0), reinvest_rate) * (1.0 + reinvest_rate) ** years
    if outlay <= 0.0 or end <= 0.0:
        return float("nan"), "no rate: all flows are of one sign"
    return (end / outlay) ** (1.0 / years) - 1.0, ""


def payback_years(flows: np.ndarray) -> float:
    """Years from the first outlay until the sum of monthly flows is 0 or more and stays so; NaN if it never is."""
    running = np.cumsum(flows)
    below = np.flatnonzero(running < 0)
    if not len(below) or below[-1] == len(running) - 1:
        return float("nan") if len(below) else 0.0
    return float(below[-1] + 1 - below[0]) / 12.0


def _a_year(rate: float) -> float:
    return (1.0 + rate) ** 12 - 1.0
