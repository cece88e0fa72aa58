"""Standard output and error that cannot be written: one line, exit status 2, and what was made is saved before."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gpusim.cli import cli
from tests.forked import gpusim
from tests.studies.sweeps.kit import MAIN, SCENARIO

FULL = Path("/dev/full")
pytestmark = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")
COMMANDS = (
    "catalog", "rules", "--help", "--version", "validate --help", "init b.toml", "run a.toml --one", "report out/a",
    "compare out/a out/a", "export out/a t.json", "sweep s.toml --executor serial", "sweep status out/s",
    "sweep collect out/s s.csv", "trace describe t.csv", "trace convert t.csv u.csv", "validate --quick --only 1",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scenario, its run and a sweep of it, and a trace."""
    folder = tmp_path_factory.mktemp("full")
    (folder / "a.toml").write_text(SCENARIO)
    (folder / "s.toml").write_text('scenario = "a.toml"\nreplications = 1\n')
    (folder / "t.csv").write_text("submit_s,runtime_s,gpus\n0,1,1\n")
    with contextlib.chdir(folder):  # here, so that what is forked has loaded what they need
        for command in ("run a.toml --one", "sweep s.toml --executor serial"):
            assert CliRunner().invoke(cli, command.split()).exit_code == 0
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_full_standard_output(folder: Path, command: str) -> None:
    with FULL.open("w") as full:
        done = gpusim(folder, command, stdout=full)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "gpusim: standard output: No space left on device"
    assert done.stderr.count("standard output") == 1
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


@pytest.mark.parametrize(("reader", "status"), [(f"> {FULL}", 2), ("| head -0", 0)])
def test_an_interpreter_that_ends_adds_nothing(reader: str, status: int) -> None:
    """What is forked ends at once; an interpreter flushes its streams once more, and tells of what fails."""
    line = f"{sys.executable} -c '{MAIN}' catalog {reader}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert done.stderr == "gpusim: standard output: No space left on device\n" * (status == 2)


def test_what_was_made_is_there(folder: Path) -> None:
    with FULL.open("w") as full:
        done = gpusim(folder, "run a.toml --one --set run.days=0.1 --out out/new", stdout=full)
    assert done.returncode == 2
    assert gpusim(folder, "compare out/new out/new").returncode == 0
    assert (folder / "out/new/report.html").exists()


@pytest.mark.parametrize(
    ("command", "status"), [("compare out/a out/a", 0), ("run a.toml --one", 0), ("run none.toml", 2)]
)
def test_full_standard_error_costs_what_it_would_say_alone(folder: Path, command: str, status: int) -> None:
    with FULL.open("w") as full:
        quiet = gpusim(folder, command, stderr=full)
    assert quiet.returncode == status
    assert quiet.stdout == gpusim(folder, command).stdout
