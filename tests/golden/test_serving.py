"""Every request as splitwise-sim and Vidur served it."""

import numpy as np
import pandas as pd
import pytest

from gpusim.validation import splitwise, vidur
from gpusim.validation.plain_engine import prompts_first

SPLITWISE = ("base_a100x1_conv_r2", "base_h100x1_code_r2", "base_h100x1_conv_r1", "base_h100x2_conv_r4")


def _splitwise(golden, data_folder, case):
    requests, theirs = splitwise.read_case(golden / "splitwise" / case)
    table = splitwise.read_table(data_folder / "splitwise/perf_model.csv.gz", golden / "splitwise" / case)
    return requests, theirs, table


@pytest.mark.parametrize("case", SPLITWISE)
def test_splitwise_rules_in_plain_python(golden, data_folder, case):
    """All latencies of all requests, to rounding: tables, rules and routing are understood."""
    requests, theirs, table = _splitwise(golden, data_folder, case)
    plain = splitwise.plainly(requests, table.step_s, prompts_first(splitwise.MOST_TOKENS))
    np.testing.assert_allclose(plain, theirs, rtol=1e-9)


@pytest.mark.parametrize("case", SPLITWISE)
def test_splitwise_by_kernel(golden, data_folder, case):
    """Four of five requests end within 5% of when they did there, half of them within 2%."""
    requests, theirs, table = _splitwise(golden, data_folder, case)
    ours = splitwise.by_kernel(requests, table.step_times())
    off = np.abs(ours["end to end"] / theirs["end to end"] - 1.0)
    assert off.quantile(0.8) < 0.05
    assert off.median() < 0.02


@pytest.fixture(scope="module")
def runs(golden):
    """Vidur's runs on H100s and what a layer takes in them by tokens."""
    runs = {case.name: vidur.read_run(case) for case in (golden / "vidur").glob("h100*")}
    attention = vidur.read_attention(golden / "vidur/attention_h100_substitute.csv.gz", ranks=8)
    return runs, attention


def test_vidur_steps_are_the_same_in_all_runs(runs):
    """One curve by tokens in runs of different rules and rates: attention and rules are understood."""
    told, attention = runs
    curves = [run.by_tokens(attention).groupby(level=0).median() for run in told.values()]
    for one in curves:
        for other in curves:
            both = one.index.intersection(other.index)
            off = np.abs(one[both] / other[both] - 1.0)
            assert off.median() < 0.01
            assert len(both) > 20


@pytest.mark.parametrize(
    ("case", "left_out"),
    [("h100_tp8_conv_r2_sarathi", True), ("h100_tp8_conv_r4_vllm", False), ("h100_tp8_conv_r8_sarathi", False)],
)
def test_vidur_by_kernel(runs, case, left_out):
    """Four of five requests end within 1% of when they did there; one run with nothing of its own."""
    told, attention = runs
    run = told[case]
    steps = [other.by_tokens(attention) for name, other in told.items() if not (left_out and name == case)]
    times = run.step_times(pd.concat(steps).groupby(level=0).median(), attention)
    theirs = vidur.latencies(run.requests, run.requests)
    ours = vidur.latencies(run.requests, run.by_kernel(times))
    assert np.abs(ours["end to end"] / theirs["end to end"] - 1.0).quantile(0.8) < 0.01
