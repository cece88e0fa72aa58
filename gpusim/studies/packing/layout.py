"""A cluster before its first pod arrives, as kernels see it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gpusim.engine.layout.scored_nodes import Usual, empty_nodes, scoring_of, spans_of, usual_of
from gpusim.inputs.pods import Nodes, Pods
from gpusim.inputs.typical import Typical, typical
from gpusim.kernels.packing.state import POD, TOTAL, Packing
from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.codes import Placement
from gpusim.kernels.state.scored_nodes import ANY, SHAPE
from gpusim.studies.packing.misfits import types_of


class PodRequests(NamedTuple):
    """What pods ask for, whatever the order in which they and the nodes stand.

    Attributes
    ----------
    bits : dict of str to int
        Bit of each GPU type.
    shapes : recarray of SHAPE
        Requests that differ.
    of : ndarray of int64, shape (n_pods,)
        Which of them each pod makes.
    usual : Usual
        What typical pods ask for.
    counted : int
        Pods that are typical.
    """

    bits: dict[str, int]
    shapes: np.recarray
    of: np.ndarray
    usual: Usual
    counted: int


def requests_of(nodes: Nodes, pods: Pods, usual: Typical | None = None) -> PodRequests:
    """Requests of pods, to be placed on some nodes; typical is what the pods themselves say, or what is given."""
    usual = typical(pods) if usual is None else usual
    bits = {model: 1 << i for i, model in enumerate(np.unique(nodes.model))}
    asked = usual_of(usual.gpus, usual.gpu_milli, _codes(usual.models, bits), usual.cpu_milli, usual.pods)
    return PodRequests(bits, *_shapes(nodes, pods, bits), asked, int(usual.pods.sum()))


def build(nodes: Nodes, asked: PodRequests, rows: np.ndarray, placement: Placement, draws: np.ndarray) -> Packing:
    """State of empty nodes, and of pods in the order in which they come.

    Parameters
    ----------
    nodes : Nodes
        In the order in which ties are broken.
    rows : ndarray of int, shape (n_coming,)
        Which pods come, in turn.
    draws : ndarray of float, shape (n_coming, 2)
        From 0 to 1: which node and which GPU, where the policy draws.
    """
    scored_nodes = empty_nodes(
        nodes.gpus, _codes(nodes.model, asked.bits), nodes.cpu_milli, nodes.memory_mib, asked.shapes
    )
    scored_nodes["scored_nodes"].on = 1
    return Packing(
        scoring=scoring_of(placement, asked.counted, nodes.cpu_milli, nodes.gpus),
        spans=spans_of(np.array([len(nodes)])),
        **scored_nodes,
        **asked.usual._asdict(),
        pods=_pods(asked.of[rows], draws),
        end_keys=np.zeros(len(rows)),
        end_ids=np.zeros(len(rows), np.int64),
        end_pos=np.full(len(rows), -1),
        totals=_total(),
    )


def _codes(models: np.ndarray, bits: dict[str, int]) -> np.ndarray:
    """Bits of the GPU types that will do, of each text; none at all where the cluster has none of them."""
    texts, of = np.unique(models, return_inverse=True)
    return np.array([_code(text, bits) for text in texts], np.int64)[of.reshape(-1)]


def _code(models: str, bits: dict[str, int]) -> int:
    named = types_of(models)
    return sum(bits.get(name, 0) for name in named) if named else ANY


def _shapes(nodes: Nodes, pods: Pods, bits: dict[str, int]) -> tuple[np.recarray, np.ndarray]:
    """Requests that differ, and which of them each pod makes."""
    codes = _codes(pods.models, bits)
    asked = np.column_stack([pods.cpu_milli, pods.memory_mib, pods.gpus, pods.gpu_milli, codes])
    found, of = np.unique(asked, axis=0, return_inverse=True)
    rows = records(SHAPE, len(found))
    for name, column in zip(("cpu_milli", "memory_mib", "gpus", "gpu_milli", "models"), found.T, strict=True):
        rows[name] = column
    rows.row = len(nodes) * np.arange(len(found))
    rows.seen = rows.refused = -1
    return rows, of.reshape(-1)


def _pods(of: np.ndarray, draws: np.ndarray) -> np.recarray:
    rows = records(POD, len(of))
    rows.asks, rows.node = of, -1
    rows.start_s = np.nan
    rows.node_draw, rows.gpu_draw = draws.T
    return rows


def _total() -> np.recarray:
    rows = records(TOTAL, 1)
    rows.first_waiting = rows.last_waiting = -1
    return rows
