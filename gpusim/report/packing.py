"""Pods that share GPUs, for the terminal: what policies give away as a cluster fills, and as pods come and go."""

from __future__ import annotations

import numpy as np
import pandas as pd
from rich.console import Console

from gpusim.errors import did_you_mean
from gpusim.inputs.pods import WHOLE, Nodes, Pods, TimedPods
from gpusim.inputs.typical import typical
from gpusim.report.terminal import listing, terminal
from gpusim.results.wording import duration, percent
from gpusim.studies.packing.inflation import CURVES
from gpusim.studies.packing.misfits import misfits, missing_types
from gpusim.studies.packing.timed import Played
from gpusim.studies.statistics.intervals import mean_interval, paired_interval
from gpusim.units import number_of

# As a cluster fills: pods that arrive and stay (`gpusim pack`).

SHOWN = (90, 95, 100)  # per cent of demand, besides the last
MOST_TYPES = 3  # GPU types that no node has which are named
LEAST = 0.005  # points that are told apart
ALLOCATED, FRAGMENT, _OF_FREE = CURVES


def print_packing(found: pd.DataFrame, nodes: Nodes, pods: Pods, console: Console | None = None) -> None:
    """What came to what, a table of policies, and which of them gives most away."""
    console = terminal(console)
    console.print(_about(found, nodes, pods))
    console.print(unfit(nodes, pods), end="")
    last = int(found["demand_percent"].max())
    demands = [*(demand for demand in SHOWN if demand < last), last]
    runs = found["seed"].nunique()
    ends = ["fragments>", "placed>"]
    table = listing("policy", *(f"at {demand}%>" for demand in demands), *["±>"][: runs - 1], *ends)
    for policy, own in found.groupby("policy", sort=False):
        width = mean_interval(_at(own, last, ALLOCATED)).half_width
        table.add_row(
            policy,
            *(_mean(own, demand, ALLOCATED) for demand in demands),
            *[f"{width:.2f}"][: runs - 1],
            _mean(own, last, FRAGMENT),
            _placed(own),
        )
    console.print(_title(runs))
    console.print(table)
    console.print(_meaning(last, runs))
    if found["policy"].nunique() > 1:
        console.print(_best(found, last))


def _about(found: pd.DataFrame, nodes: Nodes, pods: Pods) -> str:
    came, gpus, usual = found["pods"].mean(), int(nodes.gpus.sum()), typical(pods)
    sharing = np.count_nonzero((pods.gpus == 1) & (pods.gpu_milli < WHOLE))
    drawn = "some more than once" if came > len(pods) else "some are left out" if came < len(pods) else "all of them"
    return (
        f"{number_of(len(nodes), 'node')} with {number_of(gpus, 'GPU')}. {number_of(len(pods), 'pod')} ({sharing:,}"
        f" sharing a GPU, {np.count_nonzero(pods.gpus == 0):,} without one); {number_of(round(came), 'pod')}"
        f" arrive one by one ({drawn}) and stay.\nTypical pods: those with the {number_of(len(usual.pods), 'request')}"
        f" that make up {usual.pods.sum() / len(pods):.0%} of the file."
    )


def unfit(nodes: Nodes, pods: Pods) -> str:
    """A line on pods that fit nowhere, and GPU types that no node has; nothing if all fit."""
    count = int(np.count_nonzero(misfits(nodes, pods)))
    if not count:
        return ""
    there, missing = sorted(set(nodes.model[nodes.gpus > 0].tolist())), missing_types(nodes, pods)
    told = "; ".join(
        f"{number_of(n, 'pod')} of {text}{did_you_mean(text, there)}" for text, n in missing.most_common(MOST_TYPES)
    )
    more = f"; and {number_of(len(missing) - MOST_TYPES, 'other')}" if len(missing) > MOST_TYPES else ""
    types = f" GPU types that no node has: {told}{more}." if missing else ""
    fit = "fits" if count == 1 else "fit"
    return f"{number_of(count, 'pod')} of the file {fit} on no node, even an empty one.{types}\n"


