"""When to replace a hall of H100s, and by what?
==============================================

A hall of 30 MW in Texas is full of H100s of 2024, rented out by the hour. At some date GB300 or Vera Rubin
racks replace them: 75 days of an empty hall, and capital. Prices of all types fall with age. The build-out is played
and its statements made from 2027 to the end of 2032 (``gpusim.play``, ``gpusim.commerce``): present value with plant at
book value at both ends, less that of the hall as it is, against the date.

    python experiments/replace_hall.py [OUT.png]

Old GPUs bring nothing, or, "sold", all that they would still earn until they are as old as that (``money.resale``,
``experiments/generations.py``): the most that a buyer would pay.

What a type earns and draws is from the catalogue; of Rubin these are assumptions.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta

import pandas as pd
from generations import residual_usd
from matplotlib.figure import Figure

import gpusim
from gpusim.commerce.accounts import accounts
from gpusim.commerce.allocate import allocate
from gpusim.commerce.allocation import LIVE, of_build_out
from gpusim.commerce.book import Book
from gpusim.commerce.capital import spending_of
from gpusim.commerce.figures import figures
from gpusim.commerce.statements import statements
from gpusim.scenario.hardware import built_in
from gpusim.scenario.money import Money

START, DAYS = datetime(2027, 1, 1), 2192.0  # to the end of 2032
MW, USD_PER_MW = 30.0, 31e6  # GPUs and networks: CoreWeave, 2025, 15.4 billion for 490 MW; Rubin likewise (assumption)
BOUGHT = datetime(2024, 1, 1)
KINDS = {"GB300": "#0072B2", "VR200": "#D55E00"}
FALLS = {0.15: "-", 0.35: "--"}  # of prices a year: experiments/generations.py
LIVES = (6.0, 5.0)
SETTING_UP = {"network": 45.0, "commissioning": 30.0}  # [d] that the hall is empty (templates of projects)


def fit(kind: str) -> int:
    """GPUs of a type that the hall takes, in whole NVLink domains."""
    gpu = built_in()[kind]
    domain = int(gpu["gpus_per_node"] * gpu["nodes_per_domain"])
    return int(MW * 1e6 / gpu["rated_it_w_per_gpu"]) // domain * domain


def worth_usd(fall: float, life_years: float, at: datetime) -> float:
    """[USD] What an H100 of the hall would still earn from a date on until it is so old, less what it costs to run."""
    bought, date = (moment.year + (moment.timetuple().tm_yday - 1) / 365.25 for moment in (BOUGHT, at))
    return residual_usd(fall, life_years, Money(), bought, date)


def hall(fall: float, life_years: float, kind: str = "", at: datetime = START, sold: float = 0.0) -> gpusim.Scenario:
    """The hall as it is, or with all H100s replaced by another type from a date on, sold for a share of their worth."""
    old, usd = fit("H100"), MW * USD_PER_MW
    age = (START - BOUGHT).days / 365.25
    site = {
        "region": "US-TEX-ERCO", "jurisdiction": "US", "grid_mw": 2.0 * MW, "hall_mw": MW,
        "rent_usd_per_mw_month": 121e3, "cooling": {"medium": "liquid"},
        "pools": {"H100": {"gpus": float(old)}},
    }  # fmt: skip
    tables = {
        "name": f"hall with {kind or 'H100'}",
        "run": {"start": START, "days": DAYS, "record_s": 2_629_800.0, "signal_s": 2_629_800.0},
        "sites": {"hall": site},
        "market": {"on_demand_share": 0.9, "ageing": {"per_year": {name: fall for name in ("H100", *KINDS)}}},
        "money": {
            "gpu_life_years": life_years,
            "opening": {"plant_usd": usd, "depreciation_usd": usd * min(age / life_years, 1.0)},
        },
    }  # fmt: skip
    if kind:
        price = {"H100": sold * worth_usd(fall, life_years, at)}
        tables["money"]["resale"] = {"usd_per_gpu": price, "fall_per_year": 0.0}  # it is that of the date
        left = [{"at": START, "value": float(old)}, {"at": at, "value": 0.0}]
        site["pools"] = {"H100": {"gpus": left}, kind: {"gpus": 0.0}}
        tasks = {
            "network": {"median_days": SETTING_UP["network"], "usd": usd},
            "commissioning": {"after": ["network"], "median_days": SETTING_UP["commissioning"], "gives": "gpus"},
        }
        adds = {"gpus": {kind: fit(kind)}}
        tables["projects"] = {"replace": {"site": "hall", "start": at, "adds": adds, "tasks": tasks}}
    return gpusim.Scenario.from_dict(tables)


def npv_usd(scenario: gpusim.Scenario) -> float:
    """[USD] Present value of the statements, with plant at book value on the first and the last day."""
    book, spending = Book.of(scenario), None
    live = pd.DataFrame([("hall", "H100", 0.0, fit("H100"))], columns=LIVE)
    if scenario.projects:
        build_out = gpusim.play(scenario)
        live = of_build_out(build_out.live)
        spending = spending_of(build_out.tasks, build_out.projects, book.months_s, scenario.money)
    return float(figures(statements(accounts(allocate(book, live)), spending))["npv_book_usd"])


def gains(fall: float, life_years: float, kind: str, months: list[int], sold: float = 0.0) -> list[float]:
    """[million USD/MW] Worth of a replacement so many months after the start, over that of the hall as it is."""
    kept = npv_usd(hall(fall, life_years))
    at = [START + timedelta(days=365.25 / 12.0 * month) for month in months]
    return [(npv_usd(hall(fall, life_years, kind, one, sold)) - kept) / MW / 1e6 for one in at]


def _told(months: list[int], found: list[float]) -> str:
    best = max(range(len(months)), key=found.__getitem__)
    first = f"after {months[0]} months {found[0]:+.1f} million USD/MW"
    return f"{first}, best after {months[best]} months, {found[best]:+.1f}"


def main(out: str = "out/replace_hall.png", every: int = 6) -> None:
    """Print the best date of each choice, draw the figure."""
    months = list(range(every, 49, every))
    figure = Figure(figsize=(7.2, 3.2), layout="constrained")
    for ax, life_years in zip(figure.subplots(1, 2, sharey=True), LIVES, strict=True):
        for fall, line in FALLS.items():
            for kind, colour in KINDS.items():
                found = gains(fall, life_years, kind, months)
                told = gains(fall, life_years, kind, months, sold=1.0)
                print(f"life {life_years:g} years, prices fall {fall:.0%} a year, {kind}: {_told(months, found)};")
                print(f"    H100s sold: {_told(months, told)}")
                ax.plot(months, found, line, color=colour, label=f"{kind}, prices fall {fall:.0%} a year")
        ax.axhline(0.0, color="black", linewidth=0.8)
        ax.set_title(f"life of {life_years:g} years", fontsize=9)
        ax.set_xlabel("months from January 2027 to the replacement", fontsize=8)
        ax.tick_params(labelsize=8)
        ax.grid(color="#E3E3E3", linewidth=0.6)
        ax.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("worth over keeping H100s\n[million USD/MW of IT]", fontsize=8)
    figure.axes[1].legend(fontsize=7, frameon=False, loc="lower right")
    figure.savefig(out, dpi=150)
    print(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
