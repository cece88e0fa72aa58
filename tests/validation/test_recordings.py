"""Recorded schedules as users have them: what says the same is read the same, what cannot be read is told once."""

import gzip
import json

import pandas as pd
import pytest

from gpusim.errors import TraceError
from gpusim.validation.recordings import read

JOBS = "job_id,submit_s,runtime_s,estimate_s,num_gpus\n0,0,100,100,6\n1,1,50,50,8\n2,2,1000,1000,2\n3,3,20,20,2\n"
ENDS = "job_id,submit,start,end\n0,0,0,100\n1,1,100,150\n2,2,150,1150\n3,3,150,170\n"
SWF = "; Version: 2.2\n" + "".join(
    f"{i} {i} -1 {run} {gpus} -1 -1 {gpus} {run} -1 1 1 1 -1 -1 -1 -1 -1\n"
    for i, (run, gpus) in enumerate([(100, 6), (50, 8), (1000, 2), (20, 2)])
)
CLOCK = {str(at): f"2020-03-29 02:{at // 60:02d}:{at % 60:02d}+01:00" for at in (0, 1, 2, 3, 100, 150, 170, 1150)}


def _read(folder, jobs=JOBS, ends=ENDS, cluster="1x8", name="jobs.csv"):
    paths = folder / name, folder / "ends.csv"
    for path, text in zip(paths, (jobs, ends)):
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read("accasim", "FIFO", *paths, cluster)


def _dated(text, columns):
    rows = [row.split(",") for row in text.strip().split("\n")]
    dated = [[CLOCK[cell] if place in columns else cell for place, cell in enumerate(row)] for row in rows[1:]]
    return "\n".join(",".join(row) for row in [rows[0], *dated])


@pytest.mark.parametrize(
    "given",
    [
        {"jobs": "\ufeff" + JOBS.replace("\n", "\r\n"), "ends": ENDS.upper()},
        {"jobs": gzip.compress(JOBS.encode())},  # packed, whatever the name
        {"jobs": _dated(JOBS, [1])},
        {"ends": _dated(ENDS, [1, 2, 3])},
        {"ends": ENDS.replace("\n0,", "\n0.0,").replace("\n1,", "\n1.0,")},  # numbers of jobs as pandas writes them
        {"jobs": SWF, "name": "jobs.txt"},
        {"jobs": "\ufeff" + SWF.replace("20 2 -1 -1 2", "20 -1 -1 -1 2"), "name": "JOBS.SWF"},  # only requested
        {"cluster": " 1 X 8"},
    ],
    ids=["line ends", "packed", "dated jobs", "dated ends", "numbers", "swf", "requested", "cluster"],
)
def test_the_same_read_otherwise(tmp_path, given):
    known, found = _read(tmp_path), _read(tmp_path, **given)
    columns = ["submit_s", "runtime_s", "estimate_s", "num_gpus"]
    pd.testing.assert_frame_equal(found.jobs[columns], known.jobs[columns], check_dtype=False)
    pd.testing.assert_frame_equal(found.recorded, known.recorded)
    assert (found.nodes, found.size) == (1, 8)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"jobs": ""}, "empty; expected the jobs of a schedule"),
        ({"jobs": "job_id,submit_s,runtime_s,num_gpus\n"}, "no rows after the header line"),
        ({"jobs": JOBS.replace(",", ";")}, "separated by semicolons: separate them by commas"),
        ({"jobs": gzip.compress(JOBS.encode())[:-9]}, "cut-off gzip file"),
        ({"jobs": JOBS + "-- 4 rows"}, r"'num_gpus' must hold whole numbers .*\(1x\): line 6: nothing"),
        ({"jobs": JOBS.replace("3,3,20", "3,3,-20")}, r"'runtime_s' must hold numbers from 0 .* line 5: '-20.0'"),
        ({"jobs": JOBS.replace("0,0,100", "0,-5,100")}, r"'submit_s' must hold numbers from 0 .* line 2: '-5.0'"),
        ({"jobs": JOBS.replace("50,8", "50,9")}, "line 3: job 1 needs 9 GPUs, the cluster has 8 GPUs"),
        ({"jobs": JOBS.replace("20,20,2", "20,20,1.5")}, "'num_gpus' must hold whole numbers .* line 5: '1.5'"),
        ({"jobs": "; nothing\n", "name": "a.swf"}, "no jobs, only header lines"),
        ({"jobs": SWF.replace("3 3 -1 20", "3 3 -1 -1"), "name": "a.swf"}, "'run' must hold numbers from 0 .*line 5"),
        ({"ends": ENDS + "-- 4 rows\n"}, r"1 job not in .*: line 6: '-- 4 rows'"),
        ({"ends": ENDS.replace("150,170", "150,never")}, "'end' must hold numbers .*line 5: 'never'"),
        ({"ends": ENDS.replace("150,170", "-1,-1")}, "before their submission.*never ran empty .*line 5: '3'"),
        ({"ends": ENDS.replace("150,170", "150,140")}, "end before they start .*line 5: '3'"),
        ({"ends": ENDS.replace("3,3,", "3,500,")}, "job 3 is submitted at 500, in the jobs' file at 3 s"),
        ({"cluster": "1x8000000"}, "8,000,000 GPUs; at most 1,000,000"),
    ],
)
def test_what_cannot_be_read(tmp_path, given, told):
    with pytest.raises(TraceError, match=told):
        _read(tmp_path, **given)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("", "no rows"),
        ("1,a,4\n", "line 2: 'a'"),
        ("1,,4\n", "'num_node_p_switch' must hold a whole number from 1"),
        ("0,4,4\n", "'num_switch' must hold a whole number from 1 .*line 2"),
        ("1,4,4\n1,2,8\n", "2 rows; a cluster of Tiresias is one row"),
    ],
)
def test_cluster_files(tmp_path, rows, told):
    cluster = tmp_path / "cluster.csv"
    cluster.write_text("num_switch,num_node_p_switch,num_gpu_p_node\n" + rows)
    with pytest.raises(TraceError, match=told):
        _read(tmp_path, cluster=str(cluster))


