"""Exported windows keep to the Trace Event Format."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gpusim.errors import ResultError
from gpusim.report.timeline import export, pack
from tests.results.kit import HOUR_S, make

POOLS = {("north", "H100"): {"training": [8.0] * 48}, ("south", "A100"): {"training": [3.0] * 48}}
JOBS = (
    {"start_s": 23 * HOUR_S, "end_s": 25 * HOUR_S},
    {"start_s": 24.5 * HOUR_S, "end_s": 26 * HOUR_S},
    {"start_s": 25 * HOUR_S, "end_s": np.nan, "status": "running"},
    {"start_s": 30 * HOUR_S, "end_s": 30.5 * HOUR_S, "site": "south", "gpu_type": "A100"},
    {"start_s": 1 * HOUR_S, "end_s": 24 * HOUR_S},
    {"start_s": np.nan, "end_s": np.nan, "status": "queued"},
)
EVENTS = (
    (26 * HOUR_S, "north", "delivery", "H100: 8 GPUs delivered in all", 8.0, "GPUs"),
    (0.0, "north", "grid", "early", 1.0, "MW"),
)


@pytest.fixture
def result():
    return make(POOLS, jobs=JOBS, events=EVENTS)


def events_of(result, tmp_path, **window):
    path = tmp_path / "trace.json"
    count = export(result, path, **window)
    content = json.loads(path.read_text())
    assert len(content["traceEvents"]) == count
    return content["traceEvents"]


def test_schema(result, tmp_path):
    events = events_of(result, tmp_path, from_day=1.0, days=1.0)
    moments = [event["ts"] for event in events]
    assert moments == sorted(moments)
    assert all(isinstance(moment, int) for moment in moments)
    assert min(moments) == 86_400_000_000
    assert max(moments) < 2 * 86_400_000_000
    assert {event["ph"] for event in events} == {"X", "C", "i", "M"}
    for event in events:
        assert {"name", "ph", "ts", "pid", "tid", "args"} <= set(event)
        if event["ph"] == "X":
            assert event["dur"] >= 0
        if event["ph"] == "i":
            assert event["s"] == "p"
        if event["ph"] == "C":
            assert all(isinstance(value, float) for value in event["args"].values())
    named = {event["pid"] for event in events if event["name"] == "process_name"}
    assert named == {event["pid"] for event in events}


def test_jobs_are_cut_at_the_window_and_packed_into_lanes(result, tmp_path):
    jobs = [event for event in events_of(result, tmp_path, from_day=1.0, days=1.0) if event["ph"] == "X"]
    hour_us = HOUR_S * 1e6
    found = {(event["args"]["job_id"], event["ts"] / hour_us, event["dur"] / hour_us, event["tid"]) for event in jobs}
    assert found == {("0", 24.0, 1.0, 1), ("1", 24.5, 1.5, 2), ("2", 25.0, 23.0, 1), ("3", 30.0, 0.5, 1)}
    assert jobs[0]["args"]["start_s"] == 23 * HOUR_S  # the true start


def test_counters_and_events(result, tmp_path):
    events = events_of(result, tmp_path, from_day=1.0, days=0.5, site="north")
    busy = [event["args"]["busy"] for event in events if event["name"] == "GPUs"]
    assert busy == [8.0] * 12
    assert {"servers": 1.0, "cooling and losses": 0.25} in [event["args"] for event in events]
    assert "power limit [MW]" in {event["name"] for event in events}
    assert [event["name"] for event in events if event["ph"] == "i"] == ["H100: 8 GPUs delivered in all"]
    assert not any("south" in str(event["args"].get("name")) for event in events)


def test_lanes_are_as_few_as_run_at_once():
    starts = [0.0, 1.0, 2.0, 3.0, 3.0, 9.0]
    ends = [3.0, 5.0, 4.0, 6.0, 4.0, 10.0]
    lanes = pack(starts, ends)
    assert lanes == [1, 2, 3, 1, 4, 1]
    rng = np.random.default_rng(5)
    starts = np.sort(rng.uniform(0.0, 100.0, 300))
    ends = starts + rng.exponential(5.0, 300)
    lanes = np.array(pack(starts, ends))
    assert lanes.max() == max(int(((starts <= t) & (ends > t)).sum()) for t in starts)
    for lane in range(1, lanes.max() + 1):
        mine = lanes == lane
        assert (starts[mine][1:] >= ends[mine][:-1]).all()


def test_faulty_windows_and_sites_say_what_there_is(result, tmp_path):
    with pytest.raises(ResultError, match=r"no such site \(did you mean 'north'\?\); known: north, south"):
        export(result, tmp_path / "x.json", site="norht")
    for window in ({"from_day": 2.0}, {"from_day": -1.0}, {"days": 0.0}, {"from_day": float("nan")}):
        with pytest.raises(ResultError, match="days 0 to 2"):
            export(result, tmp_path / "x.json", **window)
