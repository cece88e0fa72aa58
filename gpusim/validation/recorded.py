"""Anchors of schedules that other simulators recorded, job by job: without preemption, with EASY, in Gavel's rounds."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gpusim.validation.anchor import Effort, Row
from gpusim.validation.recordings import read
from gpusim.validation.schedules import compare, mean_completion_s

NO_FILE = "no file: set GPUSIM_DATA"


class _Recorded(NamedTuple):
    """A recorded run: its simulator and policy, its files below ``golden``, its cluster; how far ours may be off."""

    simulator: str
    policy: str
    recorded: str
    jobs: str
    cluster: str
    mean_within: float = 0.0  # of the mean completion time


_JOBS, _MANY = "inputs/jobs_2000_n100.csv.gz", "inputs/jobs_10000_L130.csv.gz"
IN_TURN = (
    _Recorded("accasim", "FIFO", "accasim/jobs_2000_n100/FIFO/jobs.csv.gz", _JOBS, "100x8"),
    _Recorded("accasim", "FIFO", "accasim/jobs_10000_L130/FIFO/jobs.csv.gz", _MANY, "1000x8"),
    _Recorded("accasim", "SJF", "accasim/jobs_2000_n100/SJF/jobs.csv.gz", _JOBS, "100x8"),
    _Recorded("lucid", "fifo", "lucid/w2000_100x8/fifo/jobs.csv.gz", _JOBS, "100x8"),
    _Recorded("lucid", "sjf", "lucid/w2000_100x8/sjf/jobs.csv.gz", _JOBS, "100x8"),
)
EASY = (
    _Recorded("textbook", "EASY", "reference/jobs_2000_n100/EASY/jobs.csv.gz", _JOBS, "100x8", 0.005),
    _Recorded("textbook", "EASY", "reference/tiny_early_EASY.csv", "inputs/tiny_early.csv", "1x8"),
    _Recorded("textbook", "EASY", "reference/tiny_reserve_EASY.csv", "inputs/tiny_reserve.csv", "1x8"),
)
_LARGE, _SMALL = "v100=8,p100=12,k80=16", "v100=4,p100=4,k80=4"
ROUNDS = tuple(
    _Recorded("gavel", policy, f"gavel/{case}/{policy}/jobs.csv", f"gavel/{case}/input.trace", cluster, within)
    for case, cluster, policy, within in (
        ("small_test", _SMALL, "fifo", 0.35),
        ("small_test", _SMALL, "max_min_fairness_perf", 0.6),  # jobs of minutes wait for rounds of six
        ("medium_test", _SMALL, "fifo", 0.3),
        ("medium_test", _SMALL, "max_min_fairness_perf", 0.02),
        ("max_min_fairness", _LARGE, "max_min_fairness", 0.1),
        ("max_min_fairness", _LARGE, "max_min_fairness_perf", 0.02),
    )
)


def recorded_runs(_effort: Effort, data: str | None = None) -> Iterator[Row]:
    """48: FIFO and SJF of AccaSim 1.1.3 (first fit) and of Lucid's simulator (best fit): the same second for every job.

    Parameters
    ----------
    data : str, optional
        Folder beside which ``golden`` lies; that of the environment variable GPUSIM_DATA if absent.
    """
    yield from _rows(48, IN_TURN, data)


def easy_runs(_effort: Effort, data: str | None = None) -> Iterator[Row]:
    """50: EASY of an independent scheduler, which keeps other nodes for the head; arguments as of ``recorded_runs``."""
    yield from _rows(50, EASY, data)


def gavel_runs(_effort: Effort, data: str | None = None) -> Iterator[Row]:
    """51: Gavel's simulator, FIFO and max-min fairness with and without throughputs; the same arguments."""
    yield from _rows(51, ROUNDS, data)


def _rows(item: int, runs: tuple[_Recorded, ...], data: str | None) -> Iterator[Row]:
    """Shares of jobs that start and end alike; where they need not be as recorded, mean completion times."""
    folder = Path(data or os.environ.get("GPUSIM_DATA", ""))
    golden = folder.parent / "golden"
    for run in runs:
        name = f"{run.simulator}, {run.policy}, {Path(run.jobs).name.partition('.')[0]}"
        if run.simulator == "gavel":
            name = f"{run.simulator}, {run.policy}, {Path(run.jobs).parent.name}"
        if not folder.name or not (golden / run.recorded).is_file():
            yield Row(item, f"{name}: jobs as recorded", 1.0, math.nan, 0.0, NO_FILE)
            continue
        throughputs = folder / "gavel" / "simulation_throughputs.json.gz"
        recording = read(run.simulator, run.policy, golden / run.jobs, golden / run.recorded, run.cluster, throughputs)
        verdicts, times = compare(recording)
        for verdict in (verdict for verdict in verdicts if verdict.must):
            skipped = f"not installed: pip install {verdict.lacks}" if verdict.lacks else ""
            same = math.nan if skipped else float(verdict.same.mean())
            yield Row(item, f"{name}: jobs {verdict.what}", 1.0, same, 0.0, skipped)
        if run.mean_within:
            means_s = mean_completion_s(recording, times)
            what = f"{name}: mean completion time by ours as recorded, s"
            yield Row(item, what, means_s["recorded"], means_s["ours"], run.mean_within)
