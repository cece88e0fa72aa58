"""Each published format, with its quirks, on small files whose jobs are known by hand."""

import gzip
import tracemalloc
from datetime import UTC, datetime

import numpy as np
import pytest

from gpusim.errors import TraceError
from gpusim.inputs.traces import open_trace, read_trace
from tests.inputs import trace_samples
from tests.inputs.trace_samples import SAMPLES, write


def _rows(table, *columns):
    return list(zip(*(table[column].tolist() for column in columns), strict=True))


def test_philly_log(tmp_path):
    """Runtime is the sum over attempts; jobs without attempts or without an end are left out and counted."""
    trace = open_trace(write(tmp_path, "philly log"))
    assert _rows(trace.table, "submit_s", "runtime_s", "gpus") == [(10.0, 180.0, 4), (3600.0, 5.0, 1)]
    assert trace.table.labels("tenant").tolist() == ["ee9e8c", "0e4a51"]
    assert trace.table.labels("final_state").tolist() == ["completed", "failed"]
    assert trace.origin == datetime(2017, 10, 7, 1, 0, 0, tzinfo=UTC)
    notes = trace.table.notes
    assert notes["jobs with no attempts"] == 1
    assert notes["jobs still running at the end of the log"] == 1
    assert notes["rows without GPUs dropped"] == 1
    assert notes["rows without a runtime dropped"] == 1
    assert notes["rows not in order of time"] == 1
    assert notes["times without a zone, taken as UTC"] == 4


def test_philly_table(tmp_path):
    trace = open_trace(write(tmp_path, "philly table"))
    assert trace.format == "philly-csv"
    assert _rows(trace.table, "submit_s", "runtime_s", "gpus") == [
        (0.0, 2951.5, 4), (0.0, 2951.5, 4), (2932.0, 66.0, 1), (64017.0, 10.0, 8),
    ]  # fmt: skip
    assert trace.table.labels("tenant").tolist() == ["6214e9", "6214e9", "11cb48", "6214e9"]
    assert trace.table.notes == {
        "blank lines": 1,
        "exact duplicate rows kept": 1,
        "times without a zone, taken as UTC": 4,
        "rows whose gpu_time is not duration x num_gpus": 1,
        "rows not in order of time": 1,
        "rows without an estimate, runtime taken": 4,
        "rows without a final state, taken as completed": 4,
    }


def test_helios(tmp_path):
    """CPU jobs (0 GPUs) go; a job that never started has zero runtime; a missing duration is end - start."""
    trace = open_trace(write(tmp_path, "helios"))
    assert trace.format == "helios"
    assert _rows(trace.table, "job_id", "submit_s", "runtime_s", "gpus") == [
        (11, 10.0, 600.0, 8), (13, 60.0, 0.0, 1), (14, 3600.0, 5.0, 16), (15, 7200.0, 60.0, 2),
    ]  # fmt: skip
    assert trace.table.labels("final_state").tolist() == ["completed", "cancelled", "node_fail", "timeout"]
    assert trace.table.labels("tenant").tolist() == ["vcA", "vcB", "vcA", "vcA"]
    notes = trace.table.notes
    assert notes["rows without GPUs dropped"] == 1
    assert notes["rows without a start (never started)"] == 1
    assert notes["rows without a duration: end - start taken"] == 1


def test_seren_offsets(tmp_path):
    """08:00 at +08:00 is 00:00 UTC, so that the job at 00:30+00:00 comes 1,800 s later."""
    trace = open_trace(write(tmp_path, "seren"))
    assert trace.format == "seren"
    assert trace.origin == datetime(2023, 3, 1, tzinfo=UTC)
    assert _rows(trace.table, "job_id", "submit_s", "runtime_s", "gpus") == [
        (501, 0.0, 3600.0, 8),
        (502, 1800.0, 2.0, 1),
    ]
    assert trace.table.labels("job_class").tolist() == ["Pretrain", "Eval"]
    assert trace.table.notes["rows without GPUs dropped"] == 1
    assert trace.table.notes["rows without a runtime dropped"] == 1
    assert "times without a zone, taken as UTC" not in trace.table.notes


