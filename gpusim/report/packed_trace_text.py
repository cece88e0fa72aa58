"""Pods that came and went, for the terminal."""

from __future__ import annotations

import numpy as np
from rich.console import Console

from gpusim.inputs.pods import WHOLE, Nodes, TimedPods
from gpusim.report.terminal import listing, terminal
from gpusim.results.wording import duration, percent
from gpusim.studies.packing.timed import Played
from gpusim.units import number_of


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
