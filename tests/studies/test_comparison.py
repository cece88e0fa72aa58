"""Policies side by side: what their names mean, which differences are real, ranks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import gpusim
from gpusim.cli import cli
from gpusim.errors import GpusimError, StatisticsError
from gpusim.report.policies.verdict import VerdictSection, judged, statement
from gpusim.report.scenario_text import to_toml
from gpusim.report.sweeps.findings import SweepFindings
from gpusim.scenario.orders import ORDERS
from gpusim.studies.comparison import comparison, is_comparison
from gpusim.studies.statistics.ranks import ranks
from gpusim.studies.sweeps.spec import SweepSpec

SMALL = "seeds/small.toml"


def test_names_of_policies():
    """An order alone, with a way behind a blocked head, preemptive, in rounds, and of one's own."""
    spec = comparison(SMALL, ["fifo", "easy", "sjf+conservative", "priority+preempt", "las", "finish_time", "mine:One"])
    cases = spec.axes["policy"].cases
    told = {name: tuple(str(value) for key, value in keys.items() if key != "scheduler.options") for name, keys in
            cases.items()}  # fmt: skip
    assert told == {
        "fifo": ("fifo", "none", "none", "event"),
        "easy": ("fifo", "easy", "none", "event"),
        "sjf+conservative": ("sjf", "conservative", "none", "event"),
        "priority+preempt": ("priority", "none", "order", "event"),
        "las": ("las", "none", "none", "event"),
        "finish_time": ("finish_time", "none", "none", "cycle"),
        "mine:One": ("mine:One", "none", "none", "cycle"),
    }


def test_wrong_names_are_told_together():
    with pytest.raises(GpusimError) as raised:
        comparison(SMALL, ["fifo", "fif", "las+easy", "sjf+esy"])
    for part in ("'fif' (did you mean 'fifo'?)", "'las+easy' (las goes without +easy)", "'sjf+esy'", "gittins"):
        assert part in str(raised.value)
    with pytest.raises(GpusimError, match="give two or more, as in fifo,easy,las"):
        comparison(SMALL, ["fifo", "fifo"])


def test_ranks_by_hand():
    """Demsar's table 6 in small: ties share ranks; the critical difference of four over fourteen is 1.25."""
    values = pd.DataFrame({"a": [3.0, 3.0], "b": [2.0, 3.0], "c": [1.0, 1.0]})
    found = ranks(values)
    assert found.mean.to_dict() == {"a": 1.25, "b": 1.75, "c": 3.0}
    wide = pd.DataFrame(np.random.default_rng(2).random((14, 4)) + [0.0, 0.0, 0.0, 5.0], columns=list("abcd"))
    found = ranks(wide)
    assert found.critical_difference == pytest.approx(1.25, abs=0.005)
    assert found.mean.index[0] == "d"
    assert found.p_value < 0.01
    assert found.groups()[-1][1] == 3
    with pytest.raises(StatisticsError, match="found 14 replications of 2 alternatives"):
        ranks(wide[["a", "b"]])


