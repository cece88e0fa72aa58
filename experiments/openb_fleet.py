"""Does the placement that fragments least also start jobs sooner, when jobs come and go?
======================================================================================

Alibaba's openb trace of 2023 as a scenario: its GPU pods with their CPUs, memory, GPU types, arrivals and run times, on
every twentieth of its 1,213 nodes, forty times as fast as they came, with EASY backfill: GPUs allocated and GPUs in
fragments over time, and waits, under FGD and other placements. What GPUs draw is beside the point: all draw the same.

::

    python experiments/openb_fleet.py [OUT.png [EVERY [SPEED]]]

Needs published data: GPUSIM_DATA.
"""

# sphinx_gallery_thumbnail_path = "openb_fleet.png"

from __future__ import annotations

import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import gpusim
from gpusim.causes import JOBS
from gpusim.inputs.jobtable import JobTable
from gpusim.inputs.pods import Nodes, TimedPods, read_nodes, read_timed_pods
from gpusim.studies.packing.misfits import misfits, types_of
from gpusim.units import BYTES_PER_GB, DAY_S
from gpusim.validation.packing import variants

PLACEMENTS = ("fgd", "least_left", "packing", "dot_product")
SKIPPED_S = 9.6e6  # of the trace, in which hardly anybody comes
MIB_PER_GB = BYTES_PER_GB / 2**20
FLEET_KEYS = {"tdp_w": 300.0, "idle_w": 50.0, "memory_gb": 16.0, "bf16_tflops": 100.0, "node_base_w": 300.0,
              "rated_it_w_per_gpu": 400.0, "training_speed": 1.0, "usd_per_gpu_hour": 1.0}  # fmt: skip


def kinds_of(nodes: Nodes) -> dict[str, np.ndarray]:
    """Nodes that are alike, by a name for them."""
    rows = zip(nodes.model, nodes.gpus, nodes.cpu_milli // 1000, nodes.memory_mib // 1024, strict=True)
    names = np.array(["-".join(map(str, row)) for row in rows])
    return {name: np.flatnonzero(names == name) for name in np.unique(names).tolist()}


def scenario(nodes: Nodes, days: float) -> gpusim.Scenario:
    """One site with a pool of each kind of node."""
    kinds = {name: (int(rows[0]), len(rows)) for name, rows in kinds_of(nodes).items()}
    return gpusim.Scenario.from_dict(
        {
            "name": "openb",
            "run": {"start": "2023-06-01T00:00:00Z", "days": days, "record_s": 900.0},
            "scheduler": {"backfill": "easy", "placement": "fgd", "dispatch": "best_node"},
            "gpus": {
                name: {
                    **FLEET_KEYS,
                    "gpus_per_node": int(nodes.gpus[i]),
                    "cpus_per_node": nodes.cpu_milli[i] / 1000.0,
                    "memory_gb_per_node": nodes.memory_mib[i] / MIB_PER_GB,
                }
                for name, (i, _count) in kinds.items()
            },
            "tenants": {"all": {}},
            "sites": {
                "openb": {
                    "region": "US-TEX-ERCO",
                    "jurisdiction": "US",
                    "grid_mw": 10.0,
                    "pools": {name: {"gpus": int(nodes.gpus[i]) * count} for name, (i, count) in kinds.items()},
                }
            },
            "workload": {"share_gpus": True, "reference_gpu": next(iter(kinds))},
        },
        "openb",
    )


def jobs_of(nodes: Nodes, trace: TimedPods, speed: float) -> JobTable:
    """Pods with GPUs as jobs; those that fit on no node are left out, as are those that come before the rush."""
    pods = trace.pods
    rows = np.flatnonzero((pods.gpus > 0) & (trace.submit_s >= SKIPPED_S) & ~misfits(nodes, pods))
    kinds = {name: int(found[0]) for name, found in kinds_of(nodes).items()}

    def may_use(row: int) -> str:
        types = types_of(str(pods.models[row]))
        fit = (name for name, i in kinds.items() if nodes.gpus[i] >= pods.gpus[row])
        return "|".join(name for name in fit if not types or nodes.model[kinds[name]] in types)

    texts, code = np.unique([may_use(row) for row in rows.tolist()], return_inverse=True)
    return JobTable.build(
        {"gpu_types": texts.tolist(), "tenant": ["all"]},
        submit_s=(trace.submit_s[rows] - SKIPPED_S) / speed,
        runtime_s=trace.runtime_s[rows],
        gpus=pods.gpus[rows],
        gpu_milli=np.where(pods.gpu_milli[rows] < 1000, pods.gpu_milli[rows], 0),
        cpus=pods.cpu_milli[rows] / 1000.0,
        memory_gb=pods.memory_mib[rows] / MIB_PER_GB,
        gpu_types=code,
    )


def draw(out: Path, series: dict[str, pd.DataFrame], gpus: int) -> None:
    """GPUs allocated and in fragments over time."""
    figure, axes = plt.subplots(2, 1, figsize=(8, 6), sharex=True)
    for name, table in series.items():
        for axis, column in zip(axes, ("allocated_gpus", "fragment_gpus"), strict=True):
            axis.plot(table.index / DAY_S, 100.0 * table[column] / gpus, label=name, lw=1.0)
    axes[0].set_ylabel("GPUs allocated [%]")
    axes[1].set_ylabel("GPUs in fragments [%]")
    axes[1].set_xlabel("days")
    axes[0].legend()
    figure.tight_layout()
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=120)
    plt.close(figure)


