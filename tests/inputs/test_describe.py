"""Descriptions of traces whose figures are known by hand or by formula."""

from datetime import UTC, datetime

import numpy as np
import pytest
from click.testing import CliRunner

from gpusim.cli import cli
from gpusim.inputs.jobtable import JobTable
from gpusim.inputs.traces import Trace, describe
from gpusim.report.trace_text import trace_text
from tests.inputs.trace_samples import SAMPLES, write


def _trace(submit_s, origin=None, **columns) -> Trace:
    return Trace(JobTable.build(submit_s=np.array(submit_s, dtype=float), **columns), origin, "test")


def test_counts_and_shares_by_hand():
    d = describe(
        Trace(
            JobTable.build(
                {"tenant": ["a", "b"], "final_state": ["completed", "failed"]},
                {"odd": 2},
                submit_s=np.array([0.0, 1800.0, 3600.0, 90_000.0]),
                runtime_s=np.array([3600.0, 7200.0, 0.0, 3600.0]),
                gpus=np.array([1, 2, 2, 5]),
                tenant=np.array([0, 0, 1, 1]),
                final_state=np.array([0, 0, 0, 1]),
            ),
            datetime(2017, 9, 3, 23, 15, tzinfo=UTC),  # a Sunday
            "test",
        )
    )
    assert (d.jobs, d.span_days, d.gpu_hours) == (4, 90_000 / 86_400, 10.0)
    assert d.sizes["jobs"].to_dict() == {1: 1, 2: 2, 5: 1}
    assert d.sizes["gpu_time_share"].to_dict() == {1: 0.1, 2: 0.4, 5: 0.5}
    assert d.quantiles.loc["p50"].to_dict() == {"runtime_s": 3600.0, "gpus": 2.0}
    assert d.quantiles.loc["mean", "gpus"] == 2.5
    assert d.quantiles.loc["std", "gpus"] == pytest.approx(3**0.5)
    assert np.flatnonzero(d.hourly).tolist() == [0, 23]  # 23:15, 23:45, 00:15, 00:15 of the day after
    assert d.hourly[23] == 0.5
    assert d.weekly.tolist() == [0.25, 0.25, 0, 0, 0, 0, 0.5]
    assert d.final_states.to_dict() == {"completed": 0.75, "failed": 0.25}
    assert d.tenants.to_dict() == {"a": 0.5, "b": 0.5}
    assert d.top_shares == {0.01: 0.5, 0.1: 0.5}
    assert d.notes == {"odd": 2}


def test_burstiness_by_hand():
    """Counts 3, 0, 1 in three whole minutes: mean 4/3, variance 14/9; the last minute is not whole and left out."""
    d = describe(_trace([0, 10, 20, 130, 180], runtime_s=1.0))
    assert d.fano["minute"] == pytest.approx((14 / 9) / (4 / 3))
    assert np.isnan(d.fano["hour"])
    gaps = np.array([10, 10, 110, 50])
    assert d.interarrival_cv == pytest.approx(gaps.std() / gaps.mean())


def test_a_poisson_process_has_cv_and_fano_factors_of_one():
    submit_s = np.cumsum(np.random.default_rng(1).exponential(30.0, 400_000))
    d = describe(_trace(submit_s - submit_s[0], runtime_s=1.0))
    assert d.interarrival_cv == pytest.approx(1.0, abs=0.01)
    assert d.fano["minute"] == pytest.approx(1.0, abs=0.02)
    assert d.fano["hour"] == pytest.approx(1.0, abs=0.1)


def test_regular_and_bursty_arrivals():
    assert describe(_trace(np.arange(1000) * 60.0, runtime_s=1.0)).interarrival_cv == 0.0
    assert describe(_trace(np.repeat(np.arange(100) * 3600.0, 10), runtime_s=1.0)).fano["minute"] > 9


@pytest.mark.parametrize("submit_s", [[0.0], [5.0, 5.0]])
def test_a_trace_without_a_span(submit_s):
    d = describe(_trace(submit_s, runtime_s=0.0))
    assert np.isnan(d.interarrival_cv)
    assert "all at one time" in trace_text(d)
    assert "Submitted at one time, from" in trace_text(d)


def test_a_short_span_is_not_told_as_none():
    assert "Submitted over 30 s, from an unknown date" in trace_text(describe(_trace([0.0, 10.0, 30.0])))


@pytest.mark.parametrize("sample", SAMPLES)
def test_command_prints_at_most_100_columns(tmp_path, sample):
    result = CliRunner().invoke(cli, ["trace", "describe", str(write(tmp_path, sample))])
    assert result.exit_code == 0, result.output
    assert max(map(len, result.output.splitlines())) <= 100


def test_commands(tmp_path):
    path, out = write(tmp_path, "helios"), tmp_path / "out.parquet"
    result = CliRunner().invoke(cli, ["trace", "describe", str(path)])
    assert "Format helios: 4 jobs, 1.39 GPU-hours" in result.output
    assert "         1  rows without GPUs dropped" in result.output
    result = CliRunner().invoke(cli, ["trace", "convert", str(path), str(out)])
    assert result.exit_code == 0
    assert f"{out}: 4 jobs" in result.output
    result = CliRunner().invoke(cli, ["trace", "describe", str(out)])
    assert "Format gpusim-parquet: 4 jobs" in result.output


def test_commands_refuse_plainly(tmp_path):
    for arguments in (["describe", "absent"], ["convert", "absent", "x.txt"], ["convert", "absent", "x.csv"]):
        result = CliRunner().invoke(cli, ["trace", *arguments])
        assert result.exit_code == 2
        assert result.output.startswith("gpusim: ")
