"""Sweeps that are stopped: by kill -9, by Ctrl-C, in the middle of anything."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

import gpusim
from tests.studies.sweeps.kit import MAIN, policy_study, run_files, session, start, study, wait_for

SWEEP = ("sweep", "sweep.toml", "--out", "out", "--workers", "2")


def finished(folder: Path) -> int:
    return len(list((folder / "out" / "runs").glob("*.parquet")))


def interrupted(process: subprocess.Popen) -> tuple[str, float]:
    """Ctrl-C, as a terminal sends it: to all processes at once. Standard error, and the seconds that it took."""
    began_s = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    _out, err = process.communicate(timeout=60)
    wait_for(lambda: not session(process.pid), 10.0)
    return err, time.monotonic() - began_s


def test_killed_at_any_moment(tmp_path: Path) -> None:
    spec = study(tmp_path)
    gpusim.sweep(spec, tmp_path / "whole", executor="serial")
    whole = run_files(tmp_path / "whole")
    moments = random.Random(3)
    for least in (-1, 0, 1 + moments.randrange(9)):
        process = start(tmp_path, *SWEEP)
        if least >= 0:
            wait_for(lambda: finished(tmp_path) > least)  # noqa: B023
        else:
            wait_for((tmp_path / "out").exists)
        time.sleep(moments.uniform(0.0, 0.02))
        process.kill()
        process.communicate()
        wait_for(lambda: not session(process.pid), 10.0)  # noqa: B023
        before = {name: data for name, data in run_files(tmp_path / "out").items() if name.endswith(".parquet")} if (
            tmp_path / "out" / "runs"
        ).exists() else {}  # fmt: skip
        assert before.items() <= whole.items()
        assert len(before) < len(whole), "killed too late to tell"
    told = []
    gpusim.sweep(spec, tmp_path / "out", executor="serial", progress=told.append)
    assert (told[-1].kept, told[-1].done) == (len(before), 20 - len(before))
    assert {name: data for name, data in run_files(tmp_path / "out").items() if name[0] != "."} == whole
    assert (tmp_path / "out" / "design.parquet").read_bytes() == (tmp_path / "whole" / "design.parquet").read_bytes()


def test_ctrl_c_while_runs_are_made(tmp_path: Path) -> None:
    study(tmp_path)
    text = (tmp_path / "sweep.toml").read_text()
    (tmp_path / "sweep.toml").write_text(text.replace("replications = 5", "replications = 500"))
    process = start(tmp_path, *SWEEP)
    wait_for(lambda: finished(tmp_path) >= 2)
    err, seconds = interrupted(process)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "Stopped. Finished runs are in out; the same command resumes there."
    assert "Traceback" not in err
    assert "Interrupt" not in err
    assert seconds < 5.0
    assert 2 <= finished(tmp_path) < 2000


def test_ctrl_c_while_kernels_compile(tmp_path: Path) -> None:
    study(tmp_path)
    process = start(tmp_path, *SWEEP, NUMBA_CACHE_DIR=str(tmp_path / "cache"))
    wait_for(lambda: any((tmp_path / "cache").rglob("*.nb[ic]")))  # one of them is done, many are not
    err, seconds = interrupted(process)
    assert (process.returncode, "Traceback" in err, "Interrupt" in err) == (130, False, False), err
    assert err.splitlines()[-1].startswith("Stopped.")
    assert seconds < 5.0
    assert finished(tmp_path) == 0


@pytest.mark.parametrize("where", ["gpusim.studies.sweeps.sweep.points", "gpusim.report.sweeps.summary.print_summary"])
def test_ctrl_c_before_and_after(tmp_path: Path, where: str) -> None:
    """Before the first run, and while the summary is printed: there the command meets the signal by itself."""
    study(tmp_path)
    (tmp_path / "sweep.toml").write_text('scenario = "tiny.toml"\nreplications = 1\n')
    module, _dot, name = where.rpartition(".")
    signals = f"import os, signal, time\nimport {module} as there\n"
    signals += f"there.{name} = lambda *_: (os.kill(os.getpid(), signal.SIGINT), time.sleep(9))\n"
    process = start(tmp_path, "sweep", "sweep.toml", "--executor", "serial", code=signals + MAIN)
    _out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("Stopped. Finished runs are in")


def test_sigterm_leaves_no_orphans(tmp_path: Path) -> None:
    """As a batch system ends a job, here only the parent."""
    study(tmp_path)
    text = (tmp_path / "sweep.toml").read_text()
    (tmp_path / "sweep.toml").write_text(text.replace("replications = 5", "replications = 500"))
    process = start(tmp_path, *SWEEP)
    wait_for(lambda: finished(tmp_path) >= 1)
    assert len(session(process.pid)) >= 4  # itself, the fork server, two workers
    process.terminate()
    process.communicate()
    wait_for(lambda: not session(process.pid), 10.0)


BUSY = {
    "computes": "while True: pass",
    "waits": "time.sleep(300)",
    "holds the interpreter as a kernel does": "import ctypes; ctypes.PyDLL(None).sleep(300)",
}


@pytest.mark.parametrize("what", BUSY)
def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path, what: str) -> None:
    policy_study(tmp_path, f"open(f'busy-{{os.getpid()}}', 'w').close()\n        {BUSY[what]}")
    process = start(tmp_path, *SWEEP)
    wait_for(lambda: len(list(tmp_path.glob("busy-*"))) == 2)
    time.sleep(0.2)
    busy = [int(file.name.partition("-")[2]) for file in tmp_path.glob("busy-*")]
    assert set(busy) < set(session(process.pid))
    process.kill()
    process.wait()
    try:
        wait_for(lambda: not session(process.pid), 10.0)
    finally:
        for left in session(process.pid):
            os.kill(left, signal.SIGKILL)
