"""Ratios of nothing are "no ...", a dash or an empty cell in all that commands print and write: never inf or NaN."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
from click.testing import CliRunner

from gpusim.cli import cli
from tests.studies.sweeps.kit import SCENARIO

WORD = re.compile(r"(?<![\w.])[-+]?(nan|inf|infinity)%?(?![\w])", re.IGNORECASE)
SERVICE = """
[services.chat]
tenant = "lab"
gpus_per_replica = 1
mean_tokens_per_s = 0.0
tokens_per_s_per_gpu = { H100 = 100.0 }
deployments = [{ site = "gb", gpu_type = "H100" }]
"""
OPTION = """
[plan.options.power]
key = "sites.gb.grid_mw"
how = "add"
range = [0.0, 1.0]
step = 1.0
usd_per_unit = 10
"""
IDLE = SCENARIO[: SCENARIO.index("[workload.streams")]
CASES = {
    "no jobs": IDLE,
    "no demand": IDLE + SERVICE,
    "no power": SCENARIO.replace("grid_mw = 1.0", "grid_mw = 0.0") + SERVICE.replace("= 0.0", "= 50.0"),
    "no gpus": SCENARIO.replace("gpus = 8", "gpus = 0"),
    "all rejected": SCENARIO + "gpus = { 4096 = 1.0 }\n",
    "one moment": SCENARIO.replace("days = 0.2", "days = 0.00002"),
}


def said_of_nothing(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(cli, list(arguments), env={"COLUMNS": "100"})
    assert done.exit_code == code, done.output
    assert not WORD.search(done.output), done.output
    return done.output


def texts(folder: Path) -> dict[str, str]:
    """What people read in a folder: pages without their pictures and TOML, and tables of text."""
    other = re.compile(r"<pre.*?</pre>|<style.*?</style>|data:image[^\"]*", re.DOTALL)
    pages = {str(page): unescape(other.sub("", page.read_text())) for page in folder.rglob("*.html")}
    return pages | {str(file): file.read_text() for file in folder.rglob("*.csv")}


@pytest.mark.parametrize("name", CASES)
def test_no_figure_of_nothing(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.toml").write_text(CASES[name] + OPTION)
    Path("s.toml").write_text(
        'scenario = "a.toml"\nreplications = 2\n'
        'measures = ["goodput", "wait_mean_s", "pue", "usd_per_useful_gpu_hour"]\n'
        '[axes.grid]\nkey = "sites.gb.grid_mw"\nvalues = [0.0, 1.0]\n'
    )
    said_of_nothing("run", "a.toml", "--out", "out/a")
    said_of_nothing("run", "a.toml", "--out", "out/b", "--set", "sites.gb.grid_mw=0.5")
    said_of_nothing("compare", "out/a", "out/b")
    said_of_nothing("report", "out/a")
    said_of_nothing("sweep", "s.toml", "--executor", "serial")
    said_of_nothing("relieve", "a.toml", "--executor", "serial", "--budget", "8")
    options = ("--executor", "serial", "--replications", "2")
    said_of_nothing("plan", "a.toml", "--goal", "mean wait of batch < 1 h", *options)
    assert {file: text for file, text in texts(Path("out")).items() if WORD.search(text)} == {}


def test_no_demand_meets_every_objective(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.toml").write_text(CASES["no demand"] + OPTION)
    goal = "slo(chat) >= 0.99 and p95 wait of batch < 1 h and slo > 0.5 and goodput >= 0.9"
    text = said_of_nothing("plan", "a.toml", "--goal", goal, "--executor", "serial", "--replications", "2")
    assert "Nothing has to be bought: the scenario as it is meets the goal" in text
    assert "There is no demand for slo(chat), which meets every limit." in " ".join(text.split())
    page = (tmp_path / "out" / "a-plan" / "report.html").read_text()
    assert page.count("<td>no demand</td>") == 4


def test_rejected_jobs_miss_every_limit_by_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.toml").write_text(CASES["all rejected"] + OPTION)
    text = said_of_nothing(
        "plan", "a.toml", "--goal", "p95 wait of batch < 1 h", "--executor", "serial", "--replications", "2"
    )
    assert "it has no finite p95 wait of batch, as where jobs are rejected." in " ".join(text.split())
