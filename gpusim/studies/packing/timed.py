"""Pods that come and go by the times of a trace: who waits how long, and how much of the cluster is in use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from gpusim.inputs.pods import WHOLE, Nodes, TimedPods
from gpusim.kernels.packing.place import begin
from gpusim.kernels.packing.play import play
from gpusim.rng import stream
from gpusim.studies.packing.layout import PodRequests, build, requests_of
from gpusim.studies.packing.policies import POLICIES


class Played(NamedTuple):
    """What became of the pods of a trace.

    Attributes
    ----------
    pods : DataFrame
        A row per pod in order of arrival: name, submit_s, start_s, end_s (NaN of those that fit on no node, even if
        nobody else runs), wait_s, node (name; "" likewise), gpus ("0|3"; "" without).
    span_s : float
        [s] From the first arrival to the last.
    used, waiting, fragment : float
        Means over that time, NaN if all come at once: GPUs in use, GPUs that those ask for who wait, GPUs that typical
        pods could not use.
    most_used : float
        GPUs in use at most.
    """

    pods: pd.DataFrame
    span_s: float
    used: float
    waiting: float
    fragment: float
    most_used: float


def play_trace(
    nodes: Nodes, trace: TimedPods, policy: str, seed: int = 0, speed: float = 1.0, asked: PodRequests | None = None
) -> Played:
    """Play the pods of a trace; ties go by the names of nodes.

    Parameters
    ----------
    speed : float
        Factor by which pods arrive faster than in the trace; they run as long.
    asked : PodRequests, optional
        Those of the pods on the nodes, where they are known already.
    """
    order = np.argsort(trace.submit_s, kind="stable")
    asked = requests_of(nodes, trace.pods) if asked is None else asked
    draws = stream(seed, "packing", "draws").random((len(order), 2))
    state = build(nodes, asked, order, POLICIES[policy].code, draws)
    state.pods.submit_s = (trace.submit_s - trace.submit_s.min())[order] / speed
    state.pods.runtime_s = trace.runtime_s[order]
    begin(state)
    play(state)
    return _played(nodes, trace.pods.name[order], state, asked.counted)


def _played(nodes: Nodes, names: np.ndarray, state, counted: int) -> Played:
    rows, total = state.pods, state.totals[0]
    ran = rows.node >= 0
    held = {int(bits): "|".join(str(g) for g in range(62) if int(bits) >> g & 1) for bits in np.unique(rows.held)}
    table = pd.DataFrame(
        {
            "name": names,
            "submit_s": rows.submit_s,
            "start_s": rows.start_s,
            "end_s": rows.start_s + rows.runtime_s,
            "wait_s": rows.start_s - rows.submit_s,
            "node": np.where(ran, nodes.name[rows.node], ""),
            "gpus": [held[int(bits)] for bits in rows.held],
        }
    )
    span_s = float(rows.submit_s[-1])
    gpus = np.array([total.used_milli_s, total.waiting_milli_s, state.spans[0].fragment_s / counted]) / WHOLE
    means = gpus / span_s if span_s > 0.0 else np.full(3, np.nan)
    return Played(table, span_s, *means.tolist(), total.most_used_milli / WHOLE)


def compare(
    nodes: Nodes, trace: TimedPods, policies: Sequence[str], seed: int = 0, speed: float = 1.0
) -> dict[str, Played]:
    """What becomes of the same pods under some policies."""
    asked = requests_of(nodes, trace.pods)
    return {policy: play_trace(nodes, trace, policy, seed, speed, asked) for policy in policies}
