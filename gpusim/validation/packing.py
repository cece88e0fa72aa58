"""Anchors of placement on shared GPUs: the measure by hand, and the published curves of fragmentation gradient descent.

Published (hkust-adsl/kubernetes-scheduler-simulator 8f3d641, ``experiments/analysis/expected_results``): six policies,
ten seeds, variants of Alibaba's openb trace of 2023, to 130% of 6,212 GPUs. Every variant is compared that has both its
curves and its pods. Their random numbers are not ours, so means over seeds are compared.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from gpusim.inputs.pods import Nodes, Pods, read_nodes, read_pods
from gpusim.inputs.typical import Typical
from gpusim.kernels.packing.place import begin, place
from gpusim.studies.packing.inflation import CURVES, replicate
from gpusim.studies.packing.layout import build, requests_of
from gpusim.studies.packing.policies import POLICIES
from gpusim.validation.anchor import Effort, Row

NAMES = {  # theirs -> ours
    "01-Random": "random",
    "02-DotProd": "dot-product",
    "03-GpuClustering": "clustering",
    "04-GpuPacking": "packing",
    "05-BestFit": "best-fit",
    "06-FGD": "fgd",
}
FILES = {CURVES[0]: "allo", CURVES[1]: "frag", CURVES[2]: "frag_ratio"}
DEMANDS = (90, 95, 100, 130)  # per cent; below, all that is asked is given away
POINTS = {"clustering": 2.0, "packing": 2.0}  # that ours may be off
SEEDS = 10
APART = 3.0  # standard errors by which two published means differ if they are to stand in order


def measure(_effort: Effort) -> Iterator[Row]:
    """16: fragments of nodes worked by hand, and the GPU that a pod gets for them."""
    usual = Typical(*(np.array(c) for c in ([0, 0, 0], [1, 1, 0], [400, 1000, 0], ["", "", ""], [5, 3, 2])))
    node = Nodes(*(np.array([c]) for c in ("node", 1000, 1000, 2, "A")))
    zeros = np.zeros(3, np.int64)
    pods = Pods(np.array(list("abc")), zeros, zeros, zeros + 1, np.array([500, 700, 300]), np.full(3, ""))
    state = build(node, requests_of(node, pods, usual), np.arange(3), POLICIES["fgd"].code, np.zeros((3, 2)))
    used, fragments = np.zeros((2, 3), np.int64)
    begin(state)
    for what, theirs, ours in zip(
        ("[1, 1]", "[1, 0.5]", "[0.5, 0.3]", "[0.5, 0]"),
        (0.40, 0.45, 0.55, 0.25),
        (int(state.spans[0].fragment), *_placed(state, used, fragments)),
        strict=True,
    ):
        yield Row(16, f"fragment of two GPUs of which {what} are free", theirs, ours / 1e4, 0.0)
    yield Row(16, "GPU that 0.3 goes on beside [0.5, 0.3]", 1.0, float(int(state.pods[2].held).bit_length() - 1), 0.0)


def _placed(state, used: np.ndarray, fragments: np.ndarray) -> list[int]:
    place(state, used, fragments)
    return fragments.tolist()


def published(folder: Path) -> pd.DataFrame:
    """The published curves: workload, policy by our name, seed, demand_percent and the columns of ``CURVES``."""
    tables = []
    for curve, name in FILES.items():
        table = pd.read_csv(folder / f"analysis_{name}_discrete.csv.gz")
        demands = [column for column in table if column.isdecimal()]
        long = table.melt(["workload", "sc_policy", "seed"], demands, "demand_percent", curve)
        tables.append(long.set_index(["workload", "sc_policy", "seed", "demand_percent"])[curve])
    found = pd.concat(tables, axis=1).reset_index().rename(columns={"sc_policy": "policy"})
    return found.assign(
        demand_percent=found["demand_percent"].astype(int),
        policy=found["policy"].map(NAMES),
        workload=found["workload"].str.removeprefix("openb_pod_list_"),
    )


def variants(data: str | None) -> dict[str, tuple[Path, pd.DataFrame]]:
    """Variants of the trace whose curves and pods are there: file of pods, and curves."""
    folder = Path(data or os.environ.get("GPUSIM_DATA", "")) / "alibaba_gpu_v2023"
    results = folder / "fgd_expected_results"
    if not (results / "analysis_allo_discrete.csv.gz").is_file():
        return {}
    found = {}
    for name, theirs in published(results).groupby("workload"):
        file = next((folder / "csv").glob(f"openb_pod_list_{name}.csv*"), None)
        if file is not None:
            found[name] = (file, theirs)
    return found


@cache
def _ours(pods: Path, seeds: int) -> pd.DataFrame:
    nodes = read_nodes(pods.parent / "openb_node_list_gpu_node.csv")
    return replicate(nodes, read_pods(pods), list(POLICIES), seeds=range(seeds))


def allocation(effort: Effort, data: str | None = None) -> Iterator[Row]:
    """17: GPUs allocated at 90, 95, 100 and 130% of demand, and the order of the policies at the end.

    Parameters
    ----------
    data : str, optional
        Folder of published data; that of the environment variable GPUSIM_DATA if absent.
    """
    found = variants(data)
    if not found:
        yield Row(17, "GPUs allocated on openb", 0.0, math.nan, 0.0, "no file: set GPUSIM_DATA")
    for name, (file, theirs) in found.items():
        curve, ours = CURVES[0], _ours(file, effort.runs(SEEDS))
        for policy in POLICIES:
            for demand in DEMANDS:
                pair = [_mean(table, policy, demand, curve) for table in (theirs, ours)]
                points = effort.widen(POINTS.get(policy, 1.0))
                yield Row(17, f"{name}, {policy}: allocated at {demand}% [%]", *pair, points / pair[0])
        out_of_order = float(len(inverted(theirs, ours, effort.widen(APART))))
        yield Row(17, f"{name}: pairs of policies in another order at 130%", 0.0, out_of_order, 0.0)


def fragmentation(effort: Effort, data: str | None = None) -> Iterator[Row]:
    """18: GPUs in fragments of an empty cluster and at 100% of demand, and how far off the whole curve is.

    Parameters
    ----------
    data : str, optional
        Folder of published data; that of the environment variable GPUSIM_DATA if absent.
    """
    found = variants(data)
    if not found:
        yield Row(18, "fragments on openb", 0.0, math.nan, 0.0, "no file: set GPUSIM_DATA")
    for name, (file, theirs) in found.items():
        curve, ours = CURVES[1], _ours(file, effort.runs(SEEDS))
        for policy in POLICIES:
            points = effort.widen(POINTS.get(policy, 1.0))
            for demand in (0, 100):
                pair = [_mean(table, policy, demand, curve) for table in (theirs, ours)]
                yield Row(18, f"{name}, {policy}: in fragments at {demand}% [%]", *pair, points / pair[0])
            lines = [_line(table, policy, curve) for table in (theirs, ours)]
            off = float((lines[1] - lines[0]).abs().max())
            yield Row(18, f"{name}, {policy}: largest deviation [points], 0 to 130%", 0.0, off, points)


def _line(table: pd.DataFrame, policy: str, curve: str) -> pd.Series:
    """Mean over seeds, by demand."""
    return table[table["policy"] == policy].groupby("demand_percent")[curve].mean()


def _mean(table: pd.DataFrame, policy: str, demand: int, curve: str) -> float:
    return float(_line(table, policy, curve)[demand])


def inverted(theirs: pd.DataFrame, ours: pd.DataFrame, apart: float = APART) -> list[tuple[str, str]]:
    """Pairs of policies that allocate in another order at 130% than published, of those that are told apart there.

    Told apart: their published means differ by so many standard errors of the paired difference. The rest is chance:
    ``clustering`` and ``packing``, mostly.
    """
    ends = [
        table[table["demand_percent"] == DEMANDS[-1]].pivot(index="seed", columns="policy", values=CURVES[0])
        for table in (theirs, ours)
    ]
    found = []
    for first, second in combinations(POLICIES, 2):
        published_gap, own_gap = (table[second] - table[first] for table in ends)
        error = published_gap.std() / math.sqrt(len(published_gap))
        if abs(published_gap.mean()) > apart * error and published_gap.mean() * own_gap.mean() <= 0.0:
            found.append((first, second))
    return found
