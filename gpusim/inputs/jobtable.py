"""THE job table: the one columnar form that every workload source fills and that the engine reads.

One row is one job. Columns are numpy arrays of equal length; names (tenants, classes, ...) are stored once in
``names`` and referred to by index, so that a million jobs stay small.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from gpusim.gangs import MILLI
from gpusim.units import DAY_S, number_of

# column: (dtype, default, unit and meaning). Codes index the list of the same name in ``JobTable.names``.
COLUMNS: dict[str, tuple[str, object, str]] = {
    "job_id": ("i8", 0, "identity in the source, unique within the table"),
    "submit_s": ("f8", 0.0, "[s] submission, since the scenario's start"),
    "gpus": ("i4", 1, "GPUs of the gang, at least 1"),
    "gpu_milli": ("i4", 0, "thousandths of its one GPU that a job asks for, where jobs share GPUs; 0: all of it"),
    "runtime_s": ("f8", 0.0, "[s] work on the reference GPU type, without checkpoints or waiting"),
    "estimate_s": ("f8", 0.0, "[s] wall-time estimate on the reference GPU type, as the user gave it"),
    "deadline_s": ("f8", 0.0, "[s] when it is due, after its submission; 0: as the policy says"),
    "priority": ("i4", 0, "higher goes first under the priority order"),
    "preemptible": ("?", False, "may be evicted for services or for more urgent jobs"),
    "cpus": ("f8", 0.0, "CPUs that the job takes in all; 0: as its class says"),
    "memory_gb": ("f8", 0.0, "[GB] memory besides the GPUs', likewise"),
    "min_gpus": ("i4", 0, "fewest GPUs on which a policy may run the job; 0: as its class says"),
    "max_gpus": ("i4", 0, "most GPUs, likewise"),
    "data_bytes": ("f8", 0.0, "[bytes] data that must be where the job runs"),
    "tenant": ("i4", 0, "code of the tenant (names['tenant'])"),
    "job_class": ("i4", 0, "code of the class: pretraining, research, batch, ... (names['job_class'])"),
    "home": ("i4", 0, "code of the home region (names['home']); '' = none"),
    "gpu_types": ("i4", 0, "code of the allowed GPU types (names['gpu_types']: 'H100|H200'); '' = any"),
    "residency": ("i4", 0, "code of the allowed jurisdictions (names['residency']: 'EU|UK'); '' = any"),
    "final_state": ("i4", 0, "code of how the job ends (names['final_state']): completed, failed, cancelled, ..."),
}
CODED = ("tenant", "job_class", "home", "gpu_types", "residency", "final_state")
RANGE = ("min_gpus", "max_gpus")  # of elastic jobs
SHARED = "gpu_milli"  # of jobs that share GPUs
LATER = (*RANGE, SHARED, "cpus", "memory_gb", "deadline_s")  # tables without jobs that use these keep their digest
ROUNDED = "fractions of a GPU rounded up to whole GPUs"  # note
DEFAULT_NAMES = {
    "tenant": ["default"],
    "job_class": ["batch"],
    "home": [""],
    "gpu_types": [""],
    "residency": [""],
    "final_state": ["completed"],
}


@dataclass(frozen=True)
class JobTable:
    """Jobs as columns, sorted by (submit_s, job_id).

    Attributes
    ----------
    columns : dict of str to ndarray, shape (n_jobs,)
        One array per entry of ``COLUMNS``, with its dtype.
    names : dict of str to list of str
        For each coded column, the texts that its codes index.
    notes : dict of str to int
        What was survived while reading or making the table: fault -> count ("rows with zero GPUs dropped": 205).
    """

    columns: dict[str, np.ndarray]
    names: dict[str, list[str]]
    notes: dict[str, int] = field(default_factory=dict)

    @classmethod
    def build(
        cls, names: dict[str, list[str]] | None = None, notes: dict[str, int] | None = None, **columns
    ) -> JobTable:
        """Table from columns; absent ones take their defaults, ``estimate_s`` that of ``runtime_s``; sorts the rows.

        Scalars are repeated. An unknown column is a ``TypeError``: it is a programming error, not a user's.
        """
        unknown = set(columns) - set(COLUMNS)
        if unknown:
            raise TypeError(f"unknown job columns: {sorted(unknown)}; known: {list(COLUMNS)}")
        size = next((len(value) for value in columns.values() if np.ndim(value) == 1), 0)
        columns.setdefault("job_id", np.arange(size))
        columns.setdefault("estimate_s", columns.get("runtime_s", 0.0))
        full = {}
        for name, (dtype, default, _meaning) in COLUMNS.items():
            value = np.asarray(columns.get(name, default))
            full[name] = np.broadcast_to(value, (size,)).astype(dtype)
        order = np.lexsort((full["job_id"], full["submit_s"]))
        if not np.array_equal(order, np.arange(size)):
            full = {name: column[order] for name, column in full.items()}
        return cls(full, {**DEFAULT_NAMES, **(names or {})}, dict(notes or {}))

    def __len__(self) -> int:
        return len(self.columns["submit_s"])

    def __repr__(self) -> str:
        return f"<JobTable: {self.told()}>"

    def told(self) -> str:
        """What it holds, in a line: jobs, the days over which they come, GPUs of each."""
        if not len(self):
            return "no jobs"
        span_days = float(f"{np.ptp(self['submit_s']) / DAY_S:.4g}")
        least, most = self["gpus"].min(), self["gpus"].max()
        of_each = number_of(most, "GPU") if least == most else f"{least:,} to {number_of(most, 'GPU')}"
        return f"{number_of(len(self), 'job')} over {number_of(span_days, 'day')}, {of_each} each"

    def __getitem__(self, column: str) -> np.ndarray:
        return self.columns[column]

    def sha256(self) -> str:
        """Digest of the jobs, in hexadecimal: the same for the same jobs, whatever they were read from."""
        digest = hashlib.sha256(json.dumps(self.names, sort_keys=True).encode())
        for name in COLUMNS:
            if name in LATER and not self.columns[name].any():
                continue
            digest.update(np.ascontiguousarray(self.columns[name]).tobytes())
        return digest.hexdigest()

    def asked(self) -> np.ndarray:
        """GPUs that jobs ask for, shape (n_jobs,): whole numbers unless some ask for a part of one."""
        milli = self.columns[SHARED]
        return np.where(milli > 0, milli / MILLI, self.columns["gpus"]) if milli.any() else self.columns["gpus"]

    def on_whole_gpus(self) -> JobTable:
        """The same jobs, none of which shares a GPU."""
        if not self.columns[SHARED].any():
            return self
        return replace(self, columns={**self.columns, SHARED: np.zeros(len(self), "i4")})

    def on_shared_gpus(self) -> JobTable:
        """The same jobs with notes that do not count as rounded those that share GPUs."""
        rounded = self.notes.get(ROUNDED, 0) - int(np.count_nonzero(self.columns[SHARED]))
        notes = {what: count for what, count in self.notes.items() if what != ROUNDED}
        return replace(self, notes={**notes, ROUNDED: rounded} if rounded > 0 else notes)

    def labels(self, column: str) -> np.ndarray:
        """Texts of a coded column, shape (n_jobs,)."""
        return np.asarray(self.names[column], dtype=object)[self.columns[column]]

    def take(self, rows: np.ndarray | slice) -> JobTable:
        """The table of some rows only (mask, positions, or a slice without a copy), still sorted."""
        return replace(self, columns={name: column[rows] for name, column in self.columns.items()})

    def to_frame(self) -> pd.DataFrame:
        """The table as a DataFrame, coded columns as categoricals."""
        data = dict(self.columns)
        for name in CODED:
            data[name] = self.categorical(name)
        return pd.DataFrame(data)

    def categorical(self, column: str) -> pd.Categorical:
        """A coded column as a categorical."""
        return pd.Categorical.from_codes(self.columns[column], pd.Index(self.names[column], dtype=object))


def divided(gpus: np.ndarray) -> dict[str, np.ndarray]:
    """Columns ``gpus`` and ``gpu_milli`` of jobs that ask for so many GPUs [> 0], or for a part of one.

    Parts are rounded up to thousandths, more than one GPU to whole ones.
    """
    milli = np.ceil(np.minimum(gpus, 1.0) * MILLI - 1e-9)
    return {"gpus": np.ceil(gpus), SHARED: np.where(milli < MILLI, milli, 0)}


def encode(values: Sequence[str] | np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Codes and names of a column of texts, names in order of first appearance."""
    codes, uniques = pd.factorize(np.asarray(values, dtype=object))
    return codes.astype("i4"), [str(name) for name in uniques]


def concatenate(tables: list[JobTable]) -> JobTable:
    """One table of all rows of ``tables``; job ids are renumbered 0.. in order of submission, notes are added up."""
    names: dict[str, list[str]] = {}
    columns: dict[str, list[np.ndarray]] = {name: [] for name in COLUMNS}
    notes: dict[str, int] = {}
    for table in tables:
        for name in COLUMNS:
            column = table[name]
            if name in CODED:
                known = names.setdefault(name, [])
                known.extend(text for text in table.names[name] if text not in known)
                column = np.array([known.index(text) for text in table.names[name]], dtype="i4")[column]
            columns[name].append(column)
        for fault, count in table.notes.items():
            notes[fault] = notes.get(fault, 0) + count
    merged = {name: np.concatenate(parts) for name, parts in columns.items()}
    del merged["job_id"]
    table = JobTable.build(names, notes, **merged)
    table.columns["job_id"][:] = np.arange(len(table))
    return table