def test_kalos_duration_counts_from_submission(tmp_path):
    """The publisher's own example: 18 s from submission, 8 s of running."""
    trace = open_trace(write(tmp_path, "kalos"))
    assert trace.format == "kalos"
    assert _rows(trace.table, "submit_s", "runtime_s", "gpus") == [(0.0, 30.0, 1), (58.0, 8.0, 32)]
    assert trace.table.notes["rows whose duration is not end - start: end - start taken"] == 2
    assert trace.table.notes["rows renumbered: not all job ids are whole numbers below 2^63"] == 2


def test_pai_joins_three_tables(tmp_path):
    """GPUs: 2 workers x 50 % = 1; 25 % is rounded up. Start: first instance, else first task. End: last task."""
    (tmp_path / "pai_job_table.csv").write_text(trace_samples.PAI_JOB)
    (tmp_path / "pai_task_table.csv.gz").write_bytes(gzip.compress(trace_samples.PAI_TASK.encode()))
    (tmp_path / "pai_instance_table.csv").write_text(trace_samples.PAI_INSTANCE)
    for path in (tmp_path, tmp_path / "pai_job_table.csv", tmp_path / "pai_task_table.csv.gz"):
        trace = open_trace(path)
        assert trace.format == "pai"
        assert _rows(trace.table, "submit_s", "runtime_s", "gpus") == [(0.0, 15.0, 1), (50.0, 785.0, 1)]
        assert trace.table.labels("tenant").tolist() == ["userB", "userA"]
        assert trace.table.labels("final_state").tolist() == ["failed", "completed"]
        assert trace.table.notes["jobs without tasks"] == 1
        assert trace.table.notes["fractions of a GPU rounded up to whole GPUs"] == 1
        assert trace.table.notes["rows without a runtime dropped"] == 1


def test_pai_with_header_and_task_table_alone(tmp_path):
    header = "job_name,task_name,inst_num,status,start_time,end_time,plan_cpu,plan_mem,plan_gpu,gpu_type\n"
    path = tmp_path / "tasks.csv"
    path.write_text(header + trace_samples.PAI_TASK)
    table = read_trace(path)
    assert _rows(table, "submit_s", "runtime_s", "gpus") == [(0.0, 15.0, 1), (50.0, 795.0, 1)]
    assert table.notes["rows submitted at their first start (no job table)"] == 3


def test_pai_without_task_table(tmp_path):
    path = tmp_path / "pai_job_table.csv"
    path.write_text(trace_samples.PAI_JOB)
    with pytest.raises(TraceError, match=r"pai_task_table\.csv .* is needed beside it"):
        read_trace(path)


def test_openb(tmp_path):
    trace = open_trace(write(tmp_path, "openb"))
    assert trace.origin is None
    assert _rows(trace.table, "submit_s", "runtime_s", "gpus") == [
        (0.0, 12537496.0, 1), (9437300.0, 30.0, 8), (9437497.0, 100.0, 1),
    ]  # fmt: skip
    assert trace.table.labels("gpu_types").tolist() == ["", "", "V100M16|V100M32"]
    assert trace.table.labels("final_state").tolist() == ["running", "pending", "completed"]
    assert trace.table.notes["rows without GPUs dropped"] == 1
    assert trace.table.notes["fractions of a GPU rounded up to whole GPUs"] == 1
    assert trace.table.notes["rows never scheduled: deletion - creation taken as runtime"] == 1


