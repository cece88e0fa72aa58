"""A job trace: the job table of one file, and what the table itself cannot hold."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import numpy as np

from gpusim.inputs.jobtable import ROUNDED, JobTable, divided, encode
from gpusim.inputs.traces.source import Source
from gpusim.units import number_of

UNWRITABLE = ("Cc", "Cs")  # Unicode classes: control characters, halves of a pair (JSON can hold both)
LONGEST_S = 1e11  # 3,000 years: a time beyond is damage
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNORDERED, NO_ESTIMATE = "rows not in order of time", "rows without an estimate, runtime taken"  # notes

# The publishers' words for how a job ended -> ours. Other words are kept, in lower case.
STATES = {
    "pass": "completed",
    "completed": "completed",
    "succeeded": "completed",
    "terminated": "completed",
    "killed": "cancelled",
    "cancelled": "cancelled",
    "canceled": "cancelled",
    "failed": "failed",
    "": "unknown",
}


@dataclass(frozen=True)
class Trace:
    """Jobs of one file.

    Attributes
    ----------
    table : JobTable
        ``submit_s`` counts from the earliest submission of the file, that of rows left out of the table included.
    origin : datetime or None
        Calendar time (UTC) at which ``submit_s`` is 0; None where the file has relative times only.
    format : str
        Short name of the file's format.
    """

    table: JobTable
    origin: datetime | None
    format: str

    def __repr__(self) -> str:
        begins = f", from {self.origin:%Y-%m-%d %H:%M} UTC" if self.origin else ""
        return f"<Trace {self.format}: {self.table.told()}{begins}>"


def final_states(texts: np.ndarray) -> np.ndarray:
    """Final states in gpusim's words, shape and order as ``texts``."""
    codes, names = encode(texts)
    words = [name.strip().lower() for name in names]
    return np.array([STATES.get(word, word) for word in words], dtype=object)[codes]


def elapsed(moments: np.ndarray) -> tuple[np.ndarray, datetime | None]:
    """Seconds [s] since the earliest of ``moments`` (datetime64[us], NaT gives NaN), and that earliest time."""
    known = moments[~np.isnat(moments)]
    if not len(known):
        return np.full(len(moments), np.nan), None
    first = known.min()
    return between_s(moments, first), EPOCH + timedelta(microseconds=int(first.astype("i8")))


def between_s(later: np.ndarray, earlier: np.ndarray) -> np.ndarray:
    """Seconds [s] from ``earlier`` to ``later`` (datetime64[us]), NaN where either is NaT."""
    return (later - earlier) / np.timedelta64(1, "s")


