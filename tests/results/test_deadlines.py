"""Deadlines met and missed, computed by hand and one job at a time; on console and page."""

from __future__ import annotations

import io
import math
import random

import numpy as np
import pytest
from rich.console import Console

import gpusim
from gpusim.report.findings import Findings
from gpusim.report.sections.deadlines import DeadlinesSection
from gpusim.results.deadlines import Deadlines, deadlines
from gpusim.results.metrics import metrics
from gpusim.results.outcome import outcome
from tests.results.kit import HOUR_S, make

HOURS = {("north", "H100"): {"training": [1.0, 1.0]}}  # the run ends after two hours
JOBS = (
    {"tenant": "a", "end_s": HOUR_S, "deadline_s": HOUR_S},  # on the second
    {"tenant": "a", "end_s": HOUR_S, "deadline_s": 2000.0},  # 1,600 s late
    {"tenant": "a", "end_s": np.nan, "status": "running", "deadline_s": 5400.0},  # 1,800 s late so far
    {"tenant": "a", "end_s": np.nan, "status": "queued", "start_s": np.nan, "deadline_s": 9000.0},  # open
    {"tenant": "b", "end_s": np.nan, "status": "rejected", "start_s": np.nan, "deadline_s": 9000.0},  # never
    {"tenant": "b", "end_s": 1000.0, "status": "timed_out", "deadline_s": 2000.0},  # never
    {"tenant": "c", "end_s": HOUR_S, "deadline_s": 0.0},  # has none
)


def test_by_hand():
    result = make(HOURS, jobs=JOBS)
    table = deadlines(result, "tenant").set_index("tenant")
    assert table.index.tolist() == ["a", "b"]  # c has none
    assert table[["deadlines", "met", "missed", "open"]].to_numpy().tolist() == [[4, 1, 2, 1], [2, 0, 2, 0]]
    assert table["deadlines_met"].tolist() == [pytest.approx(1 / 3), 0.0]
    assert table.loc["a", "late_p50_s"] == 1700.0
    assert math.isnan(table.loc["b", "late_p50_s"])
    assert metrics(result)["deadlines_met"] == 0.2
    found = outcome(result).set_index(["kind", "name", "measure"])["value"]
    assert found["tenant", "a", "deadlines_met"] == pytest.approx(1 / 3)
    assert math.isnan(found["tenant", "c", "deadlines_met"])
    assert found["fleet", "", "deadlines_met"] == 0.2


def test_one_job_at_a_time():
    """At random, many at the same moments: of each job what its words say."""
    dice = random.Random(3)
    for _ in range(100):
        jobs = []
        for _ in range(dice.randint(1, 8)):
            status = dice.choice(["done", "done", "running", "queued", "rejected", "timed_out"])
            ended = status in ("done", "timed_out")
            jobs.append({
                "submit_s": 900.0 * dice.randint(0, 3), "deadline_s": 900.0 * dice.choice([0, 1, 3, 9]),
                "status": status, "end_s": 900.0 * dice.randint(4, 8) if ended else np.nan,
            })  # fmt: skip
        found = Deadlines.of(make(HOURS, jobs=tuple(jobs)))
        for i, job in enumerate(jobs):
            due_s = job["submit_s"] + job["deadline_s"]
            if job["deadline_s"] == 0.0:
                word = "none"
            elif job["status"] == "done":
                word = "met" if job["end_s"] <= due_s else "missed"
            elif job["status"] in ("rejected", "timed_out"):
                word = "missed"
            else:
                word = "missed" if due_s <= 7200.0 else "open"
            assert (found.own[i], found.met[i], found.missed[i]) == (word != "none", word == "met", word == "missed")


def test_without_deadlines_there_is_no_section_and_no_figure():
    result = make(HOURS, jobs=({"tenant": "a"},))
    assert not DeadlinesSection().applies(Findings(result))
    assert math.isnan(metrics(result)["deadlines_met"])


def test_console_and_page():
    findings, section = Findings(make(HOURS, jobs=JOBS)), DeadlinesSection()
    out = io.StringIO()
    section.say(findings, Console(file=out, width=200))
    assert out.getvalue() == ("Deadlines: 1 of 5 jobs ended in time (20%); 4 missed theirs, 2 of them of tenant a.\n")
    rows = section.tables(findings)["deadlines-tenant"]["rows"]
    assert rows[0] == ["a", "4", "1", "2", "1", "33%", "28.3 min", "29.7 min"]
    assert rows[1][-1] == "none late"


def test_in_a_run():
    """What policies that go by deadlines meet of a stream's; the draws change nothing else."""
    small = gpusim.Scenario.from_toml("seeds/small.toml").with_({"run.days": 1.0, "services": {}})
    due = {"workload.streams.research.deadline_slack": 1.5, "workload.streams.research.deadline_slack_max": 6.0}
    none, first = gpusim.run(small), gpusim.run(small.with_(due))
    assert "deadline_s" not in none.jobs
    assert none.jobs.equals(first.jobs.drop(columns="deadline_s"))
    factor = first.jobs["deadline_s"] / first.jobs["runtime_s"]
    assert 1.5 <= factor.min() < factor.max() <= 6.0
    edf = gpusim.run(small.with_({**due, "scheduler.order": "deadline"}))
    assert metrics(edf)["deadlines_met"] > metrics(first)["deadlines_met"]