def test_submissions_that_are_all_blank(tmp_path):
    """A recording without submissions counts in seconds, from the jobs' zero."""
    ends = "".join(f"{row.split(',')[0]},,{row.split(',', 2)[2]}\n" for row in ENDS.split("\n")[1:-1])
    found = _read(tmp_path, ends="job_id,submit,start,end\n" + ends).recorded
    pd.testing.assert_frame_equal(found, _read(tmp_path).recorded)


# Gavel --------------------------------------------------------------------------------------------------------------

TRACE = "A\tcommand\t-n\t1\t720\t0\t1\nA\tcommand\t-n\t1\t360\t5\t2\n"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"trace": TRACE.replace("720", "7e")}, "line 1: total_steps '7e'; it must be a whole number from 1"),
        ({"trace": TRACE.replace("\t2\n", "\t0\n")}, "line 2: scale_factor '0'"),
        ({"trace": TRACE.replace("\t0\t1", "\t9\t1")}, "line 2: arrives at 5 s, before the line above it"),
        ({"trace": TRACE.replace("\t", " ")}, "line 1 has 1 field"),
        ({"tables": "[1]"}, "no throughputs of Gavel"),
        ({"tables": "{"}, "no throughputs of Gavel"),
        ({"cluster": "v100=1,v100=2"}, "'v100' appears twice"),
        ({"cluster": "v100=0"}, "no GPUs"),
        ({"cluster": "v100=1"}, "line 2: job 1 needs 2 GPUs, the cluster has at most 1 GPU of v100"),
        ({"cluster": "v100=1,p100=2"}, "job 1 needs 2 GPUs, the cluster has at most 1 GPU of v100"),
        ({"cluster": "k80=2"}, "line 1: job 0 does no step on k80"),
    ],
)
def test_gavel_that_cannot_be_read(tmp_path, change, told):
    steps_per_s = {
        kind: {f"('A', {gpus})": {"null": 2.0 * (kind != "k80")} for gpus in (1, 2)} for kind in ("v100", "p100", "k80")
    }
    given = {"trace": TRACE, "tables": json.dumps(steps_per_s), "cluster": "V100=2, p100=1", **change}
    for name in ("trace", "tables"):
        (tmp_path / name).write_bytes(("\ufeff" + given[name].replace("\n", "\r\n")).encode())
    (tmp_path / "ends.csv").write_text("job_id,end\n0,360\n1,185\n")
    paths = [tmp_path / name for name in ("trace", "ends.csv")]
    with pytest.raises(TraceError, match=told):
        read("gavel", "fifo", *paths, given["cluster"], tmp_path / "tables")
    for name, text in (("trace", TRACE), ("tables", json.dumps(steps_per_s))):
        (tmp_path / name).write_text(text)
    assert read("gavel", "fifo", *paths, "V100=2, p100=1", tmp_path / "tables").capacity == (2, 1, 0)
