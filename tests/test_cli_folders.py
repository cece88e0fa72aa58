"""What a command writes is safe before it prints; what is in a folder stays, unless it is replaced by force."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gpusim.cli import cli
from gpusim.cli.paths import check_run
from gpusim.errors import ResultError
from gpusim.scenario.scenario import Scenario
from tests import forked
from tests.studies.sweeps.kit import SCENARIO, policy_study
from tests.test_cli_nothing import OPTION


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sys.modules.pop("mine", None)  # the policy of another test
    Path("tiny.toml").write_text(SCENARIO + OPTION)
    Path("sweep.toml").write_text('scenario = "tiny.toml"\nreplications = 1\n')


def gpusim(*arguments: str) -> Result:
    done = CliRunner().invoke(cli, list(arguments))
    assert isinstance(done.exception, SystemExit | None), repr(done.exception)
    return done


def refused(done: Result, text: str) -> None:
    assert done.exit_code == 2
    assert done.stderr.startswith("gpusim: ")
    assert text in done.stderr


STUDY = "--executor serial"
COMMANDS = {
    "run tiny.toml --seeds 2": "out/tiny",
    f"sweep sweep.toml {STUDY}": "out/sweep",
    f"relieve tiny.toml --budget 4 --curves 0 {STUDY}": "out/tiny-relief",
    f"plan tiny.toml --goal goodput>=0.1 --replications 2 {STUDY}": "out/tiny-plan",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_whoever_reads_may_go_at_any_line(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpusim.cli.results.QUICK_S", math.inf)  # what is forked starts no workers
    with subprocess.Popen(["head", "-1"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as reader:
        done = forked.gpusim(Path(), command, stdout=reader.stdin)
        reader.stdin.close()
    assert done.returncode == 0
    assert "Error" not in done.stderr
    assert Path(COMMANDS[command], "report.html").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_the_same_command_again_does_the_same(command: str) -> None:
    first, again = (gpusim(*command.split()) for _time in range(2))
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert again.stdout == first.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_a_device_is_not_replaced_by_a_folder(command: str) -> None:
    os.mkfifo("pipe")  # as /dev/null: no plain file, and no folder
    refused(gpusim(*command.split(), "--out", "pipe", "--force"), "pipe: is a file; choose another name")
    assert Path("pipe").is_fifo()


WORK = (
    "gpusim.results.tables.record.Record.load",
    "gpusim.studies.store.Store.table",
    "gpusim.inputs.traces.open_trace",
)


def test_a_file_that_cannot_be_written_is_found_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gpusim("run", "tiny.toml", "--one").exit_code == 0
    assert gpusim("sweep", "sweep.toml", "--executor", "serial").exit_code == 0
    Path("t.csv").write_text("submit_s,runtime_s,gpus\n0,1,1\n")
    Path("folder.csv").mkdir()
    for command in (("export", "out/tiny"), ("sweep", "collect", "out/sweep"), ("trace", "convert", "t.csv")):
        assert gpusim(*command, "new/deep/a.csv", "--force").exit_code == 0
        with monkeypatch.context() as patch:
            for work in WORK:
                patch.setattr(work, lambda *_: pytest.fail("worked before it looked"))
            refused(gpusim(*command, "/proc/a.csv"), "/proc/a.csv: cannot be written (")
            refused(gpusim(*command, "tiny.toml/a.csv"), "cannot be written (Not a directory); choose another place")
            assert gpusim(*command, "folder.csv").exit_code == 2


WRITERS = (("export", "out/tiny"), ("sweep", "collect", "out/sweep"), ("trace", "convert", "t.csv"), ("init",))


def test_no_file_is_replaced_but_by_force() -> None:
    assert gpusim("run", "tiny.toml", "--one").exit_code == 0
    assert gpusim("sweep", "sweep.toml", "--executor", "serial").exit_code == 0
    Path("t.csv").write_text("submit_s,runtime_s,gpus\n0,1,1\n")
    for number, command in enumerate(WRITERS):
        out = Path(f"new/{number}.csv")
        assert gpusim(*command, str(out)).exit_code == 0
        out.write_text("mine")
        refused(gpusim(*command, str(out)), f"{out}: exists already; choose another name, or replace it with --force")
        assert out.read_text() == "mine"
        assert gpusim(*command, str(out), "--force").exit_code == 0
        assert out.read_text() != "mine"


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_no_command_writes_onto_its_input(force: tuple[str, ...]) -> None:
    assert gpusim("run", "tiny.toml", "--one").exit_code == 0
    assert gpusim("sweep", "sweep.toml", "--executor", "serial").exit_code == 0
    Path("t.csv").write_text("submit_s,runtime_s,gpus\n0,1,1\n")
    Path("link.csv").symlink_to("t.csv")
    Path("hard.csv").hardlink_to("t.csv")
    Path("plan").mkdir()
    Path("plan/plan.toml").write_text(Path("tiny.toml").read_text())
    why = "is an input of this command; choose another name"
    for command in (
        ("export", "out/tiny", "out/tiny/jobs.parquet"),
        ("sweep", "collect", "out/sweep", "out/../out/sweep/design.parquet"),
        *(("trace", "convert", "t.csv", out) for out in ("t.csv", "./t.csv", "link.csv", "hard.csv")),
        ("plan", "plan/plan.toml", "--goal", "goodput>=0.1", "--out", "plan"),
    ):
        before = {file: file.read_bytes() for file in Path().rglob("*") if file.is_file()}
        refused(gpusim(*command, *force), why)
        assert {file: file.read_bytes() for file in Path().rglob("*") if file.is_file()} == before


def test_a_page_that_cannot_be_written_is_found_before_it_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gpusim("run", "tiny.toml", "--one").exit_code == 0
    Path("out/tiny/report.html").unlink()
    Path("out/tiny/report.html").mkdir()
    monkeypatch.setattr("gpusim.results.tables.record.Record.load", lambda *_: pytest.fail("worked before it looked"))
    refused(gpusim("report", "out/tiny"), "out/tiny/report.html: is a folder; give the name of a file")


def test_only_the_same_run_is_replaced() -> None:
    assert gpusim("run", "tiny.toml", "--one").exit_code == 0
    Path("out/tiny/notes.txt").write_text("mine")
    Path("out/tiny/figures/mine.png").write_bytes(b"a photograph")
    assert gpusim("run", "tiny.toml", "--one").exit_code == 0
    refused(
        gpusim("run", "tiny.toml", "--one", "--seed", "1"),
        "out/tiny: holds another run (different: seed); choose another",
    )
    refused(gpusim("run", "tiny.toml", "--one", "--set", "run.days=0.1"), "(different: run.days)")
    assert gpusim("run", "tiny.toml", "--one", "--seed", "1", "--force").exit_code == 0
    assert Path("out/tiny/notes.txt").read_text() == "mine"
    assert Path("out/tiny/figures/mine.png").read_bytes() == b"a photograph"


def test_a_policy_that_changed_makes_another_run() -> None:
    policy_study(Path(), "return list(range(len(queue)))")
    scenario = Scenario.from_toml("tiny.toml", {"scheduler.order": "mine:P"})
    assert gpusim("run", "tiny.toml", "--one", "--set", "scheduler.order=mine:P", "--out", "a").exit_code == 0
    check_run(Path("a"), scenario, 0, force=False)
    Path("mine.py").write_text(Path("mine.py").read_text() + "# other\n")
    with pytest.raises(ResultError, match="inputs_sha256"):
        check_run(Path("a"), scenario, 0, force=False)


@pytest.mark.parametrize("out", ["tiny.toml/below", "/proc/gpusim", "n" * 250, "n" * 5000, "new/" + "n" * 250])
def test_a_place_that_cannot_be_written_is_found_before_the_run(out: str) -> None:
    before = sorted(os.listdir())
    with pytest.raises((ResultError, OSError)):
        check_run(Path(out), Scenario.from_toml("tiny.toml"), 0, force=False)
    assert sorted(os.listdir()) == before


def test_folders_of_other_commands_say_what_they_are() -> None:
    assert gpusim("sweep", "sweep.toml", "--executor", "serial").exit_code == 0
    assert gpusim("run", "tiny.toml", "--one").exit_code == 0
    refused(gpusim("compare", "out/tiny", "out/sweep"), "is a sweep, not a run; `gpusim report out/sweep` draws")
    refused(gpusim("sweep", "status", "out/tiny"), "holds a run, not a study; `gpusim report out/tiny` draws its page")
    refused(gpusim("run", "tiny.toml", "--one", "--out", "out/sweep"), "holds no gpusim result; choose another folder")
    refused(gpusim("relieve", "tiny.toml", "--out", "out/tiny"), "holds no study of kind 'relief'")
    Path("other.toml").write_text(Path("sweep.toml").read_text())
    refused(gpusim("sweep", "other.toml", "--out", "out/sweep"), "holds another sweep (different: spec.name)")


@pytest.mark.parametrize("raised", ["SystemExit(0)", "BaseException('x')"])
def test_a_policy_that_wants_out_is_an_error(raised: str) -> None:
    policy_study(Path(), f"raise {raised}")
    refused(gpusim("run", "tiny.toml", "--one", "--set", "scheduler.order=mine:P"), f"raised {raised[:8]}")
    done = gpusim("sweep", "sweep.toml", "--executor", "serial")
    assert done.exit_code == 1
    assert "2 of 4 runs finished, 2 failed" in done.stdout