def main(out: str = "out/openb_fleet.png", every: str = "20", speed: str = "40") -> None:
    """Print a table of the placements, and draw them."""
    known = variants(None)
    if "default" not in known:
        sys.exit("openb_fleet.py: no traces; set GPUSIM_DATA")
    file = known["default"][0]
    nodes = read_nodes(file.parent / "openb_node_list_gpu_node.csv")
    nodes = nodes.take(np.arange(0, len(nodes), int(every)))
    jobs = jobs_of(nodes, read_timed_pods(file), float(speed))
    gpus, base = int(nodes.gpus.sum()), scenario(nodes, float(jobs["submit_s"].max()) / DAY_S + 0.01)
    print(f"{len(nodes)} nodes, {gpus} GPUs, {len(jobs):,} jobs in {base.run.days:.1f} days")
    series, rows = {}, {}
    for name in PLACEMENTS:
        began_s = time.process_time()
        result = gpusim.run(base.with_({"scheduler.placement": name}), jobs=jobs)
        took_s = time.process_time() - began_s
        series[name] = over_time(result)
        waits_s = (result.jobs["start_s"] - result.jobs["submit_s"]).dropna()
        rows[name] = {
            "allocated [%]": 100.0 * series[name]["allocated_gpus"].mean() / gpus,
            "fragments [%]": 100.0 * series[name]["fragment_gpus"].mean() / gpus,
            "started [%]": 100.0 * len(waits_s) / len(jobs),
            "wait, mean [min]": waits_s.mean() / 60.0,
            "wait, p95 [min]": waits_s.quantile(0.95) / 60.0,
            "s": took_s,
        }
    print(pd.DataFrame(rows).T.round(2).to_string())
    draw(Path(out), series, gpus)
    print(out)


def over_time(result: gpusim.Result) -> pd.DataFrame:
    """GPUs that jobs have, parts counted as such, and GPUs in fragments: means of each interval, by its start [s]."""
    fragments = result.pools.groupby("start_s")["fragment_gpus"].sum()
    held = result.ledger[result.ledger["cause"].isin(JOBS)].groupby("start_s")["gpu_s"].sum()
    span_s = result.pools.groupby("start_s")["end_s"].first() - fragments.index
    allocated = held.reindex(fragments.index, fill_value=0.0) / span_s
    return pd.DataFrame({"allocated_gpus": allocated, "fragment_gpus": fragments})


if __name__ == "__main__":
    main(*sys.argv[1:])
