"""Workers that die, runs that fail: the others go on, and what is repaired is run again, alone."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import active_children, get_context
from pathlib import Path

import pytest

import gpusim
from gpusim.errors import GpusimError, WorkerDied
from gpusim.studies.sweeps.execution import Progress
from gpusim.studies.sweeps.processes import Processes
from tests.studies.sweeps.kit import SCENARIO, policy_study, run_files, study


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def workers() -> list[int]:
    return [process.pid for process in active_children() if process.daemon]


# The executor ----------------------------------------------------------------------------------------------------


def die_unless(file: str) -> str:
    """Kill the worker the first time."""
    if not Path(file).exists():
        Path(file).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "survived"


def die(how: str) -> None:
    os._exit(3) if how == "exit" else os.kill(os.getpid(), signal.SIGKILL)


def test_calls_survive_the_death_of_a_worker(tmp_path: Path) -> None:
    executor = Processes(2)
    once = executor.submit(die_unless, str(tmp_path / "file"))
    twice = executor.submit(die, "exit")
    others = [executor.submit(abs, -i) for i in range(20)]
    assert once.result(60) == "survived"
    with pytest.raises(WorkerDied, match="died 2 times"):
        twice.result(60)
    assert [other.result(60) for other in others] == list(range(20))
    executor.shutdown()
    assert workers() == []


def test_errors_come_back() -> None:
    executor = Processes(1)
    failed = executor.submit(int, "x")
    unsendable = executor.submit(partial(lambda: None))
    no_answer = executor.submit(eval, "lambda: None")
    assert isinstance(failed.exception(60), ValueError)
    assert "pickle" in str(unsendable.exception(60))
    assert "cannot be sent" in str(no_answer.exception(60))
    assert executor.submit(abs, -1).result(60) == 1  # by the same worker
    assert len(workers()) == 1
    executor.shutdown()
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(abs, 1)


def test_terminate_ends_what_runs() -> None:
    executor = Processes(1)
    running, waiting = executor.submit(signal.pause), executor.submit(abs, 1)
    while not workers():
        pass
    executor.terminate()
    assert isinstance(running.exception(60), WorkerDied)
    assert waiting.cancelled()


# Sweeps ----------------------------------------------------------------------------------------------------------


def test_workers_are_killed(tmp_path: Path) -> None:
    spec = study(tmp_path)
    gpusim.sweep(spec, "whole", executor="serial")
    killed = []

    def kill(progress: Progress) -> None:
        if progress.done in (3, 9, 15):
            killed.append(workers()[0])
            os.kill(killed[-1], signal.SIGKILL)

    done = gpusim.sweep(spec, "out", workers=2, progress=kill)
    assert len(set(killed)) == 3
    assert run_files(tmp_path / "out") == run_files(tmp_path / "whole")
    assert done.store.failures() == {}


def test_workers_of_dask_are_killed(tmp_path: Path) -> None:
    from distributed import Client, LocalCluster

    spec = study(tmp_path)
    gpusim.sweep(spec, "whole", executor="serial")
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:

        def kill(progress: Progress) -> None:
            if progress.done in (3, 12):
                os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)

        done = gpusim.sweep(spec, "out", executor=client.get_executor(), progress=kill)
    assert run_files(tmp_path / "out") == run_files(tmp_path / "whole")
    assert done.store.failures() == {}


def test_a_policy_that_ends_its_worker(tmp_path: Path) -> None:
    spec = policy_study(tmp_path, "os._exit(1)")
    done = gpusim.sweep(spec, "out", workers=2)
    assert status(done) == {"fifo": ["finished"] * 2, "mine:P": ["failed"] * 2}
    assert {error["kind"] for error in done.store.failures().values()} == {"WorkerDied"}
    assert all("died 2 times" in error["message"] for error in done.store.failures().values())


@pytest.mark.parametrize(
    ("policy", "kind", "message"),
    [
        ("raise ValueError('no idea')", "PolicyError", "no idea"),
        ("sys.exit(3)", "PolicyError", "3"),
        ("raise MemoryError", "PolicyError", "MemoryError"),
    ],
)
def test_a_policy_that_fails(tmp_path: Path, policy: str, kind: str, message: str) -> None:
    done = gpusim.sweep(policy_study(tmp_path, policy), "out", executor="serial")
    assert status(done) == {"fifo": ["finished"] * 2, "mine:P": ["failed"] * 2}
    errors = list(done.store.failures().values())
    assert [error["kind"] for error in errors] == [kind] * 2
    assert message in errors[0]["message"]
    assert sorted(error["seed"] for error in errors) == [0, 1]
    assert errors[0]["scenario"]["scheduler"]["order"] == "mine:P"


def test_repaired_and_run_again(tmp_path: Path) -> None:
    gpusim.sweep(policy_study(tmp_path, "raise ValueError"), "out", workers=2)
    before, told = run_files(tmp_path / "out"), []
    done = gpusim.sweep(
        policy_study(tmp_path, "return list(range(len(queue)))"), "out", workers=2, progress=told.append
    )
    assert status(done) == {"fifo": ["finished"] * 2, "mine:P": ["finished"] * 2}
    assert (told[-1].kept, told[-1].done) == (2, 2)
    assert before.items() < run_files(tmp_path / "out").items()
    assert list((tmp_path / "out" / "failures").iterdir()) == []


def test_a_trace_that_is_missing_and_comes(tmp_path: Path) -> None:
    text = """scenario = "tiny.toml"
