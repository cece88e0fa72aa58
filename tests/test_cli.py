"""The command line as a user meets it: short errors with exit status 2, and never a traceback."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import types
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpusim.cli import cli
from gpusim.errors import GpusimError
from gpusim.scenario.scenario import Scenario

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that refuses every run: what is tested is all that happens before."""

    def run(*_arguments: object, **_options: object) -> None:
        raise GpusimError("valid, and not run")

    engine = types.ModuleType("gpusim.engine.run")
    engine.run = run
    monkeypatch.setitem(sys.modules, "gpusim.engine.run", engine)


def gpusim(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def refused(result: Result, *texts: str) -> None:
    """Status 2, a message that begins as all do, and no exception but the exit."""
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == 2
    assert result.stderr.startswith(("gpusim: ", "Usage: ", "Note: ", "Loading kernels"))
    assert "Traceback" not in result.output
    for text in texts:
        assert text in result.stderr


def test_bad_scenario_in_a_process_of_its_own() -> None:
    Path("bad.toml").write_text(Scenario.starter().replace("days = 3.0", "days = 0").replace('"lab"', '"lap"'))
    done = subprocess.run(
        [sys.executable, "-c", "from gpusim.cli import main; main()", "run", "bad.toml", "--set", "sites.texas.x=1"],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(REPOSITORY)},
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines()[:2] == [
        "gpusim: bad.toml: 4 faults",
        "  - run.days: found 0; give a number greater than 0, 36,525 at most",
    ]
    assert "sites.texas.x: unknown key" in done.stderr
    assert "workload.streams.research.tenant: unknown name \"lap\" (did you mean 'lab'?); known: lab" in done.stderr
    assert "services.chat.tenant" in done.stderr


def test_absent_and_unreadable_files() -> None:
    Path("folder").mkdir()
    Path("bytes.toml").write_bytes(b"\xff\xfe")
    refused(gpusim("run", "absent.toml"), "absent.toml: 1 fault", "no such file; `gpusim init` writes a starter")
    refused(gpusim("run", "folder"), "is a folder")
    refused(gpusim("run", "bytes.toml"), "not UTF-8 text")
    refused(gpusim("run", "us_eu_flet"), "us_eu_flet: 1 fault", "no such file (did you mean 'us_eu_fleet'?)")
    refused(gpusim("report", "absent"), "absent: no such folder; `gpusim run` writes one")
    refused(gpusim("report", "folder"), "folder: no manifest.json")
    refused(gpusim("compare", "bytes.toml", "folder"), "bytes.toml: is a file")


def test_a_file_of_another_kind_is_called_by_its_kind() -> None:
    assert gpusim("init").exit_code == 0
    Path("s.toml").write_text('scenario = "scenario.toml"\nreplications = 1\n')
    refused(gpusim("sweep", "scenario.toml"), "scenario.toml: 1 fault", "is a scenario, not a sweep file; `gpusim run`")
    refused(gpusim("run", "s.toml"), "s.toml: 1 fault", "is a sweep file, not a scenario; `gpusim sweep` runs it")
    refused(gpusim("run", "policies"), "is a sweep that comes with gpusim; run it with `gpusim sweep policies`")
    refused(gpusim("sweep", "small"), "is a scenario that comes with gpusim; run it with `gpusim run small`")


@pytest.mark.parametrize("group", [(), ("sweep",), ("trace",)])
def test_lists_of_commands_say_what_each_does_in_full(group: tuple[str, ...]) -> None:
    command = functools.reduce(lambda found, name: found.commands[name], group, cli)
    listed = command.get_help(click.Context(command, terminal_width=78)).partition("Commands:")[2]
    assert listed
    assert "..." not in listed


def test_wrong_options() -> None:
    assert gpusim("init").exit_code == 0
    refused(gpusim("run", "scenario.toml", "--set", "days"), "--set: 1 fault", "give KEY=VALUE")
    refused(gpusim("run", "scenario.toml", "--set", "run.dais=3"), "run.dais: unknown key (did you mean 'days'?)")
    refused(gpusim("run", "scenario.toml", "--seed", "-1"), "-1 is not in the range x>=0")
    refused(gpusim("run", "scenario.toml", "--seed", "x"), "'x' is not a valid integer")
    refused(gpusim("run", "scenario.toml", "--one", "--seeds", "3"), "--one is one run, --seeds 3 is 3: give only one")
    refused(gpusim("walk"), "No such command 'walk'")


def test_init_writes_the_starter_and_nothing_over_it(no_engine: None) -> None:
    assert gpusim("init").output == "scenario.toml written. Run it with: gpusim run scenario.toml\n"
    assert Path("scenario.toml").read_text(encoding="utf-8") == Scenario.starter()
    refused(gpusim("run", "scenario.toml"), "valid, and not run")
    Path("scenario.toml").write_text("mine")
    refused(gpusim("init"), "scenario.toml: exists already; choose another name, or replace it with --force")
    assert Path("scenario.toml").read_text() == "mine"
    assert gpusim("init", "--force").exit_code == 0
    assert Path("scenario.toml").read_text(encoding="utf-8") == Scenario.starter()


def test_folder_of_something_else_is_refused_before_the_run(no_engine: None) -> None:
    gpusim("init")
    Path("thesis").mkdir()
    Path("thesis/chapter.txt").write_text("years of work")
    refused(gpusim("run", "scenario.toml", "--out", "thesis"), "thesis: holds no gpusim result; choose another folder")
    refused(gpusim("run", "scenario.toml", "--out", "scenario.toml"), "scenario.toml: is a file; choose another name")


def test_notes_on_jobs_that_never_start(no_engine: None) -> None:
    gpusim("init")
    done = gpusim(
        "run", "scenario.toml",
        "--set", 'workload.streams.research.gpus={ "512" = 1.0, "1024" = 1.0 }',
        "--set", "tenants.lab.quota_gpus={ H100 = 64, H200 = 64 }",
        "--set",
        'workload.streams.idle={ tenant = "lab", job_class = "research", jobs_per_day = 1.0, gpu_types = ["B200"] }',
    )  # fmt: skip
    refused(done)
    assert done.stderr.splitlines()[:3] == [
        "Note: workload.streams.research: jobs of 1,024 GPUs will be rejected: the largest pool they may use,"
        " sites.texas.pools.H100, has 512",
        "Note: workload.streams.research: jobs of 512 GPUs may wait for ever: tenants.lab.quota_gpus allows 64 at most"
        " where they fit",
        "Note: workload.streams.idle: no site has a pool of its gpu_types within its residency: all its jobs will be"
        " rejected",
    ]


def test_unknown_regions_together() -> None:
    """Known to the inputs only, so refused by the engine: before anything is simulated, all of them together."""
    gpusim("init")
    done = gpusim("run", "scenario.toml", "--set", "sites.texas.region=US-TEX", "--set", "sites.frankfurt.region=DE-LI")
    refused(
        done, "my fleet: 2 faults", 'sites.texas.region: unknown name "US-TEX" (did you mean', "did you mean 'DE-LU'?"
    )


def test_catalog_is_at_most_as_wide_as_the_terminal() -> None:
    lines = gpusim("catalog").output.splitlines()
    assert max(map(len, lines)) <= 120
    assert any(line.split()[:2] == ["tdp_w", "W"] for line in lines)


words = st.sampled_from(
    ["=", "[", "]", "{", "}", '"', "\n", "#", ".", "-", "1e400", "nan", "true", "days", "\x00", "ä"]
)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 8), st.lists(words, max_size=3).map("".join)), max_size=4))
def test_any_file(no_engine: None, edits: list[tuple[float, int, str]]) -> None:
    text = Scenario.starter()
    for place, length, new in edits:
        at = int(place * len(text))
        text = text[:at] + new + text[at + length :]
    Path("fuzz.toml").write_text(text, encoding="utf-8")
    refused(gpusim("run", "fuzz.toml"))


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(words | st.text(max_size=4), max_size=6).map("".join), st.sampled_from(["", "run.days", "sites.texas"]))
def test_any_override(no_engine: None, text: str, key: str) -> None:
    Path("scenario.toml").write_text(Scenario.starter(), encoding="utf-8")
    refused(gpusim("run", "scenario.toml", "--set", key + text))


def test_starter_runs_as_it_is_and_again_to_the_same_bytes() -> None:
    """With the engine: about a minute where its kernels are not compiled yet, else a few seconds."""
    from gpusim.engine.run import run

    gpusim("init")
    done = gpusim("run", "scenario.toml", "--check", "--one")
    assert done.exit_code == 0, done.output
    assert "Conservation laws hold." in done.stderr
    first = Path("out") / "scenario"
    assert (first / "report.html").exists()
    second = Path("again")
    run(Scenario.from_toml("scenario.toml"), seed=0).save(second)
    manifests = [json.loads((folder / "manifest.json").read_text()) for folder in (first, second)]
    for manifest in manifests:
        del manifest["wall_s"]
    assert manifests[0] == manifests[1]
    for file in second.glob("*.parquet"):
        assert file.read_bytes() == (first / file.name).read_bytes(), file.name
