"""Files are read again when they have changed, and only then."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from gpusim.engine.manifest import manifest_of
from gpusim.inputs import files
from gpusim.inputs.files import sha256_of
from gpusim.inputs.grid import read_grid
from gpusim.scenario.scenario import Scenario

HEAD = "time_utc,price_usd_per_mwh\n"


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    path = tmp_path / "prices.csv"
    path.write_text(HEAD + "2026-06-01T00:00:00Z,10\n2026-06-01T01:00:00Z,20\n")
    return path


def change(path: Path) -> None:
    """Other numbers in as many bytes."""
    path.write_text(path.read_text().replace(",20", ",30"))


def test_a_changed_file_has_another_digest(prices, monkeypatch):
    def expected() -> str:
        return hashlib.sha256(prices.read_bytes()).hexdigest()

    first = sha256_of(prices)
    assert first == expected()
    with monkeypatch.context() as patch:
        patch.setattr(files.hashlib, "file_digest", None)  # would fail if it were asked
        assert sha256_of(prices) == first
    change(prices)
    assert sha256_of(prices) == expected() != first


def test_a_changed_file_is_another_in_the_manifest(prices):
    seed = Path(__file__).parents[2] / "seeds" / "small.toml"
    scenario = Scenario.from_toml(seed, {"sites.texas.price_file": str(prices)})
    before = manifest_of(scenario, 0, 1.0, 1.0)["inputs_sha256"]
    change(prices)
    assert manifest_of(scenario, 0, 1.0, 1.0)["inputs_sha256"][str(prices)] != before[str(prices)]


def test_a_changed_trace_of_requests_is_another_in_the_manifest(tmp_path):
    trace = tmp_path / "requests.csv"
    trace.write_text("arrival_s,prompt_tokens,output_tokens\n0,10,20\n")
    model = {"model": {"name": "Llama-3.1-8B", "tp": 8}, "requests": {"trace": str(trace)}}
    scenario = Scenario.from_toml(
        Path(__file__).parents[2] / "seeds" / "small.toml",
        {f"services.chat.{key}": value for key, value in model.items()},
    )
    before = manifest_of(scenario, 0, 1.0, 1.0)["inputs_sha256"]
    change(trace)
    assert manifest_of(scenario, 0, 1.0, 1.0)["inputs_sha256"][str(trace)] != before[str(trace)]


def test_a_grid_file_is_read_once_shared_and_read_again_when_it_changes(prices):
    first = read_grid(prices)
    assert read_grid(str(prices)) is first
    with pytest.raises(ValueError, match="read-only"):
        first.readings["price_usd_per_mwh"].values[0] = 0.0
    change(prices)
    assert read_grid(prices).readings["price_usd_per_mwh"].values.tolist() == [10.0, 30.0]
    assert first.readings["price_usd_per_mwh"].values.tolist() == [10.0, 20.0]
