"""A site's bill for power by month and component, from the readings of its meter."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import numpy as np
import pandas as pd

from gpusim.inputs.weather import Sun
from gpusim.results.tables.names import BILL_COLUMNS, CHARGED, GRID, TAXES, VIRTUAL
from gpusim.scenario.electricity import Agreement, DayAhead, Tariff
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.site import Site
from gpusim.scenario.steps import Steps
from gpusim.units import DAY_S, HOUR_S, JOULE_PER_MWH, calendar, months, seconds_between

KW_PER_MW, KG_PER_T = 1000.0, 1000.0

BillItem = tuple[str, float, float, str, float]  # component, energy [MWh], amount, its unit, USD


def bills(
    scenario: Scenario,
    meter: pd.DataFrame,
    rules: pd.DataFrame,
    calls: pd.DataFrame | None = None,
    on_site: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Bills of all sites with a tariff.

    Parameters
    ----------
    meter : DataFrame
        Intervals of the sites: site, start_s, end_s [s], energy_j, market_usd, carbon_kg, grid_mw.
    rules : DataFrame
        What rules charged in the run: their transmission and capacity are on the bills.
    calls : DataFrame, optional
        Calls of the grid (``curtailments``), in which a backup ran: what it gave is not bought.
    on_site : DataFrame, optional
        What sites made and stored (``on_site``): it is no part of what their meters counted.

    Returns
    -------
    DataFrame
        site, month, component, energy_mwh (of the site's energy, what the line is for: over all lines of a month all
        that it drew), amount and its unit, usd.
    """
    rows = []
    for site, spec in scenario.sites.items():
        if spec.tariff is None:
            continue
        mine = meter[meter["site"] == site]
        if spec.tariff.day_ahead is not None:
            mine = mine.assign(position_mwh=position_mwh(spec.tariff.day_ahead, mine, scenario.run.start))
        charged = _charged(rules[rules["site"] == site])
        for month, from_s, to_s in months(scenario.run.start, float(mine["end_s"].max())):
            read = mine[(mine["start_s"] >= from_s) & (mine["end_s"] <= to_s)]
            if len(read):
                own_mwh = backup_mwh(calls[calls["site"] == site], read) if calls is not None else np.zeros(len(read))
                lines = [*_lines(spec, without(read, own_mwh), scenario.run.start), *_of_rules(charged, from_s, to_s)]
                if own_mwh.any():
                    own = float(own_mwh.sum())
                    lines.append(("backup", own, own, "MWh", own * spec.non_firm.backup_usd_per_mwh))
                lines += _taxes(spec.tariff, lines)
                if on_site is not None:
                    own = on_site[on_site["site"] == site]
                    lines += _own(own, from_s, to_s, _month_s(scenario.run.start, from_s))
                rows += [(site, month, *line) for line in lines]
    return pd.DataFrame(rows, columns=BILL_COLUMNS)


def position_mwh(day_ahead: DayAhead, read: pd.DataFrame, start: datetime) -> np.ndarray:
    """[MWh] Bought the day before for each interval of a site's meter, shape (intervals,).

    Its flat power; or what the meter had counted by the interval's end less by its begin, both a day before.
    """
    from_s, to_s = read["start_s"].to_numpy(), read["end_s"].to_numpy()
    if day_ahead.mw is not None:
        return _flat_mwh(day_ahead.mw, start, from_s, to_s)
    counted_s = np.append(from_s[:1], to_s)
    counted_mwh = np.append(0.0, np.cumsum(read["energy_j"].to_numpy())) / JOULE_PER_MWH
    return np.interp(to_s - DAY_S, counted_s, counted_mwh) - np.interp(from_s - DAY_S, counted_s, counted_mwh)


def _flat_mwh(
    steps: Steps, start: datetime, from_s: np.ndarray, to_s: np.ndarray, since_s: float = 0.0, until_s: float = np.inf
) -> np.ndarray:
    """[MWh] Of power in steps [MW], between two moments [s], in each of some spans."""
    found, levels = np.zeros(len(from_s)), steps.steps(start)
    for (begins_s, mw), (ends_s, _next) in zip(levels, [*levels[1:], (np.inf, 0.0)], strict=True):
        span_s = np.minimum(to_s, min(ends_s, until_s)) - np.maximum(from_s, max(begins_s, since_s))
        found += mw * np.clip(span_s, 0.0, None) / HOUR_S
    return found


