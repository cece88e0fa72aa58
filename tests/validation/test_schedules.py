"""Recorded schedules beside ours: the rule named is the cause of every difference, and a wrong one is found out."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from gpusim.cli import cli
from gpusim.engine.description import Scheduling
from gpusim.errors import TraceError
from gpusim.kernels.state.codes import Backfill, Placement
from gpusim.policies.gavel import Gavel as Policy
from gpusim.policies.queue_orders import sjf
from gpusim.validation import gavel_fleet, plain_easy
from gpusim.validation.plain_gavel import GavelSimulator
from gpusim.validation.plain_gavel_shares import FirstCome, MaxMin
from gpusim.validation.plain_in_turn import NodeChoice, in_turn
from gpusim.validation.recordings import read
from gpusim.validation.schedules import compare, rule_of
from tests.engine.kit import play, starts

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
    first = plain_easy.textbook(jobs, 3, 8)
    last = plain_easy.own(jobs, 3, 8)
    assert first.tolist() == [0, 0, 0, 10, 2]  # the head waits for the first node
    assert last.tolist() == [0, 0, 0, 10, 10]  # and here for the last, on which the long job would run


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_our_rule_in_plain_python_is_ours(seed, late):
    """Sizes that share nodes or leave some of them, several heads in a row, estimates that end too early."""
    random = np.random.default_rng(seed)
    gpus = random.choice([1, 2, 3, 5, 7, 8, 16, 24, 32], 300)
    runtime_s = random.integers(1, 40, 300) * 30
    estimate_s = np.ceil(runtime_s * random.uniform(0.4 if late else 1.0, 3.0, 300) / 60) * 60
    submit_s = np.sort(random.integers(0, int((gpus * runtime_s).sum() / 44), 300))
    table = np.column_stack([submit_s, gpus, runtime_s, estimate_s])
    jobs = pd.DataFrame(table, columns=["submit_s", "num_gpus", "runtime_s", "estimate_s"]).astype({"num_gpus": int})
    rules = Scheduling(backfill=Backfill.EASY, placement=Placement.FIRST_FIT)
    ours = starts(play(table, 6, 8, rules))
    assert plain_easy.own(jobs, 6, 8).tolist() == ours
    assert plain_easy.textbook(jobs, 6, 8).tolist() != ours
    for key in (None, sjf):
        ours = starts(play(table, 6, 8, Scheduling(key=key, placement=Placement.BEST_FIT)))
        assert in_turn(jobs, 6, 8, NodeChoice.BEST, shortest=key is sjf).tolist() == ours


def test_ties_of_accasims_best_fit():
    """At 3 s the first node comes to have 3 GPUs free, as the second has: AccaSim takes the one that was sorted first.

    The job of two GPUs and 5 s goes there and leaves the first node, which is free for the last job at 5 s.
    """
    rows = [(0, 2, 8), (0, 9, 5), (3, 2, 5), (3, 5, 2), (3, 5, 5), (3, 5, 8)]
    jobs = pd.DataFrame(rows, columns=["submit_s", "runtime_s", "num_gpus"]).assign(estimate_s=1)
    assert in_turn(jobs, 3, 8, NodeChoice.BEST).tolist() == [0, 0, 3, 3, 3, 8]
    assert in_turn(jobs, 3, 8, NodeChoice.SORTED_ON).tolist() == [0, 0, 3, 3, 3, 5]


def test_accasims_head_waits_until_its_time_when_nothing_else_happens():
    """The node has been free since 10 s; the head, the last job, was told 100 s."""
    rows = [(0, 10, 100, 8), (1, 5, 5, 8)]
    jobs = pd.DataFrame(rows, columns=["submit_s", "runtime_s", "estimate_s", "num_gpus"])
    assert plain_easy.frozen(jobs, 1, 8).tolist() == [0, 100]


@pytest.mark.parametrize(
    ("policy", "nodes", "rows", "starts_s"),
    [
        ("fifo", 3, [(0, 50, 1, 12), (1, 50, 1, 4), (2, 50, 1, 4), (3, 9, 1, 16)], [0, 1, 2, 51]),
        ("sjf", 2, [(0, 50, 1, 12), (1, 50, 1, 16), (1, 9, 1, 4), (1, 9, 1, 4)], [0, 50, 1, 10]),
        ("fifo", 4, [(0, 50, 1, 16), (1, 9, 1, 8), (2, 9, 1, 7)], [0, 1, 2]),
    ],
)
def test_lucids_jobs_share_their_last_node(tmp_path, policy, nodes, rows, starts_s):
    """A job of 12 GPUs has a node of 8 and half of another, whose rest goes to others; sizes that fill nodes as ever.

    First, the job of 4 at 1 s takes that rest, the next the third node: 16 GPUs are idle nodes at 51 s. Second, the
    shorter jobs take the rest one after the other, and the job of 16 waits for the job of 12.
    """
    recording = read("lucid", policy, *_files(tmp_path, rows, starts_s), f"{nodes}x8")
    verdicts, times = compare(recording)
    assert all(verdict.same.all() for verdict in verdicts if verdict.must), times
    assert len(verdicts) == (3 if rows[0][3] == 12 else 1)


@pytest.mark.parametrize(
    ("policy", "starts_s", "last_s"), [("FIFO", [0, 0, 5, 5], 1), ("SJF", [0, 0, 5, 5], 1), ("EASY", [0, 0, 60, 5], 60)]
)
def test_what_accasims_jobs_of_no_length_had_is_free_at_the_next_event(tmp_path, policy, starts_s, last_s):
    """Two of them have all eight GPUs at 0 s, but nobody gets these before 5 s, when the last job comes. Without it,
    that is a second later, or when the head was told to come. So did AccaSim 1.1.3."""
    rows = [(0, 0, 60, 4), (0, 0, 60, 4), (0, 5, 60, 4), (5, 5, 60, 4)]
    verdicts, times = compare(read("accasim", policy, *_files(tmp_path, rows, starts_s), "1x8"))
    assert [verdict.same.all() for verdict in verdicts] == [True, True, False]
    assert times["ours_start_s"].tolist() == [0, 0, 0, 5]
    verdicts, _times = compare(read("accasim", policy, *_files(tmp_path, rows[:3], [0, 0, last_s]), "1x8"))
    assert verdicts[0].same.all()


def test_tiresias_takes_who_comes_before_who_is_promoted(tmp_path):
    """One GPU. The first job falls at 3,250 s and waits as long as it ran until 6,500 s, when the second falls; but the
    third comes at that second, and stands before it. Run times are read in whole seconds."""
    rows = [(0, 10000.9, 1, 1), (100, 10000, 1, 1), (6500, 10, 1, 1)]
    jobs, recorded = _files(tmp_path, rows, [0, 3250, 6500])
    table = pd.read_csv(recorded).assign(end=[20010, 16510, 6510])
    table.to_csv(recorded, index=False)
    verdicts, times = compare(read("tiresias", "dlas-gpu-1", jobs, recorded, "1x1"))
    assert times["theirs_start_s"].tolist() == [0, 3250, 6500]
    assert times["theirs_end_s"].iloc[2] == 6510
    assert (times["theirs_end_s"] % 1.0 == 0.0).all()
    assert verdicts[1].same.all()


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
    assert "the known rule does not reproduce it: check policy, cluster" in off.output


@pytest.mark.parametrize(
    ("policy", "differs"),
    [
        ("fifo", ""),
        ("fjf", ""),
        ("shortest-gpu", "ties go to the earlier job, here to the running one"),
        ("dlas", "a job demoted to a queue goes behind those waiting there"),
    ],
)
def test_only_rules_that_a_policy_has_are_named(policy, differs):
    """Tiresias: nobody falls to a queue where there are none."""
    assert rule_of("tiresias", policy).difference == differs
    assert rule_of("tiresias", "dlas-gpu-8").difference.count(";") == 2


def _told(path, change):
    """A recorded file written anew, after a change to its table."""
    table = pd.read_csv(path)
    change(table).to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table[table.columns[::-1]],
        lambda table: table.sample(frac=1.0, random_state=3).rename(columns=lambda name: f" {name.upper()} "),
        lambda table: table.assign(**{name: table[name] * 1000.0 for name in ("submit", "start", "end")}),
        lambda table: table.assign(**{name: table[name] / 3600.0 for name in ("submit", "start", "end")}),
        lambda table: table.assign(**{name: table[name] + 86_400 for name in ("submit", "start", "end")}),
    ],
    ids=["columns", "names", "milliseconds", "hours", "another zero"],
)
def test_the_same_schedule_written_otherwise(tmp_path, change):
    """Order of columns and rows, unit and zero of the clock make no difference to what is read."""
    jobs, recorded = _files(tmp_path, RESERVED, [0, 100, 150, 3])
    plain = read("textbook", "EASY", jobs, recorded, "1x8").recorded
    _told(recorded, lambda table: table.assign(submit=[job[0] for job in RESERVED]))
    found = read("textbook", "EASY", jobs, _told(recorded, change), "1x8").recorded
    pd.testing.assert_frame_equal(found, plain)


def test_jobs_without_a_schedule_are_not_compared(tmp_path):
    """A run that broke off: who has no end is scheduled with the others, and told."""
    jobs, recorded = _files(tmp_path, RESERVED, [0, 100, 150, 3])
    _told(recorded, lambda table: table.drop(index=2))
    verdicts, times = compare(read("textbook", "EASY", jobs, recorded, "1x8"))
    assert times.index.tolist() == [0, 1, 3]
    assert all(verdict.same.tolist() == [True] * 3 for verdict in verdicts)
    command = ["compare-schedule", "textbook", "EASY", "--jobs", str(jobs), "--recorded", str(recorded)]
    told = CliRunner().invoke(cli, [*command, "--cluster", "1x8"])
    assert told.exit_code == 0, told.output
    assert "1 job without a recorded end: scheduled, and not compared" in told.output
    assert "mean completion time 90 s as recorded, 90 s with gpusim (+0.0%)" in told.output
    _told(recorded, lambda table: table.head(0))
    with pytest.raises(TraceError, match="no rows after the header line"):
        read("textbook", "EASY", jobs, recorded, "1x8")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda table: table.assign(job_id=[0, 1, 2, 7]), "1 job not in .*line 5: '7'"),
        (lambda table: pd.concat([table, table.head(1)]), "job 0 is there twice"),
        (lambda table: table.assign(submit=[0, 1, 2, 50]), "job 3 is submitted at 50, in the jobs' file at 3 s"),
    ],
)
def test_a_schedule_of_other_jobs(tmp_path, change, told):
    jobs, recorded = _files(tmp_path, RESERVED, [0, 100, 150, 3])
    _told(recorded, change)
    with pytest.raises(TraceError, match=told):
        read("textbook", "EASY", jobs, recorded, "1x8")


def test_jobs_as_swf_and_the_cluster_of_a_file(tmp_path):
    """The same jobs as SWF, on a cluster as Tiresias describes it."""
    jobs, recorded = _files(tmp_path, EARLY, [0, 100, 150])
    swf, cluster = tmp_path / "jobs.swf.gz", tmp_path / "cluster.csv"
    rows = [
        f"{i} {submit} -1 {run} {gpus} -1 -1 {gpus} {estimate} -1 1 1 1 -1 -1 -1 -1 -1"
        for i, (submit, run, estimate, gpus) in enumerate(EARLY)
    ]
    with gzip.open(swf, "wt") as file:
        file.write("; Version: 2.2\n" + "\n".join(rows))
    cluster.write_text("num_switch,num_node_p_switch,num_gpu_p_node\n1,1,8\n")
    found, known = (read("textbook", "EASY", path, recorded, at) for path, at in ((swf, str(cluster)), (jobs, "1x8")))
    assert (found.nodes, found.size) == (1, 8)
    pd.testing.assert_frame_equal(found.jobs[known.jobs.columns], known.jobs, check_dtype=False)


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
    _told(recorded, lambda table: table.rename(columns={"end": "finish"}))
    with pytest.raises(TraceError, match="no column end or end_time or end_s; it has job_id, start, finish"):
        read("lucid", "fifo", jobs, recorded, "1x8")


# Gavel's policies over its jobs -------------------------------------------------------------------------------------


def _types(n, seed):
    """Jobs on three types: steps/s, GPUs, steps, submissions [s], GPUs of the cluster."""
    draw = np.random.default_rng(seed)
    rate = draw.uniform(0.2, 3.0, (n, 3))
    rate[draw.random((n, 3)) < 0.15] = 0.0
    rate[:, 0] = np.maximum(rate[:, 0], 0.1)
    gpus, submit_s = draw.choice([1, 1, 2], n), np.sort(draw.uniform(0.0, 4000.0, n)).round()
    return rate, gpus, draw.uniform(100.0, 9000.0, n).round(), submit_s, np.array([2, 3, 4])


@pytest.mark.parametrize("options", [{}, {"aware": False}, {"objective": "finish_time"}, {"objective": "throughput"}])
def test_our_engine_as_a_fleet_that_is_counted(options):
    """Every job of the engine ends when plain counting has it end, under the same policy."""
    case = _types(14, 5)
    ours = gavel_fleet.ends_s(*case, Policy(**options), 360.0)
    plain = gavel_fleet.play_plainly(*case, Policy(**options), 360.0)
    assert np.abs(ours - plain).max() < 1e-3
    other = gavel_fleet.play_plainly(*case, Policy(**options), 361.0)
    assert np.abs(ours - other).max() > 1.0  # another length of rounds is found out


def test_rounds_by_hand():
    """One GPU, two jobs of 540 s: a round of 360 s each, then the rest; what is done early waits for the next round."""
    one = np.ones((2, 1))
    case = one, np.array([1, 1]), np.array([540.0, 540.0]), np.zeros(2), np.array([1])
    assert sorted(gavel_fleet.ends_s(*case, Policy(), 360.0)) == pytest.approx([900.0, 1260.0])


# Gavel's simulator --------------------------------------------------------------------------------------------------


def _gavel(shares, steps, **rules):
    n = len(steps)
    rate = np.tile([2.0, 1.0, 0.5], (n, 1))
    one = np.ones(n, dtype=int)
    return GavelSimulator(
        rate, one, np.array(steps), np.ones(n), np.zeros(n), np.array([1, 1, 1]), shares, **rules
    ).play()


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
