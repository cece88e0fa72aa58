"""What the rules of a scenario did in a run: where they were in force, how often each bound, and what that cost."""

from __future__ import annotations

import pandas as pd

from gpusim.regulation.reporting import energy_report, scenario_of
from gpusim.regulation.scope import in_force_s, sites_under
from gpusim.results.tables.record import Record
from gpusim.results.tables.rules import LOSSES
from gpusim.results.wording import gpu_hours, quantity
from gpusim.scenario.earnings import Earnings
from gpusim.scenario.rule import SiteRule
from gpusim.scenario.rules import catalogue

# What a rule did, by ``what`` of the table of rules.
DEEDS = {
    "curtailment": "curtailed sites",
    "avoidance": "kept sites from peaks",
    "peak": "charged for peaks",
    "capacity": "charged for capacity",
    "pue": "limited PUE",
    "heat": "required heat reuse",
    "renewable": "required renewables",
    "report": "required a report",
    "residency": "closed sites to data",
    "delay": "delayed projects",
}
EFFECTS = ["rule", "what", "sites", "times", "bound", "gpu_hours", "lost_usd", "paid_usd"]
FORCE = ["rule", "site", "from_s", "to_s"]


def is_ruled(result: Record) -> bool:
    """Whether the scenario of a result enforces rules."""
    return bool(result.manifest["scenario"].get("rules", {}).get("enforce"))


def effects(result: Record) -> pd.DataFrame:
    """What each rule did, the costliest first.

    Returns
    -------
    DataFrame
        rule, what, sites (names), times (how often it acted, or a site was looked at), bound (how often that changed or
        cost something), gpu_hours (lost), lost_usd (what these would have earned), paid_usd (charges, fines,
        purchases).
    """
    rules = result.rules
    lost = rules["what"].isin(LOSSES)
    parts = rules.assign(lost_usd=rules["usd"].where(lost, 0.0), paid_usd=rules["usd"].where(~lost, 0.0))
    found = parts.groupby(["rule", "what"], sort=False).agg(
        sites=("site", lambda sites: ", ".join(sites.unique())), times=("site", "size"), bound=("binds", "sum"),
        gpu_hours=("gpu_hours", "sum"), lost_usd=("lost_usd", "sum"), paid_usd=("paid_usd", "sum"),
    ).reset_index()  # fmt: skip
    found = found.assign(cost=found["lost_usd"] + found["paid_usd"])
    return found.sort_values("cost", ascending=False, ignore_index=True, kind="stable")[EFFECTS]


def sources(result: Record) -> list[tuple[str, str, str]]:
    """(rule, what it is, where that stands and of when) of rules that did something, as the catalogue says."""
    found = []
    for name in effects(result)["rule"].unique():
        table = catalogue()[name]
        origin = table["sources"]["rule"]
        found.append((name, table["title"], f"{origin['source']}; {origin['date']}"))
    return found


def summary(result: Record) -> str:
    """What rules cost in a run, in a sentence or two."""
    found = effects(result)
    lost, paid = found["lost_usd"].sum(), found["paid_usd"].sum()
    if lost + paid == 0.0:
        return "No rule cost anything in this run."
    first, basis = found.iloc[0], Earnings.of_manifest(result.manifest).basis
    parts = [f"{gpu_hours(found['gpu_hours'].sum())}, {quantity(lost)} USD {basis}"] if lost else []
    parts += [f"{quantity(paid)} USD of charges, fines and purchases"] if paid else []
    most = f"The most expensive: {first['rule']}, which {DEEDS[first['what']]}."
    return f"Rules cost {', and '.join(parts)}. {most}"


def without_effect(result: Record) -> list[str]:
    """Rules that are enforced and did nothing in a run."""
    did = set(result.rules["rule"])
    return [name for name, _rule in scenario_of(result).rules.enforced() if name not in did]


def in_force(result: Record) -> pd.DataFrame:
    """Where and when each rule that did something was in force.

    Returns
    -------
    DataFrame
        rule, site ("" if it is not about sites), from_s, to_s: within the run.
    """
    scenario, did = scenario_of(result), set(result.rules["rule"])
    rows = []
    for name, rule in scenario.rules.enforced():
        span_s = in_force_s(rule, scenario.run.start, float(result.manifest["duration_s"]))
        if name in did and span_s:
            sites = sites_under(scenario, rule) if isinstance(rule, SiteRule) else [""]
            rows += [(name, site, *span_s) for site in sites]
    return pd.DataFrame(rows, columns=FORCE)


def reports(result: Record) -> tuple[pd.DataFrame, list[str]]:
    """(figures of the European report, a row per site and year; those that no site has).

    Returns
    -------
    DataFrame
        site, year, days, then the figures that at least one site has, as ``"NAME [UNIT]"``; NaN: missing.
    """
    table = energy_report(result)
    none = table.groupby("figure", sort=False)["value"].count() == 0
    missing = list(none.index[none])
    shown = table[~table["figure"].isin(missing)]
    unit = shown["unit"].where(shown["unit"] == "", " [" + shown["unit"] + "]")
    wide = shown.assign(figure=shown["figure"] + unit).pivot_table(
        index=["site", "year", "days"], columns="figure", values="value", dropna=False, sort=False, observed=True
    )
    return wide.dropna(how="all").reset_index(), missing
