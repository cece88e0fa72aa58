"""``gpusim sweep`` as a user meets it."""

from __future__ import annotations

import os
import pty
import re
import time
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from gpusim.cli import cli
from gpusim.cli.studies import _Shown
from gpusim.studies.sweeps.execution import Progress
from tests.studies.sweeps.kit import policy_study, run_files, start, study, wait_for


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def sweep(*arguments: str) -> Result:
    result = CliRunner().invoke(cli, ["sweep", *arguments])
    assert isinstance(result.exception, SystemExit | None), repr(result.exception)
    assert "Traceback" not in result.output
    return result


def refused(result: Result, *texts: str) -> None:
    assert result.exit_code == 2, result.output
    assert re.match("(Loading kernels.*\n)?(gpusim: |Usage: )", result.stderr)
    for text in texts:
        assert text in result.stderr


def test_run_status_collect(tmp_path: Path) -> None:
    study(tmp_path)
    done = sweep("sweep.toml", "--executor", "serial")
    assert done.exit_code == 0
    assert re.search(r"100\.0 +sjf .* [\d,.]+ \(0\.0+ to [\d,.]+\) *\n", done.stdout)
    assert "\n20 of 20 runs finished. Store: out/sweep\n" in done.stdout
    again = sweep("run", "sweep.toml", "--executor", "serial")
    assert "20 of 20 runs are in the store already." in again.stderr
    assert sweep("status", "out/sweep").stdout == "out/sweep: sweep, 20 of 20 runs finished\n"
    assert sweep("collect", "out/sweep", "t.csv").stdout.startswith("t.csv: 20 runs, ")
    sweep("collect", "out/sweep", "t.parquet")
    table = pd.read_csv("t.csv")
    pd.testing.assert_frame_equal(table, pd.read_parquet("t.parquet"), check_dtype=False)
    assert list(table)[:6] == ["run", "point", "replication", "seed", "load", "order"]
    assert table["wait_mean_s"].nunique() >= 5


def test_damage_is_told(tmp_path: Path) -> None:
    study(tmp_path)
    sweep("sweep.toml", "--executor", "serial")
    bad = next(Path("out/sweep/runs").iterdir())
    whole = bad.read_bytes()
    bad.write_bytes(whole[:-5])
    Path("out/sweep/runs/mine.txt").touch()
    told = sweep("status", "out/sweep").stdout
    assert f"{bad}: damaged; run the study again to repeat it\n" in told
    assert "out/sweep/runs/mine.txt: not written by a study; ignored\n" in told
    refused(sweep("collect", "out/sweep", "u.csv"), f"damaged: {bad}; run the study again")
    again = sweep("sweep.toml", "--executor", "serial")
    assert f"{bad}: damaged; this run is repeated\n19 of 20 runs are in the store already." in again.stderr
    assert bad.read_bytes() == whole
    Path("out/sweep/sweep.json").write_text('{"format": 1, "study": "sweep"')
    for arguments in (("sweep.toml", "--executor", "serial"), ("status", "out/sweep")):
        refused(sweep(*arguments), "out/sweep/sweep.json: damaged", "delete it and run the study again")


def test_failures_are_told(tmp_path: Path) -> None:
    policy_study(tmp_path, "raise ValueError('no idea')")
    done = sweep("sweep.toml", "--executor", "serial")
    assert done.exit_code == 1
    assert "2 of 4 runs finished, 2 failed. Store: out/sweep" in done.stdout
    assert re.search(r"1 run failed, PolicyError: .* no idea\n  see out/sweep/failures/\w{32}\.json", done.stderr)
    assert sweep("status", "out/sweep").exit_code == 1
    policy_study(tmp_path, "return list(range(len(queue)))")
    done = sweep("sweep.toml", "--executor", "serial")
    assert (done.exit_code, "failed" in done.output) == (0, False)


def test_all_runs_fail(tmp_path: Path) -> None:
    policy_study(tmp_path, "raise ValueError")
    text = Path("sweep.toml").read_text().replace('["fifo", "mine:P"]', '["mine:P"]')
    Path("sweep.toml").write_text(text + '[stop]\nmeasure = "wait_mean_s"\nhalf_width = 1.0\n')
    done = sweep("sweep.toml", "--executor", "serial")
    assert done.exit_code == 1
    assert "0 of 2 runs finished, 2 failed. Store: out/sweep" in done.stdout


