"""Jobs by other names: maps of columns in files and DataFrames, missing estimates, order, and how runs take them."""

from __future__ import annotations

import pandas as pd
import pytest
from click.testing import CliRunner

import gpusim
from gpusim.cli.group import cli
from gpusim.engine.manifest import JOBS
from gpusim.errors import TraceError
from gpusim.inputs.traces import open_trace
from gpusim.inputs.traces.shared import open_shared, share
from gpusim.scenario.notes import notes
from gpusim.scenario.scenario import Scenario

MAP = {"num_gpus": "gpus", "sec": "runtime_s", "submitted": "submit_s"}
TEXT = "submitted,sec,num_gpus,who\n10,100,8,a\n5,50,4,b\n"
SCENARIO = {
    "name": "one", "run": {"start": "2026-01-01", "days": 1.0},
    "sites": {"one": {"region": "GB", "jurisdiction": "UK", "grid_mw": 1.0, "pools": {"H100": {"gpus": 16.0}}}},
    "tenants": {"t": {}},
    "workload": {"classes": {"c": {}}, "streams": {"s": {"tenant": "t", "job_class": "c", "jobs_per_day": 10.0}}},
}  # fmt: skip


def rows(table, *names):
    return list(zip(*(table[name].tolist() for name in names), strict=True))


def file(tmp_path, text=TEXT):
    path = tmp_path / "jobs.csv"
    path.write_text(text)
    return path


def test_file_by_a_map(tmp_path):
    table = open_trace(file(tmp_path), MAP).table
    assert rows(table, "submit_s", "runtime_s", "gpus") == [(5.0, 50.0, 4), (10.0, 100.0, 8)]
    assert table.notes == {"columns that are not read: who": 1, "rows not in order of time": 1}
    shared = open_shared(share(file(tmp_path), tmp_path / "shared", MAP))
    assert rows(shared, "submit_s", "gpus") == rows(table, "submit_s", "gpus")


def test_calendar_times_by_a_map(tmp_path):
    text = TEXT.replace("\n10,", "\n2026-01-01 00:01:00,").replace("\n5,", "\n2026-01-01 00:00,")
    trace = open_trace(file(tmp_path, text), MAP)
    assert trace.table["submit_s"].tolist() == [0.0, 60.0]
    assert f"{trace.origin:%Y-%m-%d}" == "2026-01-01"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"gpus": "num_gpus"}, "the table's name comes first: num_gpus=gpus"),
        ({"numgpus": "gpus"}, "no column 'numgpus' (did you mean 'num_gpus'?)"),
        ({"num_gpus": "gpu"}, "'num_gpus' cannot be 'gpu' (did you mean 'gpus'?)"),
        ({"num_gpus": "gpus", "who": "gpus"}, "num_gpus, who cannot all be 'gpus'"),
        ({"num_gpus": "gpus"}, "columns submit_s, runtime_s are missing"),
        ({**MAP, "who": "priority"}, "column 'who' must hold numbers"),
    ],
)
def test_faults_of_a_map(tmp_path, given, message):
    with pytest.raises(TraceError) as caught:
        open_trace(file(tmp_path), given)
    assert message in str(caught.value)


def test_command_line(tmp_path):
    options = [word for pair in MAP.items() for word in ("--map", "=".join(pair))]
    shown = CliRunner().invoke(cli, ["trace", "describe", str(file(tmp_path)), *options])
    assert shown.exit_code == 0
    assert "2 jobs" in shown.output
    assert "rows not in order of time" in shown.output
    assert CliRunner().invoke(cli, ["trace", "describe", "x", "--map", "gpus"]).exit_code != 0


def test_own_csv_counts_what_it_survives(tmp_path):
    """Estimate 0, -1 and none are missing; rows out of order and of no runtime are counted."""
    text = "submit_s,runtime_s,gpus,estimate_s\n9,100,1,0\n2,100,1,-1\n3,100,1,\n4,100,1,300\n5,0,1,10\n"
    table = open_trace(file(tmp_path, text)).table
    assert table["estimate_s"].tolist() == [100.0, 100.0, 300.0, 10.0, 100.0]
    assert table.notes == {
        "rows without an estimate, runtime taken": 3,
        "rows not in order of time": 1,
        "rows with zero runtime kept": 1,
    }
    with pytest.raises(TraceError, match="column 'estimate_s' must hold numbers from 0"):
        open_trace(file(tmp_path, "submit_s,runtime_s,gpus,estimate_s\n9,100,1,-5\n"))