def build_trace(
    source: Source,
    format: str,
    *,
    submit_s: np.ndarray,
    runtime_s: np.ndarray,
    gpus: np.ndarray,
    origin: datetime | None = None,
    job_id: np.ndarray | None = None,
    estimate_s: np.ndarray | None = None,
    takes: Mapping[str, np.ndarray] = MappingProxyType({}),
    **texts: np.ndarray,
) -> Trace:
    """Trace of the rows that can be simulated; what is left out or changed is counted in the notes.

    Parameters
    ----------
    submit_s, runtime_s, gpus : ndarray of float, shape (n_rows,)
        In file order; NaN where missing. GPUs may be fractions.
    job_id : ndarray, shape (n_rows,), optional
        Kept if these are unique whole numbers, else rows are numbered from 0.
    estimate_s : ndarray of float, shape (n_rows,), optional
        NaN or 0 where missing.
    takes : dict of str to ndarray of float, shape (n_rows,)
        Columns ``cpus``, ``memory_gb`` and ``deadline_s`` of the job table.
    texts : ndarray of str, shape (n_rows,)
        Coded columns of the job table.

    Raises
    ------
    TraceError
        With the faults gathered so far, or if nothing is left that could run.
    """
    if estimate_s is None:
        estimate_s = np.full(len(submit_s), np.nan)
    _check_times(source, submission=submit_s, runtime=runtime_s, estimate=estimate_s)
    known = submit_s[~np.isnan(submit_s)]
    source.note(UNORDERED, np.count_nonzero(np.diff(known) < 0))
    if len(known):
        submit_s = submit_s - known.min()
    ids = np.arange(len(submit_s)) if job_id is None else _numbered(source, job_id)
    kept = _usable(source, submit_s, runtime_s, gpus)
    whole = np.ceil(gpus[kept])
    source.note(ROUNDED, np.count_nonzero(whole != gpus[kept]))
    source.note("rows with zero runtime kept", np.count_nonzero(runtime_s[kept] == 0))
    given = np.where(estimate_s[kept] > 0, estimate_s[kept], np.nan)  # nobody asks for no time
    source.note(NO_ESTIMATE, np.count_nonzero(np.isnan(given)))
    columns = {
        "job_id": ids[kept],
        "submit_s": submit_s[kept],
        "runtime_s": runtime_s[kept],
        **divided(gpus[kept]),
        "estimate_s": np.where(np.isnan(given), runtime_s[kept], given),
        **{name: values[kept] for name, values in takes.items()},
    }
    if "final_state" not in texts:
        source.note("rows without a final state, taken as completed", len(whole))
    codes, names = _coded(source, {name: values[kept] for name, values in texts.items()})
    return Trace(JobTable.build(names, source.notes, **columns, **codes), origin, format)


def _check_times(source: Source, **columns: np.ndarray) -> None:
    for what, times_s in columns.items():
        beyond = np.count_nonzero(np.abs(times_s) > LONGEST_S)
        if beyond:
            source.faults.add(f"{number_of(beyond, 'row')} with a {what} beyond {LONGEST_S:g} s")
    source.faults.check()


def _coded(source: Source, texts: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, list[str]]]:
    """Columns of text as codes, and the texts that these stand for."""
    codes, names = {}, {}
    for name, values in texts.items():
        codes[name], names[name] = encode(values)
        odd = [text for text in names[name] if any(unicodedata.category(sign) in UNWRITABLE for sign in text)]
        source.faults.add_places(f"{name} must be text without control characters", range(len(odd)), odd, unit="name")
    source.faults.check()
    return codes, names


def _numbered(source: Source, job_id: np.ndarray) -> np.ndarray:
    """The identities if they are unique whole numbers, else row numbers, with a note."""
    if job_id.dtype.kind != "i":
        source.note("rows renumbered: not all job ids are whole numbers below 2^63", len(job_id))
    elif len(np.unique(job_id)) < len(job_id):
        repeated = len(job_id) - len(np.unique(job_id))
        source.note("repeated job ids: all rows renumbered", repeated)
    else:
        return job_id
    return np.arange(len(job_id))


def _usable(source: Source, submit_s: np.ndarray, runtime_s: np.ndarray, gpus: np.ndarray) -> np.ndarray:
    """Mask of the rows that are jobs on GPUs with known times; the others are counted by their first lack."""
    kept = np.ones(len(submit_s), dtype=bool)
    for what, lacking in (
        ("rows without GPUs dropped", ~(gpus > 0)),
        ("rows without a submission time dropped", np.isnan(submit_s)),
        ("rows without a runtime dropped", np.isnan(runtime_s)),
        ("rows with a negative runtime dropped", runtime_s < 0),
    ):
        source.note(what, np.count_nonzero(kept & lacking))
        kept &= ~lacking
    too_many = np.count_nonzero(gpus[kept] > np.iinfo("i4").max)
    if too_many:
        source.faults.stop(f"{number_of(too_many, 'row')} with more than {np.iinfo('i4').max} GPUs")
    if not kept.any():
        lacks = "; ".join(f"{what}: {count}" for what, count in source.notes.items())
        source.faults.stop(f"no row is a job that could run on GPUs ({lacks})")
    return kept
