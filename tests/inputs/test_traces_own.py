"""gpusim's own CSV and Parquet: exact round trips, damage, strictness, atomic writing, speed."""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from gpusim.errors import TraceError
from gpusim.inputs.jobtable import CODED, COLUMNS, JobTable
from gpusim.inputs.traces import Trace, convert, open_trace, own, read_trace
from tests.inputs.trace_samples import SAMPLES, write

ODD_NAMES = ["", " lead", "a,b", 'q"uote', "NA", "nan", "None", "#x", "ß€", "1"]


def _full_trace(n: int) -> Trace:
    """Every column with values that are not its default, every coded column with names hard to write."""
    rng = np.random.default_rng(7)
    numbers = {
        "job_id": rng.permutation(n) + 2**60,
        "submit_s": np.sort(rng.uniform(3.0, 1e7, n)),
        "gpus": (gpus := rng.integers(1, 4097, n) ** rng.integers(0, 2, n)),
        "gpu_milli": rng.integers(0, 1000, n) * (gpus == 1),
        "runtime_s": rng.lognormal(7, 3, n),
        "estimate_s": rng.lognormal(7, 3, n),
        "deadline_s": rng.lognormal(9, 3, n),
        "priority": rng.integers(-5, 2**31 - 1, n),
        "preemptible": rng.random(n) < 0.5,
        "cpus": rng.uniform(0.0, 128.0, n),
        "memory_gb": rng.uniform(0.0, 2048.0, n),
        "min_gpus": rng.integers(0, 2, n),
        "max_gpus": rng.integers(4096, 8192, n),
        "data_bytes": rng.lognormal(20, 4, n),
    }
    codes = {name: rng.integers(0, len(ODD_NAMES), n) for name in CODED}
    assert set(numbers) | set(codes) == set(COLUMNS)
    table = JobTable.build({name: ODD_NAMES for name in CODED}, {'odd "x"\n': 3, "b": 1}, **numbers, **codes)
    return Trace(table, datetime(2017, 9, 4, 10, 30, 41, 250_000, tzinfo=UTC), "philly-csv")


def _assert_same(first: JobTable, second: JobTable) -> None:
    for name in COLUMNS:
        if name in CODED:
            assert first.labels(name).tolist() == second.labels(name).tolist(), name
        else:
            np.testing.assert_array_equal(first[name], second[name], err_msg=name)
    assert first.notes == second.notes


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".CSV"])
def test_every_column_origin_and_notes_survive(tmp_path, ending):
    trace = _full_trace(500)
    own.write(trace, tmp_path / f"x{ending}")
    again = open_trace(tmp_path / f"x{ending}")
    _assert_same(trace.table, again.table)
    assert again.origin == trace.origin
    assert again.format == "gpusim-parquet" if ending == ".parquet" else "gpusim-csv"


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@pytest.mark.parametrize("sample", SAMPLES)
def test_convert_of_each_format(tmp_path, sample, ending):
    """Also from our own format to the other and back; a table whose first row was dropped is not moved in time."""
    path = write(tmp_path, sample)
    convert(path, tmp_path / f"a{ending}")
    convert(tmp_path / f"a{ending}", tmp_path / "b.csv")
    convert(tmp_path / "b.csv", tmp_path / "c.parquet")
    trace, last = open_trace(path), open_trace(tmp_path / "c.parquet")
    _assert_same(trace.table, last.table)
    assert last.origin == trace.origin


def test_the_same_trace_gives_the_same_bytes(tmp_path):
    for name in ("a.csv", "b.csv", "a.parquet", "b.parquet"):
        own.write(_full_trace(50), tmp_path / name)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_by_hand(tmp_path):
    """Three columns are enough; the others take their defaults, the estimate that of the runtime."""
    table = read_trace(write(tmp_path, "own"))
    assert table["submit_s"].tolist() == [0.0, 5.0]
    assert table["estimate_s"].tolist() == [3.0, 10.5]
    assert table.labels("tenant").tolist() == ["NA", "a, b"]
    assert table.labels("final_state").tolist() == ["completed", "completed"]
    pd.DataFrame({"submit_s": [1, 2], "runtime_s": [3.5, 1.0], "gpus": [1, 8]}).to_parquet(tmp_path / "x.parquet")
    assert read_trace(tmp_path / "x.parquet")["gpus"].tolist() == [1, 8]


