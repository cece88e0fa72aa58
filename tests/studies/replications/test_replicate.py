"""Runs under many seeds: each as if it were made alone, kept, gone on with, and shown as the answer."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

import gpusim
from gpusim.causes import WORDS
from gpusim.cli import cli
from gpusim.errors import GpusimError
from gpusim.studies.replications.replicate import replicate
from gpusim.studies.replications.replications import Replications
from gpusim.studies.sweeps.run import Run

SMALL = Path(__file__).parents[3] / "seeds" / "small.toml"
SCENARIO = gpusim.Scenario.from_toml(SMALL).with_({"run.days": 0.5})


@pytest.fixture(scope="module")
def first() -> gpusim.Result:
    return gpusim.run(SCENARIO)


def again(first, seeds: int, store: Path) -> tuple[Replications, list]:
    told = []
    return replicate(SCENARIO, first, seeds, store, executor="serial", progress=told.append), told


def test_each_run_is_the_run_of_its_seed(first, tmp_path: Path) -> None:
    found, _told = again(first, 3, tmp_path / "runs")
    assert found.seeds == [0, 1, 2]
    for seed in (0, 2):
        mine = found.outcomes[found.outcomes["seed"] == seed].drop(columns=["run", "seed"]).reset_index(drop=True)
        texts = {name: str for name in ("kind", "name", "cause", "measure")}
        alone = gpusim.run(SCENARIO, seed).outcome()
        pd.testing.assert_frame_equal(mine.astype(texts), alone.astype(texts), check_exact=True)


def test_it_goes_on_and_makes_nothing_twice(first, tmp_path: Path) -> None:
    whole, _told = again(first, 4, tmp_path / "whole")
    store = tmp_path / "runs"
    again(first, 3, store)
    _file_of(store, 1).unlink()
    resumed, told = again(first, 4, store)
    assert (told[-1].kept, told[-1].done) == (1, 2)
    pd.testing.assert_frame_equal(resumed.outcomes, whole.outcomes)
    fewer, told = again(first, 2, store)
    assert (told[-1].kept, told[-1].done, fewer.seeds) == (1, 0, [0, 1])
    _file_of(store, 0).unlink()  # without the first nobody knows which code made the others
    assert again(first, 4, store)[1][-1].done == 3


def _file_of(store: Path, seed: int) -> Path:
    key = Run(SCENARIO, seed).key
    (file,) = (file for file in (store / "runs").glob("*.parquet") if file.name.startswith(key))
    return file


def test_what_other_code_made_is_made_anew(first, tmp_path: Path) -> None:
    store = tmp_path / "runs"
    again(first, 3, store)
    other = gpusim.Result({**first.manifest}, {**first.tables, "jobs": first.jobs.assign(wait_s=1.0)})
    _found, told = again(other, 3, store)
    assert (told[-1].kept, told[-1].done) == (0, 2)


def test_a_result_carries_its_replications(first, tmp_path: Path) -> None:
    assert first.replications is None
    result = gpusim.Result(first.manifest, first.tables, again(first, 3, tmp_path / "runs")[0])
    result.save(tmp_path / "kept")
    loaded = gpusim.Result.load(tmp_path / "kept")
    pd.testing.assert_frame_equal(loaded.replications.outcomes, result.replications.outcomes)
    assert loaded.replications.headline == result.replications.headline
    assert repr(loaded.replications) == "<Replications of 'my fleet': 3 runs>"
    assert loaded.draw("ranks").axes
    assert loaded.replications.headline in loaded.report(tmp_path / "page.html").read_text().replace("&#39;", "'")
    table = result.replications.metrics()
    each = result.replications.outcomes.query("measure == 'useful_gpu_hours' and kind == 'fleet'")["value"]
    assert table.loc["useful_gpu_hours", "mean"] == pytest.approx(each.mean())
    with pytest.raises(GpusimError, match="seeds: found 0"):
        gpusim.run(SCENARIO, seeds=0)
    with pytest.raises(GpusimError, match="processes of your own; call run for each seed"):
        gpusim.run(SCENARIO, seeds=2, processes=[lambda env: iter(())])


def test_the_console_gives_one_answer_and_the_page_the_same(tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["run", str(SMALL), "--set", "run.days=0.5", "--out", str(out)]
    done = CliRunner().invoke(cli, [*words, "--seeds", "3"])
    assert done.exit_code == 0, done.output
    text = " ".join(done.stdout.split())
    kept = gpusim.Result.load(out)
    assert kept.replications.headline in text
    assert "Most is attributed to" not in text
    assert "Held back by cause, means over 3 runs" in text
    assert len(done.stdout.splitlines()) <= 30
    assert max(map(len, done.stdout.splitlines()[:-1])) <= 80  # but for the path of the report
    largest = kept.replications.bottlenecks().iloc[0]
    site, _slash, kind = largest["place"].partition("/")
    assert f"Most GPU-hours are held back at: {site} {kind}, {WORDS[largest['cause']].short} (" in text
    page = (out / "report.html").read_text(encoding="utf-8").replace("&#39;", "'")
    assert kept.replications.headline in page
    assert 'id="ranks-causes"' in page
    assert "Seed 0, an example." in page
    one = CliRunner().invoke(cli, [*words, "--one"])
    assert one.exit_code == 0, one.output
    assert "Most is attributed to" in one.stdout
    assert 'id="ranks-causes"' not in (out / "report.html").read_text(encoding="utf-8")
    more = CliRunner().invoke(cli, [*words, "--seeds", "3"])
    assert "2 of 2 runs are in the store already." in more.stderr
    assert " ".join(more.stdout.split()) == text