def contracted_mwh(agreement: Agreement, read: pd.DataFrame, start: datetime, spec: Site) -> np.ndarray:
    """[MWh] That an agreement of a site is for in each interval of a meter, shape (intervals,)."""
    from_s, to_s = read["start_s"].to_numpy(), read["end_s"].to_numpy()
    first_s = -np.inf if agreement.since is None else seconds_between(start, agreement.since)
    last_s = np.inf if agreement.until is None else seconds_between(start, agreement.until)
    if agreement.mw is None:  # it takes part in an interval by its share of the time
        share = np.clip(np.minimum(to_s, last_s) - np.maximum(from_s, first_s), 0.0, None) / (to_s - from_s)
        return share * read["energy_j"].to_numpy() / JOULE_PER_MWH
    most_mwh = _flat_mwh(agreement.mw, start, from_s, to_s, first_s, last_s)
    if agreement.capacity_factor is None:
        return most_mwh
    return most_mwh * Sun(spec.latitude, spec.longitude, start, agreement.capacity_factor).means(from_s, to_s)


def agreed_mwh(scenario: Scenario, meter: pd.DataFrame) -> np.ndarray:
    """[MWh] That all agreements of a site are for in each interval of its meter, shape (intervals,)."""
    found = np.zeros(len(meter))
    for site, spec in scenario.sites.items():
        mine = (meter["site"] == site).to_numpy()
        for agreement in spec.tariff.agreements.values() if spec.tariff else ():
            found[mine] += contracted_mwh(agreement, meter[mine], scenario.run.start, spec)
    return found


def backup_mwh(calls: pd.DataFrame, read: pd.DataFrame) -> np.ndarray:
    """[MWh] That a backup gave in each interval of a meter, even over each call, at most what the site drew."""
    found = np.zeros(len(read))
    for call in calls.itertuples():
        span_s = np.minimum(read["end_s"], call.end_s) - np.maximum(read["start_s"], call.start_s)
        found += call.backup_mwh * np.clip(span_s, 0.0, None) / (call.end_s - call.start_s)
    drawn_mwh = np.maximum(read["energy_j"], 0.0) / JOULE_PER_MWH  # where all is made on site, rounding is left
    return np.minimum(found, drawn_mwh)


def without(read: pd.DataFrame, own_mwh: np.ndarray) -> pd.DataFrame:
    """What a meter would have counted but for energy made on site [MWh, by interval]."""
    drawn_mwh = read["energy_j"].to_numpy() / JOULE_PER_MWH
    bought = 1.0 - np.divide(own_mwh, drawn_mwh, out=np.zeros(len(read)), where=drawn_mwh > 0.0)
    return read.assign(**{name: read[name] * bought for name in ("energy_j", "market_usd", "carbon_kg")})


def billed_demand_mw(tariff: Tariff, read: pd.DataFrame) -> float:
    """[MW] Demand of a month: its highest mean power of an interval, or the least that counts in any case."""
    drawn_mw = read["energy_j"] / JOULE_PER_MWH / ((read["end_s"] - read["start_s"]) / HOUR_S)
    return max(float(drawn_mw.max()), tariff.least_demand_share * float(read["grid_mw"].max()))


