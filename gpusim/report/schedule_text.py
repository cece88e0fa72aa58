"""A schedule that another simulator recorded beside ours, as plain text."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from gpusim.units import number_of
from gpusim.validation.recordings import Recording
from gpusim.validation.schedules import Verdict, first_failed, mean_completion_s, rule_for

MOST_JOBS = 5  # that are shown of those that differ


def schedule_text(recording: Recording, verdicts: list[Verdict], times: pd.DataFrame) -> str:
    """What is the same, what is not and why, and the first jobs of what should be the same and is not."""
    return "\n".join(_lines(recording, verdicts, times))


def _lines(recording: Recording, verdicts: list[Verdict], times: pd.DataFrame) -> Iterator[str]:
    yield f"{recording.simulator} {recording.policy}, {number_of(len(times), 'job')}"
    if left_out := len(recording.jobs) - len(times):
        yield f"  {number_of(left_out, 'job')} without a recorded end: scheduled, and not compared"
    for verdict in verdicts:
        if verdict.lacks:
            yield f"  not checked: {verdict.what}: its solver is not installed (pip install {verdict.lacks})"
        else:
            yield f"  {verdict.same.sum():,} of {len(times):,} start and end {verdict.what}"
    means_s = mean_completion_s(recording, times)
    known_s, ours_s = means_s["recorded"], means_s["ours"]
    more = f"{ours_s / known_s - 1.0:+.1%}"
    yield f"  mean completion time {known_s:,.0f} s as recorded, {ours_s:,.0f} s with gpusim ({more})"
    if difference := rule_for(recording).difference:
        nowhere = ", here without effect" if verdicts[-1].same.all() else ""
        yield f"  their rule differs{nowhere}: {difference}"
    failed = first_failed(verdicts)
    if failed is None:
        return
    if failed.what.endswith("as recorded"):
        yield "  the known rule does not reproduce it: check policy, cluster and the order of simultaneous jobs"
    yield f"  first jobs that do not start and end {failed.what}:"
    yield times[~failed.same].head(MOST_JOBS).to_string()
