"""Deadlines of jobs: who ended in time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from gpusim.results.delays import job_groups
from gpusim.results.groups import Groups
from gpusim.results.tables.record import Record

ROUNDING_S = 1e-6  # of times in a run


class Deadlines(NamedTuple):
    """What became of the deadlines of jobs, shape (n_jobs,) each.

    Met: the job has ended by then. Missed: it has not, and the deadline is within the run; it ended later; or it never
    will, as it was rejected, or stopped at its estimate. Others are open at the end of the run.
    """

    own: np.ndarray  # whether the job has one
    met: np.ndarray
    missed: np.ndarray
    late_s: np.ndarray  # [s] by which it was missed, so far if the job has not ended; NaN: met, open, or it never ends

    @classmethod
    def of(cls, result: Record) -> Deadlines:
        """Of the jobs of a run."""
        jobs, end_s = result.jobs, float(result.manifest["duration_s"])
        if "deadline_s" not in jobs:
            none = np.zeros(len(jobs), bool)
            return cls(none, none, none, np.full(len(jobs), np.nan))
        own = jobs["deadline_s"].to_numpy() > 0.0
        due_s = (jobs["submit_s"] + jobs["deadline_s"]).to_numpy()
        done = (jobs["status"] == "done").to_numpy()
        never = jobs["status"].isin(["timed_out", "rejected"]).to_numpy()
        ends_s = np.where(done, jobs["end_s"].to_numpy(), end_s)
        met = own & done & (ends_s <= due_s + ROUNDING_S)
        missed = own & ~met & (done | never | (due_s <= end_s))
        return cls(own, met, missed, np.where(missed & ~never, ends_s - due_s, np.nan))

    def met_share(self) -> float:
        """Of those that were met or missed; NaN if there are none."""
        n_met, n = np.count_nonzero(self.met), np.count_nonzero(self.met | self.missed)
        return n_met / n if n else np.nan

    def met_shares(self, groups: Groups) -> np.ndarray:
        """The same by group, shape (n_groups,)."""
        with np.errstate(invalid="ignore"):  # 0 / 0: no deadlines
            return groups.counts(self.met) / groups.counts(self.met | self.missed)


def deadlines(result: Record, by: str) -> pd.DataFrame:
    """Deadlines by a column of the jobs table, or by ``size``; groups that have none are left out.

    Returns
    -------
    DataFrame
        The column; deadlines, met, missed and open (jobs), deadlines_met (a share of those met or missed), late_p50_s
        and late_p90_s [s] of those missed, of jobs that have not ended so far.
    """
    groups, found = job_groups(result.jobs, by), Deadlines.of(result)
    late_s = groups.quantiles(found.late_s, [0.5, 0.9])
    table = pd.DataFrame(
        {
            by: groups.labels,
            "deadlines": groups.counts(found.own),
            "met": groups.counts(found.met),
            "missed": groups.counts(found.missed),
            "open": groups.counts(found.own & ~found.met & ~found.missed),
            "deadlines_met": found.met_shares(groups),
            "late_p50_s": late_s[:, 0],
            "late_p90_s": late_s[:, 1],
        }
    )
    return table[table["deadlines"] > 0].reset_index(drop=True)
