"""Recorded schedules beside ours: the rule named is the cause of every difference, and a wrong one is found out."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from gpusim.cli import cli
from gpusim.errors import TraceError
from gpusim.validation import plain_easy
from gpusim.validation.plain_gavel import Gavel
from gpusim.validation.plain_gavel_shares import FirstCome, MaxMin
from gpusim.validation.recordings import read
from gpusim.validation.schedules import compare, rule_of

EARLY = [(0, 100, 1000, 6), (1, 50, 50, 8), (2, 5000, 5000, 2)]  # submitted, run time, estimate [s], GPUs
RESERVED = [(0, 100, 100, 6), (1, 50, 50, 8), (2, 1000, 1000, 2), (3, 20, 20, 2)]


def _files(folder, jobs, starts_s):
    table = pd.DataFrame(jobs, columns=["submit_s", "runtime_s", "estimate_s", "num_gpus"])
    table.rename_axis("job_id").to_csv(folder / "jobs.csv")
    recorded = pd.DataFrame({"start": starts_s, "end": np.array(starts_s) + table["runtime_s"]})
    recorded.rename_axis("job_id").to_csv(folder / "recorded.csv")
    return folder / "jobs.csv", folder / "recorded.csv"


@pytest.mark.parametrize(
    ("simulator", "jobs", "starts_s"),
    [
        ("accasim", EARLY, [0, 5002, 2]),
        ("accasim", RESERVED, [0, 1002, 2, 100]),
        ("textbook", EARLY, [0, 100, 150]),
        ("textbook", RESERVED, [0, 100, 150, 3]),
    ],
)
def test_easy_by_the_rule_of_each(tmp_path, simulator, jobs, starts_s):
    """AccaSim freezes the head's reservation and keeps nothing for it; the textbook's EASY is kept to."""
    verdicts, times = compare(read(simulator, "EASY", *_files(tmp_path, jobs, starts_s), "1x8"))
    assert [verdict.same.all() for verdict in verdicts if verdict.must] == [True, True]
    assert times["ours_start_s"].tolist() == ([0, 100, 150] if jobs is EARLY else [0, 100, 150, 3])


def test_a_schedule_by_another_rule_is_found_out(tmp_path):
    """What AccaSim makes of a case is no textbook's EASY."""
    verdicts, _times = compare(read("textbook", "EASY", *_files(tmp_path, RESERVED, [0, 1002, 2, 100]), "1x8"))
    assert verdicts[0].same.tolist() == [True, False, False, False]


def test_which_nodes_are_kept_for_the_head():
    """Two nodes are ready when the head may start: the rules keep another one for it, and a long job goes elsewhere."""
    jobs = pd.DataFrame(
        [(0, 10, 10, 8), (0, 10, 10, 8), (0, 10, 10, 2), (1, 5, 5, 8), (2, 99, 99, 6)],
        columns=["submit_s", "runtime_s", "estimate_s", "num_gpus"],
    )
    first = plain_easy.easy(jobs, 3, 8, plain_easy.first_fit_at_shadow)
    last = plain_easy.easy(jobs, 3, 8, plain_easy.last_ready, spares_kept=True)
    assert first.tolist() == [0, 0, 0, 10, 2]  # the head waits for the first node
    assert last.tolist() == [0, 0, 0, 10, 10]  # and here for the last, on which the long job would run


def test_command(tmp_path):
    """Exit status 0, with the difference of rule told; 1 with the first job that is off."""
    jobs, recorded = _files(tmp_path, RESERVED, [0, 1002, 2, 100])
    command = ["compare-schedule", "accasim", "EASY", "--jobs", str(jobs), "--recorded", str(recorded)]
    fine = CliRunner().invoke(cli, [*command, "--cluster", "1x8", "--out", str(tmp_path / "times.csv")])
    assert fine.exit_code == 0, fine.output
    assert "4 of 4 start and end by their rule in plain Python as recorded" in fine.output
    assert "1 of 4 start and end by ours as recorded" in fine.output
    assert len(pd.read_csv(tmp_path / "times.csv")) == 4
    command[1:3] = ["textbook", "EASY"]
    off = CliRunner().invoke(cli, [*command, "--cluster", "1x8"])
    assert off.exit_code == 1
    assert "first jobs that do not start and end by their rule" in off.output