def test_openb_without_times(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(trace_samples.OPENB_SHORT)
    table = read_trace(path)
    assert _rows(table, "submit_s", "runtime_s", "gpus") == [(0.0, 0.0, 2)]
    assert table.notes["rows without times: submitted at 0 with zero runtime"] == 2


def test_tiresias(tmp_path):
    """CR LF, no newline at the end, not in order."""
    trace = open_trace(write(tmp_path, "tiresias"))
    assert trace.format == "tiresias"
    assert _rows(trace.table, "job_id", "submit_s", "runtime_s", "gpus") == [
        (0, 0.0, 164.0, 1), (2, 25.0, 147.0, 2), (1, 30.0, 147.0, 8),
    ]  # fmt: skip
    assert trace.table.notes["lines that end in CR LF"] == 3
    assert trace.table.notes["last line without a newline"] == 1


def test_chronus_counts_minutes(tmp_path):
    """The dropped zero-GPU row is the earliest: submissions count from it all the same."""
    trace = open_trace(write(tmp_path, "chronus"))
    assert trace.format == "chronus"
    assert _rows(trace.table, "submit_s", "runtime_s", "gpus") == [
        (60.0 * 1198, 60.0 * 211, 4), (60.0 * 8772, 60.0 * 31, 1),
    ]  # fmt: skip
    assert trace.table.notes["rows without GPUs dropped"] == 1
    assert trace.table.notes["rows whose times were taken as minutes (unit not documented)"] == 3


def test_chronus_jobs_are_due_by_the_first_of_their_deadlines(tmp_path):
    """Of best effort there is none, whatever stands there; its kind is a job's class."""
    text = trace_samples.CHRONUS.replace("19772,8897,resnet101,31,6,88,10,0,strict",
                                         "19772,8897,resnet101,31,6,19772,10,1,best")  # fmt: skip
    text += "3,vc_7f04ca,1,19773,9,vgg16,31,6,40,10,0,strict\n"
    (tmp_path / "trace.csv").write_text(text)
    table = open_trace(tmp_path / "trace.csv").table
    assert table["deadline_s"].tolist() == [60.0 * 282, 0.0, 60.0 * 40]
    assert table.labels("job_class").tolist() == ["strict", "best", "strict"]
    (tmp_path / "trace.csv").write_text(text.replace("282-300", "soon-300"))
    with pytest.raises(TraceError, match="'expect_time_list' must hold times joined by -, say 159-189.*line 2.*soon"):
        open_trace(tmp_path / "trace.csv")


def test_swf(tmp_path):
    trace = open_trace(write(tmp_path, "swf"))
    assert _rows(trace.table, "job_id", "submit_s", "runtime_s", "gpus", "estimate_s") == [
        (1, 0.0, 1451.0, 128, 1451.0), (2, 1460.0, 3726.0, 64, 7200.0), (9, 5198.0, 10.5, 1, 10.5),
    ]  # fmt: skip
    assert trace.table.labels("final_state").tolist() == ["completed", "failed", "completed"]
    assert trace.table.labels("tenant").tolist() == ["user1", "user1", "unknown"]
    assert trace.origin == datetime(1993, 10, 1, 7, 0, 3, tzinfo=UTC)
    assert trace.table.notes == {
        "rows without allocated processors: the requested ones taken": 1,
        "lines of parts of a job without a summary line, merged": 1,
        "rows without a runtime dropped": 1,
        "rows without an estimate, runtime taken": 2,
    }


def _swf(tmp_path, *lines: str):
    """Lines of job, submission, runtime, processors, requested processors and time, status."""
    path = tmp_path / "log.swf"
    text = "{} {} -1 {} {} -1 -1 {} {} -1 {} 7 -1 -1 -1 -1 -1 -1\n"
    path.write_text("".join(text.format(*line.split()) for line in lines))
    return open_trace(path)


def test_swf_parts_of_a_checkpointed_job_are_not_jobs(tmp_path):
    """A job of two processors that ran 200 s in three parts, and another: 2 jobs and 1,400 GPU-seconds."""
    parts = ("1 0 100 2 2 900 2", "1 -1 60 2 2 900 2", "1 -1 40 2 2 900 3")
    trace = _swf(tmp_path, "1 0 200 2 2 900 1", *parts, "2 50 250 4 4 300 1")
    assert _rows(trace.table, "job_id", "submit_s", "runtime_s", "gpus") == [(1, 0.0, 200.0, 2), (2, 50.0, 250.0, 4)]
    assert (trace.table["runtime_s"] * trace.table["gpus"]).sum() == 1400.0
    assert trace.table.labels("final_state").tolist() == ["completed", "completed"]
    assert trace.table.notes == {"lines of parts of a job left out, its summary line taken": 3}


def test_swf_parts_without_a_summary_are_one_job(tmp_path):
    trace = _swf(tmp_path, "2 50 250 4 4 300 5", "1 60 100 2 2 900 2", "1 -1 60 2 2 -1 2", "1 -1 40 2 2 -1 4")
    assert _rows(trace.table, "job_id", "submit_s", "runtime_s", "gpus", "estimate_s") == [
        (2, 0.0, 250.0, 4, 300.0), (1, 10.0, 200.0, 2, 900.0),
    ]  # fmt: skip
    assert trace.table.labels("final_state").tolist() == ["cancelled", "failed"]
    assert trace.table.notes == {"lines of parts of a job without a summary line, merged": 3}


def test_swf_zero_is_missing_where_nothing_can_be_zero(tmp_path):
    """Requested time 0 is no estimate, and 0 allocated processors are those requested; 0 s of run time is a job."""
    lines = ("1 0 100 0 8 0 1", "2 1 100 4 4 -1 1", "3 2 0 4 4 60 5", "4 3 100 0 0 60 1", "5 4 100 2 2 50 1")
    trace = _swf(tmp_path, *lines)
    assert _rows(trace.table, "job_id", "runtime_s", "gpus", "estimate_s") == [
        (1, 100.0, 8, 100.0), (2, 100.0, 4, 100.0), (3, 0.0, 4, 60.0), (5, 100.0, 2, 50.0),
    ]  # fmt: skip
    assert trace.table.notes == {
        "rows without allocated processors: the requested ones taken": 2,
        "rows without GPUs dropped": 1,
        "rows with zero runtime kept": 1,
        "rows without an estimate, runtime taken": 2,
    }


def test_swf_memory_of_many_rows(tmp_path):
    """A million rows once took 1.5 GB, most of it as texts; lines of 88 bytes now cost less than five times that."""
    path = tmp_path / "log.swf"
    line = "{0} {0} -1 100 4 -1 -1 4 600 -1 1 {1} -1 -1 -1 -1 -1 -1" + " " * 30 + "\n"
    path.write_text("".join(line.format(i, i % 90) for i in range(60_000)))
    open_trace(path)
    tracemalloc.start()
    open_trace(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * path.stat().st_size


def test_swf_with_a_long_header(tmp_path):
    path = tmp_path / "noname"
    path.write_text("; Note: x\n" * 20_000 + trace_samples.SWF)
    assert len(read_trace(path)) == 3


@pytest.mark.parametrize("sample", SAMPLES)
def test_found_by_content_plain_and_gzipped(tmp_path, sample):
    """Neither the name nor its ending matters; CR LF and a byte order mark change nothing but a note."""
    text = SAMPLES[sample][1].encode()
    expected = read_trace(write(tmp_path, sample))
    variants = {"a": text, "b.csv": gzip.compress(text), "c": text.replace(b"\r", b"").replace(b"\n", b"\r\n")}
    variants["d"] = b"\xef\xbb\xbf" + text
    for name, data in variants.items():
        (tmp_path / name).write_bytes(data)
        table = read_trace(tmp_path / name)
        for column in table.columns:
            np.testing.assert_array_equal(table[column], expected[column])
        assert table.names == expected.names


def test_unknown_format_names_all_formats_and_why(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("timestamp,duration,gpus\n1,2,3\n")
    with pytest.raises(TraceError) as caught:
        read_trace(path)
    text = str(caught.value)
    assert "Philly table (Sia): its header has no num_gpus, cluster" in text
    assert "Helios: its header has no vc, gpu_num, submit_time, start_time, end_time" in text
    for title in ("gpusim Parquet", "gpusim CSV", "Philly job log", "Acme", "PAI", "openb", "Tiresias", "Workload"):
        assert title in text


def test_a_damaged_file_is_known_by_its_name(tmp_path):
    path = tmp_path / "philly.csv.gz"
    path.write_bytes(b"timestamp,durations,num_gpus,cluster\n2017-10-09 07:01:55,66.0,1,11cb48\n")
    with pytest.raises(TraceError, match=r"column 'duration' is missing \(did you mean 'durations'\?\)"):
        read_trace(path)


def test_all_faulty_cells_are_told_together_with_their_lines(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(
        "timestamp,duration,num_gpus,gpu_time,cluster\n\n"
        "2017-10-09 07:01:55,sixty,1,66.0,a\n"
        "yesterday,66.0,1e999,66.0,a\n"
    )
    with pytest.raises(TraceError) as caught:
        read_trace(path)
    text = str(caught.value)
    assert "3 faults" in text
    assert "column 'timestamp' must hold times like 2020-04-01 13:00:00 (1x): line 4: 'yesterday'" in text
    assert "column 'duration' must hold numbers (1x): line 3: 'sixty'" in text
    assert "column 'num_gpus' must hold numbers up to 1e+18 (1x): line 4: 'inf'" in text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "the file is empty"),
        (b"job_id,num_gpu,submit_time,duration\n1,1,-1e17,1\n2,1,1e17,1\n", "2 rows with a submission beyond 1e+11 s"),
        (b"timestamp,duration,num_gpus,cluster\n2017-10,2,1,a\n", "line 2: '2017-10'"),
        (b"timestamp,duration,num_gpus,cluster\n0000-01-01 00:00:00,2,1,a\n", "line 2: '0000-01-01 00:00:00'"),
        (b" \n\n", "the file is empty"),
        (gzip.compress(b"", mtime=0), "the file is empty"),
        (gzip.compress(SAMPLES["helios"][1].encode(), mtime=0)[:-9], "damaged or cut-off gzip file"),
        (b"\x1f\x8bnonsense", "damaged or cut-off gzip file"),
        (b"PAR1 nonsense PAR1", "damaged Parquet file"),
        (b"timestamp,duration,num_gpus,cluster\n", "no rows after the header line"),
        (b"timestamp,duration,num_gpus,cluster", "no rows after the header line"),
        (b"timestamp,duration,num_gpus,cluster\n1,2,3,4,5\n", "rows longer than the 4 columns (1x): line 2: '5 cells'"),
        (b"timestamp,duration,num_gpus,cluster,cluster\n1,2,3,4,5\n", "column 'cluster' appears twice"),
        (
            b'timestamp,duration,num_gpus,cluster\n2017-10-09 00:00:00,2,3,"a\nb"\n',
            "a quoted cell runs over the end of its line",
        ),
        (b"timestamp,duration,num_gpus,cluster\n2017-10-09 00:00:00,2,0,a\n", "rows without GPUs dropped: 1"),
        (b"timestamp,duration,num_gpus,cluster\n2017-10-09 00:00:00,2,1,a\rb\n", "line 2: a carriage return"),
        (b"timestamp,duration\xff,num_gpus,cluster\n", "line 1: not UTF-8 text (byte 0xff)"),
        (b"timestamp,duration,num_gpus,cluster\n\0", "line 2: binary data"),
        (b"[1, 2]", "entries that are not jobs"),
        (b"[{", "not readable as JSON"),
        (b"[" * 100_000, "not readable as JSON"),
        (b"[" + b"9" * 5000 + b"]", "not readable as JSON"),
        (b"[" * 700 + b"]" * 700, "entries that are not jobs"),
        (b"[]", "at least one job"),
        (b"timestamp,duration,num_gpus,cluster\n" + b"x" * 200_000, "line 2: 'xxxx"),
        (b'timestamp,duration,num_gpus,cluster\n"' + b"x" * 200_000 + b'",', "must hold"),
        (trace_samples.PHILLY_LOG.replace("ee9e8c", "e\\ud800").encode(), "tenant must be text without control"),
        (b" 1 2 3\n" + trace_samples.SWF.encode(), "no known format"),
        (trace_samples.SWF.encode() + b"1 2 3\n", "rows must have 18 fields (1x): line 9: '3 fields'"),
    ],
)
def test_damage_is_one_clear_error(tmp_path, data, text):
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(TraceError) as caught:
        read_trace(path)
    assert text in str(caught.value)


def test_missing_file_says_how_to_name_one(tmp_path):
    with pytest.raises(TraceError, match="--set workload.trace=PATH"):
        read_trace(tmp_path / "absent.csv")


def test_a_folder_without_tables(tmp_path):
    with pytest.raises(TraceError, match="must hold pai_job_table, pai_task_table, pai_instance_table"):
        read_trace(tmp_path)


def test_a_cut_off_row_is_counted(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(trace_samples.PHILLY_TABLE.rstrip().removesuffix(",8,81.0,6214e9"))
    table = read_trace(path)
    assert len(table) == 3
    assert table.notes["rows with fewer cells than the header, the rest taken as empty"] == 1
    assert table.notes["rows without GPUs dropped"] == 1
