"""Services of engine "vllm-v0": as a replay, what is refused, and what the console says of its step times."""

from __future__ import annotations

from dataclasses import replace

import pytest
from click.testing import CliRunner

import gpusim
from gpusim.cli import cli
from gpusim.errors import ScenarioError
from gpusim.report.scenario_text import to_toml
from gpusim.results.conservation import check
from gpusim.results.objectives import known
from gpusim.serving.replay import replay
from gpusim.serving.requests import too_long
from tests.engine.requests_kit import MODEL, arrivals, causes, conserved, over, scenario, trace

V0 = MODEL | {"engine": "vllm-v0"}


@pytest.mark.parametrize("rate", [1000.0, 9000.0])
def test_a_fleet_serves_as_a_replay(rate):
    few = scenario(model=V0, mean_tokens_per_s=rate, **{".run.days": 0.005})
    requests, engine = arrivals(few)
    assert engine.deployment.pauses_decode
    assert not engine.deployment.chunked_prefill
    kept = requests[~too_long(requests, engine.deployment)]
    alone = replay(kept, replace(engine.deployment, replicas=3, router="least-requests")).requests
    alone.index = kept.index
    rows = over(gpusim.run(few)).set_index("request")
    assert len(rows) > 500
    for name in ("scheduled_s", "first_token_s", "end_s", "preemptions"):
        assert rows[name].to_numpy() == pytest.approx(alone.loc[rows.index, name].to_numpy(), rel=1e-12)


@pytest.mark.parametrize("apart", [{}, {"prefill": {"gb_per_s": 50.0}}])
def test_longer_requests_than_a_step_are_refused(tmp_path, apart):
    """At the gateway, with and without replicas that prefill for others; none holds up those behind it."""
    rows = [(2.0 * i, 9000 if i % 10 == 5 else 400, 50, [i]) for i in range(100)]
    path = str(trace(tmp_path, rows))
    found = {}
    for more in ({}, {"max_batched_tokens": 16_384}):
        of = scenario(model=V0 | more, requests={"trace": path}, **apart)
        result = gpusim.run(of)
        assert check(result) == []
        found[bool(more)] = causes(result)
    assert found[False] == {("met", ""): 90, ("failed", "too_long"): 10}
    assert found[True] == {("met", ""): 100}


def test_prefixes_are_reused_if_told(tmp_path):
    path = str(trace(tmp_path, [(2.0 * i, 1100, 5, [1, 2, 3]) for i in range(20)]))
    cached = {}
    for engine, told in (("vllm-v0", {}), ("vllm-v0", {"prefix_caching": True}), ("vllm", {}),
                         ("vllm", {"prefix_caching": False})):  # fmt: skip
        of = scenario(model=MODEL | {"engine": engine} | told, requests={"trace": path})
        cached[engine, bool(told)] = gpusim.run(of).service_requests["cached_tokens"].sum()
    assert cached["vllm-v0", False] == cached["vllm", True] == 0
    assert cached["vllm-v0", True] == cached["vllm", False] > 10_000


def test_the_command_runs_and_checks_it(tmp_path):
    """The whole way from a file, services by requests and as a flow."""
    of = scenario(model=V0, **{".run.days": 0.003, ".services.bulk": {
        **scenario().to_toml_dict()["services"]["chat"], "model": V0, "level": "fluid", "scaling": None,
    }})  # fmt: skip
    path, out = tmp_path / "older.toml", tmp_path / "out"
    path.write_text(to_toml(of.to_toml_dict()))
    done = CliRunner().invoke(cli, ["run", str(path), "--one", "--check", "--out", str(out)])
    said = " ".join(done.output.split())
    assert done.exit_code == 0, said
    assert "no run of vllm-v0 was measured: four in five are assumed to lie within" in said


def test_what_is_said_of_step_times():
    """Where the pair was measured with vllm, and where it was not."""
    oss = {"gpus_per_replica": 2, "model": {"name": "gpt-oss-120b", "experts": "mxfp4", "tp": 2, "engine": "vllm-v0"}}
    said = {}
    for name, changes in (("none", {"model": V0}), ("vllm", oss)):
        result = gpusim.run(scenario(**changes, **{".run.days": 1e-4}))
        conserved(result, scenario(**changes, **{".run.days": 1e-4}))
        [row] = result.manifest["entries"]
        assert (row["engine"], row["like"]) == ("vllm-v0", "vllm")
        [said[name]] = known(result)
    assert "on H100 are from a fit to the runs of all models; no run of vllm-v0 was measured" in said["none"]
    assert "measured runs of this model there with vllm (" in said["vllm"]
    assert "; no run of vllm-v0 was measured: four in five are assumed to lie within" in said["vllm"]


def test_priorities_are_refused():
    with pytest.raises(ScenarioError, match='engine "vllm-v0": its prompts pause decoding; give engine "vllm", or'):
        gpusim.run(scenario(model=V0, **{"requests.priorities": [0.8, 0.2]}))
