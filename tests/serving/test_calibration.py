"""Entries fitted to logs of requests."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import gpusim
from gpusim.cli import cli
from gpusim.errors import ServingError
from gpusim.serving.adjustment import Adjustment
from gpusim.serving.calibration import apply, fit_log
from gpusim.serving.entry import entry
from gpusim.serving.replay import replay
from gpusim.serving.replica import Layout
from gpusim.serving.request_log import loops
from gpusim.serving.tabulation import deployment
from tests.engine.requests_kit import MODEL, scenario

CATALOGUE = entry("Llama-3.1-8B", "H100")
TRUTH = Adjustment(waiting=1.4, reading=0.85, context=0.7, computing=0.8)


def served(rates, each, seed, replicas=1, **limits):
    """Requests as a deployment would serve them that is slower than the catalogue says."""
    rng = np.random.default_rng(seed)
    arrival_s = np.cumsum(rng.exponential(size=each * len(rates)) / np.repeat(rates, each))
    n = len(arrival_s)
    requests = pd.DataFrame(
        {
            "arrival_s": arrival_s,
            "prompt_tokens": np.rint(rng.lognormal(6.5, 0.8, n)).clip(1),
            "output_tokens": np.rint(rng.lognormal(5.0, 0.7, n)).clip(1),
        }
    )
    slower = replace(CATALOGUE, coefficients=TRUTH.of_times(CATALOGUE.coefficients))
    times = replay(requests, deployment(slower, replicas=replicas, router="least-requests", **limits)).requests
    return requests.assign(first_token_s=times["first_token_s"], end_s=times["end_s"])


@pytest.fixture(scope="module")
def log():
    return served([4.0, 8.0, 12.0, 16.0], 400, 1)


@pytest.mark.parametrize("replicas", [1, 3])
def test_a_log_tells_what_the_catalogue_does_not_know(replicas):
    """Token times and end to end within 3%, of which the catalogue is 35% off; at a load that the log has not too."""
    rates = np.array([4.0, 8.0, 12.0, 16.0])
    found = fit_log(CATALOGUE, served(rates * replicas, 400, 1, replicas), replicas)
    fit = found.fit.loc[["time_per_output_token_s", "end_to_end_s"]]
    mean, median = fit.xs("mean", level="what"), fit.xs("p50", level="what")
    assert (mean["catalogue"] / mean["measured"] < 0.75).all()
    assert np.abs(mean["fitted"] / mean["measured"] - 1.0).max() < 0.03
    assert np.abs(median["fitted"] / median["measured"] - 1.0).max() < 0.03
    assert found.entry.basis == "log"
    if replicas == 1:
        other = served([19.0], 1500, 2)
        again = replay(other[["arrival_s", "prompt_tokens", "output_tokens"]], deployment(found.entry)).requests
        assert (again["end_s"] - again["arrival_s"]).mean() == pytest.approx(
            (other["end_s"] - other["arrival_s"]).mean(), rel=0.06
        )


def test_limits_of_the_engine_make_its_queues():
    """Twenty seats: without them nobody waits in the replay, which is told; with them the first tokens come in time."""
    log = served([14.0, 16.0], 300, 4, max_requests=20)
    blind, found = fit_log(CATALOGUE, log), fit_log(CATALOGUE, log, max_requests=20)
    assert blind.waits_unseen
    assert not found.waits_unseen
    assert blind.most_at_once == found.most_at_once == 20
    mean = found.fit.xs("mean", level="what")
    assert (mean["fitted"] / mean["measured"]).to_numpy() == pytest.approx(1.0, abs=0.05)


def test_a_log_of_the_catalogue_itself_changes_nothing():
    """A control: what was served as the catalogue has it gives factors near 1."""
    requests = served([4.0, 8.0, 12.0, 16.0], 300, 3)[["arrival_s", "prompt_tokens", "output_tokens"]]
    times = replay(requests, deployment(CATALOGUE)).requests
    found = fit_log(CATALOGUE, requests.assign(first_token_s=times["first_token_s"], end_s=times["end_s"]))
    off = found.fit["fitted"] / found.fit["measured"] - 1.0
    assert np.abs(off.loc[["time_per_output_token_s", "end_to_end_s"]]).max() < 0.03


def test_loops_of_a_steady_log():
    """Four requests at a time, each of 100 tokens of prompt and 51 of output at 20 ms a token: by hand."""
    start_s = np.arange(800) * 0.25  # each decodes for a second
    rows = pd.DataFrame({"arrival_s": start_s, "first_token_s": start_s, "end_s": start_s + 1.0})
    found = loops(rows.assign(prompt_tokens=100, output_tokens=51)).iloc[1:-1]
    assert found["batch"].to_numpy() == pytest.approx(4.0, rel=0.01)
    assert found["token_s"].to_numpy() == pytest.approx(0.02)
    assert (found["prompt_tokens"] / found["output_tokens"]).to_numpy() == pytest.approx(2.0, rel=0.02)
    assert (found["prompt_tokens"] + found["output_tokens"] / 2.0).to_numpy() == pytest.approx(125.0, rel=0.01)


def test_a_file_keeps_the_factors(log, tmp_path):
    """Saved and applied: the same coefficients; of another model, or damaged: one clear error."""
    found = fit_log(CATALOGUE, log)
    path = tmp_path / "own.json"
    found.save(path)
    again = apply(CATALOGUE, path)
    assert again.coefficients.host_s == pytest.approx(found.entry.coefficients.host_s)
    assert again.coefficients.prefill_math == pytest.approx(found.entry.coefficients.prefill_math)
    assert (again.basis, again.time) == ("log", found.entry.time)
    with pytest.raises(ServingError, match="it does not hold for"):
        apply(entry("Llama-3.1-70B", "H100", layout=Layout(4)), path)
    for text in ("", "{}", json.dumps({"form": "other"}), "[1]"):
        path.write_text(text)
        with pytest.raises(ServingError, match="no fitted entry"):
            apply(CATALOGUE, path)
    with pytest.raises(ServingError, match="cannot be read"):
        apply(CATALOGUE, tmp_path / "nowhere.json")


def test_the_command_and_a_service_that_uses_it(log, tmp_path):
    """From a CSV to a file, and from that to a fleet whose replicas are as slow as the log."""
    path, out = tmp_path / "log.csv", tmp_path / "own.json"
    log.to_csv(path, index=False)
    words = ["calibrate", str(path), "--model", "Llama-3.1-8B", "--gpu", "H100", "--out", str(out)]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    assert "Factors on the catalogue" in done.output
    known = gpusim.run(scenario()).service_latency["time_per_output_token_mean_s"].mean()
    own = gpusim.run(scenario(model=MODEL | {"entry": str(out)})).service_latency
    assert own["time_per_output_token_mean_s"].mean() > 1.15 * known


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda log: log.drop(columns="end_s"), "no column end_s; found arrival_s, .*; rename columns"),
        (lambda log: log.head(0), "0 requests; give"),
        (lambda log: log.head(1), "1 request; give"),
        (lambda log: log.head(2), "2 requests; give"),
        (
            lambda log: log.assign(**{name: 1e3 * log[name] for name in ("arrival_s", "first_token_s", "end_s")}),
            "takes [1-9],[0-9]* times as long .* end_s in seconds",
        ),
        (lambda log: log.assign(first_token_s=np.nan), "first_token_s is nan in row 0, the first .* number of seconds"),
        (lambda log: log.assign(prompt_tokens=3e6), "at most 440,961"),
        (lambda log: log.assign(end_s=log["first_token_s"] - 1.0), "end_s is .* in row 0, .* no earlier"),
        (lambda log: log.assign(prompt_tokens=0), "prompt_tokens is 0 in row 0"),
        (lambda log: log.assign(arrival_s="soon"), "arrival_s is soon in row 0"),
        (lambda log: log.assign(arrival_s="soon", end_s=""), "arrival_s is soon .*; end_s is  in row 0"),
        (lambda log: log.assign(output_tokens=1, end_s=log["first_token_s"]), "tokens came in only 0 parts"),
    ],
)
def test_what_is_no_log_is_told(log, change, words):
    with pytest.raises(ServingError, match=words):
        fit_log(CATALOGUE, change(log))


def test_the_command_says_which_file_is_no_log(log, tmp_path):
    path = tmp_path / "log.csv"
    log.assign(prompt_tokens=0, output_tokens=-1).to_csv(path, index=False)
    done = CliRunner().invoke(cli, ["calibrate", str(path), "--model", "Llama-3.1-8B", "--gpu", "H100"])
    assert done.exit_code == 2
    assert f"{path}: prompt_tokens is 0 in row 0" in done.output
    assert "output_tokens is -1 in row 0" in done.output
