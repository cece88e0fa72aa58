"""Requests by priority in a fleet: as a replay serves them, the higher ones first."""

from __future__ import annotations

import pytest

import gpusim
from gpusim.errors import GpusimError
from gpusim.results.conservation import check
from gpusim.serving.replay import replay
from tests.engine.requests_kit import arrivals, conserved, over, scenario

RANKED = {"prompt_tokens": 500.0, "output_tokens": 100.0, "priorities": [0.7, 0.0, 0.3]}
CROWDED = {
    "requests": RANKED, "scaling": {"policy": "static", "replicas": 1}, "gpus_per_replica": 2,
    "model": {"name": "Llama-3.1-70B", "tp": 2}, "mean_tokens_per_s": 950.0, ".run.days": 0.004,
}  # fmt: skip
"""More than one replica can do, whose KV cache holds some forty requests."""


def test_one_replica_serves_as_a_replay():
    """The same times, and as many preemptions; the higher priority hardly waits where the lower waits for long."""
    of = scenario(**CROWDED)
    requests, engine = arrivals(of)
    assert requests["priority"].value_counts(normalize=True).to_dict() == pytest.approx({0: 0.7, 2: 0.3}, abs=0.03)
    alone = replay(requests, engine.deployment).requests.assign(priority=requests["priority"])
    alone = alone[alone["end_s"] <= of.run.days * 86400.0]
    result = gpusim.run(of)
    conserved(result, of)
    found = over(result).sort_values("request")
    assert len(found) == len(alone) > 500
    for name in ("arrival_s", "scheduled_s", "first_token_s", "end_s", "preemptions", "priority"):
        assert found[name].to_numpy() == pytest.approx(alone[name].to_numpy(), rel=1e-12)
    wait_s = (found["scheduled_s"] - found["arrival_s"]).groupby(found["priority"]).mean()
    assert wait_s[0] > 20.0
    assert wait_s[2] < 2.0
    assert found["preemptions"].sum() > 0
    assert found.loc[found["priority"] == 2, "preemptions"].sum() == 0


def test_apart_and_of_a_trace(tmp_path):
    """Where prefill is apart too; of a trace by its column, and all turns of a session are alike."""
    result = gpusim.run(scenario(**CROWDED | {"prefill": {"gb_per_s": 50.0}, "mean_tokens_per_s": 1500.0}))
    assert check(result) == []
    rows = over(result)
    ttft_s = (rows["first_token_s"] - rows["arrival_s"]).groupby(rows["priority"]).mean()
    assert ttft_s[2] < 0.1 * ttft_s[0]  # where it is decoded the KV cache is full
    path = tmp_path / "requests.csv"
    lines = [f"{i},500,100,{i % 2 - 1}" for i in range(300)]
    path.write_text("\n".join(["arrival_s,prompt_tokens,output_tokens,priority", *lines]), encoding="utf-8")
    rows = over(gpusim.run(scenario(requests={"trace": str(path)})))
    assert (rows["priority"] == rows["request"] % 2 - 1).all()
    rows = over(gpusim.run(scenario(requests={"priorities": [1.0, 1.0], "turns": 3.0, "think_s": 5.0})))
    assert set(rows["priority"]) == {0, 1}


def test_without_priorities_nothing_is_told_of_them():
    assert "priority" not in gpusim.run(scenario(**{".run.days": 0.001})).service_requests


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"level": "fluid"}, "requests with priorities at the fluid level"),
        ({"requests": {"priorities": [0.0, 0.0]}}, "requests.priorities are all 0"),
        ({"requests": {"priorities": [-1.0]}}, "requests.priorities"),
    ],
)
def test_what_cannot_be_is_told(changes, words):
    with pytest.raises(GpusimError, match=words):
        gpusim.run(scenario(**({"requests": RANKED} | changes)))
