"""Which resource held the fleet back, where, when, and at what cost; whether supply or demand binds."""

from __future__ import annotations

from datetime import datetime
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd

from gpusim.causes import BACKLOG, BUSY, CAPPED, NO_DEMAND, OFFLINE, REJECTED, SLACK, STALLED, WORDS
from gpusim.results.lateness import is_built, lateness
from gpusim.results.ledger import both_sides
from gpusim.results.rejections import never_started, rejected, rejections
from gpusim.results.tables.record import Record
from gpusim.results.tables.rules import CAPS
from gpusim.results.wording import gpu_hours, period, quantity, share, worth
from gpusim.scenario.earnings import Earnings
from gpusim.units import HOUR_S, number_of

# Whether supply or demand binds: GPU-time that work waited for, against GPU-time that nobody asked for.


class Balance(NamedTuple):
    """GPU-hours of a run, or means over several.

    Attributes
    ----------
    whole, idle, held : float
        [GPU-h] Planned, or live where projects bring GPUs; idle because nobody asked for them; held back from work that
        waited.
    is_built : bool
        Projects bring GPUs: what they bring late is told apart, and this is of GPUs that are live.
    """

    whole: float
    idle: float
    held: float
    is_built: bool = False

    @classmethod
    def of(cls, losses: pd.DataFrame, whole: float, is_built: bool = False) -> Balance:
        """Of rows of ``bottlenecks``, or of any others with cause, gpu_hours_lost and gpu_hours_held_back."""
        idle = losses.loc[losses["cause"] == NO_DEMAND, "gpu_hours_lost"].sum()
        other = losses["cause"].isin((*STALLED, *REJECTED))  # they have GPUs, or asked in vain for ever
        waited = losses.loc[~other, "gpu_hours_held_back"]
        return cls(whole, float(idle), float(waited.sum()), is_built)

    @property
    def by_demand(self) -> bool:
        """Whether more GPU-time lacked work than work lacked GPU-time."""
        return self.idle > self.held

    def sentence(self, when: str = "") -> str:
        """Which of the two binds; "" where neither does.

        Parameters
        ----------
        when : str
            What follows the verdict, say ``" in 7 of 8 runs"``.
        """
        if self.whole <= 0.0 or max(self.idle, self.held) <= 0.0:
            return ""
        idle, held = share(self.idle / self.whole), share(self.held / self.whole)
        time, first = ("live GPU-time", "Among live GPUs, ") if self.is_built else ("planned GPU-time", "")
        if self.by_demand:
            held = held if self.held > 0.0 else "nothing"
            verdict = f"{first}demand binds before supply{when}"
            found = f"{idle} of {time} had no demand, and {held} was held back from waiting work."
        else:
            verdict = f"{first}supply binds before demand{when}"
            found = f"waiting work could have used {held} of {time}, and {idle} of it had no demand."
        return f"{verdict[0].upper()}{verdict[1:]}: {found}"


# Which resource held the fleet back, where, when, and what it cost.

POOL = ["site", "gpu_type"]
COLUMNS = [
    "rank", "site", "gpu_type", "period_start_s", "period_end_s", "cause", "gpu_hours_lost", "share_of_planned",
    "job_hours_waited", "gpu_hours_asked", "gpu_hours_held_back", "usd", "sentence",
]  # fmt: skip


def bottlenecks(result: Record, entries: pd.DataFrame | None = None) -> pd.DataFrame:
    """What held the fleet back: by site, GPU type and cause, both sides of the ledger, the largest first.

    Supply: GPU-hours that were planned and not useful. Demand: time that jobs waited. They meet in one row where they
    have one cause; the waits of all rows add up to all waiting, the losses to all that was planned and not useful.

    An attribution: which cause stood between work and GPUs at the time, not what relieving it would gain. Ranked by
    ``gpu_hours_held_back``, then by ``job_hours_waited`` and ``gpu_hours_lost``. Held back: GPU-hours of a cause, at
    any moment no more than the unmet demand, each GPU counted once; of busy GPUs, those at work on other jobs. Jobs
    that were rejected asked for all their work. Slack, which nobody asked for, comes last.

    Parameters
    ----------
    entries : DataFrame, optional
        ``both_sides(result)``, where it is at hand.

    Returns
    -------
    DataFrame
        rank, site ("" of rejected jobs that no queue turned away), gpu_type, period_start_s and period_end_s [s] (the
        middle 90% of what was held back), cause, gpu_hours_lost, share_of_planned (of the pool), job_hours_waited,
        gpu_hours_asked (unmet demand: of waiting jobs, missing replicas and rejected jobs, and of jobs for the GPUs
        that they held while they loaded, wrote checkpoints or did lost work), gpu_hours_held_back (never more than
        gpu_hours_asked), usd (what gpu_hours_held_back would have earned: ``Earnings``),
        sentence.
    """
    start, basis = datetime.fromisoformat(result.manifest["start"]), Earnings.of_manifest(result.manifest).basis
    table = losses(result, both_sides(result) if entries is None else entries)
    named = _rules_by_site(result) if (table["cause"] == CAPPED).any() else {}
    table["sentence"] = [_sentence(row, start, basis, named) for row in table.to_dict("records")]
    turned_away = rejections(result)
    if len(turned_away):
        table = pd.concat([table, turned_away], ignore_index=True) if len(table) else turned_away
    slack = table["cause"].isin(SLACK)
    by = [-table[name].to_numpy(float) for name in ("gpu_hours_lost", "job_hours_waited", "gpu_hours_held_back")]
    order = np.lexsort((*by, slack.to_numpy()))
    table = table.iloc[order].reset_index(drop=True)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return table


