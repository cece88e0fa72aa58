"""Measures in words and units."""

from __future__ import annotations

import pytest

from gpusim.results.labels import Unit, label_of, unit_of
from gpusim.results.measure import BY_CAUSE, MEASURES


@pytest.mark.parametrize(
    ("measure", "largest", "label", "said"),
    [
        ("goodput", 0.9, "goodput [%]", "90%"),
        ("wait_p95_s", 100.0, "wait of started jobs, 95th percentile [s]", "100 s"),
        ("wait_mean_s", 5400.0, "wait of started jobs, mean [min]", "90 min"),
        ("job_class research waited_p50_s", 9000.0, "research: wait until start, 50th percentile [h]", "2.5 h"),
        ("tenant lab waited_mean_s", 432_000.0, "lab: wait until start, mean [days]", "5 days"),
        ("energy_usd", 4.5e7, "energy cost [million USD]", "45 million USD"),
        ("usd_per_useful_gpu_hour", 2.345, "cost per useful GPU-hour [USD]", "2.35 USD"),
        ("pue", 1.2345, "PUE", "1.23"),
        ("jobs_done", 925_123.0, "finished jobs", "925,123"),
        ("size 2-8 job_hours_waited", 3.0, "jobs of 2-8 GPUs: waiting time of jobs [job-hours]", "3 job-hours"),
        ("site texas peak_mw", 0.75, "texas: peak power [MW]", "0.75 MW"),
        ("pool a/H100 idle_power gpu_hours_lost", 9.0, "a/H100: GPU time lost, power limit [GPU-hours]", "9 GPU-hours"),
        ("service chat served_share", 0.994, "chat: share of tokens served [%]", "99.4%"),
        ("service chat attainment", 0.994, "chat: share of requests on time [%]", "99.4%"),
        ("service chat ttft_p99_s", 2.5, "chat: time to first token, 99th percentile [s]", "2.5 s"),
        ("service chat token_time_p99_s", 0.0171, "chat: time per output token, 99th percentile [ms]", "17.1 ms"),
        ("service chat goodput_requests_per_s", 47.9, "chat: requests on time [requests/s]", "47.9 requests/s"),
    ],
)
def test_words_and_units(measure: str, largest: float, label: str, said: str) -> None:
    unit = unit_of(measure, largest)
    assert label_of(measure, unit) == label
    assert unit.said(largest) == said


def test_no_number() -> None:
    assert Unit(1.0, "h").number(float("nan")) == "no figure"
    assert Unit(1.0, "h").number(float("-inf")) == "no end"


def test_every_measure_has_words_without_its_unit() -> None:
    named = {"fleet": "", "pool": "pool a/b "}
    for kind, measures in MEASURES.items():
        for measure in measures:
            label = label_of(f"{named.get(kind, f'{kind} a ')}{measure}", Unit(1.0, "UNIT"))
            assert "_" not in label
            assert label.endswith(" [UNIT]")
    for measure in BY_CAUSE:
        assert "_" not in label_of(f"pool a/b busy {measure}", Unit(1.0, "UNIT"))
