"""The published files themselves: exact counts and quantiles, computed from the files by other means."""

import gzip

import numpy as np
import pandas as pd
import pytest

from gpusim.errors import TraceError
from gpusim.inputs.traces import convert, describe, open_trace
from gpusim.report.trace_text import trace_text

OPENB = "alibaba_gpu_v2023/csv/openb_pod_list_"


def _quantiles(values, figures: dict[str, float]) -> None:
    for name, expected in figures.items():
        assert values[name] == pytest.approx(expected, abs=0.5), name


def test_philly(data_folder):
    trace = open_trace(data_folder / "philly/philly.csv.gz")
    d = describe(trace)
    assert (trace.format, d.jobs) == ("philly-csv", 52_849)
    assert f"{trace.origin:%F %T}" == "2017-09-04 10:30:41"
    assert trace.table["submit_s"][-1] == 4_972_890  # 2017-10-31 23:52:11
    assert d.sizes["jobs"].to_dict() == {1: 50188, 2: 904, 4: 945, 8: 713, 12: 7, 16: 65, 24: 4, 32: 23}
    shares = {1: 0.1794, 2: 0.0432, 4: 0.17, 8: 0.5023, 12: 0.0, 16: 0.0901, 24: 0.0, 32: 0.015}
    assert d.sizes["gpu_time_share"].round(4).to_dict() == shares
    _quantiles(
        d.quantiles["runtime_s"],
        {
            "p1": 18, "p5": 49, "p10": 64, "p25": 243, "p50": 1486, "p75": 2869, "p90": 10536, "p95": 29562,
            "p99": 268916, "p99.9": 1598170, "mean": 13669, "std": 97155, "max": 4628226,
        },
    )  # fmt: skip
    assert d.gpu_hours == pytest.approx(642_409, abs=0.5)
    assert d.interarrival_cv == pytest.approx(19.398, abs=5e-4)
    assert d.fano["minute"] == pytest.approx(12.16, abs=5e-3)
    assert d.fano["hour"] == pytest.approx(194.72, abs=5e-3)
    assert d.top_shares == pytest.approx({0.01: 0.724, 0.1: 0.964}, abs=5e-4)
    night_and_morning = "5.68 5.10 5.58 3.78 2.04 5.09 7.06 10.16 4.32 4.05 4.07 3.07".split()
    afternoon_and_evening = "3.56 2.43 2.56 2.21 4.04 2.78 2.42 2.13 4.79 3.60 5.08 4.40".split()
    assert [f"{100 * share:.2f}" for share in d.hourly] == night_and_morning + afternoon_and_evening
    assert [f"{100 * share:.2f}" for share in d.weekly] == "12.18 15.60 14.67 17.81 20.20 9.93 9.62".split()
    tenants = {"ee9e8c": 0.216, "7f04ca": 0.213, "b436b2": 0.155, "0e4a51": 0.104, "6214e9": 0.095, "6c71a0": 0.086}
    assert len(d.tenants) == 12
    assert d.tenants.head(6).round(3).to_dict() == tenants
    assert d.notes == {
        "blank lines": 1,
        "exact duplicate rows kept": 37,
        "times without a zone, taken as UTC": 52_849,
        "rows not in order of time": 28_192,
        "rows without an estimate, runtime taken": 52_849,
        "rows without a final state, taken as completed": 52_849,
    }


def test_chronus(data_folder):
    """30,940 rows, 205 of them without GPUs; quantiles of all rows, in minutes, are published for the file."""
    d = describe(open_trace(data_folder / "chronus/trace_job_Philly_SLO.csv.gz"))
    assert (d.format, d.jobs, len(d.tenants)) == ("chronus", 30_940 - 205, 11)
    assert d.notes["rows without GPUs dropped"] == 205
    sizes = {1: 28319, 2: 215, 4: 1186, 8: 894, 12: 2, 16: 105, 20: 1, 32: 13}
    assert d.sizes["jobs"].to_dict() == sizes
    rows = pd.read_csv(data_folder / "chronus/trace_job_Philly_SLO.csv.gz").query("num_gpu > 0")
    assert d.quantiles["runtime_s"]["p50"] == 60 * rows["duration"].median()
    assert d.quantiles["runtime_s"]["max"] == 60 * 4317
    assert d.span_days == pytest.approx((rows["submit_time"].max() - rows["submit_time"].min()) / 1440)


def test_tiresias(data_folder):
    d = describe(open_trace(data_folder / "tiresias/60_job.csv"))
    assert (d.format, d.jobs) == ("tiresias", 60)
    assert d.sizes["jobs"].to_dict() == {1: 30, 2: 10, 4: 10, 8: 10}
    assert d.span_days * 86_400 == pytest.approx(1779)
    _quantiles(
        d.quantiles["runtime_s"], {"p1": 121, "p50": 125, "p75": 148, "p90": 211, "p95": 308, "mean": 178, "std": 224}
    )
    assert d.notes["lines that end in CR LF"] == 61


