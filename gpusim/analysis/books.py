"""Both sides of the ledger by pool, record interval and cause: what was lost, and what was asked for in vain.

A cell is a pool in a record interval, an entry a cell and a cause; both are numbered, so that tables of any length are
summed by whole numbers and not by texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from gpusim.analysis.causes import ABSENT, BUSY, HELD, LOSS_OF_WAIT, USEFUL, WORDS
from gpusim.record.result import Result

CODES = {cause: code for code, cause in enumerate(sorted(WORDS))}


def books(result: Result) -> pd.DataFrame:
    """Both sides of the ledger without what was useful.

    Returns
    -------
    DataFrame
        site, gpu_type, start_s, end_s, cause, lost_s [GPU-s], waited_s [job-s], asked_s [GPU-s], held_s [GPU-s held
        back, see ``bottlenecks``]; one row per pool, record interval and cause.
    """
    ledger, waits, short = result.ledger, result.waits, _shortages(result)
    cells = _Cells([ledger, waits, short])
    booked, booked_s = cells.entries(0, ledger["cause"]), ledger["gpu_s"].to_numpy(float)
    cause_of_wait = [side["cause"].map(LOSS_OF_WAIT) for side in (waits, short)]
    asking = np.concatenate([cells.entries(i + 1, cause) for i, cause in enumerate(cause_of_wait)])
    waited_s = np.concatenate([waits["job_s"].to_numpy(float), np.zeros(len(short))])
    asked_s = np.concatenate([waits["gpu_s"].to_numpy(float), short["gpu_s"].to_numpy(float)])
    lost = _Sums.of(booked, booked_s, ~np.isin(booked % len(CODES), _codes(USEFUL)))
    lost = _Sums(lost.keys[lost.sums > 0.0], lost.sums[lost.sums > 0.0])
    reserved = _share_reserved(booked, booked_s)
    waited, asked = (_split(_Sums.of(asking, values), reserved) for values in (waited_s, asked_s))
    entry = np.union1d(lost.keys, waited.keys)
    lost_s, waited_s, asked_s = (side.at(entry) for side in (lost, waited, asked))
    cell, cause = np.divmod(entry, len(CODES))
    planned_s = _Sums.of(booked // len(CODES), booked_s).at(cell)
    held_s = np.where(np.isin(cause, _codes(ABSENT)), np.minimum(lost_s, asked_s), lost_s)
    held_s = np.where(cause == CODES[BUSY], np.minimum(planned_s, asked_s), held_s)
    return pd.DataFrame(
        {
            **cells.columns(cell), "cause": _texts(list(CODES), cause),
            "lost_s": lost_s, "waited_s": waited_s, "asked_s": asked_s, "held_s": held_s,
        }
    )  # fmt: skip


class _Cells:
    """Numbers of the cells in which the rows of some tables are, in order of site, GPU type and start."""

    def __init__(self, tables: list[pd.DataFrame]):
        self.sites, site = _coded([table["site"] for table in tables])
        self.kinds, kind = _coded([table["gpu_type"] for table in tables])
        start_s, end_s = (np.concatenate([t[name].to_numpy(float) for t in tables]) for name in ("start_s", "end_s"))
        self.starts_s, first, span = np.unique(start_s, return_index=True, return_inverse=True)
        self.ends_s = end_s[first]
        cell = (np.concatenate(site) * len(self.kinds) + np.concatenate(kind)) * len(self.starts_s) + span
        self._of_table = np.split(cell, np.cumsum([len(table) for table in tables])[:-1])

    def entries(self, table: int, causes: pd.Series) -> np.ndarray:
        """Numbers of the entries in which the rows of a table are, by their causes."""
        return self._of_table[table] * len(CODES) + _codes(causes)

    def columns(self, cell: np.ndarray) -> dict[str, pd.Series | np.ndarray]:
        """What cells are, as columns of a table."""
        pool, span = np.divmod(cell, max(len(self.starts_s), 1))
        site, kind = np.divmod(pool, max(len(self.kinds), 1))
        return {
            "site": _texts(self.sites, site),
            "gpu_type": _texts(self.kinds, kind),
            "start_s": self.starts_s[span],
            "end_s": self.ends_s[span],
        }


class _Sums(NamedTuple):
    """Sums by key, keys ascending."""

    keys: np.ndarray
    sums: np.ndarray

    @classmethod
    def of(cls, keys: np.ndarray, values: np.ndarray, rows: np.ndarray | slice = slice(None)) -> _Sums:
        """Sums of ``values``, of some rows only."""
        found, place = np.unique(keys[rows], return_inverse=True)
        return cls(found, np.bincount(place, weights=values[rows], minlength=len(found)).astype(float))

    def at(self, keys: np.ndarray) -> np.ndarray:
        """Sums of ``keys``, 0 where there is none."""
        if not len(self.keys):
            return np.zeros(len(keys))
        row = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[row] == keys, self.sums[row], 0.0)


def _shortages(result: Result) -> pd.DataFrame:
    """Intervals in which services lacked replicas, with the GPU-seconds that these would have held."""
    services = result.services[(result.services["cause"] != "").to_numpy()]
    specs = result.manifest["scenario"].get("services", {})
    service, names = pd.factorize(services["service"])
    gpus = np.array([specs[name]["gpus_per_replica"] for name in names], dtype=float)[service]
    wanted, had, start_s, end_s = (
        services[name].to_numpy(float) for name in ("wanted_replicas", "replicas", "start_s", "end_s")
    )
    return services.assign(gpu_s=np.maximum(wanted - had, 0.0) * gpus * (end_s - start_s))


def _share_reserved(booked: np.ndarray, booked_s: np.ndarray) -> _Sums:
    """By cell, how much of the GPUs at work and of those that stood free for a large job the latter were."""
    cell, cause = np.divmod(booked, len(CODES))
    free = _Sums.of(cell, booked_s, cause == CODES["idle_reserved"])
    both_s = free.sums + _Sums.of(cell, booked_s, np.isin(cause, _codes(HELD))).at(free.keys)
    return _Sums(free.keys, np.divide(free.sums, both_s, out=np.zeros(len(both_s)), where=both_s > 0.0))


def _split(asked: _Sums, reserved: _Sums) -> _Sums:
    """What is asked by entry, with waiting for busy GPUs shared between these and those held free for a large job."""
    cell, cause = np.divmod(asked.keys, len(CODES))
    busy = cause == CODES[BUSY]
    part = reserved.at(cell[busy])
    left = asked.sums.copy()
    left[busy] *= 1.0 - part
    keys = np.append(asked.keys, cell[busy] * len(CODES) + CODES["idle_reserved"])
    sums = np.append(left, asked.sums[busy] * part)
    order = np.argsort(keys)
    return _Sums(keys[order], sums[order])


def _coded(columns: list[pd.Series]) -> tuple[list[str], list[np.ndarray]]:
    """All texts of some columns in order, and their positions in the columns."""
    found = [pd.factorize(column) for column in columns]
    names = sorted({name for _codes, labels in found for name in labels})
    return names, [np.array([names.index(name) for name in labels], dtype=int)[codes] for codes, labels in found]


def _codes(causes: Sequence[str] | pd.Series) -> np.ndarray:
    """Codes of causes, shape as ``causes``."""
    if not isinstance(causes, pd.Series):
        return np.array([CODES[cause] for cause in causes])
    codes, names = pd.factorize(causes)
    return np.array([CODES[name] for name in names], dtype=int)[codes]


def _texts(names: list[str], codes: np.ndarray) -> pd.api.extensions.ExtensionArray:
    return pd.array(names, dtype="str").take(codes)
