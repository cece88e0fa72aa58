"""Synthetic requests: their rate, bursts and lengths, beside those of real traces."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from gpusim import rng
from gpusim.errors import TraceError
from gpusim.inputs.requests.formats import read_requests
from gpusim.inputs.requests.synthetic import SyntheticRequests, mix_of
from gpusim.inputs.signals import Signal
from gpusim.scenario.inference import RequestMix

DATA = os.environ.get("GPUSIM_DATA")
real = pytest.mark.skipif(DATA is None, reason="needs the real traces: set GPUSIM_DATA")


def drawn(mix, rate, span_s, seed=0, pairs=None):
    return SyntheticRequests(mix, rate, span_s, lambda part: rng.stream(seed, part), pairs).until(np.inf)


@pytest.mark.parametrize("cv", [0.3, 1.0, 3.0])
def test_gaps_have_the_cv_stated_and_the_rate_demand_has(cv):
    rows = drawn(RequestMix(burst_cv=cv), Signal(np.array([0.0, 50_000.0]), np.array([1.0, 3.0])), 100_000.0)
    early, late = (np.diff(part) for part in np.split(rows[:, 0], [np.searchsorted(rows[:, 0], 50_000.0)]))
    for gaps, mean_s in ((early, 1.0), (late, 1.0 / 3.0)):
        assert gaps.mean() == pytest.approx(mean_s, rel=0.02 * max(cv, 1.0) ** 2)
        assert gaps.std() / gaps.mean() == pytest.approx(cv, rel=0.05)


def test_lengths_have_the_mean_and_cv_stated():
    mix = RequestMix(prompt_tokens=900.0, prompt_cv=1.5, output_tokens=200.0, output_cv=0.5)
    rows = drawn(mix, Signal.constant(10.0), 20_000.0)
    for column, mean, cv in ((1, 900.0, 1.5), (2, 200.0, 0.5)):
        assert rows[:, column].mean() == pytest.approx(mean, rel=0.02)
        assert rows[:, column].std() / rows[:, column].mean() == pytest.approx(cv, rel=0.06)
        assert (rows[:, column] >= 1.0).all()


def test_each_request_is_drawn_once_whoever_asks_when():
    """Asked for in one piece or in many: the same requests; more demand leaves lengths as they were."""
    whole = drawn(RequestMix(), Signal.constant(2.0), 5000.0)
    parts = SyntheticRequests(RequestMix(), Signal.constant(2.0), 5000.0, lambda part: rng.stream(0, part))
    pieces = np.concatenate([parts.until(float(t)) for t in (0.0, 1.0, 1.0, 700.5, 4999.0, np.inf)])
    assert np.array_equal(pieces, whole)
    twice = drawn(RequestMix(), Signal.constant(4.0), 5000.0)
    assert np.array_equal(twice[: len(whole), 1:], whole[:, 1:])
    assert twice[: len(whole), 0] == pytest.approx(whole[:, 0] / 2.0)


def test_no_demand_no_requests():
    assert len(drawn(RequestMix(), Signal.constant(0.0), 5000.0)) == 0
    rows = drawn(RequestMix(), Signal(np.array([0.0, 100.0, 200.0]), np.array([1.0, 0.0, 1.0])), 300.0)
    assert not ((rows[:, 0] > 100.0) & (rows[:, 0] < 200.0)).any()


@real
@pytest.mark.parametrize(
    ("name", "dispersion"),
    [("azure_llm_2023/AzureLLMInferenceTrace_conv.csv.gz", 0.25), ("mooncake/conversation_trace.jsonl.gz", None)],
)
def test_requests_like_those_of_a_trace(name, dispersion):
    """Means, CVs and counts as the trace; the variance of counts per second and ten where its times are not grouped."""
    trace = read_requests(Path(DATA) / name)
    mix, span_s = mix_of(trace), float(trace.arrival_s[-1])
    edges_s = np.linspace(0.0, span_s, int(span_s // 600.0) + 1)
    counts, _edges = np.histogram(trace.arrival_s, edges_s)
    rows = drawn(mix, Signal(edges_s[:-1], counts / np.diff(edges_s)), span_s)
    assert len(rows) == pytest.approx(len(trace), rel=0.08)
    for column, own in ((1, trace.prompt_tokens), (2, trace.output_tokens)):
        assert rows[:, column].mean() == pytest.approx(own.mean(), rel=0.05)
        assert rows[:, column].std() == pytest.approx(own.std(), rel=0.15)
        assert np.median(rows[:, column]) == pytest.approx(np.median(own), rel=0.40)  # no lognormal is a trace
    for width_s in (1.0, 10.0) if dispersion else ():
        both = [np.histogram(times, np.arange(0.0, span_s, width_s))[0] for times in (rows[:, 0], trace.arrival_s)]
        made, own = (count.var() / count.mean() for count in both)
        assert made == pytest.approx(own, rel=dispersion)
    pairs = np.column_stack([trace.prompt_tokens, trace.output_tokens])
    alike = drawn(mix, Signal.constant(1.0), 20_000.0, pairs=pairs)
    for share in (0.1, 0.5, 0.9, 0.99):
        own = np.quantile(pairs, share, axis=0)
        assert np.quantile(alike[:, 1:3], share, axis=0) == pytest.approx(own, rel=0.12)
    correlation = [np.corrcoef(both.T)[0, 1] for both in (pairs, alike[:, 1:3])]
    assert correlation[1] == pytest.approx(correlation[0], abs=0.04)


def client(folder, number, windows, lengths):
    """A ServeGen client with one distribution of lengths."""
    lines = [",".join(map(str, window)) for window in windows]
    (folder / f"chunk-{number}-trace.csv").write_text("\n".join(lines) + "\n")
    (folder / f"chunk-{number}-dataset.json").write_text(json.dumps({"0": str(lengths)}))


def test_clients_of_servegen(tmp_path):
    """Rates by window, gaps by their distribution, lengths by theirs; a client without lengths is noted."""
    lengths = {"input_tokens": "{100: 0.25, 200: 0.75}", "output_tokens": "{7: 1.0}"}
    windows = [(0, 2.0, 1.0, "Gamma", 1.0, 0.5), (6000, 0, 0, "", 0, 0), (12000, 1.0, 0.5, "Weibull", 2.1, 1.129)]
    client(tmp_path, 0, windows, lengths)
    client(tmp_path, 1, [(0, 0.1, 1.0, "Gamma", 1.0, 10.0)], lengths)
    (tmp_path / "chunk-2-trace.csv").write_text("0,1,1,Gamma,1,1\n")
    found = read_requests(tmp_path)
    assert found.notes == {"clients without lengths": 1}
    times_s = found.arrival_s
    assert ((times_s > 0.0) & (times_s < 6000.0)).sum() == pytest.approx(12_000 + 60, rel=0.03)
    assert not ((times_s > 6001.0) & (times_s < 11_999.0)).any()
    late = np.diff(times_s[times_s > 12_000.0])
    assert late.mean() == pytest.approx(1.0, rel=0.03)
    assert late.std() == pytest.approx(0.5, rel=0.06)
    assert (found.prompt_tokens == 200).mean() == pytest.approx(0.75, abs=0.02)
    assert set(found.output_tokens) == {7}
    assert np.array_equal(read_requests(tmp_path).arrival_s, times_s)


def test_a_folder_without_clients_and_a_broken_one(tmp_path):
    with pytest.raises(TraceError, match="no ServeGen client"):
        read_requests(tmp_path)
    client(tmp_path, 0, [(0, 1, 1, "Zipf", 1.0, 1.0)], {"input_tokens": "{1: 1.0}", "output_tokens": "{1: 1.0}"})
    with pytest.raises(TraceError, match="found pattern 'Zipf'"):
        read_requests(tmp_path)
    client(tmp_path, 0, [(0, 1, 1, "Gamma", 1.0, 1.0)], {"input_tokens": "{1: 1.0}"})
    with pytest.raises(TraceError, match="no window has output_tokens"):
        read_requests(tmp_path)
    (tmp_path / "chunk-0-dataset.json").write_text("{")
    with pytest.raises(TraceError, match="no distributions"):
        read_requests(tmp_path)


@real
def test_the_published_clients():
    """As many requests as their rates say."""
    folder = Path(DATA) / "servegen" / "reason" / "deepseek-r1"
    found = read_requests(folder)
    expected = 0.0
    for path in folder.glob("chunk-*-trace.csv*"):
        rows = np.genfromtxt(path, delimiter=",", usecols=(0, 1))
        expected += 600.0 * rows[:, 1].sum()
    assert len(found) == pytest.approx(expected, rel=0.03)
