"""How much of a cluster can be given away as demand grows: pods come one by one and stay.

The protocol of Weng et al. (2023), as their simulator plays it: pods in an order drawn anew; some are drawn again, or
left out, until all ask for so many GPUs; ties of a score go by an order of the nodes that is drawn anew too (their
simulator puts drawn numbers before the names, then takes the first by name); who fits nowhere is dropped but has come.
All policies of a replication see the same pods, order and ties.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from gpusim.errors import GpusimError
from gpusim.inputs.pods import Nodes, Pods
from gpusim.kernels.packing.place import begin, place
from gpusim.kernels.packing.state import Packing
from gpusim.rng import stream
from gpusim.studies.packing.layout import PodRequests, build, requests_of
from gpusim.studies.packing.policies import POLICIES
from gpusim.units import number_of

DEMAND = 1.3  # of the cluster's GPUs
MOST_PODS = 50_000_000
CURVES = ("allocated_percent", "fragment_percent", "fragment_of_free_percent")


class Inflation(NamedTuple):
    """What happened as pods came in turn.

    Attributes
    ----------
    state : Packing
        In the end.
    asked_milli, used_milli : ndarray of int64, shape (n_pods,)
        GPU thousandths that all who have come asked for, and that are in use, behind each pod.
    fragment_milli : ndarray of float, shape (n_pods,)
        GPU thousandths that typical pods could not use.
    """

    state: Packing
    asked_milli: np.ndarray
    used_milli: np.ndarray
    fragment_milli: np.ndarray


def demanded(pods: Pods, gpu_milli: int, ratio: float, seed: int) -> np.ndarray:
    """Rows of pods in an order drawn anew that ask for a multiple of so many GPU thousandths, or just less.

    Parameters
    ----------
    ratio : float
        1.3: for 1.3 times as much as there is.
    """
    random = stream(seed, "packing", "pods")
    order, asked = random.permutation(len(pods)), pods.asked_milli
    over = int(asked.sum()) - ratio * gpu_milli
    if over > 0:
        gone = random.permutation(len(pods))  # drawn one by one until it is enough
        return order[~np.isin(order, gone[: np.searchsorted(asked[gone].cumsum(), over) + 1])]
    draws = []
    while True:
        drawn = random.integers(len(pods), size=len(pods))
        fit = int(np.searchsorted(asked[drawn].cumsum(), -over, side="right"))
        draws.append(drawn[:fit])
        over += int(asked[drawn[:fit]].sum())
        if fit < len(drawn):
            return np.concatenate([order, *draws])


def inflate(
    nodes: Nodes, pods: Pods, policy: str, ratio: float = DEMAND, seed: int = 0, asked: PodRequests | None = None
) -> Inflation:
    """One replication of one policy; what is typical is taken from the pods as they are given.

    Parameters
    ----------
    asked : PodRequests, optional
        Those of the pods on the nodes, where they are known already.
    """
    asked = requests_of(nodes, pods) if asked is None else asked
    rows = demanded(pods, nodes.gpu_milli, ratio, seed)
    ties = stream(seed, "packing", "ties").permutation(len(nodes))
    draws = stream(seed, "packing", "draws").random((len(rows), 2))
    state = build(nodes.take(ties), asked, rows, POLICIES[policy].code, draws)
    used, fragments = np.zeros((2, len(rows)), np.int64)
    begin(state)
    place(state, used, fragments)
    return Inflation(state, pods.asked_milli[rows].cumsum(), used, fragments / asked.counted)


def curves(inflation: Inflation, gpu_milli: int) -> pd.DataFrame:
    """What is in use and what is left in fragments over demand, a row for each per cent of the cluster's GPUs.

    Returns
    -------
    DataFrame
        demand_percent, and per cent of all GPUs allocated and in fragments, and of free GPUs in fragments: means over
        the pods with which demand rounds to it (or to the next on either side, where there are none).
    """
    demand = np.rint(100.0 * inflation.asked_milli / gpu_milli).astype(np.int64)
    free = gpu_milli - inflation.used_milli
    values = pd.DataFrame(
        {
            CURVES[0]: 100.0 * inflation.used_milli / gpu_milli,
            CURVES[1]: 100.0 * inflation.fragment_milli / gpu_milli,
            CURVES[2]: np.where(free > 0, 100.0 * inflation.fragment_milli / np.maximum(free, 1), np.nan),
        }
    )
    means = values.groupby(demand).mean().reindex(range(int(demand.max(initial=0)) + 1))
    around = means.rolling(3, center=True, min_periods=1).mean()
    return means.fillna(around).dropna(how="all").rename_axis("demand_percent").reset_index()


def replicate(
    nodes: Nodes,
    pods: Pods,
    policies: Sequence[str],
    ratio: float = DEMAND,
    seeds: Sequence[int] = range(10),
    progress: Callable[[float], None] | None = None,
) -> pd.DataFrame:
    """Curves of some policies under some seeds, and how many pods came and were placed.

    Returns
    -------
    DataFrame
        policy, seed, demand_percent, the columns of ``curves``; pods, placed (in the end).

    Raises
    ------
    GpusimError
        If demand is so small that no pod comes, or so large that they are too many.
    """
    _check(nodes, pods, ratio)
    found, asked = [], requests_of(nodes, pods)
    for done, (seed, policy) in enumerate((seed, policy) for seed in seeds for policy in policies):
        if progress is not None:
            progress(done / (len(seeds) * len(policies)))
        inflation = inflate(nodes, pods, policy, ratio, seed, asked)
        ran = inflation.state.pods
        table = curves(inflation, nodes.gpu_milli)
        found.append(table.assign(policy=policy, seed=seed, pods=len(ran), placed=int((ran.node >= 0).sum())))
    columns = ["policy", "seed", "demand_percent", *CURVES, "pods", "placed"]
    return pd.concat(found, ignore_index=True)[columns]


def _check(nodes: Nodes, pods: Pods, ratio: float) -> None:
    wanted = ratio * nodes.gpu_milli
    if wanted < pods.asked_milli.max():
        raise GpusimError(
            f"--demand: {100.0 * ratio:g}% of the cluster's GPUs is less than the largest pod asks for; give more"
        )
    expected = len(pods) * max(wanted / pods.asked_milli.sum(), 1.0)
    if expected > MOST_PODS:
        raise GpusimError(
            f"--demand: {100.0 * ratio:g}% of the cluster's GPUs takes {number_of(round(expected), 'pod')}; at most"
            f" {MOST_PODS:,} are played; give less"
        )
