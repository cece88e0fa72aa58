"""Nodes, requests and what is usual among these, as placements by score see them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gpusim.engine.description import PoolSpec, Scheduling, Work
from gpusim.errors import PolicyError
from gpusim.inputs.typical import most_frequent
from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.codes import NONE, Placement
from gpusim.kernels.state.scored_nodes import KIND, SCORED_NODE, SCORED_NODES, SCORING, SHAPE, SPAN, WHOLE

UNLIMITED = 1 << 60  # MB of memory
MOST_SCORES = 1_000_000_000  # of two bytes


class Usual(NamedTuple):
    """Requests against which fragments are measured, named as the arrays in ``kernels/state/scored_nodes.py``."""

    usual: np.recarray
    usual_counts: np.ndarray
    usual_cpus: np.ndarray


def usual_of(
    gpus: np.ndarray, gpu_milli: np.ndarray, models: np.ndarray, cpu_milli: np.ndarray, counts: np.ndarray
) -> Usual:
    """Kinds of request for GPUs, steps of CPU, and how many requests of each kind ask for no more CPU than a step.

    Parameters
    ----------
    gpus, gpu_milli, models, cpu_milli, counts : ndarray of int, shape (n_requests,)
        GPUs, thousandths of each, bits of what will do, thousandths of CPUs, how often it is asked for.
    """
    needs = gpus > 0
    found, of = np.unique(np.column_stack([gpus, gpu_milli, models])[needs], axis=0, return_inverse=True)
    rows = records(KIND, len(found))
    rows.gpus, rows.gpu_milli, rows.models = found.T
    steps, step = np.unique(cpu_milli[needs], return_inverse=True)
    within = np.zeros((len(found), len(steps) + 1), np.int64)
    np.add.at(within, (of.reshape(-1), step + 1), counts[needs])
    return Usual(rows, within.cumsum(axis=1), steps)


def empty_nodes(
    gpus: np.ndarray, models: np.ndarray, cpu_milli: np.ndarray, memory: np.ndarray, shapes: np.recarray
) -> dict[str, np.ndarray]:
    """Nodes on which nothing runs, in the order in which ties are broken, none of them on; and no scores yet."""
    most = int(gpus.max(initial=1))
    rows = records(SCORED_NODE, len(gpus))
    rows.cpu_free, rows.memory_free, rows.model = cpu_milli, memory, models
    rows.gpus = rows.idle = gpus
    rows.gpu_free = WHOLE * gpus
    rows.changed = -1
    return {
        "scored_nodes": rows,
        "gpu_left": WHOLE * (np.arange(most) < gpus[:, None]).astype(np.int64),
        "node_groups": np.zeros((len(gpus), 1 + max(most, int(shapes.gpus.max(initial=0)))), np.int64),
        "node_changes": np.zeros(len(gpus), np.int64),
        "left_then": np.zeros(most, np.int64),
        "shapes": shapes.copy(),
        "scores": np.full(int(shapes.row.max(initial=0)) + len(gpus), -1, np.int16),
    }


def spans_of(n_nodes: np.ndarray) -> np.recarray:
    """Nodes side by side among which jobs are placed, by how many each has."""
    rows = records(SPAN, len(n_nodes))
    rows.n_nodes, rows.first = n_nodes, np.cumsum(n_nodes) - n_nodes
    return rows


def scoring_of(placement: Placement, counted: int, cpu_milli: np.ndarray, gpus: np.ndarray) -> np.recarray:
    """The placement, and what the largest node has."""
    rows = records(SCORING, 1)
    rows.placement, rows.counted = placement, counted
    rows.most_cpu_milli, rows.most_gpu_milli = max(int(cpu_milli.max()), 1), WHOLE * int(gpus.max())
    return rows


def scored_nodes_of(
    specs: list[PoolSpec], work: Work, scheduling: Scheduling, n_holdings: int
) -> dict[str, np.ndarray]:
    """All of it for a fleet; rows of none where nodes are not scored."""
    if not scheduling.placement.by_score:
        empty = {name: np.zeros((1, 1) if ndim == 2 else 1, dtype) for name, (dtype, ndim) in SCORED_NODES.items()}
        return {**empty, **_of_jobs(1, 1, 1, np.zeros((1, 2)), np.zeros(1, "i8"), 1)}
    n_jobs, counts = len(work.submit_s), np.array([spec.n_nodes for spec in specs])
    asked, request = np.unique(_requests(work), axis=0, return_inverse=True)
    if len(asked) * counts.sum() > MOST_SCORES:
        raise PolicyError(
            f'scheduler.placement: "{scheduling.placement.name.lower()}" keeps a score of each of {len(asked):,} kinds'
            f" of jobs on each of {counts.sum():,} nodes; at most {MOST_SCORES:,} are kept: give jobs fewer different"
            " GPUs, CPUs and memory, or placement best_fit, first_fit or spread"
        )
    cpu_milli, memory = (np.repeat([spec.cpu_memory[k] for spec in specs], counts) for k in range(2))
    stated = np.where(asked[:, 2] < 0, 0, asked[:, 2] * asked[:, 0])
    most_cpu = max(int(cpu_milli.max()), int(stated.max(initial=1)))
    cpu_milli = np.where(cpu_milli == 0, most_cpu, cpu_milli)  # all that anybody could ask for
    usual, counted = _usual(specs, work)
    scored_nodes = empty_nodes(
        np.repeat([spec.gpus_per_node for spec in specs], counts),
        np.repeat([1 << p for p in range(len(specs))], counts),
        cpu_milli,
        np.where(memory == 0, UNLIMITED, memory),
        _shapes(specs, asked),
    )
    scored_nodes["scored_nodes"].span = np.repeat(np.arange(len(specs)), counts)
    uniforms = np.zeros((n_jobs, 2)) if work.uniforms is None else np.ascontiguousarray(work.uniforms, "f8")
    return {
        "scoring": scoring_of(scheduling.placement, counted, cpu_milli, scored_nodes["scored_nodes"].gpus),
        "spans": spans_of(counts),
        **scored_nodes,
        **usual._asdict(),
        **_of_jobs(
            n_jobs, len(cpu_milli), scored_nodes["gpu_left"].shape[1], uniforms, request.reshape(-1), n_holdings
        ),
    }


def _of_jobs(
    n_jobs: int, n_nodes: int, most: int, uniforms: np.ndarray, request: np.ndarray, n_holdings: int
) -> dict[str, np.ndarray]:
    return {
        "request_kind": np.broadcast_to(request, n_jobs).astype("i8"),
        "uniforms": uniforms,
        "gpus_of": np.zeros(n_holdings, "i8"),
        "host_at": np.full((n_nodes, most), NONE, "i8"),
    }


def _requests(work: Work) -> np.ndarray:
    """GPUs, thousandths of one if it is shared, and CPUs and memory beside each, shape (n_jobs, 4)."""
    n_jobs = len(work.submit_s)
    asks = np.full((n_jobs, 2), -1) if work.asks is None else work.asks
    return np.column_stack([work.gpus, np.broadcast_to(work.milli, n_jobs), asks]).astype("i8")


def _shapes(specs: list[PoolSpec], asked: np.ndarray) -> np.recarray:
    """Of each request in each pool; what it takes there of CPUs and memory is filled in once it is asked for."""
    n_pools, n_nodes = len(specs), sum(spec.n_nodes for spec in specs)
    rows = records(SHAPE, len(asked) * n_pools)
    request, rows.span = np.repeat(np.arange(len(asked)), n_pools), np.tile(np.arange(n_pools), len(asked))
    rows.row = request * n_nodes
    size = np.array([spec.gpus_per_node for spec in specs])
    rows.gpus = np.minimum(asked[request, 0], size[rows.span])
    rows.gpu_milli = np.where(asked[request, 1] > 0, asked[request, 1], WHOLE)
    rows.models = 1 << rows.span
    rows.seen = rows.refused = NONE
    return rows


def _usual(specs: list[PoolSpec], work: Work) -> tuple[Usual, int]:
    """What is usual among the jobs of a run, and how many of them that is.

    Of a job count its GPUs on one node, the CPUs that it names, and the pools in which it may run.
    """
    requests = _requests(work)
    pools = np.array([sum(1 << p for p in row) for row, _home in work.routes], "i8")[work.route]
    gpus = np.minimum(requests[:, 0], max(spec.gpus_per_node for spec in specs))
    milli = np.where(requests[:, 1] > 0, requests[:, 1], WHOLE)
    cpu_milli = np.where(requests[:, 2] < 0, 0, requests[:, 2] * gpus)
    found, counts = most_frequent(np.column_stack([cpu_milli, milli, gpus, pools]))
    return usual_of(found[:, 2], found[:, 1], found[:, 3], found[:, 0], counts), int(counts.sum())