def _lines(spec: Site, read: pd.DataFrame, start: datetime) -> Iterator[BillItem]:
    tariff, drawn_j = spec.tariff, read["energy_j"].to_numpy()
    hours = ((read["end_s"] - read["start_s"]) / HOUR_S).to_numpy()
    total_mwh, market_usd = drawn_j.sum() / JOULE_PER_MWH, float(read["market_usd"].sum())
    price = read["price_usd_per_mwh"].to_numpy()
    delivered_mwh, worth_usd, agreed = 0.0, 0.0, []
    for name, agreement in tariff.agreements.items():
        mwh = contracted_mwh(agreement, read, start, spec)
        amount, worth = float(mwh.sum()), float((mwh * price).sum())
        usd = amount * agreement.price_usd_per_mwh
        if agreement.settlement == "physical":
            delivered_mwh, worth_usd = delivered_mwh + amount, worth_usd + worth
            agreed.append((f"agreement {name}", amount, amount, "MWh", usd))
        else:
            agreed.append((f"{VIRTUAL} {name}", 0.0, amount, "MWh", usd - worth))
    if tariff.day_ahead is not None:
        mwh = read["position_mwh"].to_numpy()
        amount, usd = float(mwh.sum()), float((mwh * read["day_ahead_usd_per_mwh"].to_numpy()).sum())
        delivered_mwh, worth_usd = delivered_mwh + amount, worth_usd + float((mwh * price).sum())
        agreed.append(("day ahead", amount, amount, "MWh", usd))
    bought_mwh = total_mwh - delivered_mwh
    yield "energy", bought_mwh, bought_mwh, "MWh", market_usd - worth_usd
    yield from agreed
    if tariff.demand_usd_per_kw_month:
        demand_mw = billed_demand_mw(tariff, read)
        usd = demand_mw * KW_PER_MW * tariff.demand_usd_per_kw_month * _covered(start, read, hours)
        yield "demand", 0.0, demand_mw, "MW", usd
    if tariff.delivery_usd_per_mwh:
        yield "delivery", 0.0, total_mwh, "MWh", total_mwh * tariff.delivery_usd_per_mwh
    if tariff.carbon_usd_per_t:
        tonnes = float(read["carbon_kg"].sum()) / KG_PER_T
        yield "carbon", 0.0, tonnes, "t", tonnes * tariff.carbon_usd_per_t


def _covered(start: datetime, read: pd.DataFrame, hours: np.ndarray) -> float:
    """Share of its calendar month that the run covers."""
    return float(hours.sum()) * HOUR_S / _month_s(start, float(read["start_s"].iloc[0]))


def _month_s(start: datetime, time_s: float) -> float:
    """[s] Length of the calendar month of a time of the run."""
    turn = calendar(start, time_s).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    after = turn.replace(year=turn.year + turn.month // 12, month=turn.month % 12 + 1)
    return seconds_between(turn, after)


def _charged(rules: pd.DataFrame) -> pd.DataFrame:
    return rules[rules["what"].isin(CHARGED)]


def _of_rules(charged: pd.DataFrame, from_s: float, to_s: float) -> Iterator[BillItem]:
    """What rules charged for a part of the run: each charge even over the time that it is for, by component."""
    for what, component in CHARGED.items():
        mine = charged[charged["what"] == what]
        within_s = np.minimum(mine["end_s"], to_s) - np.maximum(mine["start_s"], from_s)
        share = np.clip(within_s, 0.0, None) / (mine["end_s"] - mine["start_s"])
        if (share > 0.0).any():
            mw = float(mine.loc[share > 0.0, "measured"].mean())
            yield component, 0.0, mw, "MW", float((share * mine["usd"]).sum())


def _own(made: pd.DataFrame, from_s: float, to_s: float, month_s: float) -> Iterator[BillItem]:
    """What a month's own power was and cost, by source; a battery counts with what it gave less what it took."""
    month = made[(made["start_s"] >= from_s) & (made["end_s"] <= to_s) & (made["source"] != GRID)]
    for (source, kind), rows in month.groupby(["source", "kind"], sort=False):
        mwh = float((rows["given_j"] - rows["taken_j"]).sum()) / JOULE_PER_MWH
        yield f"{'storage' if kind == 'battery' else 'generation'} {source}", mwh, mwh, "MWh", float(rows["usd"].sum())
        if fixed_usd := float(rows["fixed_usd"].sum()):
            share = float((rows["end_s"] - rows["start_s"]).sum()) / month_s
            yield f"fixed cost {source}", 0.0, share, "month", fixed_usd


def _taxes(tariff: Tariff, lines: list[BillItem]) -> Iterator[BillItem]:
    if tariff.tax_share:
        base = max(0.0, sum(usd for component, *_amount, usd in lines if not component.startswith(VIRTUAL)))
        yield TAXES, 0.0, base, "USD", base * tariff.tax_share
