"""The commands that work on saved results."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from gpusim.cli import cli
from tests.results.kit import fleet, make


@pytest.fixture
def folder(tmp_path):
    return fleet(2, 24).save(tmp_path / "run")


def call(*words):
    return CliRunner().invoke(cli, [str(word) for word in words])


def test_report_draws_figures_and_embeds_them_in_both_forms(folder):
    done = call("report", folder)
    assert done.exit_code == 0, done.output
    assert done.output.strip() == str(folder / "report.html")
    names = {path.name for path in (folder / "figures").iterdir()}
    assert names == {"headline.png", "matrix.png", "fleet.png", "site_site-00.png", "site_site-01.png", "waits.png"}
    assert (folder / "report.html").read_text(encoding="utf-8").count("data:image/png") == 12


def test_compare(folder, tmp_path):
    other = make({("north", "H100"): {"training": [5.0] * 24}}).save(tmp_path / "other")
    done = call("compare", folder, other)
    assert done.exit_code == 0, done.output
    assert "Bottlenecks that changed" in done.output
    page = tmp_path / "compared.html"
    done = call("compare", folder, other, "--out", page)
    assert done.exit_code == 0, done.output
    assert "<h1>2 runs compared</h1>" in page.read_text(encoding="utf-8")
    assert "exists already" in call("compare", folder, other, "--out", page).output
    alone = call("compare", folder, folder)
    assert (alone.exit_code, "at least two results" in alone.output) == (2, True)


def test_export(folder, tmp_path):
    out = tmp_path / "new" / "trace.json"
    done = call("export", folder, out, "--from-day", "0.5", "--days", "0.25", "--site", "site-01")
    assert done.exit_code == 0, done.output
    events = json.loads(out.read_text(encoding="utf-8"))["traceEvents"]
    assert f"{len(events):,} events" in done.output
    assert sum(event["name"] == "GPUs" for event in events) == 6


def test_export_of_an_unknown_site(folder, tmp_path):
    done = call("export", folder, tmp_path / "trace.json", "--site", "site-1")
    assert done.exit_code == 2
    assert "did you mean" in done.output
    assert not (tmp_path / "trace.json").exists()
