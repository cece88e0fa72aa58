"""Rubin now or GB300, and what are my H100s worth in 2029?
=========================================================

A megawatt of IT power is available, and its rent due, from 1 January 2027: GB300 are installed at once, or Vera Rubin
racks as many months later as they take. Both are rented out by the hour until they are 5 or 6 years old or cost more to
run than they earn. All prices fall by the same percentage every year. Left: present value per megawatt against the
months that Rubin takes. Right: what an H100 of 2024 still earns from 2029 on, beside its book value.

    python experiments/generations.py [OUT.png]

What a type earns and draws is from the catalogue; Rubin's speed and price are assumptions, as it is not for rent yet.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gpusim.scenario.hardware import built_in
from gpusim.scenario.money import Money
from gpusim.units import MONTH_S

HOURS = MONTH_S / 3600.0  # a month
SOLD = 0.9  # share of the hours that are let (assumption)
CAPEX_USD_PER_MW = 31e6  # GPUs and networks: CoreWeave, 2025, 15.4 billion for 490 MW; Rubin likewise (assumption)
RENT_USD_PER_MW_MONTH = 121e3  # Core Scientific, sec.gov, 2024-10-22
H100_USD = 1275.0 * 31.0  # at the same USD/MW of its 1,275 W
PRICED = 2026.5  # the market prices of the catalogue are of the middle of 2026
# Fall of a type's price a year. H100: about 4 USD/h at the end of 2023 (from memory), 1.70 in October 2025, 35% a year,
# 2.60 in the middle of 2026 (Silicon Data), 15% a year all in all; none: as scarce as then for good.
DECAYS = {"none": 0.0, "15% a year": 0.15, "35% a year": 0.35}
COLOURS = ("#009E73", "#0072B2", "#D55E00")


class Kind(NamedTuple):
    """A GPU type: price on the market in the middle of 2026 [USD/h] and rated IT power [W] of one."""

    usd_per_hour: float
    rated_w: float


def kinds() -> dict[str, Kind]:
    """H100, GB300 and Rubin."""
    types = {name: built_in()[kind] for name, kind in (("H100", "H100"), ("GB300", "GB300"), ("Rubin", "VR200"))}
    return {name: Kind(gpu["market_usd_per_gpu_hour"], gpu["rated_it_w_per_gpu"]) for name, gpu in types.items()}


def margin_usd(kind: Kind, years: np.ndarray, decay: float, money: Money) -> np.ndarray:
    """[USD] What one GPU earns in the month at each date, less power and staff; its place is paid apart."""
    price = kind.usd_per_hour * (1.0 - decay) ** (years - PRICED)
    kw = kind.rated_w / 1e3
    power = kw * money.load * money.pue * HOURS * money.energy_usd_per_mwh / 1e3
    people = kw / 1e3 * (money.staff_usd_per_mw_month + money.network_usd_per_mw_month)
    return SOLD * HOURS * price * (1.0 - money.overhead_share) - power - people


def value_usd_per_mw(kind: Kind, late_months: int, decay: float, life_years: float, money: Money) -> float:
    """[USD] Present value, at the start of 2027, of a megawatt that is filled so many months later."""
    months = late_months + np.arange(round(12 * life_years))
    each = margin_usd(kind, 2027.0 + months / 12.0, decay, money) * 1e6 / kind.rated_w - RENT_USD_PER_MW_MONTH
    each = each[: np.argmax(each < 0.0)] if (each < 0.0).any() else each  # it goes when it costs more than it earns
    worth = (1.0 + money.discount_rate) ** (-months[: len(each)] / 12.0)
    waiting = RENT_USD_PER_MW_MONTH * ((1.0 + money.discount_rate) ** (-np.arange(late_months) / 12.0)).sum()
    return float(each @ worth - waiting - CAPEX_USD_PER_MW * (1.0 + money.discount_rate) ** (-late_months / 12.0))


def residual_usd(decay: float, life_years: float, money: Money, bought: float = 2024.0, at: float = 2029.0) -> float:
    """[USD] What an H100 earns from a date until it is so old, less the rent of its place, in USD of that date."""
    months = np.arange(max(0, round(12 * (bought + life_years - at))))
    kind = kinds()["H100"]
    each = margin_usd(kind, at + months / 12.0, decay, money) - RENT_USD_PER_MW_MONTH * kind.rated_w / 1e6
    return float(np.maximum(each, 0.0) @ (1.0 + money.discount_rate) ** (-months / 12.0))


def break_even_months(decay: float, life_years: float, money: Money, most: int = 36) -> int | None:
    """Months from which on Rubin is worth less than GB300 at once; None: not within ``most``."""
    now = value_usd_per_mw(kinds()["GB300"], 0, decay, life_years, money)
    later = (value_usd_per_mw(kinds()["Rubin"], late, decay, life_years, money) < now for late in range(most + 1))
    return next((late for late, worse in enumerate(later) if worse), None)


def report(money: Money) -> str:
    """What is found, in sentences."""
    lines = []
    for life in (5.0, 6.0):
        for name, decay in DECAYS.items():
            now, at_once = (value_usd_per_mw(kinds()[k], 0, decay, life, money) / 1e6 for k in ("GB300", "Rubin"))
            months = break_even_months(decay, life, money)
            said = "not within 36 months" if months is None else f"from {months} months of waiting on"
            lines.append(
                f"life of {life:g} years, prices fall {name}: GB300 {now:+.1f}, Rubin without a wait {at_once:+.1f}"
                f" million USD/MW; GB300 are the better choice {said}"
            )
    for name, decay in DECAYS.items():
        six, seven = (f"{residual_usd(decay, life, money):,.0f}" for life in (6.0, 7.0))
        lines.append(
            f"an H100 bought at the start of 2024, prices fall {name}: in 2029 it still earns {six} USD in use for"
            f" 6 years, {seven} for 7"
        )
    book = H100_USD * (1.0 - 5.0 / 6.0)
    lines.append(f"its book value then: 0 USD over 5 years, {book:,.0f} over 6, of {H100_USD:,.0f}")
    return "\n".join(lines)


def draw(money: Money) -> Figure:
    """Two panels: the choice, and the H100."""
    figure = Figure(figsize=(7.2, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    late = np.arange(0, 25)
    for (name, decay), colour in zip(DECAYS.items(), COLOURS, strict=True):
        rubin = [value_usd_per_mw(kinds()["Rubin"], m, decay, 6.0, money) / 1e6 for m in late]
        left.plot(late, rubin, color=colour, label=f"price falls {name}" if decay else "price stays")
        left.axhline(value_usd_per_mw(kinds()["GB300"], 0, decay, 6.0, money) / 1e6, color=colour, linestyle="--")
    left.set_xlabel("months that Rubin takes (solid); GB300 at once (dashed)", fontsize=8)
    left.set_ylabel("present value [million USD/MW of IT]", fontsize=8)
    left.set_ylim(top=100.0)  # room for the legend
    left.legend(fontsize=7, frameon=False, loc="upper right")
    decays = np.linspace(0.0, 0.5, 51)
    for life, colour in ((6.0, COLOURS[1]), (7.0, COLOURS[0])):
        worth = [residual_usd(decay, life, money) / 1e3 for decay in decays]
        right.plot(100 * decays, worth, color=colour, label=f"in use for {life:g} years")
    right.axhline(H100_USD / 6.0 / 1e3, color="black", linestyle=":", label="book value, life of 6 years")
    right.set_xlabel("fall of the H100's price [% a year]", fontsize=8)
    right.set_ylabel("H100 of 2024 in 2029 [thousand USD]", fontsize=8)
    right.legend(fontsize=7, frameon=False)
    for ax in (left, right):
        _plain(ax)
    return figure


def _plain(ax: Axes) -> None:
    ax.tick_params(labelsize=8)
    ax.grid(color="#E3E3E3", linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)


def main(out: str = "out/generations.png") -> None:
    """Print what is found, draw the figure."""
    money = Money()
    print(report(money))
    draw(money).savefig(out, dpi=150)
    print(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
