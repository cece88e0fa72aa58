"""How much of a GPU-sharing cluster do six policies give away, are the published curves met, and how fast is it?
==============================================================================================================

Alibaba's openb cluster of 2023 (1,213 nodes, 6,212 GPUs) as its pods arrive one by one until they ask for 130% of the
GPUs: GPUs allocated and GPUs in fragments, beside the curves of Weng et al. (ATC 2023), for the default trace or
another variant. Then FGD's placement decisions per second on one core, with kernels already compiled.

::

    python experiments/fragmentation.py [OUT.png [VARIANT [SEEDS]]]

Needs published data: GPUSIM_DATA.
"""

# sphinx_gallery_thumbnail_path = "packing.png"

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from gpusim.inputs.pods import Nodes, Pods, read_nodes, read_pods
from gpusim.report.figures.packing import write
from gpusim.studies.packing.inflation import CURVES, inflate, replicate
from gpusim.studies.packing.layout import requests_of
from gpusim.studies.packing.policies import POLICIES
from gpusim.validation.packing import DEMANDS, variants

REPEATS = 5


def compare(found: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds at some demands, ours and theirs."""
    rows = []
    for policy in POLICIES:
        for curve in CURVES[:2]:
            ours, theirs = (
                table[table["policy"] == policy].groupby("demand_percent")[curve].mean() for table in (found, published)
            )
            for demand in DEMANDS:
                rows.append((policy, curve.removesuffix("_percent"), demand, ours[demand], theirs[demand]))
    return pd.DataFrame(rows, columns=["policy", "GPUs [%]", "demand [%]", "ours", "published"])


def check(nodes: Nodes, pods: Pods, policy: str) -> int:
    """Decisions of a run in which no node holds more than it has, and what is used is what its pods ask for."""
    inflation = inflate(nodes, pods, policy)
    state = inflation.state
    assert (state.scored_nodes.cpu_free >= 0).all()
    assert (state.scored_nodes.memory_free >= 0).all()
    assert (state.gpu_left >= 0).all()
    shapes = state.shapes[state.pods.asks]
    held = (shapes.gpus * shapes.gpu_milli)[state.pods.node >= 0].sum()
    assert held == inflation.used_milli[-1] == nodes.gpu_milli - state.gpu_left.sum()
    return len(state.pods)


def speed(nodes: Nodes, pods: Pods, policy: str) -> float:
    """Placement decisions a second of processor time, from pods to curves' raw numbers; the fastest of some runs."""
    decisions, asked = check(nodes, pods, policy), requests_of(nodes, pods)
    took_s = []
    for _ in range(REPEATS):
        began_s = time.process_time()
        inflate(nodes, pods, policy, asked=asked)
        took_s.append(time.process_time() - began_s)
    return decisions / min(took_s)


def main(out: str = "out/fragmentation.png", variant: str = "default", seeds: str = "10") -> None:
    """Print ours beside the published figures and the speed; draw both."""
    known = variants(None)
    if variant not in known:
        sys.exit(f"{variant}: no such variant; there are {', '.join(known) or 'none: set GPUSIM_DATA'}")
    file, published = known[variant]
    nodes, pods = read_nodes(file.parent / "openb_node_list_gpu_node.csv"), read_pods(file)
    found = replicate(nodes, pods, list(POLICIES), seeds=range(int(seeds)))
    table = compare(found, published)
    wide = table.pivot(index=["GPUs [%]", "policy"], columns="demand [%]", values=["ours", "published"])
    print(wide.round(2).to_string(sparsify=False))
    print(f"farthest off: {np.abs(table['ours'] - table['published']).max():.2f} points")
    for policy in POLICIES:
        print(f"{policy:12} {speed(nodes, pods, policy):10,.0f} decisions/s")
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    write(Path(out), found, published)
    print(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
