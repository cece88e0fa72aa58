"""Jobs that were turned away, in words: how many, why, and what would have taken them."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from gpusim.causes import WORDS
from gpusim.results.tables.record import Record
from gpusim.results.wording import gpu_hours, period, worth
from gpusim.scenario.earnings import Earnings
from gpusim.units import HOUR_S, number_of

ANY = "any type"


def rejections(result: Record) -> pd.DataFrame:
    """Rejected jobs as rows of ``gpusim.results.bottlenecks.bottlenecks``, without rank.

    They asked for the work that they would have done, GPUs x runtime on a type that they may use (see
    ``gpusim.engine.rejections.rejections_table``), and all of it is held back. site is "" where no queue turned them
    away, gpu_type what they may use.
    """
    table, start, rows = result.rejections, datetime.fromisoformat(result.manifest["start"]), []
    basis = Earnings.of_manifest(result.manifest).basis
    for (cause, site, kinds), part in table.groupby(["cause", "site", "gpu_type"], sort=False):
        hours = float(part["gpu_s"].sum()) / HOUR_S
        row = {
            "site": site, "gpu_type": kinds or ANY, "period_start_s": float(part["time_s"].min()),
            "period_end_s": float(part["end_s"].max()), "cause": cause, "gpu_hours_lost": 0.0, "share_of_planned": 0.0,
            "job_hours_waited": 0.0, "gpu_hours_asked": hours, "gpu_hours_held_back": hours,
            "usd": float(part["usd"].sum()),
        }  # fmt: skip
        rows.append({**row, "sentence": _sentence(row, part, start, basis)})
    return pd.DataFrame(rows)


def turned_away(result: Record) -> pd.DataFrame:
    """Rejected jobs by cause and their unmet demand.

    Returns
    -------
    DataFrame
        cause, name (of ``rejected_queue`` the pool as ``SITE/TYPE``; of ``rejected_residency`` the residency; of
        ``rejected_link`` where their data are; else the types that they may use, and their residency if they have one,
        as ``TYPES in RESIDENCY``), gpu_hours_held_back, usd, most_gpus (asked for by one), largest_gpus (of a pool that
        they may use).
    """
    table = result.rejections
    name = table["gpu_type"].where(table["gpu_type"] != "", ANY)
    name = name.where(table["residency"] == "", name + " in " + table["residency"])
    for cause, what in (
        ("rejected_queue", table["site"] + "/" + table["gpu_type"]), ("rejected_residency", table["residency"]),
        ("rejected_link", table["home"]),
    ):  # fmt: skip
        name = name.mask(table["cause"] == cause, what)
    groups = table.assign(name=name.astype(str)).groupby(["cause", "name"], sort=True, as_index=False)
    found = groups.agg(
        gpu_s=("gpu_s", "sum"), usd=("usd", "sum"), most_gpus=("most_gpus", "max"), largest_gpus=("largest_gpus", "max")
    )
    found.insert(2, "gpu_hours_held_back", found.pop("gpu_s") / HOUR_S)
    return found


def rejected(result: Record) -> str:
    """How many jobs were rejected, and why, the most frequent cause first; "" if none was."""
    table = result.rejections
    if not len(table):
        return ""
    parts = sorted(table.groupby("cause", sort=False), key=lambda part: -part[1]["jobs"].sum())
    count, jobs = int(table["jobs"].sum()), len(result.jobs)
    head = f"{count:,} of {number_of(jobs, 'job')} {'was' if count == 1 else 'were'} rejected"
    return f"{head}: {'; '.join(_lacks(cause, part, len(parts) == 1) for cause, part in parts)}."


def never_started(result: Record) -> int:
    """Jobs of the run that had not started when it ended, rejected ones among them."""
    return int(result.jobs["start_s"].isna().sum())


def _lacks(cause: str, part: pd.DataFrame, alone: bool) -> str:
    count = int(part["jobs"].sum())
    one = count == 1
    they = "it" if one else "they"
    words = {"they": they, "s": "s" if one else "", "who": they, "data": f"{'its' if one else 'their'} data"}
    if not alone:
        words |= {"who": f"{count:,}", "data": f"the data of {count:,}"}
    free = not any(part[name].astype(bool).any() for name in ("gpu_type", "residency", "home"))
    return WORDS[cause].clause.format(**words, allowed="" if free else f" that {they} may use", **_details(part))


def _details(part: pd.DataFrame) -> dict[str, str]:
    """What rows of ``rejections`` asked for: the most GPUs, the largest pool for these, types, places, homes."""
    most = part.loc[part["most_gpus"].idxmax()]
    up_to = "up to " if part["least_gpus"].min() < most["most_gpus"] else ""
    return {
        "most": f"{up_to}{number_of(most['most_gpus'], 'GPU')}", "need": number_of(most["most_gpus"], "GPU"),
        "largest": f"{int(most['largest_gpus']):,}",
        "kinds": _either(part["gpu_type"]) or ANY, "places": _either(part["residency"]), "homes": _either(part["home"]),
        "queue": " and ".join(dict.fromkeys(part["gpu_type"] + " at " + part["site"])),
    }  # fmt: skip


def _either(texts: pd.Series) -> str:
    """All names in texts like ``"H100|H200"``, joined by "or"."""
    return " or ".join(dict.fromkeys(name for text in texts for name in text.split("|") if name))


def _sentence(row: dict, part: pd.DataFrame, start: datetime, basis: str) -> str:
    words, count, details = WORDS[row["cause"]], int(part["jobs"].sum()), _details(part)
    when = period(start, row["period_start_s"], row["period_end_s"])
    where = f"At {row['site']}, {number_of(count, 'job')}" if row["site"] else number_of(count, "job")
    return (
        f"{where} of {details['most']} {'was' if count == 1 else 'were'} rejected,"
        f" from {when}: {_lacks(row['cause'], part, True)}. The work that {'it' if count == 1 else 'they'} asked for is"
        f" {gpu_hours(row['gpu_hours_asked'])}{worth(row['usd'], basis)}. What could relieve it:"
        f" {words.relief.format(**details)}."
    )