def test_jobs_of_a_frame():
    frame = pd.DataFrame({"submitted": [10, 5], "sec": [100.0, 50.0], "num_gpus": [8, 4], "tenant": ["a", None]})
    table = gpusim.jobs_from(frame, MAP)
    assert rows(table, "submit_s", "runtime_s", "gpus") == [(5.0, 50.0, 4), (10.0, 100.0, 8)]
    assert table.labels("tenant").tolist() == ["", "a"]
    times = frame.assign(
        submitted=pd.to_datetime(frame["submitted"], unit="s"), sec=pd.to_timedelta(frame["sec"], unit="s")
    )
    assert rows(gpusim.jobs_from(times, MAP), "submit_s", "runtime_s") == [(0.0, 50.0), (5.0, 100.0)]


@pytest.mark.parametrize(
    ("frame", "messages"),
    [
        ([1, 2], ["found list; give a pandas DataFrame"]),
        (pd.DataFrame({"submit_s": [0.0]}), ["columns runtime_s, gpus are missing"]),
        (pd.DataFrame({"submit_s": [-1.0, 0], "runtime_s": [1.0, None], "gpus": [0, 2.5]}),
         ["3 faults", "'submit_s' must hold numbers from 0", "'runtime_s' must", "'gpus' must hold whole numbers"]),
        (pd.DataFrame({"submit_s": ["a"], "runtime_s": ["b"], "gpus": [1]}), ["2 faults", "found"]),
        (pd.DataFrame({"submit_s": [], "runtime_s": [], "gpus": []}), ["no jobs"]),
    ],
)  # fmt: skip
def test_bad_frames(frame, messages):
    with pytest.raises(TraceError) as caught:
        gpusim.jobs_from(frame)
    assert all(message in str(caught.value) for message in messages), str(caught.value)


def test_run_of_a_frame():
    scenario = Scenario.from_dict(SCENARIO)
    frame = pd.DataFrame({"submit_s": [0.0, 10.0], "runtime_s": [100.0, 50.0], "gpus": [8, 4]})
    result = gpusim.run(scenario, jobs=gpusim.jobs_from(frame))
    assert len(result.jobs) == 2  # without those of the stream
    digest = result.manifest["inputs_sha256"][JOBS]
    again = gpusim.run(scenario, jobs=gpusim.jobs_from(frame))
    other = gpusim.run(scenario, jobs=gpusim.jobs_from(frame.assign(gpus=[8, 5])))
    assert again.manifest["inputs_sha256"][JOBS] == digest != other.manifest["inputs_sha256"][JOBS]


def test_a_trace_besides_streams_is_said(tmp_path):
    data = {**SCENARIO, "workload": {**SCENARIO["workload"], "trace": str(file(tmp_path)), "trace_columns": MAP}}
    both = Scenario.from_dict(data)
    assert [note for note in notes(both) if "ADDED to those of the streams s (10 a day)" in note]
    alone = Scenario.from_dict(data, overrides={"workload.streams": {}})
    assert notes(alone) == []
    result = gpusim.run(alone)
    assert len(result.jobs) == 2
    assert "jobs: rows not in order of time: 1" in result.manifest["notes"]


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("sites.one.grid_mw", 800_000.0, "800,000 MW is more than seems possible (0.01 to 20,000); is it in kW?"),
        ("sites.one.price_usd_per_mwh", 0.08, "is it in USD/kWh?"),
        ("sites.one.carbon_g_per_kwh", 0.4, "is it in kg/kWh?"),
        ("gpus.H100.tdp_w", 0.7, "is it in kW?"),
    ],
)  # fmt: skip
def test_values_in_another_unit_are_said(key, value, text):
    changes = {key: value} | ({"gpus.H100.idle_w": 0.1} if "tdp" in key else {})
    assert [note for note in notes(Scenario.from_dict(SCENARIO, overrides=changes)) if text in note]