def test_nasa_ipsc(data_folder):
    trace = open_trace(data_folder / "swf/NASA-iPSC-1993-3.1-cln.swf.gz")
    d = describe(trace)
    assert (d.format, d.jobs) == ("swf", 18_239)
    assert f"{trace.origin:%F %T}" == "1993-10-01 07:00:03"  # the header: Fri Oct 01 00:00:03 PDT 1993
    assert trace.table["submit_s"][-1] == 7_948_936
    assert d.sizes["jobs"].to_dict() == {1: 4935, 2: 1763, 4: 2683, 8: 1793, 16: 1780, 32: 3662, 64: 1203, 128: 420}
    _quantiles(
        d.quantiles["runtime_s"],
        {
            "p1": 1, "p5": 7, "p10": 14, "p25": 27, "p50": 86, "p75": 284, "p90": 1479, "p95": 3723, "p99": 10932,
            "p99.9": 32315, "mean": 765, "std": 2661, "max": 62643,
        },
    )  # fmt: skip
    assert d.interarrival_cv == pytest.approx(9.465, abs=5e-4)
    assert d.fano["minute"] == pytest.approx(1.57, abs=5e-3)
    assert d.fano["hour"] == pytest.approx(16.57, abs=5e-3)
    assert d.final_states.to_dict() == {"unknown": 1.0}


def test_ctc_excerpt(data_folder):
    d = describe(open_trace(data_folder / "swf/opendc_trace.swf"))
    assert d.jobs == 5
    assert d.sizes["jobs"].to_dict() == {17: 1, 64: 2, 306: 2}
    assert d.final_states.to_dict() == {"completed": 0.8, "failed": 0.2}
    _quantiles(d.quantiles["runtime_s"], {"p1": 109, "p50": 29063, "p99.9": 35245, "std": 17033, "max": 35268})


# pods, sharing, one whole GPU, 2, 4, 8 GPUs, never scheduled, with a type constraint
PODS = {
    "cpu100": (7853, 3078, 3911, 16, 15, 44, 883, 0),
    "cpu250": (9420, 3078, 3911, 16, 15, 44, 934, 0),
    "default": (8152, 3078, 3911, 16, 15, 44, 897, 0),
    "gpushare100": (8152, 7064, 0, 0, 0, 0, 1209, 0),
    "gpushare40": (8152, 4001, 3001, 12, 11, 39, 981, 0),
    "gpuspec10": (8152, 3078, 3911, 16, 15, 44, 897, 732),
    "gpuspec33": (8152, 3078, 3911, 16, 15, 44, 897, 2388),
    "multigpu20": (8324, 3078, 3911, 54, 52, 141, 8324, 0),
    "multigpu50": (9061, 3078, 3911, 222, 206, 556, 9061, 0),
}


@pytest.mark.parametrize("variant", PODS)
def test_openb(data_folder, variant):
    pods, sharing, one, two, four, eight, unscheduled, typed = PODS[variant]
    trace = open_trace(data_folder / f"{OPENB}{variant}.csv.gz")
    gpus, notes = trace.table["gpus"], trace.table.notes
    assert notes["rows without GPUs dropped"] == pods - len(gpus)
    assert notes["fractions of a GPU rounded up to whole GPUs"] == sharing == np.count_nonzero(trace.table["gpu_milli"])
    counts = [np.count_nonzero(gpus == count) for count in (1, 2, 4, 8)]
    assert counts == [sharing + one, two, four, eight]
    assert np.count_nonzero(trace.table.labels("gpu_types") != "") == typed
    without_times = variant.startswith("multigpu")
    lacking = "rows without times: submitted at 0 with zero runtime" if without_times else (
        "rows never scheduled: deletion - creation taken as runtime"
    )  # fmt: skip
    assert notes[lacking] == unscheduled


def test_openb_runtimes(data_folder):
    """Runtime is what the pod had after its scheduling, from the file with pandas alone."""
    path = data_folder / f"{OPENB}default.csv.gz"
    rows = pd.read_csv(path).query("num_gpu > 0")
    runtime = rows["deletion_time"] - rows["scheduled_time"].fillna(rows["creation_time"])
    d = describe(open_trace(path))
    assert d.quantiles["runtime_s"]["p50"] == runtime.median()
    assert d.quantiles["runtime_s"]["mean"] == pytest.approx(runtime.mean(), rel=1e-12)
    assert d.gpu_hours == pytest.approx((runtime * rows["num_gpu"]).sum() / 3600, rel=1e-12)  # shares held whole


@pytest.mark.parametrize(
    "name", ["philly/philly.csv.gz", "chronus/trace_job_Philly_SLO.csv.gz", "swf/NASA-iPSC-1993-3.1-cln.swf.gz"]
)
def test_converted_files_describe_the_same(data_folder, tmp_path, name):
    texts = []
    for ending in ("csv", "parquet"):
        convert(data_folder / name, tmp_path / f"x.{ending}")
        texts.append(trace_text(describe(open_trace(tmp_path / f"x.{ending}"))).splitlines()[1:])
    assert texts[0] == texts[1] == trace_text(describe(open_trace(data_folder / name))).splitlines()[1:]


def test_damage_of_a_real_file(data_folder, tmp_path):
    """A download that stopped half-way is an error or a counted note, never a shorter trace in silence."""
    packed = (data_folder / "philly/philly.csv.gz").read_bytes()
    (tmp_path / "cut.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(TraceError, match="damaged or cut-off gzip file"):
        open_trace(tmp_path / "cut.gz")
    text = gzip.decompress(packed)
    (tmp_path / "cut.csv").write_bytes(text[: len(text) // 2])
    assert open_trace(tmp_path / "cut.csv").table.notes["last line without a newline"] == 1