def _title(runs: int) -> str:
    return f"GPUs allocated as demand grows, % of the cluster's{f' (means of {runs} orders)' if runs > 1 else ''}:"


def _meaning(last: int, runs: int) -> str:
    interval = f"±: half the 95% interval of the mean at {last}%. " if runs > 1 else ""
    return (
        f"{interval}fragments: free GPUs that typical pods cannot use, % of the cluster's, at {last}%. placed: of the"
        " pods that arrived."
    )


def _at(own: pd.DataFrame, demand: int, curve: str) -> np.ndarray:
    """A value for each seed, at the last demand up to one."""
    upto = own[own["demand_percent"] <= demand]
    return upto.groupby("seed")[curve].last().to_numpy()


def _mean(own: pd.DataFrame, demand: int, curve: str) -> str:
    values = _at(own, demand, curve)
    return "-" if np.isnan(values).all() else f"{np.nanmean(values):.2f}"  # nothing is free


def _placed(own: pd.DataFrame) -> str:
    runs = own.groupby("seed")[["placed", "pods"]].first().sum()
    return f"{100.0 * runs['placed'] / runs['pods']:.1f}%"


def _best(found: pd.DataFrame, last: int) -> str:
    """The policy that allocates most in the end, and whether it is more than the next."""
    values = {policy: _at(own, last, ALLOCATED) for policy, own in found.groupby("policy", sort=False)}
    first, second = sorted(values, key=lambda policy: -values[policy].mean())[:2]
    gap = paired_interval(values[second], values[first])
    if abs(gap.mean) < LEAST:
        return f"{first} and {second} allocate equally much."
    more = f"{gap.mean:.2f} points more than {second}"
    if gap.n < 2:
        return f"{first} allocates most, {more}; only several orders (--replications) can rule out chance."
    if gap.low > 0.0:
        return f"{first} allocates most: {more}, which is next (95% interval {gap.low:.2f} to {gap.high:.2f})."
    return (
        f"{first} and {second} allocate most; their order may be chance (difference {gap.mean:.2f} points, 95%"
        f" interval {gap.low:.2f} to {gap.high:.2f})."
    )


# Pods that come and go, at the times of a trace (`gpusim pack-trace`).


def print_played(found: dict[str, Played], nodes: Nodes, trace: TimedPods, console: Console | None = None) -> None:
    """What came to what, and a row for each policy."""
    console = terminal(console)
    gpus = nodes.gpu_milli / WHOLE
    console.print(
        f"{number_of(len(nodes), 'node')} with {number_of(gpus, 'GPU')}, {number_of(len(trace.pods), 'pod')}."
    )
    table = listing("policy", "in use>", "most>", "fragments>", "waited>", "mean wait>", "p99>", "never ran>")
    for policy, played in found.items():
        wait_s = played.pods["wait_s"].dropna().to_numpy()
        table.add_row(
            policy,
            *(percent(value / gpus) for value in (played.used, played.most_used, played.fragment)),
            *_waits(wait_s),
            f"{len(played.pods) - len(wait_s):,}",
        )
    console.print(table)
    spans = ", ".join(dict.fromkeys(duration(played.span_s) for played in found.values()))
    console.print(
        "in use, fragments (free GPUs that typical pods cannot use): % of the cluster's, means from the first arrival"
        f" to the last ({spans}). most: of them in use at any time. waited: of the pods that ran. never ran: pods that"
        " fit on no node, even an empty one."
    )


def _waits(wait_s: np.ndarray) -> tuple[str, ...]:
    """Share that waited, then mean and 99th percentile of the waits, of the pods that ran."""
    if not len(wait_s):
        return ("-",) * 3
    p99_s = np.quantile(wait_s, 0.99, method="inverted_cdf")
    return percent((wait_s > 0).mean()), duration(float(wait_s.mean())), duration(float(p99_s))