@pytest.mark.parametrize(
    ("simulator", "policy", "told"),
    [
        ("gavl", "fifo", "did you mean 'gavel'"),
        ("tiresias", "dlas-gpi", "did you mean 'dlas-gpu'"),
        ("lucid", "x", "fifo"),
    ],
)
def test_unknown_names(simulator, policy, told):
    with pytest.raises(TraceError, match=told):
        rule_of(simulator, policy)


@pytest.mark.parametrize("cluster", ["8", "0x8", "v100=8"])
def test_odd_clusters(tmp_path, cluster):
    with pytest.raises(TraceError, match="give nodes and GPUs of each"):
        read("lucid", "fifo", *_files(tmp_path, EARLY, [0, 100, 150]), cluster)


def test_a_column_that_is_not_there(tmp_path):
    jobs, recorded = _files(tmp_path, EARLY, [0, 100, 150])
    with pytest.raises(TraceError, match="no column first_start; it has job_id, start, end"):
        read("lucid", "fifo", jobs, recorded, "1x8")


# Gavel's simulator --------------------------------------------------------------------------------------------------


def _gavel(shares, steps, **rules):
    n = len(steps)
    rate = np.tile([2.0, 1.0, 0.5], (n, 1))
    one = np.ones(n, dtype=int)
    return Gavel(rate, one, np.array(steps), np.ones(n), np.zeros(n), np.array([1, 1, 1]), shares, **rules).play()


def test_a_round_lasts_as_long_as_its_longest_task():
    """One job on each type: 720, 360 and 180 steps fit in a round; the first is over, and its GPU stands free."""
    equal = np.full((3, 3), 1.0 / 3.0)
    ends_s = _gavel(lambda moment: equal[: len(moment.jobs)], [360, 720, 180])
    assert ends_s[0] == 180.0  # on the fastest type, which then waits until 360 s
    assert ends_s.min() >= 180.0
    assert np.isfinite(ends_s).all()


def test_first_come_uses_one_type_alone():
    """Its defect: three jobs, three types, and one GPU that all of them take in turn."""
    ends_s = _gavel(FirstCome(0), [360, 360, 360], only_with_shares=True)
    assert sorted(ends_s) == [180.0, 360.0, 540.0]


def test_max_min_gives_all_the_same():
    """Three equal jobs on three types: each has a third of all that they do."""
    pytest.importorskip("ecos")
    seen = []

    class Watch(MaxMin):
        def __call__(self, moment):
            seen.append((super().__call__(moment), moment))
            return seen[-1][0]

    _gavel(Watch(True), [3600, 3600, 3600])
    shares, moment = seen[0]
    assert np.allclose((shares * moment.throughput).sum(axis=1), 3.5 / 3.0, atol=1e-6)
    assert (shares.sum(axis=0) < 1.0 + 1e-6).all()


def test_traces_of_gavel(tmp_path):
    """Ten fields or seven, plain or packed; what is not known is told by its line."""
    trace, tables = tmp_path / "input.trace", tmp_path / "throughputs.json.gz"
    trace.write_text("ResNet\tcommand\tfolder\t-n\t1\t360\t1\t1\t-1.0\t5\nResNet\tcommand\t-n\t1\t720\t7\t1\n")
    with gzip.open(tables, "wt") as file:
        json.dump({kind: {"('ResNet', 1)": {"null": 2.0}} for kind in ("v100", "p100", "k80")}, file)
    recorded = tmp_path / "jobs.csv"
    recorded.write_text("job_id,end\n0,185\n1,545\n")
    found = read("gavel", "fifo", trace, recorded, "v100=1", tables)
    assert found.jobs["steps"].tolist() == [360, 720]
    assert found.jobs["submit_s"].tolist() == [5.0, 7.0]
    trace.write_text("VGG\tcommand\t-n\t1\t720\t7\t1\n")
    with pytest.raises(TraceError, match="line 1: no throughput of .VGG. on 1 GPUs"):
        read("gavel", "fifo", trace, recorded, "v100=1", tables)