def test_alike_is_not_told_apart():
    """The negative control: the same values of all have no difference, and one bar joins them."""
    same = pd.DataFrame({name: [1.0, 2.0, 3.0] for name in "abc"})
    found = ranks(same)
    assert found.p_value == 1.0
    assert found.groups() == [(0, 2)]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A small scenario compared by the command."""
    folder = tmp_path_factory.mktemp("compared")
    short = {"run.days": 0.5, "workload.streams.research.jobs_per_day": 900.0}
    scenario = gpusim.Scenario.from_toml(SMALL).with_(short)
    file = folder / "small.toml"
    file.write_text(to_toml(scenario.model_dump(mode="json", exclude_defaults=True)))
    command = ["compare-policies", str(file), "--policies", "fifo,fifo+none,easy,srtf", "--replications", "6",
               "--executor", "serial", "--out", str(folder / "out")]  # fmt: skip
    return folder / "out", command, CliRunner().invoke(cli, command)


def test_the_command(store):
    """It says what is known of each measure, draws ranks, and has nothing left to do when given again."""
    folder, command, first = store
    assert first.exit_code == 0, first.output
    assert "Completion time of jobs, mean" in first.output
    assert "Mean ranks within" in " ".join(first.output.split())
    assert (folder / "figures" / "ranks.png").is_file()
    page = (folder / "report.html").read_text()
    assert page.index("Completion time of jobs, mean") < page.index("Which differences are real")
    again = CliRunner().invoke(cli, command)
    assert "18 of 18 runs are in the store already." in again.output


def test_replications_are_seeds():
    """As `gpusim run` calls them."""
    told = CliRunner().invoke(cli, ["compare-policies", SMALL, "--policies", "fifo,las", "--seeds", "1"]).output
    assert "1 is not in the range x>=2" in " ".join(told.split())


def test_a_page_drawn_again_is_the_same(store):
    """`gpusim report` tells a comparison of policies from another sweep."""
    page = store[0] / "report.html"
    before = page.read_bytes()
    page.unlink()
    assert CliRunner().invoke(cli, ["report", str(store[0])]).exit_code == 0
    assert page.read_bytes() == before


def test_sweeps_that_are_no_comparison():
    spec = comparison("small", ["fifo", "las"])
    table = {"scenario": "small", "axes": {"policy": {"key": "scheduler.order", "values": ["fifo", "sjf"]}}}
    assert is_comparison(spec)
    assert not is_comparison(SweepSpec.from_dict(table, "small"))
    assert not is_comparison(SweepSpec.from_dict({**table, "axes": {"order": table["axes"]["policy"]}}, "small"))


def test_verdicts(store):
    """The same policy under another name does not differ; SRTF does."""
    done = gpusim.Sweep.load(store[0])
    findings = SweepFindings(done.spec, done.store)
    table = judged(findings).set_index(["measure", "policy"])
    assert (table.xs("fifo+none", level="policy")["verdict"] == "not significant").all()
    assert table.loc[("wait_mean_s", "srtf"), "verdict"] == "better"
    assert table.loc[("evictions", "srtf"), "verdict"] == "worse"
    said = statement(findings, "wait_mean_s")
    assert "better under" in said
    assert "the same under fifo+none" in said
    section = VerdictSection()
    assert "Under fifo+none all is the same as under fifo." in section.lead(findings)
    rows = section.tables(findings)["verdicts"]["rows"]
    assert all("fifo+none (the same)" in row[3] for row in rows)


def test_the_list_of_policies():
    """Every policy with its source, in whole words, and every option."""
    listed = CliRunner().invoke(cli, ["policies"]).output
    for name, spec in ORDERS.items():
        assert name in listed
        assert set(spec.source.split()) <= set(listed.split())
        for option in spec.options.model_fields:
            assert option in listed


@pytest.mark.parametrize(
    ("changes", "key"),
    [({}, "workload.share_gpus"), ({"scheduler.placement": "fgd"}, 'placement = "fgd"')],
)
def test_policies_that_a_scenario_does_not_go_with(changes, key, tmp_path):
    """They are named as the user wrote them, with those of the same order that go, or orders."""
    shared = gpusim.Scenario.from_toml(SMALL).with_({"workload.share_gpus": True, "services": {}, **changes})
    path = tmp_path / "shared.toml"
    path.write_text(to_toml(shared.to_toml_dict()))
    command = ["compare-policies", str(path), "--policies", "fifo,priority+preempt,las,sjf+easy"]
    done = CliRunner().invoke(cli, [*command, "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    said = done.stderr.splitlines()
    assert said[1:] == [
        f"  - priority+preempt: does not go with {key}; give priority, priority+easy",
        f"  - las: does not go with {key}; give fifo, sjf, priority, largest, smallest, gpu_time, deadline",
    ]


def test_objectives_of_services_are_compared_where_there_are_any():
    assert "service_attainment" in comparison("chat_and_training", ["fifo", "las"]).measures
    assert "service_attainment" not in comparison("small", ["fifo", "las"]).measures


@pytest.mark.parametrize(
    ("called", "name"), [("themis", "'finish_time'"), ("QSSF", "'gpu_time'"), ("Chronus", "'deadline' or 'slo'")]
)
def test_policies_are_known_by_the_names_of_the_literature(called, name):
    with pytest.raises(GpusimError, match=f"did you mean {name}"):
        comparison(SMALL, ["fifo", called])
