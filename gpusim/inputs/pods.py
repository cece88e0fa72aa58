"""Nodes and pods of a cluster whose GPUs are shared, as Alibaba publishes them ("openb", cluster-trace-gpu-v2023).

Two CSV files, plain or gzip-ed. Nodes: ``sn,cpu_milli,memory_mib,gpu,model``. Pods: ``name,cpu_milli,memory_mib,
num_gpu,gpu_milli`` and maybe ``gpu_spec``, the GPU types that will do, as in ``V100M16|V100M32``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gpusim.inputs.traces.rows import MISSING, Rows
from gpusim.inputs.traces.source import Source

WHOLE = 1000  # thousandths of a GPU
MOST_GPUS = 62  # of a node, and GPU types: as many as there are bits
UNREAD = -1  # in place of a number that cannot be one
MOST = 1e12  # of CPU, memory and GPU thousandths: sums stay whole numbers
NODE_COLUMNS = {"sn": str, "cpu_milli": float, "memory_mib": float, "gpu": float}
POD_COLUMNS = {"name": str, "cpu_milli": float, "memory_mib": float, "num_gpu": float, "gpu_milli": float}


@dataclass(frozen=True)
class Nodes:
    """Nodes by name.

    Attributes
    ----------
    cpu_milli, memory_mib, gpus : ndarray of int64, shape (n_nodes,)
        Thousandths of a core, MiB, GPUs.
    model : ndarray of str, shape (n_nodes,)
        GPU type; ``''`` where there is none.
    """

    name: np.ndarray
    cpu_milli: np.ndarray
    memory_mib: np.ndarray
    gpus: np.ndarray
    model: np.ndarray

    def __len__(self) -> int:
        return len(self.name)

    @property
    def gpu_milli(self) -> int:
        """GPU thousandths of all nodes."""
        return WHOLE * int(self.gpus.sum())

    def take(self, rows: np.ndarray) -> Nodes:
        """Some of them, in an order."""
        return Nodes(*(column[rows] for column in vars(self).values()))


@dataclass(frozen=True)
class Pods:
    """Pods by name.

    Attributes
    ----------
    cpu_milli, memory_mib, gpus, gpu_milli : ndarray of int64, shape (n_pods,)
        Thousandths of a core, MiB, GPUs, and thousandths of each: 1000 but for those that share one GPU, 0 without.
    models : ndarray of str, shape (n_pods,)
        GPU types that will do, as in ``"V100M16|V100M32"``; ``''`` where any does.
    """

    name: np.ndarray
    cpu_milli: np.ndarray
    memory_mib: np.ndarray
    gpus: np.ndarray
    gpu_milli: np.ndarray
    models: np.ndarray

    def __len__(self) -> int:
        return len(self.name)

    @property
    def asked_milli(self) -> np.ndarray:
        """GPU thousandths that each asks for, int64, shape (n_pods,)."""
        return self.gpus * self.gpu_milli

    def take(self, rows: np.ndarray) -> Pods:
        """Some of them, in an order; one may come several times."""
        return Pods(*(column[rows] for column in vars(self).values()))


class TimedPods(NamedTuple):
    """Pods with times.

    Attributes
    ----------
    submit_s, runtime_s : ndarray of float, shape (n_pods,)
        [s] From an unknown origin, and how long each runs.
    """

    pods: Pods
    submit_s: np.ndarray
    runtime_s: np.ndarray


def read_nodes(path: str | Path) -> Nodes:
    """Nodes of a file, by name.

    Raises
    ------
    TraceError
        With all faults of the file.
    """
    rows = Rows(_source(path, "nodes"), NODE_COLUMNS, {"model": str})
    names = _names(rows, "sn")
    cpu, memory = (_whole(rows, column) for column in ("cpu_milli", "memory_mib"))
    gpus = _whole(rows, "gpu", MOST_GPUS)
    model = _texts(rows, "model")
    rows.faults.add_rows("a node with GPUs needs a model", (gpus > 0) & (model == ""), rows.lines, names.tolist())
    several = np.char.find(model, "|") >= 0
    rows.faults.add_rows("column 'model' must name one GPU type, without '|'", several, rows.lines, model.tolist())
    kinds = sorted(set(model[gpus > 0]))
    if len(kinds) > MOST_GPUS:
        rows.faults.add(f"{len(kinds)} GPU types in column 'model'; at most {MOST_GPUS} can be told apart")
    rows.faults.check()
    if not gpus.any():
        rows.faults.stop("no node has a GPU; column 'gpu' must hold how many each has")
    nodes = Nodes(names, cpu, memory, gpus, np.where(gpus > 0, model, ""))
    return nodes.take(np.argsort(names, kind="stable"))


def read_pods(path: str | Path) -> Pods:
    """Pods of a file, by name.

    Raises
    ------
    TraceError
        With all faults of the file.
    """
    rows = Rows(_source(path, "pods"), POD_COLUMNS, {"gpu_spec": str})
    pods = _pods(rows)
    rows.faults.check()
    return pods.take(np.argsort(pods.name, kind="stable"))


def read_timed_pods(path: str | Path) -> TimedPods:
    """Pods of a file, by name, with ``creation_time`` and ``deletion_time``, maybe ``scheduled_time`` [s].

    Each runs from when it was scheduled (created, where that is not known) to its deletion.

    Raises
    ------
    TraceError
        With all faults of the file.
    """
    times = {"creation_time": float, "deletion_time": float}
    rows = Rows(_source(path, "pods with times"), POD_COLUMNS | times, {"gpu_spec": str, "scheduled_time": float})
    pods = _pods(rows)
    created, deleted = (_seconds(rows, column) for column in times)
    began = rows.number("scheduled_time") if "scheduled_time" in rows else np.full(len(rows), np.nan)
    began = np.where(np.isnan(began), created, began)
    late = deleted < began
    rows.faults.add_rows("'deletion_time' before the pod was scheduled", late, rows.lines, deleted.tolist())
    rows.faults.check()
    order = np.argsort(pods.name, kind="stable")
    return TimedPods(pods.take(order), created[order], (deleted - began)[order])


def _source(path: str | Path, what: str) -> Source:
    source = Source(Path(path), what)
    source.fold_capitals()
    return source


def _pods(rows: Rows) -> Pods:
    """Pods in the order of the file; faults of others are added."""
    names = _names(rows, "name")
    cpu, memory = (_whole(rows, column) for column in ("cpu_milli", "memory_mib"))
    gpus, milli = _whole(rows, "num_gpu", MOST_GPUS), _whole(rows, "gpu_milli", WHOLE)
    bad = ((gpus == 1) & (milli == 0)) | ((gpus > 1) & (milli < WHOLE) & (milli != UNREAD))
    rows.faults.add_rows("column 'gpu_milli' must be 1 to 1000 of one GPU, and 1000 of several", bad, rows.lines, milli)
    if not rows.faults.texts and not (gpus * milli).any():
        rows.faults.add("no pod asks for a GPU; columns 'num_gpu' and 'gpu_milli' must hold what each asks for")
    models = np.where(gpus > 0, _texts(rows, "gpu_spec"), "")
    return Pods(names, cpu, memory, gpus, np.where(gpus > 0, milli, 0), models)


def _seconds(rows: Rows, column: str) -> np.ndarray:
    values = rows.number(column)
    rows.faults.add_rows(
        f"column '{column}' must hold seconds", _readable(rows, column) & ~np.isfinite(values), rows.lines, values
    )
    return values


def _names(rows: Rows, column: str) -> np.ndarray:
    """Names, of which none stands twice."""
    names = np.char.strip(rows.text(column).astype(str))
    _, first, inverse = np.unique(names, return_index=True, return_inverse=True)
    again = first[inverse] != np.arange(len(names))
    rows.faults.add_rows(f"column '{column}' must name each once", again | (names == ""), rows.lines, names.tolist())
    return names


def _texts(rows: Rows, column: str) -> np.ndarray:
    if column not in rows:
        return np.full(len(rows), "")
    texts = np.char.strip(rows.text(column).astype(str))
    return np.where(np.isin(texts, MISSING), "", texts)


def _whole(rows: Rows, column: str, most: float = MOST) -> np.ndarray:
    """Whole numbers from 0 to a most, ``UNREAD`` where a fault is told."""
    values = rows.number(column)
    bad = ~((values >= 0) & (values <= most) & (values == np.floor(values)))
    told = f"column '{column}' must hold whole numbers from 0 to {most:g}"
    rows.faults.add_rows(told, bad & _readable(rows, column), rows.lines, values)
    return np.where(bad, UNREAD, values).astype(np.int64)


def _readable(rows: Rows, column: str) -> np.ndarray:
    """Rows whose cell of a column no fault is told of yet."""
    return ~rows.faults.is_unread(column, rows.lines)