def test_all_faults_together(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(
        "job_id,submit_s,runtime_s,gpus,prioritty,preemptible\n1,0,3,1,0,True\n1,-1,3,0,0,maybe\n2,5,,2.5,0,False\n"
    )
    with pytest.raises(TraceError) as caught:
        read_trace(path)
    text = str(caught.value)
    assert "6 faults" in text
    assert "unknown column 'prioritty' (did you mean 'priority'?)" in text
    assert "column 'preemptible' must hold True or False (1x): line 3: 'maybe'" in text
    assert "column 'job_id' must hold each identity once (1x): line 3: '1'" in text
    assert "column 'submit_s' must hold numbers from 0 to 1e+11 (1x): line 3: '-1.0'" in text
    assert "column 'runtime_s' must hold numbers from 0 to 1e+11 (1x): line 4: nothing" in text
    assert "column 'gpus' must hold whole numbers from 1 to 2147483647, or parts of one GPU (2x): line 3: '0.0'" in text


def test_a_cell_that_cannot_be_read_is_told_once(tmp_path):
    file = tmp_path / "jobs.csv"
    file.write_text("submit_s,runtime_s,gpus\n0,an hour,1\n5,-1,some\n")
    with pytest.raises(TraceError) as raised:
        read_trace(file)
    assert str(raised.value).splitlines()[1:] == [
        "  - column 'runtime_s' must hold numbers (1x): line 2: 'an hour'",
        "  - column 'gpus' must hold numbers (1x): line 3: 'some'",
        "  - column 'runtime_s' must hold numbers from 0 to 1e+11 (1x): line 3: '-1.0'",
    ]


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        ({"submit_s": [0.0], "runtime_s": [1.0]}, "columns gpus are missing"),
        ({"submit_s": ["0"], "runtime_s": [1.0], "gpus": [1]}, "column 'submit_s' must hold numbers, found str"),
        ({"submit_s": [0.0], "runtime_s": [1.0], "gpus": [None]}, "column 'gpus' must hold"),
        ({"submit_s": [], "runtime_s": [], "gpus": []}, "no jobs"),
    ],
)
def test_parquet_from_elsewhere(tmp_path, frame, text):
    pd.DataFrame(frame).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(TraceError) as caught:
        read_trace(tmp_path / "x.parquet")
    assert text in str(caught.value)


@pytest.mark.parametrize("meta", ["{", "[]", '{"origin": 3, "notes": {}}', '{"origin": null, "notes": {"a": "b"}}'])
def test_damaged_line_of_origin_and_notes(tmp_path, meta):
    path = tmp_path / "x.csv"
    path.write_text(f"# gpusim trace {meta}\nsubmit_s,runtime_s,gpus\n0,1,1\n")
    with pytest.raises(TraceError, match="damaged line of origin and notes"):
        read_trace(path)


def test_a_flipped_byte_of_the_data_is_found(tmp_path):
    """Pages carry checksums: no number changes unseen."""
    path = tmp_path / "x.parquet"
    own.write(_full_trace(2000), path)
    data = bytearray(path.read_bytes())
    for position in range(200, 20_000, 1501):
        damaged = data.copy()
        damaged[position] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(TraceError, match="damaged Parquet file"):
            read_trace(path)


@pytest.mark.parametrize("out", ["x.txt", "x", "x.csv.gz", "x.xlsx"])
def test_other_endings_are_refused_before_reading(tmp_path, out):
    with pytest.raises(TraceError, match=r"give a name that ends in \.csv or \.parquet"):
        convert(tmp_path / "absent", tmp_path / out)


def test_unwritable_folder(tmp_path):
    with pytest.raises(TraceError, match=r"no/x\.csv: cannot be written: No such file or directory"):
        convert(write(tmp_path, "swf"), tmp_path / "no" / "x.csv")


def test_a_killed_conversion_leaves_the_old_file(tmp_path):
    """The process ends in the middle of writing, as by a power cut."""
    out = tmp_path / "out.csv"
    out.write_text("old")
    code = (
        "import os, sys, pandas as pd\n"
        "from gpusim.inputs.traces import convert\n"
        "def cut(self, file, **_): file.write('half'); file.flush(); os._exit(9)\n"
        "pd.DataFrame.to_csv = cut\n"
        f"convert({str(write(tmp_path, 'helios'))!r}, {str(out)!r})\n"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 9
    assert out.read_text() == "old"


def test_a_failed_conversion_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", fail)
    with pytest.raises(TraceError, match="No space left on device"):
        convert(write(tmp_path, "helios"), tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["cluster_log.csv"]


def test_notes_are_json_on_the_first_line(tmp_path):
    convert(write(tmp_path, "chronus"), tmp_path / "x.csv")
    first = (tmp_path / "x.csv").read_text().splitlines()[0]
    assert json.loads(first.removeprefix("# gpusim trace "))["notes"]["rows without GPUs dropped"] == 1


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_hundred_thousand_rows_within_a_second_or_two(tmp_path, ending):
    """A million rows take 2.9 s (CSV) and 1.0 s (Parquet) of processor time; here a tenth, with much slack."""
    trace = _full_trace(100_000)
    own.write(trace, tmp_path / f"x{ending}")
    began = time.process_time()
    table = read_trace(tmp_path / f"x{ending}")
    assert time.process_time() - began < 2.5
    assert float(table["runtime_s"].sum()) == float(trace.table["runtime_s"].sum())
    assert os.path.getsize(tmp_path / f"x{ending}") > 5e6
