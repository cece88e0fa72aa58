"""Both sides of the ledger by pool, record interval and cause: what was lost, and what demand was unmet.

A cell is a pool in a record interval, an entry a cell and a cause; both are numbered, so that tables of any length are
summed by whole numbers and not by texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from gpusim.analysis.lateness import is_built
from gpusim.analysis.power_plan import named
from gpusim.causes import ABSENT, BACKLOG, BUSY, FRAGMENTED, LOSS_OF_WAIT, RESERVED, RETIRED, STALLED, USEFUL, WORDS
from gpusim.tables.record import Record

HELD_BACK = (
    "Held back: GPU-hours of a cause, at any moment no more than the unmet demand, each GPU counted once; of busy"
    " GPUs, those at work on other jobs."
)
CODES = {cause: code for code, cause in enumerate(sorted(WORDS))}


def both_sides(result: Record) -> pd.DataFrame:
    """Both sides of the ledger without what was useful.

    Held back means the same for all causes: the GPUs of a cause, at any moment, as far as demand was unmet. What
    waiting jobs and missing replicas ask for is set against free GPUs, then against those that gangs hold without
    having asked for them, then against those that are at work for others or absent, as the wait says;
    each GPU once. The GPUs that jobs hold while they load, write checkpoints or do lost work, they have asked for.
    Where projects bring GPUs, waiting for those at work is backlog; pools without power that a better plan would mostly
    have powered have that cause (``gpusim.analysis.power_plan``).

    Returns
    -------
    DataFrame
        site, gpu_type, start_s, end_s, cause, lost_s [GPU-s], waited_s [job-s], asked_s [GPU-s], held_s [GPU-s held
        back]; one row per pool, record interval and cause. held_s is never more than asked_s, nor, but for ``busy`` and
        ``backlog``, than lost_s.
    """
    ledger, waits, unmet = result.ledger, result.waits, result.unmet
    cells = _Cells([ledger, waits, unmet])
    booked, booked_s = cells.entries(0, ledger["cause"]), ledger["gpu_s"].to_numpy(float)
    lost = _Sums.of(booked, booked_s, ~np.isin(booked % len(CODES), _codes(USEFUL)) & (booked_s > 0.0))
    stalled = _Sums.of(booked, booked_s, np.isin(booked % len(CODES), _codes(STALLED)) & (booked_s > 0.0))
    asked_s, held_s, shares = _set_against(cells, unmet)
    waited_s = _waited(cells, waits, shares)
    asked_s, held_s = (_Sums.joined([side, stalled]) for side in (asked_s, held_s))
    entry = np.union1d(np.union1d(lost.keys, waited_s.keys), asked_s.keys)
    cell, cause = np.divmod(entry, len(CODES))
    asked = asked_s.at(entry)
    entries = pd.DataFrame(
        {
            **cells.columns(cell), "cause": _texts(list(CODES), cause), "lost_s": lost.at(entry),
            "waited_s": waited_s.at(entry), "asked_s": asked, "held_s": np.minimum(held_s.at(entry), asked),
        }
    )  # fmt: skip
    if is_built(result):
        entries["cause"] = entries["cause"].where(entries["cause"] != BUSY, BACKLOG)
    return named(result, entries)


def _set_against(cells: _Cells, unmet: pd.DataFrame) -> tuple[_Sums, _Sums, dict[str, _Sums]]:
    """What is asked for and what of it is held back, by the cause of the GPUs that it was set against.

    And, by cell and cause of waiting, the shares of what waits for GPUs at work or absent that were set against other
    GPUs, by the cause of these.
    """
    own = cells.entries(2, unmet["cause"].map(LOSS_OF_WAIT))
    all_s, free_s, padding_s, short_s = (
        unmet[name].to_numpy(float) for name in ("gpu_s", "free_gpu_s", "padding_gpu_s", "short_gpu_s")
    )
    waits_on = np.isin(own % len(CODES), _codes((BUSY, RETIRED, *ABSENT)))  # for GPUs that are not free
    elsewhere = {
        RESERVED: np.where(waits_on, free_s, 0.0),
        FRAGMENTED: np.where(waits_on, padding_s, 0.0),
    }
    here_s = all_s - sum(elsewhere.values())
    held_s = short_s + (free_s + padding_s - sum(elsewhere.values()))
    moved = [_Sums.of(own - own % len(CODES) + CODES[to], part_s) for to, part_s in elsewhere.items()]
    shares = {
        to: _Sums.of(own, np.divide(part_s, all_s, out=np.zeros(len(all_s)), where=all_s > 0.0))
        for to, part_s in elsewhere.items()
    }
    return _Sums.joined([_Sums.of(own, here_s), *moved]), _Sums.joined([_Sums.of(own, held_s), *moved]), shares


def _waited(cells: _Cells, waits: pd.DataFrame, shares: dict[str, _Sums]) -> _Sums:
    """[job-s] of waiting by cause, shared as what the waiting jobs asked for is."""
    own, waited_s = cells.entries(1, waits["cause"].map(LOSS_OF_WAIT)), waits["job_s"].to_numpy(float)
    parts, left_s = [], waited_s
    for to, share in shares.items():
        part_s = share.at(own) * waited_s
        left_s = left_s - part_s
        parts.append(_Sums.of(own - own % len(CODES) + CODES[to], part_s))
    return _Sums.joined([_Sums.of(own, left_s), *parts])


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

    @classmethod
    def joined(cls, parts: list[_Sums]) -> _Sums:
        """Sums of several, by key; keys that sum to nothing are left out."""
        found = cls.of(*(np.concatenate([side[i] for side in parts]) for i in range(2)))
        return cls(found.keys[found.sums > 0.0], found.sums[found.sums > 0.0])

    def at(self, keys: np.ndarray) -> np.ndarray:
        """Sums of ``keys``, 0 where there is none."""
        if not len(self.keys):
            return np.zeros(len(keys))
        row = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[row] == keys, self.sums[row], 0.0)


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
