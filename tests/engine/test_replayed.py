"""What services drew second by second: their requests served again, with the energy that the run booked."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import gpusim
from gpusim.cli import cli
from gpusim.engine.serving.replayed import replayed_power
from gpusim.results.power_series import power_series
from tests.engine.requests_kit import BOTH, USERS, arrivals, over, scenario, trace
from tests.reference.phases import power_w

STEP_S = 0.05
CONTEXT_W = 122.0 - 72.0  # that an idle H100 with a context draws more than one without


def window(result, site: str = "texas", from_s: float = 300.0, to_s: float = 900.0):
    """Series of two record intervals, those of the books, and what was served again."""
    again = replayed_power(result, site, from_s, to_s)
    series = power_series(result, site, from_s, to_s, STEP_S, serving_j=again.energy_j)
    power = result.power
    booked = power[(power["site"] == site) & (power["start_s"] >= from_s) & (power["end_s"] <= to_s)]
    return series, booked, again


def holds_the_books(series: pd.DataFrame, booked: pd.DataFrame) -> None:
    """In each record interval the energy is that of the run."""
    assert len(booked) == 2
    for span in booked.itertuples():
        inside = series[(series["time_s"] >= span.start_s - 1e-6) & (series["time_s"] < span.end_s - 1e-6)]
        assert inside["serving_w"].sum() * STEP_S == pytest.approx(span.serving_j, rel=1e-9)
        assert inside["it_w"].mean() == pytest.approx(span.it_w, rel=1e-9)
        assert inside["facility_w"].mean() == pytest.approx(span.facility_w, rel=1e-9)


@pytest.mark.parametrize("case", ["alone", "two sites", "prefill apart", "fluid"])
def test_the_series_has_the_energy_of_the_run(case):
    changes = {
        "alone": {}, "two sites": {"deployments": BOTH, "users": USERS}, "fluid": {"level": "fluid"},
        "prefill apart": {"prefill": {"gb_per_s": 20.0, "replicas": 2}},
    }[case]  # fmt: skip
    series, booked, again = window(gpusim.run(scenario(**changes)))
    holds_the_books(series, booked)
    assert len(again.parts) == (4 if case == "prefill apart" else 2)
    assert series["serving_w"].std() > 0.05 * series["serving_w"].mean()
    if case == "fluid":
        return
    for part in again.parts:  # before it is scaled
        before_j, behind_j = part.drawn.energy_j(np.array([part.start_s, part.end_s]))
        assert behind_j - before_j == pytest.approx(part.booked_j, rel=0.05)


def test_phases_are_those_of_the_run():
    """One replica that nothing disturbs: what the rows of its own requests say, moment by moment, twin beside it."""
    of = scenario(**{"scaling": {"policy": "static", "replicas": 1}, "mean_tokens_per_s": 300.0})
    result = gpusim.run(of)
    series, booked, _again = window(result, to_s=900.0)
    holds_the_books(series, booked)
    _requests, engine = arrivals(of)
    rows = over(result)
    told = pd.DataFrame(
        {
            "replica": 0, "prefill_s": rows["scheduled_s"], "decode_s": rows["first_token_s"], "end_s": rows["end_s"],
            "left_tokens": rows["prompt_tokens"] - rows["cached_tokens"],
            "context_tokens": rows["prompt_tokens"] + rows["output_tokens"] / 2.0,
        }
    )  # fmt: skip
    shared = np.sort(told[["prefill_s", "decode_s", "end_s"]].to_numpy().ravel())
    first = series[(series["time_s"] > 310.0) & (series["time_s"] < 370.0)]
    middle_s = first["time_s"].to_numpy() + STEP_S / 2.0
    steady = np.searchsorted(shared, middle_s - STEP_S / 2.0 - 1e-6) == np.searchsorted(shared, middle_s + STEP_S / 2.0)
    near = told[(told["end_s"] > 300.0) & (told["prefill_s"] < 380.0)]
    drawn_w = np.array([power_w(near, engine.entry, engine.deployment, at_s) for at_s in middle_s[steady]])
    found_w = first["serving_w"].to_numpy()[steady] - CONTEXT_W
    assert len(drawn_w) > 300
    assert drawn_w.max() > 1.5 * drawn_w[drawn_w > 0.0].min()
    scale = found_w[drawn_w > 0.0] / drawn_w[drawn_w > 0.0]
    assert np.ptp(scale) < 1e-6
    assert scale.mean() == pytest.approx(1.0, abs=0.05)
    assert found_w[drawn_w == 0.0] == pytest.approx(0.0, abs=1e-6)


def test_a_loaded_replica_that_idles_draws_its_context():
    """Hardly a request: three H100 with a model in memory draw 122 W each, not 72, until one comes."""
    series, booked, _again = window(gpusim.run(scenario(mean_tokens_per_s=2.0)))
    holds_the_books(series, booked)
    assert series["serving_w"].median() == pytest.approx(3 * CONTEXT_W, rel=1e-9)
    assert series["serving_w"].max() > 6 * CONTEXT_W


def test_the_same_again():
    result = gpusim.run(scenario(deployments=BOTH, users=USERS))
    pd.testing.assert_frame_equal(window(result)[0], window(result)[0])


def test_of_sessions_only_means_are_known():
    mix = {"prompt_tokens": 300.0, "output_tokens": 100.0, "turns": 3.0}
    series, booked, again = window(gpusim.run(scenario(requests=mix)))
    holds_the_books(series, booked)
    assert again.parts == []
    assert series["serving_w"].nunique() <= 2


def test_the_command(tmp_path):
    """The command writes the phases; told to, the means, without a file of requests that is missing by then."""
    rows = [(0.5 * i, 400, 60, [i]) for i in range(1200)]
    of = scenario(requests={"trace": str(trace(tmp_path, rows))})
    folder = gpusim.run(of).save(tmp_path / "out")
    days = ["--site", "texas", "--from", str(300 / 86400), "--to", str(600 / 86400), "--step", "0.05"]

    def written(name: str, *more: str) -> pd.DataFrame:
        done = CliRunner().invoke(cli, ["power-series", str(folder), *days, "--out", str(tmp_path / name), *more])
        assert done.exit_code == 0, done.output
        return pd.read_csv(tmp_path / name)

    phased = written("phases.csv")
    (tmp_path / "mooncake.jsonl").unlink()
    means = written("means.csv", "--mean-services")
    assert phased["serving_w"].std() > 0.1 * means["serving_w"].mean()
    assert phased["serving_w"].mean() == pytest.approx(means["serving_w"].mean(), rel=1e-9)
    assert np.ptp(means["serving_w"]) < 1e-6
    refused = CliRunner().invoke(cli, ["power-series", str(folder), *days])
    assert refused.exit_code == 2
    assert "mooncake.jsonl" in refused.output
