"""What services promised for their requests, what they kept, and how well step times are known: in words."""

from __future__ import annotations

import json

import pandas as pd

from gpusim.misses import BY_NAME
from gpusim.results.requests import attainment, by_requests, causes, objectives, with_model
from gpusim.results.tables.record import Record
from gpusim.results.wording import percent, quantity, short_time
from gpusim.units import number_of

MOST_CAUSES = 2  # of a sentence


def kept(result: Record, run: str = "") -> list[str]:
    """What came of the requests of each service with a model, a sentence each, and which of them are estimates.

    ``run``: which it is, if of several.
    """
    table, late, served = attainment(result), causes(result), by_requests(result)
    sentences = [
        _kept(row, run, objectives(result, row["service"]).share, late[late["service"] == row["service"]])
        for _place, row in table.iterrows()
    ]
    flows = [name for name in table["service"] if name not in served]
    if flows:
        sentences.append(f"Simulated as token flows, estimated from the load of replicas: {_all_of(flows)}.")
    return sentences


def _kept(row: pd.Series, run: str, promised: float, late: pd.DataFrame) -> str:
    name, judged, under_way = row["service"], row["judged"], row["under_way"]
    if not judged:
        at_end = f"{number_of(quantity(under_way), 'request')}, still running at the end and not late yet"
        return f"{name} had {at_end if under_way else 'no requests'}{run}."
    said = f"{name} met its objectives{run} for {percent(row['attainment'], promised)} of {_requests(judged)}"
    short = row["attainment"] < promised
    said += f", short of the target of {percent(promised)}" if short else f"; the target is {percent(promised)}"
    return said + "".join(f"; {part}" for part in (_why(late), _lost(row["failed"])) if part) + "."


def _why(late: pd.DataFrame) -> str:
    """What most of the late were late for, or what many of them were."""
    if late.empty:
        return ""
    named = [f"{BY_NAME[row.cause].short} ({percent(row.share)})" for row in late.itertuples()]
    if len(named) == 1:
        return f"late: {named[0]}"
    if 2 * late["requests"].iloc[0] > late["requests"].sum():
        return f"main cause of lateness: {named[0]}"
    more = len(named) - MOST_CAUSES
    listed = ", ".join(named[:MOST_CAUSES]) if more else " and ".join(named)
    return f"late: {listed}" + (f" and {number_of(more, 'more cause')}" if more else "")


def _lost(failed: int) -> str:
    return f"{_requests(failed)} failed" if failed else ""


def promised(result: Record) -> list[str]:
    """What each service with a model promised, a sentence each."""
    given = result.manifest["scenario"]["services"]
    return [
        f"Objectives of {name}: a first token within {short_time(one.ttft_s)} and one every"
        f" {short_time(one.time_per_output_token_s)} after it, for {percent(one.share)} of its requests"
        + ("." if given[name].get("objectives") else " (defaults, as the scenario states none).")
        for name, one in ((name, objectives(result, name)) for name in with_model(result))
    ]


def known(result: Record) -> list[str]:
    """From what the token times of services with a model are known, and how well: a sentence per GPU type and fit."""
    alike: dict[str, list[dict]] = {}
    for row in result.manifest.get("entries", []):
        alike.setdefault(json.dumps(row | {"service": ""}, sort_keys=True), []).append(row)
    return [
        f"Token times of {_all_of([row['service'] for row in rows])} on {rows[0]['gpu_type']} are from {_by(rows[0])};"
        f" {_four_in_five(rows[0])} within {rows[0]['token_time_low'] - 1.0:+z.0%} to"
        f" {rows[0]['token_time_high'] - 1.0:+z.0%} of them."
        for rows in alike.values()
    ]


def _by(entry: dict) -> str:
    if entry["basis"] == "log":
        return f"a fit to {entry['source']}"
    if entry["basis"] == "pair":
        return f"a fit to {number_of(entry['runs'], 'measured run')} of this model there ({entry['source']})"
    if entry["basis"] == "other engine":
        runs = number_of(entry["runs"], "measured run")
        return f"a fit to {runs} of this model there with {entry['like']} ({entry['source']})"
    return "a fit to the runs of all models"


def _four_in_five(entry: dict) -> str:
    if "like" in entry:
        return f"no run of {entry['engine']} was measured: four in five are assumed to lie"
    if "gpu" in entry:  # known from announced figures alone
        return "no run on this GPU was measured: four in five are assumed to lie"
    return "four in five measured ones lie"


def _all_of(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _requests(count: int) -> str:
    return number_of(quantity(count), "request")