def test_what_cannot_be_run(tmp_path: Path) -> None:
    study(tmp_path)
    refused(sweep("absent.toml"), "absent.toml: 1 fault", "`gpusim sweep run --help` shows one")
    refused(sweep("status", "absent"), "gpusim: absent: no such folder; give the folder that `gpusim sweep` wrote")
    refused(sweep("sweep.toml", "--workers", "0"), "'--workers'")
    refused(sweep("sweep.toml", "--executor", "process"), "'process' is not one of 'serial', 'processes', 'dask'")
    refused(sweep("sweep.toml", "--address", "here:1"), "an address is for the executor dask; found 'processes'")
    refused(sweep("sweep.toml", "--out", "sweep.toml"), "sweep.toml: is a file; choose another name")
    refused(sweep("sweep.toml", "--out", "."), ".: holds no study")
    Path("sweep.toml").write_text(Path("sweep.toml").read_text().replace("fifo", "fifi"))
    place = "point 0 (load = 100.0, order = fifi) and 1 more: scheduler.order: "
    refused(sweep("sweep.toml"), place, "did you mean 'fifo'")
    assert not Path("out").exists()  # what cannot be run leaves nothing behind


def test_no_scheduler_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study(tmp_path)
    monkeypatch.setattr("gpusim.studies.sweeps.backend.TIMEOUT_S", 0.5)
    for address in ("127.0.0.1:9", "nonsense", "ftp://127.0.0.1:9"):
        began_s = time.monotonic()
        result = sweep("sweep.toml", "--executor", "dask", "--address", address)
        refused(result, f"gpusim: no Dask scheduler answers at {address} (", "start one with: dask scheduler")
        assert time.monotonic() - began_s < 10.0


def test_a_bar_on_a_terminal(tmp_path: Path) -> None:
    """Runs done, their rate and the time left are drawn on standard error where that is a terminal."""
    study(tmp_path)
    master, terminal = pty.openpty()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.dup2(terminal, 2)
        os.environ |= {"TERM": "xterm", "COLUMNS": "100"}
        os.execv("/bin/sh", ["sh", "-c", f"{_command()} sweep sweep.toml --executor serial > summary"])
    os.close(terminal)
    shown = b""
    try:
        while part := os.read(master, 65_536):
            shown += part
    except OSError:  # the terminal is closed
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert re.search(r"runs \S+ +\d+/20 [\d.]+ runs/s \d:\d\d:\d\d", plain)
    assert "20 of 20 runs finished" in Path("summary").read_text()


def _command() -> str:
    import shlex
    import sys

    return shlex.join([sys.executable, "-c", "from gpusim.cli import main; main()"])


def test_lines_without_a_terminal(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    class Bar:
        disable = True

        def add_task(self, *_arguments: object, **_options: object) -> int:
            return 0

        def update(self, *_arguments: object, **_options: object) -> None:
            pass

    clock = iter([0.0, 0.0, 4.0, 10.0, 19.0, 20.0])
    monkeypatch.setattr("gpusim.cli.studies.time.monotonic", lambda: next(clock))
    shown = _Shown(Bar())
    for done, failed in ((0, 0), (2, 0), (4, 1), (8, 1), (9, 1)):
        shown(Progress(25, 5, done, failed))
    assert capsys.readouterr().err.splitlines() == [
        "5 of 25 runs are in the store already.",
        "5 of 20 runs, 0.5 runs/s, 30 s left 1 failed",
        "10 of 20 runs, 0.5 runs/s, 20 s left 1 failed",
    ]


def test_two_sweeps_at_once_and_a_look_at_them(tmp_path: Path) -> None:
    study(tmp_path)
    both = [start(tmp_path, "sweep", "sweep.toml", "--executor", "serial", "--out", "out") for _i in range(2)]
    wait_for(lambda: (tmp_path / "out" / "design.parquet").exists())
    while any(process.poll() is None for process in both):
        assert re.match(r"out: sweep, \d+ of 20 runs finished(, \d+ missing)?\n$", sweep("status", "out").stdout)
        time.sleep(1.0)
    for process in both:
        out, err = process.communicate()
        assert process.returncode == 0, err
        assert "20 of 20 runs finished" in out
    sweep("sweep.toml", "--executor", "serial", "--out", "alone")
    assert run_files(tmp_path / "out") == run_files(tmp_path / "alone")
