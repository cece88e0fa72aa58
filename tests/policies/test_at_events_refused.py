"""What is told of rules of dispatch and placement of one's own that cannot be, before a run and in its midst."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import gpusim
from gpusim.errors import PolicyError, ScenarioError
from gpusim.inputs.jobtable import JobTable
from gpusim.policies.loading import load_door, load_policy
from tests.policies import own_rules
from tests.policies.at_events_kit import RULES, SITES, jobs, played, scenario

# What goes wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("door", "name", "told"),
    [
        ("dispatch", "two_rows", "dispatch returned int64 of shape (2,); return 1 whole number: the row of a pool"),
        ("dispatch", "in_parts", "dispatch returned float64 of shape (1,); return 1 whole number"),
        ("dispatch", "nothing", "dispatch returned None; return 1 whole number: the row of a pool"),
        ("dispatch", "nowhere", "dispatch sent job 0 to pool 7; it may wait in 0, 1, 2, 3"),
        ("dispatch", "writes", "dispatch raised ValueError: assignment destination is read-only"),
        ("dispatch", "asks_about_a_record", "TypeError: jobs: found no array of jobs; give jobs, jobs[mask]"),
        ("dispatch", "asks_about_no_job", "ValueError: jobs.job: found 1000000 to 1000000; the run has jobs 0 to 249"),
        ("dispatch", "raises", "dispatch raised KeyError: 'no such thing'"),
        ("dispatch", "leaves", "dispatch raised SystemExit: 3"),
        ("placement", "nothing", "place returned None; return whole numbers: positions of nodes"),
        ("placement", "a_number", "place returned int, no array; return whole numbers: positions of nodes"),
        ("placement", "NoRoomForAPool", "its attribute 'pool' cannot be set ("),
        ("placement", "none_at_all", "place gave job 0 the nodes []; give 1, on and with"),
        ("placement", "a_full_one", "but node 0 has not"),
        ("placement", "twice", "which is repeated or outside the nodes"),
        ("placement", "outside", "at place 0, which is repeated or outside the nodes; give each of 0 to"),
        ("placement", "too_many", "free GPUs each"),
        ("placement", "nodes_in_parts", "place returned float64 of shape (1,); return whole numbers"),
        ("placement", "raises", "place raised KeyError: 'no such thing'"),
        ("placement", "leaves", "place raised SystemExit: 3"),
    ],
)
def test_faulty_answers(door, name, told):
    with pytest.raises(PolicyError) as caught:
        played(3, **{door: f"{RULES}:{name}"})
    text = str(caught.value)
    assert told in text
    assert text.startswith(f"policy '{RULES}:{name}'")
    assert "s into the run: " in text
    assert door == "dispatch" or " at " in text.partition("s into")[0]
    assert "\n" not in text


def test_a_pool_that_cannot_hold_a_job_is_refused():
    first = jobs(3)
    gangs = JobTable.build(
        {}, **{name: first[name][:20] for name in ("job_id", "submit_s", "runtime_s")}, gpus=np.full(20, 24)
    )
    with pytest.raises(PolicyError, match="dispatch sent job 3 to pool 1; it may wait in 0, 2, 3"):
        gpusim.run(scenario(dispatch=f"{__name__}:second_for_the_fourth"), trace=gangs)


def second_for_the_fourth(jobs, pools, allowed, now_s):
    return [1] if jobs.job[0] == 3 else np.flatnonzero(allowed[0])[:1]


@pytest.mark.parametrize("door", ["dispatch", "placement"])
def test_an_interrupt_is_not_lost(door):
    with pytest.raises(KeyboardInterrupt):
        played(3, **{door: f"{RULES}:interrupts"})


def test_a_gangs_nodes_are_as_near_as_topology_demands():
    """Domains of 18 nodes of 4 GPUs: the last nodes of two domains are apart."""
    sites = {"one": {**SITES["three"], "pools": {"GB200": {"gpus": 144 * 4}}}}
    table = JobTable.build(
        {}, job_id=np.arange(3), submit_s=np.arange(3.0), gpus=np.array([64, 64, 64]), runtime_s=np.full(3, 100.0)
    )
    rules = {"placement": f"{__name__}:on_both_sides"}
    with pytest.raises(PolicyError, match=r"which are apart; scheduler.topology has it demand nodes of one domain of"):
        gpusim.run(scenario(sites, **rules), trace=table)
    result = gpusim.run(scenario(sites, **rules, topology="unconstrained"), trace=table)
    assert result.jobs["start_s"].tolist() == [0.0, 1.0, 2.0]


def test_the_example_of_the_guide_goes_with_domains(monkeypatch):
    """Each gang in one domain, the fullest that can hold it; and one that is larger than a domain."""
    guide = (Path(__file__).parents[2] / "docs" / "extending.md").read_text()
    example = {}
    exec(re.search(r"```python\n# my_rules.py\n(.*?)```", guide, re.DOTALL)[1], example)
    seen = []

    def place(job, nodes, now_s):
        found = example["fullest"](job, nodes, now_s)
        seen.append(sorted(set(nodes.domain[found].tolist())))
        return found

    monkeypatch.setattr(own_rules, "last_nodes", place)
    sites = {"one": {**SITES["three"], "pools": {"GB200": {"gpus": 144 * 4}}}}
    gpus = np.array([64, 4, 2, 64, 8, 80])
    table = JobTable.build({}, job_id=np.arange(6), submit_s=np.arange(6.0), gpus=gpus, runtime_s=np.full(6, 100.0))
    result = gpusim.run(scenario(sites, placement=f"{RULES}:last_nodes"), trace=table)
    assert result.jobs["start_s"].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert [len(domains) for domains in seen] == [1, 1, 1, 1, 1, 2]
    assert seen[0] == seen[1] == seen[2] != seen[3]


def on_both_sides(job, nodes, now_s):
    fit = np.flatnonzero(nodes.free)
    return np.concatenate([fit[:8], fit[-8:]])


# What is told before the run ---------------------------------------------------------------------------------------


def test_names_are_checked():
    with pytest.raises(ScenarioError, match=r"scheduler.dispatch: .*greenest.* \(did you mean 'cheapest'\?\), or the"):
        scenario(dispatch="cheapst")
    with pytest.raises(ScenarioError, match=r"scheduler.placement: .*fgd \(did you mean 'spread'\?\), or the import"):
        scenario(placement="spred")
    with pytest.raises(ScenarioError, match="scheduler.dispatch: found 3"):
        scenario(dispatch=3)


@pytest.mark.parametrize(
    ("path", "door", "told"),
    [
        ("no_such_module:nearest", "dispatch", "cannot import 'no_such_module'"),
        (f"{RULES}:cheapst", "dispatch", r"has no 'cheapst' \(did you mean 'cheapest'\?\); policies there: least_l"),
        (f"{RULES}:best_fits", "place", r"has no 'best_fits' \(did you mean 'best_fit'\?\)"),
        (f"{RULES}:of_two", "place", r"of_two is asked with \(job, nodes, now_s\); it takes \(job, nodes\)"),
        (f"{RULES}:InRounds", "dispatch", r"has no method 'dispatch\(self, jobs, pools, allowed, now_s\)'; add it"),
        (f"{RULES}:first", "place", "; policies there: least, "),  # not numpy, which has "place"
        (f"{RULES}:HOMES", "place", r"has no method 'place\(self, job, nodes, now_s\)'"),
    ],
)  # fmt: skip
def test_what_cannot_be_loaded(path, door, told):
    with pytest.raises(PolicyError, match=told):
        load_door(path, door)


def test_doors_alone_are_no_order():
    with pytest.raises(PolicyError, match="scheduler.dispatch may name it for its 'dispatch'; scheduler.placement may"):
        load_policy(f"{RULES}:Doors")
    with pytest.raises(PolicyError, match=r"takes \(jobs, pools, allowed, now_s\); .* name it in scheduler.dispatch"):
        load_policy(f"{RULES}:home")
    with pytest.raises(PolicyError, match=r"takes \(job, nodes, now_s\); .* name it in scheduler.placement"):
        load_policy(f"{RULES}:spread")


class Holder:
    def allocate(self, jobs, now_s):
        return jobs.gpus

    def dispatch(self, jobs, pools, allowed, now_s):
        return jobs.pool

    def place(self, job, nodes, now_s):
        return nodes[:0]


@pytest.mark.parametrize(
    ("scheduler", "told"),
    [
        ({"placement": f"{RULES}:spread", "backfill": "conservative"}, "its plan says on which nodes jobs start"),
        ({"order": f"{RULES}:LeastLoadedBestFit", "backfill": "conservative"}, "says on which nodes jobs start: sched"),
        ({"order": f"{RULES}:LeastLoadedBestFit", "placement": "packing"}, '"packing", which scores nodes; give best'),
        ({"order": f"{RULES}:LeastLoadedBestFit", "dispatch": f"{RULES}:home"}, "two that decide the same; remove one"),
        ({"order": f"{__name__}:Holder", "mode": "cycle", "placement": f"{RULES}:spread"}, "has a method 'place', and"),
        ({"order": f"{__name__}:Holder", "mode": "cycle", "dispatch": f"{RULES}:home"}, "has a method 'dispatch', and"),
        ({"dispatch": f"{RULES}:home", "options": {"near": 3}}, "options are of the order alone; of order 'fifo'"),
    ],
)  # fmt: skip
def test_what_does_not_go_together(scheduler, told):
    with pytest.raises((PolicyError, ScenarioError)) as caught:
        played(1, **scheduler)
    assert told in str(caught.value)


def test_jobs_that_share_gpus_have_none_of_their_own_placement():
    shared = {"workload": {"trace": "jobs.csv", "classes": {"c": {}}, "share_gpus": True}}
    with pytest.raises(
        ScenarioError, match="with workload.share_gpus: it says on which nodes jobs start, not on which"
    ):
        scenario(tables=shared, placement=f"{RULES}:spread")
    with pytest.raises(PolicyError, match="remove it, or workload.share_gpus"):
        played(1, tables=shared, order=f"{RULES}:LeastLoadedBestFit")
