"""The experiments that time gpusim check what they ran, and tell what they claim to."""

import re
from queue import SimpleQueue

import pytest

from gpusim.engine.description import Scheduling
from tests.test_experiments import FOLDER, load


def test_physical_speed(capsys):
    """With everything on, a small part of the million jobs adds up; the year has the GPUs, power and jobs it claims."""
    experiment = load("physical_speed")
    answer = SimpleQueue()
    experiment.play("all", experiment.all_of_them(), 0.05, 1e6, 1.0, answer)
    assert answer.get() > 0.0
    assert re.fullmatch(r"all +5,5\d\d jobs +[\d.]+ s +[\d.]+ times .*\n", capsys.readouterr().out)
    year = experiment.gigawatts()
    assert sum(site.pools["H100"].gpus.peak() for site in year.sites.values()) == 5e6
    assert sum(site.grid_mw.peak() for site in year.sites.values()) == 1e4
    assert year.workload.streams["research"].jobs_per_day * year.run.days == pytest.approx(1e7)


@pytest.mark.parametrize("name", ["fifo", "easy", "policy"])
def test_speed_checks_what_it_ran(name, capsys):
    speed = load("speed")
    rules = {"fifo": Scheduling(), "easy": speed.EASY, "policy": speed.POLICY}[name]
    assert speed.case(name, rules, nodes=100, n_jobs=5_000) > 0.0
    assert "5,000 jobs" in capsys.readouterr().out


def test_speed_refuses_a_wrong_result():
    """The check can fail: one joule too much per job, and it does."""
    speed = load("speed")
    work = speed.workload(2_000, 100, 0.9)
    env, _seconds = speed.play(work, 100, Scheduling())
    env.fleet.jobs["energy_j"] += 1e6
    with pytest.raises(AssertionError):
        speed.check(env, work, 100)


@pytest.mark.parametrize("name", ["gittins", "multifactor"])
def test_policy_speed(name, capsys, monkeypatch):
    """A small part of the million jobs adds up; of policies that decide in rounds it says what a round takes."""
    monkeypatch.syspath_prepend(FOLDER)
    experiment = load("policy_speed")
    assert experiment.case(name, 0.003) > 0.0
    told = capsys.readouterr().out
    assert told.startswith(name)
    assert ("a round" in told) == (name == "multifactor")