replications = 2
[axes.trace]
key = "workload.trace"
values = ["a.csv", "b.csv"]
"""
    spec = study(tmp_path, text)
    trace = "job_id,submit_s,runtime_s,gpus\n1,5,10,1\n"
    Path("a.csv").write_text(trace)
    done = gpusim.sweep(spec, "out", workers=2)
    errors = list(done.store.failures().values())
    assert [error["kind"] for error in errors] == ["TraceError"] * 2
    assert "b.csv" in errors[0]["message"]
    Path("b.csv").write_text(trace)
    done = gpusim.sweep(spec, "out", workers=2)
    assert len(done.table()) == 4
    assert done.store.failures() == {}


def test_a_scenario_that_breaks_at_run_time(tmp_path: Path) -> None:
    scenario = SCENARIO.replace("grid_mw", 'price_file = "price.csv"\ngrid_mw')
    Path("price.csv").write_text("this is no price\n1\n")
    done = gpusim.sweep(study(tmp_path, 'scenario = "tiny.toml"\nreplications = 2', scenario), "out", executor="serial")
    assert [error["kind"] for error in done.store.failures().values()] == ["TraceError"] * 2
    with pytest.raises(GpusimError, match="no run has finished"):
        done.summary()


def test_a_worker_that_sees_other_files(tmp_path: Path) -> None:
    """Of a pool that started in another folder: its runs would not be those that their keys promise."""
    scenario = SCENARIO.replace("grid_mw", 'price_file = "price.csv"\ngrid_mw')
    Path("price.csv").write_text("time,price\n2026-06-01T00:00:00Z,10\n2026-06-02T00:00:00Z,10\n")
    spec = study(tmp_path, 'scenario = "tiny.toml"\nreplications = 1', scenario)
    with ProcessPoolExecutor(1, get_context("forkserver"), initializer=os.chdir, initargs=("/",)) as pool:
        done = gpusim.sweep(spec, "out", executor=pool)
    assert [error["kind"] for error in done.store.failures().values()] == ["OtherInputs"]


def test_an_executor_that_breaks_is_told(tmp_path: Path) -> None:
    spec = policy_study(tmp_path, "os._exit(1)")
    with ProcessPoolExecutor(1, get_context("forkserver")) as pool:
        with pytest.raises(GpusimError, match="the executor ended before its runs did"):
            gpusim.sweep(spec, "out", executor=pool)


def status(done: gpusim.Sweep) -> dict[str, list[str]]:
    """Of the runs of each policy."""
    return {order: list(runs) for order, runs in done.store.status().groupby("order")["status"]}
