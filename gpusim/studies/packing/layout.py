"""A cluster before its first pod arrives, as kernels see it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gpusim.inputs.pods import WHOLE, Nodes, Pods
from gpusim.kernels.packing.state import ANY, KIND, NODE, POD, SHAPE, TOTAL, Packing, Policy
from gpusim.kernels.state.bundle import records
from gpusim.studies.packing.misfits import types_of
from gpusim.studies.packing.typical import Typical, typical


class Requests(NamedTuple):
    """What pods ask for, whatever the order in which they and the nodes stand.

    Attributes
    ----------
    bits : dict of str to int
        Bit of each GPU type.
    shapes : recarray of SHAPE
        Requests that differ.
    of : ndarray of int64, shape (n_pods,)
        Which of them each pod makes.
    kinds, steps, shares : recarray of KIND, ndarray, ndarray
        Kinds of request for GPUs among typical pods, steps of CPU, and pods of each kind within each step.
    counted : int
        Pods that are typical.
    """

    bits: dict[str, int]
    shapes: np.recarray
    of: np.ndarray
    kinds: np.recarray
    steps: np.ndarray
    shares: np.ndarray
    counted: int


def requests_of(nodes: Nodes, pods: Pods, usual: Typical | None = None) -> Requests:
    """Requests of pods, to be placed on some nodes; typical is what the pods themselves say, or what is given."""
    usual = typical(pods) if usual is None else usual
    bits = {model: 1 << i for i, model in enumerate(np.unique(nodes.model))}
    return Requests(bits, *_shapes(pods, bits), *_kinds(usual, bits), int(usual.pods.sum()))


def build(nodes: Nodes, asked: Requests, rows: np.ndarray, policy: Policy, draws: np.ndarray, room: int = 1) -> Packing:
    """State of empty nodes, and of pods in the order in which they come.

    Parameters
    ----------
    nodes : Nodes
        In the order in which ties are broken.
    rows : ndarray of int, shape (n_coming,)
        Which pods come, in turn.
    draws : ndarray of float, shape (n_coming, 2)
        From 0 to 1: which node and which GPU, where the policy draws.
    room : int
        Changes of nodes for each pod: 1 if none leaves, else 2.
    """
    most_gpus = int(nodes.gpus.max())
    return Packing(
        nodes=_nodes(nodes, asked.bits),
        free=WHOLE * (np.arange(most_gpus) < nodes.gpus[:, None]).astype(np.int64),
        groups=np.zeros((len(nodes), 1 + max(most_gpus, int(asked.shapes.gpus.max()))), np.int64),
        shapes=asked.shapes.copy(),
        scores=np.full((len(asked.shapes), len(nodes)), -1, np.int16),
        kinds=asked.kinds,
        shares=asked.shares,
        steps=asked.steps,
        left=np.zeros(most_gpus, np.int64),
        changes=np.zeros(room * len(rows), np.int64),
        pods=_pods(asked.of[rows], draws),
        end_keys=np.zeros(len(rows)),
        end_ids=np.zeros(len(rows), np.int64),
        end_pos=np.full(len(rows), -1),
        totals=_total(nodes, asked, policy),
    )


def _codes(models: np.ndarray, bits: dict[str, int]) -> np.ndarray:
    """Bits of the GPU types that will do, of each text; none at all where the cluster has none of them."""
    texts, of = np.unique(models, return_inverse=True)
    return np.array([_code(text, bits) for text in texts], np.int64)[of.reshape(-1)]


def _code(models: str, bits: dict[str, int]) -> int:
    named = types_of(models)
    return sum(bits.get(name, 0) for name in named) if named else ANY


def _nodes(nodes: Nodes, bits: dict[str, int]) -> np.recarray:
    rows = records(NODE, len(nodes))
    rows.cpu_milli = rows.cpu_free = nodes.cpu_milli
    rows.memory_mib = rows.memory_free = nodes.memory_mib
    rows.gpus = rows.idle = nodes.gpus
    rows.gpu_free = WHOLE * nodes.gpus
    rows.model = _codes(nodes.model, bits)
    rows.changed = -1
    return rows


def _shapes(pods: Pods, bits: dict[str, int]) -> tuple[np.recarray, np.ndarray]:
    """Requests that differ, and which of them each pod makes."""
    codes = _codes(pods.models, bits)
    asked = np.column_stack([pods.cpu_milli, pods.memory_mib, pods.gpus, pods.gpu_milli, codes])
    found, of = np.unique(asked, axis=0, return_inverse=True)
    rows = records(SHAPE, len(found))
    for name, column in zip(("cpu_milli", "memory_mib", "gpus", "gpu_milli", "models"), found.T, strict=True):
        rows[name] = column
    rows.seen = rows.refused = -1
    return rows, of.reshape(-1)


def _kinds(usual: Typical, bits: dict[str, int]) -> tuple[np.recarray, np.ndarray, np.ndarray]:
    """Kinds of request for GPUs among typical pods, steps of CPU, and pods of each kind within each step."""
    needs = usual.gpus > 0
    asked = np.column_stack([usual.gpus, usual.gpu_milli, _codes(usual.models, bits)])[needs]
    found, of = np.unique(asked, axis=0, return_inverse=True)
    rows = records(KIND, len(found))
    for name, column in zip(("gpus", "gpu_milli", "models"), found.T, strict=True):
        rows[name] = column
    steps, step = np.unique(usual.cpu_milli[needs], return_inverse=True)
    shares = np.zeros((len(found), len(steps) + 1), np.int64)
    np.add.at(shares, (of.reshape(-1), step + 1), usual.pods[needs])
    return rows, steps, shares.cumsum(axis=1)


def _pods(of: np.ndarray, draws: np.ndarray) -> np.recarray:
    rows = records(POD, len(of))
    rows.asks, rows.node = of, -1
    rows.start_s = np.nan
    rows.node_draw, rows.gpu_draw = draws.T
    return rows


def _total(nodes: Nodes, asked: Requests, policy: Policy) -> np.recarray:
    rows = records(TOTAL, 1)
    rows.policy, rows.counted = policy, asked.counted
    rows.first_waiting = rows.last_waiting = -1
    rows.most_cpu_milli, rows.most_gpu_milli = nodes.cpu_milli.max(), WHOLE * nodes.gpus.max()
    return rows
