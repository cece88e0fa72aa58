"""Ratios of nothing are "no ..." in all that commands print, an empty cell in CSV: never inf, NaN or a dash."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
from click.testing import CliRunner

import gpusim
from gpusim.cli import cli
from gpusim.results.measure import MEASURES, none_of
from tests.studies.sweeps.kit import SCENARIO

WORD = re.compile(r"(?<![\w.])[-+]?(nan|inf|infinity)%?(?![\w])", re.IGNORECASE)
DASH = re.compile(r"(?:^|  )-(?:  |$)|<td[^>]*>-</td>", re.MULTILINE)  # alone in a cell
SERVICE = """
[services.chat]
tenant = "lab"
gpus_per_replica = 1
mean_tokens_per_s = 0.0
tokens_per_s_per_gpu = { H100 = 100.0 }
deployments = [{ site = "gb", gpu_type = "H100" }]
"""
BY_REQUESTS = """
[services.chat]
tenant = "lab"
level = "requests"
gpus_per_replica = 1
mean_tokens_per_s = 0.0
deployments = [{ site = "gb", gpu_type = "H100" }]
[services.chat.model]
name = "Llama-3.1-8B"
[services.chat.scaling]
policy = "static"
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
    "no requests": IDLE + BY_REQUESTS,
    "all late": IDLE + BY_REQUESTS.replace("= 0.0", "= 5.0") + "[services.chat.objectives]\nttft_s = 1e-9\n",
    "one moment": SCENARIO.replace("days = 0.2", "days = 0.00002"),
}


RELIEVED = ("no power", "no jobs", "no requests", "all late")  # the others are planned for


def said_of_nothing(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(cli, list(arguments), env={"COLUMNS": "100"})
    assert done.exit_code == code, done.output
    assert not WORD.search(done.output), done.output
    assert not DASH.search(done.output), done.output
    return done.output


def texts(folder: Path) -> dict[str, str]:
    """What people read in a folder: pages without their pictures, programs and TOML, and tables of text."""
    other = re.compile(r"<pre.*?</pre>|<style.*?</style>|<script.*?</script>|data:image[^\"]*", re.DOTALL)
    pages = {str(page): unescape(other.sub("", page.read_text())) for page in folder.rglob("*.html")}
    return pages | {str(file): file.read_text() for file in folder.rglob("*.csv")}


@pytest.mark.parametrize("name", CASES)
def test_no_figure_of_nothing(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.toml").write_text(CASES[name] + OPTION)
    measures = ["goodput", "wait_mean_s", "pue", "usd_per_useful_gpu_hour"]
    if "level" in CASES[name]:
        measures += ["service_attainment", "service chat attainment", "service chat token_time_p99_s"]
    Path("s.toml").write_text(
        f'scenario = "a.toml"\nreplications = 2\nmeasures = {measures}\n'
        '[axes.grid]\nkey = "sites.gb.grid_mw"\nvalues = [0.0, 1.0]\n'
    )
    said_of_nothing("run", "a.toml", "--out", "out/a", "--seeds", "2")
    said_of_nothing("run", "a.toml", "--out", "out/b", "--set", "sites.gb.grid_mw=0.5", "--one")
    said_of_nothing("compare", "out/a", "out/b")
    said_of_nothing("sweep", "s.toml", "--executor", "serial")
    if name in RELIEVED:
        said_of_nothing("relieve", "a.toml", "--executor", "serial", "--budget", "4", "--curves", "1")
    else:
        options = ("--executor", "serial", "--replications", "2")
        said_of_nothing("plan", "a.toml", "--goal", "mean wait of batch < 1 h", *options)
    assert {file: text for file, text in texts(Path("out")).items() if WORD.search(text) or DASH.search(text)} == {}


def test_figures_say_what_there_was_none_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.toml").write_text(CASES["no demand"])
    table = gpusim.run(gpusim.Scenario.from_toml("a.toml")).metrics()
    none = table.loc[table["value"].isna(), "text"]
    assert table["value"].dtype == "Float64"
    assert not re.search("nan|inf", table[["text", "value"]].to_string().lower())
    assert none["wait_p95_s"] == "no jobs started"
    assert none["goodput"] == "no jobs ran"
    assert none["service_tokens_served_share"] == "no demand"
    assert none["usd_per_useful_gpu_hour"] == "no useful work"
    assert all(none.str.startswith("no ") & (none != "no figure"))
    said_of_nothing("run", "a.toml", "--out", "a")
    said = said_of_nothing("compare", "a", "a")
    assert re.search(r"wait of started jobs, mean \[s\] +no jobs started +no jobs started", said)


def test_every_ratio_has_a_word() -> None:
    """All figures but sums and counts: of a thing that a run did not have, of a whole of 0, of no jobs."""
    sums = ("_hours", "_usd", "_mwh", "_mw", "_t", "_tokens", "replicas", "_lost", "evictions", "usd", "waited")
    for kind, figures in MEASURES.items():
        for figure in figures:
            if not (figure.endswith(sums) or figure.startswith(("jobs", "waiting", "started"))) or "per" in figure:
                assert none_of(f"{kind} x {figure}") not in ("no figure", "no jobs"), (kind, figure)


def test_no_demand_meets_every_objective(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.toml").write_text(CASES["no demand"] + OPTION)
    goal = "slo(chat) >= 0.99 and p95 wait of batch < 1 h and slo > 0.5 and goodput >= 0.9"
    text = said_of_nothing("plan", "a.toml", "--goal", goal, "--executor", "serial", "--replications", "2")
    assert "Nothing has to be bought: the scenario as it is meets the goal" in text
    assert "There is no demand for slo(chat), so every limit is met." in " ".join(text.split())
    page = (tmp_path / "out" / "a-plan" / "report.html").read_text()
    assert [page.count(f"<td>no {what}</td>") for what in ("demand", "jobs accepted", "jobs ran")] == [2, 1, 1]


def test_no_requests_meet_every_objective(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.toml").write_text(CASES["no requests"] + OPTION)
    goal = "attainment(chat) >= 0.99 and attainment > 0.5 and service chat ttft_p99_s < 1 s"
    text = said_of_nothing("plan", "a.toml", "--goal", goal, "--executor", "serial", "--replications", "2")
    assert "Nothing has to be bought: the scenario as it is meets the goal" in text
    assert "There is no demand for attainment(chat), so every limit is met." in " ".join(text.split())
    assert "There is no demand for attainment, so every limit is met." in " ".join(text.split())


def test_what_is_late_misses_its_objective(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.toml").write_text(CASES["all late"] + OPTION)
    goal = "attainment(chat) >= 0.99"
    text = said_of_nothing("plan", "a.toml", "--goal", goal, "--executor", "serial", "--replications", "2")
    assert "No plan tried meets the goal." in text


def test_rejected_jobs_miss_every_limit_by_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.toml").write_text(CASES["all rejected"] + OPTION)
    text = said_of_nothing(
        "plan", "a.toml", "--goal", "p95 wait of batch < 1 h", "--executor", "serial", "--replications", "2"
    )
    assert "it has no finite p95 wait of batch, as where jobs are rejected." in " ".join(text.split())