def losses(result: Record, entries: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``bottlenecks`` in the order of ``entries = both_sides(result)``, without rank and sentence."""
    planned_s, earnings = _planned_s(result), Earnings.of_manifest(result.manifest)
    codes, labels = zip(*(pd.factorize(entries[name]) for name in (*POOL, "cause")), strict=True)
    shape = [len(names) for names in labels]
    group, found = pd.factorize(np.ravel_multi_index(codes, shape) if len(entries) else codes[0])
    parts = np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group, minlength=len(found)))[:-1])
    start_s, end_s, *values = (
        entries[name].to_numpy() for name in ("start_s", "end_s", "lost_s", "waited_s", "asked_s", "held_s")
    )
    held_by_s, rows = values[-1], []
    for part, key in zip(parts, found, strict=False):  # there is one empty part where there is no group
        site, kind, cause = (names[i] for names, i in zip(labels, np.unravel_index(key, shape), strict=True))
        lost_s, waited_s, asked_s, held_s = (float(value[part].sum()) for value in values)
        weight = next(
            (values[i] for i, sum_s in ((3, held_s), (0, lost_s), (1, waited_s), (2, asked_s)) if sum_s > 0.0), None
        )
        if weight is None:
            continue
        earned = earnings.usd(site, kind, start_s[part], end_s[part]) / (end_s[part] - start_s[part])
        first_s, last_s = _middle(start_s[part], end_s[part], weight[part])
        rows.append(
            {
                "site": site, "gpu_type": kind, "period_start_s": first_s, "period_end_s": last_s, "cause": cause,
                "gpu_hours_lost": lost_s / HOUR_S, "share_of_planned": lost_s / planned_s[site, kind],
                "job_hours_waited": waited_s / HOUR_S, "gpu_hours_asked": asked_s / HOUR_S,
                "gpu_hours_held_back": held_s / HOUR_S,
                "usd": float((held_by_s[part] * earned).sum()),
            }
        )  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS[1:-1])


def _planned_s(result: Record) -> dict[tuple[str, str], float]:
    """[GPU-s] planned, by pool."""
    (site, sites), (kind, kinds) = (pd.factorize(result.ledger[name]) for name in POOL)
    sums_s = np.bincount(site * len(kinds) + kind, result.ledger["gpu_s"], minlength=len(sites) * len(kinds))
    return dict(zip(product(sites, kinds), sums_s, strict=True))


def headline(result: Record, table: pd.DataFrame | None = None) -> str:
    """What made a build-out late, if there is one; whether supply or demand binds; what most is attributed to."""
    late = f"{lateness(result)} " if is_built(result) else ""
    return (late + balanced(result, table)).strip()


def balanced(result: Record, table: pd.DataFrame | None = None) -> str:
    """What was rejected, whether supply or demand binds, and what most is attributed to; "" if there is no work."""
    if is_built(result) and not len(result.jobs) and not len(result.services):
        return ""
    table = bottlenecks(result) if table is None else table
    asked = len(result.jobs) > 0 or (result.services["wanted_replicas"] > 0).any()
    built, ledger = is_built(result), result.ledger
    counted = ledger[~ledger["cause"].isin(OFFLINE)] if built else ledger
    found = Balance.of(table, float(counted["gpu_s"].sum()) / HOUR_S, built)
    turned_away = rejected(result)
    rest = greatest(result, table).removeprefix(turned_away).strip()
    return " ".join(filter(None, (turned_away, found.sentence() if asked else "", rest)))


def greatest(result: Record, table: pd.DataFrame | None = None) -> str:
    """What was rejected, what most is attributed to, and what jobs waited for longest if that is something else."""
    table = bottlenecks(result) if table is None else table
    turned_away, never = rejected(result), never_started(result)
    real = table[~table["cause"].isin(SLACK) & (table["gpu_hours_held_back"] > 0.0)]
    total = float(table["job_hours_waited"].sum())
    if real.empty and total <= 0.0:
        waiting = never - int((result.jobs["status"] == "rejected").sum())
        if turned_away:
            return turned_away + " Nothing else held the fleet back." * (not waiting)
        if waiting:
            return f"{number_of(waiting, 'job')} had not started when the run ended, and had not waited yet."
        if not len(result.jobs) and not (result.services["wanted_replicas"] > 0).any():
            return "Nothing was held back: nobody asked for a GPU."
        return _in_vain(table) or "Nothing held the fleet back: every GPU asked for was there and at work."
    longest = table.loc[table["job_hours_waited"].idxmax()]
    if real.empty:
        said = f"Jobs waited {number_of(quantity(total), 'hour')} while no GPU was free, longest for {_name(longest)}."
        return f"{turned_away} {said}".strip()
    first = real.iloc[0]
    held, basis = quantity(first["gpu_hours_held_back"]), Earnings.of_manifest(result.manifest).basis
    lost = f"{number_of(held, 'GPU-hour')} held back" + " from running work" * (first["cause"] in STALLED)
    text = f"Most is attributed to {_name(first)}: {lost}{worth(first['usd'], basis)}."
    text = f"{turned_away} {text}".strip()
    if total <= 0.0:
        return text + " No job waited." * (len(result.jobs) > 0)
    if total * HOUR_S < len(result.jobs):  # a second each
        return text + " Hardly any job waited."
    part = f"{share(longest['job_hours_waited'] / total)} of the {number_of(quantity(total), 'hour')} that jobs waited"
    if longest["rank"] == first["rank"]:
        return text + f" It also caused {part}."
    return text + f" Jobs waited longest for {_name(longest)}: {part}."


def _in_vain(table: pd.DataFrame) -> str:
    """What replicas asked for, while no GPU was free; "" if there is nothing."""
    asked = float(table["gpu_hours_asked"].sum())
    if asked <= 0.0:
        return ""
    most = table.loc[table["gpu_hours_asked"].idxmax()]
    return f"Replicas asked for {gpu_hours(asked)} while no GPU was free, most of them for {_name(most)}."


def _name(row: pd.Series) -> str:
    place = f"{row['gpu_type']} at {row['site']}" if row["site"] else row["gpu_type"]
    return f"'{WORDS[row['cause']].short}' ({place})"


def _middle(start_s: np.ndarray, end_s: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Span [s] of the middle 90% of ``weight``, in whole record intervals."""
    order = np.argsort(start_s, kind="stable")
    done = np.cumsum(weight[order]) / weight.sum()
    first = int(np.searchsorted(done, 0.05))
    last = min(int(np.searchsorted(done, 0.95 - 1e-12)), len(order) - 1)
    return float(start_s[order[first]]), float(end_s[order[last]])


def _rules_by_site(result: Record) -> dict[str, str]:
    """Names of the rules that held GPUs of a site idle, the costliest first; without those of a plugin."""
    if "rules" not in result.tables:
        return {}
    rules = result.rules
    held = rules[rules["what"].isin(CAPS) & (rules["gpu_hours"] > 0.0)]
    sums = held.groupby(["site", "rule"])["gpu_hours"].sum().sort_values(ascending=False, kind="stable").reset_index()
    return sums.groupby("site")["rule"].agg(" and ".join).to_dict()


def _sentence(row: dict, start: datetime, basis: str, rules: dict[str, str]) -> str:
    cause, words = row["cause"], WORDS[row["cause"]]
    lost, held, asked = (quantity(row[key]) for key in ("gpu_hours_lost", "gpu_hours_held_back", "gpu_hours_asked"))
    when = period(start, row["period_start_s"], row["period_end_s"])
    value, of_planned = worth(row["usd"], basis), f"({share(row['share_of_planned'])} of planned GPU-time)"
    of_wait = words.wait.clause if words.wait is not None and row["gpu_hours_lost"] <= 0.0 else ""
    clause = of_wait or words.clause
    rule = f" ({rules[row['site']]})" if cause == CAPPED and row["site"] in rules else ""
    parts = [f"At {row['site']}, {row['gpu_type']} {clause}{rule}, mostly from {when}."]
    if cause in STALLED:
        parts.append(f"This cost {number_of(lost, 'GPU-hour')} {of_planned}{value}.")
    elif row["gpu_hours_held_back"] <= 0.0:
        if row["gpu_hours_lost"] > 0.0:
            parts.append(f"{number_of(lost, 'GPU-hour')} {of_planned} held nothing back: no work needed them.")
        elif row["gpu_hours_asked"] > 0.0:
            parts.append(f"Waiting work asked for {number_of(asked, 'GPU-hour')}, but no GPU was free for it.")
    elif cause in (BUSY, BACKLOG) and held == asked:
        parts.append(f"Waiting work asked for {number_of(asked, 'GPU-hour')} beyond these{value}.")
    elif cause in (BUSY, BACKLOG):
        parts.append(
            f"Waiting work asked for {number_of(asked, 'GPU-hour')} beyond these; {held} of them count as held back, as"
            f" many as other work kept busy{value}."
        )
    else:
        hours = number_of(lost, "GPU-hour")
        of_these = f"all of these {hours}" if held == lost else f"{held} of these {hours}"
        parts.append(f"Waiting work asked for {of_these} {of_planned}{value}.")
        if asked != held:
            parts.append(f"In total it asked for {asked}.")
    if row["job_hours_waited"] >= 0.5:
        hours = quantity(row["job_hours_waited"])
        parts.append(f"Jobs waited {number_of(hours, 'hour')} for it.")
    if row["gpu_hours_held_back"] > 0.0 and words.relief:
        parts.append(f"What could relieve it: {words.relief}.")
    return " ".join(parts)
