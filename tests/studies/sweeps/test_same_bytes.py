"""The runs of a study are the same, to the byte, whoever makes them; what they depend on is in their names."""

from __future__ import annotations

import gzip
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

import gpusim
from gpusim.errors import GpusimError
from gpusim.scenario.scenario import Scenario
from gpusim.studies.sweeps.run import Run
from tests.studies.sweeps.kit import SCENARIO, SWEEP, run_files, study

TRACE = "job_id,submit_s,runtime_s,gpus\n" + "".join(f"{i},{60 * i},{300 + i},1\n" for i in range(50))


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def serial(tmp_path: Path) -> dict[str, bytes]:
    spec = study(tmp_path)
    gpusim.sweep(spec, "serial", executor="serial")
    return run_files(tmp_path / "serial")


def test_whoever_makes_them(tmp_path: Path, serial: dict[str, bytes]) -> None:
    spec = study(tmp_path)
    assert len(serial) == 20
    gpusim.sweep(spec, "processes", workers=2)
    assert run_files(tmp_path / "processes") == serial
    gpusim.sweep(spec, "dask", executor="dask", workers=2)
    assert run_files(tmp_path / "dask") == serial
    with ThreadPoolExecutor(3) as threads:
        gpusim.sweep(spec, "threads", executor=threads)
        assert threads.submit(int, "1").result() == 1  # left open
    assert run_files(tmp_path / "threads") == serial
    with ProcessPoolExecutor(2, mp_context=get_context("forkserver")) as pool:
        gpusim.sweep(spec, "pool", executor=pool)
        assert pool.submit(int, "1").result() == 1
    assert run_files(tmp_path / "pool") == serial
    designs = {name: (tmp_path / name / "design.parquet").read_bytes() for name in ("serial", "processes", "dask")}
    assert len(set(designs.values())) == 1


def test_a_client_of_dask_is_an_executor(tmp_path: Path, serial: dict[str, bytes]) -> None:
    from distributed import Client, LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster:
        with Client(cluster) as client:
            gpusim.sweep(study(tmp_path), "client", executor=client.get_executor())
    assert run_files(tmp_path / "client") == serial


def test_a_second_call_does_nothing(tmp_path: Path) -> None:
    spec, told = study(tmp_path), []
    gpusim.sweep(spec, "out", executor="serial")
    times = {file: file.stat().st_mtime_ns for file in (tmp_path / "out" / "runs").iterdir()}
    gpusim.sweep(spec, "out", executor="serial", progress=told.append)
    assert [tuple(state) for state in told] == [(20, 20, 0, 0, ())]
    assert times == {file: file.stat().st_mtime_ns for file in (tmp_path / "out" / "runs").iterdir()}


def test_more_replications_keep_the_others(tmp_path: Path, serial: dict[str, bytes]) -> None:
    told = []
    more = study(tmp_path, SWEEP.replace("replications = 5", "replications = 6"))
    gpusim.sweep(more, "serial", executor="serial", progress=told.append)
    assert (told[-1].kept, told[-1].done) == (20, 4)
    assert serial.items() < run_files(tmp_path / "serial").items()


# What a key depends on -------------------------------------------------------------------------------------------


def key(text: str = SCENARIO, seed: int = 1, warm_up_s: float = 0.0) -> str:
    Path("s.toml").write_text(text)
    return Run(Scenario.from_toml("s.toml"), seed, warm_up_s).key


def test_comments_and_order_do_not_matter() -> None:
    head, _run, rest = SCENARIO.partition("[run]")
    run, sites, end = rest.partition("[sites.gb]")
    moved = f"# other words\n{head}[sites.gb]{end}[run] # moved{run}".replace("days = 0.2", "days = 0.20 # short")
    assert moved != SCENARIO
    assert key(moved) == key()


def test_scenario_seed_warm_up_and_version_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [key(), key(seed=2), key(warm_up_s=60.0), key(SCENARIO.replace("gpus = 8", "gpus = 16"))]
    monkeypatch.setattr("gpusim.studies.sweeps.run.__version__", "next")
    assert len({*keys, key()}) == 5


def test_content_of_files_matters() -> None:
    text = SCENARIO.replace("grid_mw", 'price_file = "price.csv"\ngrid_mw').replace(
        "[workload.classes.batch]", '[workload]\ntrace = "trace.csv"\n[workload.classes.batch]'
    )
    price, trace = Path("price.csv"), Path("trace.csv")
    price.write_text("one")
    trace.write_text(TRACE)
    first = key(text)
    price.write_text("two")
    second = key(text)
    trace.write_text(TRACE.replace("300", "301"))
    third = key(text)
    price.unlink()
    assert len({first, second, third, key(text)}) == 4
    price.write_text("one")
    trace.write_text(TRACE)
    assert key(text) == first


def test_source_of_a_policy_matters() -> None:
    text = SCENARIO + '[scheduler]\nmode = "cycle"\norder = "keyed_policy:P"\n'
    absent = key(text)
    Path("keyed_policy.py").write_text("class P: order = None  # one")
    first = key(text)
    Path("keyed_policy.py").write_text("class P: order = None  # two")
    assert len({absent, first, key(text)}) == 3


def test_a_policy_of_the_script_is_refused() -> None:
    with pytest.raises(GpusimError, match="put the policy into a module of its own"):
        key(SCENARIO + '[scheduler]\nmode = "cycle"\norder = "__main__:P"\n')


def test_a_changed_policy_runs_anew_in_the_same_process(tmp_path: Path) -> None:
    """The module that this process imported is not the one that the new key was made from."""
    scenario = SCENARIO.replace("200.0", "2000.0") + '[scheduler]\nmode = "cycle"\ncycle_s = 600.0\norder = "turn:P"\n'
    spec = study(tmp_path, 'scenario = "tiny.toml"\nreplications = 1\n', scenario)
    module = "import numpy as np\nclass P:\n    def order(self, queue, now_s): return np.arange(len(queue)){}\n"
    waits = []
    for slice_ in ("", "[::-1]"):
        Path("turn.py").write_text(module.format(slice_))
        waits.append(gpusim.sweep(spec, "out", executor="serial").table()["wait_p99_s"].item())
    assert waits[1] < 0.5 * waits[0]  # last come, first served: of those that started


def test_a_replayed_trace_is_the_same_everywhere(tmp_path: Path) -> None:
    """Also when it is mapped from the store, also compressed."""
    scenario = SCENARIO.partition("[workload.streams")[0].replace(
        "[workload.classes.batch]", '[workload]\ntrace = "trace.csv.gz"'
    )
    Path("trace.csv.gz").write_bytes(gzip.compress(TRACE.encode()))
    spec = study(tmp_path, 'scenario = "tiny.toml"\nreplications = 2\n', scenario)
    one = gpusim.sweep(spec, "one", executor="serial").table()
    gpusim.sweep(spec, "two", workers=2)
    assert run_files(tmp_path / "one") == run_files(tmp_path / "two")
    assert (one["jobs"] == 50).all()
    assert one["wait_mean_s"].iloc[0] == gpusim.run(Scenario.from_toml("tiny.toml"), 0).metrics().value["wait_mean_s"]
