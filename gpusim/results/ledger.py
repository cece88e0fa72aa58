"""Both sides of the ledger by pool, record interval and cause: what was lost, and what demand was unmet.

A cell is a pool in a record interval, an entry a cell and a cause; both are numbered, so that tables of any length are
summed by whole numbers and not by texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from gpusim.causes import (
    ABSENT,
    BACKLOG,
    BUSY,
    FRAGMENTED,
    LOSS_OF_WAIT,
    NOT_ENERGISED,
    POWER_PLAN,
    RESERVED,
    RETIRED,
    STALLED,
    USEFUL,
    WORDS,
)
from gpusim.results.lateness import is_built
from gpusim.results.tables.record import Record

# Whether GPUs without power lacked a grid connection, or a plan that trusts what GPUs draw and not their nameplate.

RESERVE = 0.1  # of a grid connection that a plan leaves unused (assumption; caps act on the rest)


def named(result: Record, entries: pd.DataFrame) -> pd.DataFrame:
    """Entries of the books in which pools that lacked a better plan, and not a grid connection, have that cause.

    GPUs are energised by nameplate. Where a site never drew more than the share u of its connection, the connection
    would have carried (1 - ``RESERVE``) / u times those that it did, at the same draw. If these are most of the GPUs
    of a pool that stood without power, the plan is at fault for all of them, else the grid: each has one cause.

    Parameters
    ----------
    entries : DataFrame
        site, gpu_type, start_s, end_s, cause, lost_s, asked_s, held_s (``gpusim.results.ledger``).
    """
    dark = (entries["cause"] == NOT_ENERGISED).to_numpy()
    if not dark.any():
        return entries
    mine = entries[dark]
    spare = _spare(result)[_row_of(result, mine)] * _energised(result, mine)
    without = np.maximum((mine["lost_s"] / (mine["end_s"] - mine["start_s"])).to_numpy(), 1e-9)
    carried = np.minimum(spare / without, 1.0)
    pool, _names = pd.factorize(_pools(mine))
    share = np.full(len(_names), np.nan)
    for amount in ("asked_s", "lost_s", "held_s"):  # of what was held back; if nothing, of all
        parts_s, whole_s = (np.bincount(pool, mine[amount] * factor) for factor in (carried, 1.0))
        np.divide(parts_s, whole_s, out=share, where=whole_s > 0.0)
    causes = entries["cause"].to_numpy(object, copy=True)
    causes[np.flatnonzero(dark)[share[pool] > 0.5]] = POWER_PLAN
    return entries.assign(cause=pd.array(causes, dtype="str"))


def _spare(result: Record) -> np.ndarray:
    """GPUs more, of each that is energised, that the connection of a site would carry by what the site drew at most.

    The limit of an interval is that at its start, or at its end if that is more: in between the connection may have
    grown, or the site's own plant started. Shape (n_sites,), as the rows of the table of sites.
    """
    power = result.power
    after_w = power.groupby("site", observed=True)["limit_w"].shift(-1)  # rows are in the order of time
    power = power.assign(limit_w=np.fmax(power["limit_w"], after_w))
    power = power[np.isfinite(power["limit_w"]) & (power["limit_w"] > 0.0)]
    at, limit_w = _row_of(result, power), power["limit_w"].to_numpy()
    most_w, used = np.zeros((2, len(result.sites)))
    np.maximum.at(most_w, at, limit_w)
    np.maximum.at(used, at, power["facility_w"].to_numpy() / limit_w)
    np.maximum.at(used, at, result.sites["peak_facility_w"].to_numpy()[at] / most_w[at])
    spare = np.maximum((1.0 - RESERVE) / np.maximum(used, 1e-9) - 1.0, 0.0)
    return np.where(most_w > 0.0, spare, 0.0)


def _energised(result: Record, mine: pd.DataFrame) -> np.ndarray:
    """GPUs energised in the pool and record interval of each entry, shape (n_entries,); 0 where no row tells."""
    pools = result.pools
    names, starts_s = pd.Index(pd.unique(_pools(pools))), pd.Index(np.unique(pools["start_s"]))

    def cell(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        return names.get_indexer(_pools(rows)), starts_s.get_indexer(rows["start_s"])

    table = np.zeros((len(names) + 1, len(starts_s) + 1))  # what is not found has index -1: the row and column beyond
    table[cell(pools)] = pools["energised_gpus"]
    return table[cell(mine)]


def _row_of(result: Record, rows: pd.DataFrame) -> np.ndarray:
    """Where the site of each row stands in the table of sites."""
    return pd.Index(result.sites["site"].astype(str)).get_indexer(rows["site"].astype(str))


def _pools(rows: pd.DataFrame) -> pd.Series:
    """Pool of each row: SITE/TYPE."""
    return rows["site"].astype(str) + "/" + rows["gpu_type"].astype(str)


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
    have powered have that cause (``gpusim.results.ledger``).

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
