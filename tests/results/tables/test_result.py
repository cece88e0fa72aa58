"""Saved results: whole or refused, whatever happens to the folder or to the process."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from gpusim.errors import ResultError
from gpusim.result import Result
from gpusim.results.tables.names import TABLES

REPOSITORY = Path(__file__).parents[2]


def result(mark: float = 1.0, rows: int = 5, wall_s: float = 0.5) -> Result:
    """A small result all of whose tables hold ``mark``."""
    tables = {name: pd.DataFrame({"name": [name] * rows, "value": [mark] * rows}) for name in TABLES}
    return Result({"seed": 1, "gpusim_version": "0.1.0", "mark": mark, "wall_s": wall_s}, tables)


def mark_of(folder: Path) -> float:
    """The mark of a saved result, the same in its manifest and all of its tables."""
    loaded = Result.load(folder)
    marks = {loaded.manifest["mark"], *(table["value"].iloc[0] for table in loaded.tables.values())}
    assert len(marks) == 1
    return marks.pop()


def test_round_trip(tmp_path: Path) -> None:
    saved = result()
    assert saved.save(tmp_path / "deep" / "run") == tmp_path / "deep" / "run"
    loaded = Result.load(tmp_path / "deep" / "run")
    assert loaded.manifest == saved.manifest
    for name in TABLES:
        pd.testing.assert_frame_equal(loaded.tables[name], saved.tables[name])
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["run"]


def test_tables_by_name_and_between_processes() -> None:
    there = pickle.loads(pickle.dumps(result(3.0)))
    assert there.job_waits["value"].tolist() == [3.0] * 5
    with pytest.raises(AttributeError, match="a result has no 'leger' .did you mean 'ledger'.*; its tables: jobs, "):
        there.leger  # noqa: B018


def test_same_bytes_but_for_the_wall_time(tmp_path: Path) -> None:
    result(wall_s=0.5).save(tmp_path / "a")
    result(wall_s=0.7).save(tmp_path / "b")
    differing = [
        file.name
        for file in (tmp_path / "a").iterdir()
        if file.read_bytes() != (tmp_path / "b" / file.name).read_bytes()
    ]
    assert differing == ["manifest.json"]
    first, second = (json.loads((tmp_path / name / "manifest.json").read_text()) for name in "ab")
    assert {key for key in first if first[key] != second[key]} == {"wall_s"}


def test_replaces_an_earlier_result_and_what_was_drawn_from_it(tmp_path: Path) -> None:
    result(1.0).save(tmp_path / "run")
    (tmp_path / "run" / "report.html").write_text("old")
    result(2.0).save(tmp_path / "run")
    assert mark_of(tmp_path / "run") == 2.0
    assert not (tmp_path / "run" / "report.html").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_never_replaces_anything_else(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(ResultError, match="holds no gpusim result; choose another folder"):
        result().save(tmp_path / "thesis")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ResultError, match="is a file; choose another name"):
        result().save(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")  # as a device: no plain file, and no folder
    with pytest.raises(ResultError, match="is a file; choose another name"):
        result().save(tmp_path / "pipe")
    with pytest.raises(ResultError, match="cannot be written"):
        result().save(tmp_path / "file" / "below")
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "years of work"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "pipe", "thesis"]
    assert (tmp_path / "pipe").is_fifo()


def test_a_link_to_a_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("large/run")
    for mark in (1.0, 2.0):
        result(mark).save(tmp_path / "link")
        (tmp_path / "link" / "note.txt").write_text("mine")
    assert mark_of(tmp_path / "large" / "run") == 2.0
    assert (tmp_path / "large" / "run" / "note.txt").exists()
    assert os.readlink(tmp_path / "link") == "large/run"
    assert sorted(path.name for path in tmp_path.glob("**/.*")) == []


def edit(folder: Path, change) -> None:
    """Change a saved manifest by hand."""
    about = json.loads((folder / "manifest.json").read_text())
    change(about)
    (folder / "manifest.json").write_text(json.dumps(about))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "jobs.parquet").unlink(), "jobs.parquet is missing; run the scenario again"),
        (lambda f: (f / "jobs.parquet").write_bytes(b""), "jobs.parquet is not what was saved"),
        (lambda f: os.truncate(f / "power.parquet", 100), "power.parquet is not what was saved"),
        (lambda f: shutil.copy(f / "jobs.parquet", f / "sites.parquet"), "sites.parquet is not what was saved"),
        (lambda f: ((f / "jobs.parquet").unlink(), (f / "jobs.parquet").mkdir()), "jobs.parquet cannot be read"),
        (lambda f: (f / "manifest.json").unlink(), "no manifest.json, so no complete result; give a folder"),
        (lambda f: os.truncate(f / "manifest.json", 100), "damaged"),
        (lambda f: (f / "manifest.json").write_bytes(b"\xff\xfe"), "damaged"),
        (lambda f: (f / "manifest.json").write_text("[" * 100_000), "damaged"),
        (lambda f: (f / "manifest.json").write_text("[]"), "is not the manifest of a result"),
        (lambda f: edit(f, lambda about: about.pop("seed")), "manifest.json is not what was saved"),
        (lambda f: edit(f, lambda about: about.update(seed="1")), "manifest.json is not what was saved"),
        (lambda f: (f / "manifest.json").write_text('{"sha256": 3}'), "is not the manifest of a result"),
        (
            lambda f: (f / "manifest.json").write_text('{"sha256": {}, "format": 1, "gpusim_version": "9.0"}'),
            r"has format 1, this version of gpusim reads 5 only; run the scenario again \(it was written by gpusim 9",
        ),
        (lambda f: shutil.rmtree(f), "no such folder; `gpusim run` writes one"),
        (lambda f: (shutil.rmtree(f), f.write_text("x")), "is a file; give the folder of a result"),
    ],
)  # fmt: skip
def test_damage_is_one_error(tmp_path: Path, damage, message: str) -> None:
    folder = result().save(tmp_path / "run")
    damage(folder)
    with pytest.raises(ResultError, match=message) as error:
        Result.load(folder)
    assert str(folder) in str(error.value)


def test_all_damage_together(tmp_path: Path) -> None:
    folder = result().save(tmp_path / "run")
    (folder / "jobs.parquet").unlink()
    (folder / "costs.parquet").write_bytes(b"PAR1")
    with pytest.raises(ResultError, match="jobs.parquet is missing; costs.parquet is not what was saved"):
        Result.load(folder)


def test_a_table_with_a_right_sum_and_no_parquet(tmp_path: Path) -> None:
    """A manifest made to fit a damaged table: still one error."""
    import hashlib

    folder = result().save(tmp_path / "run")
    (folder / "jobs.parquet").write_bytes(b"PAR1PAR1")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["sha256"]["jobs.parquet"] = hashlib.sha256(b"PAR1PAR1").hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ResultError, match="jobs.parquet cannot be read"):
        Result.load(folder)


# Kills itself, as kill -9 would, at the n-th thing that a save does to the file system; all of it in children of a
# process that has used no library with threads.
CRASH = """
import os, sys
from pathlib import Path
import gpusim.results.tables.record
import tests.results.tables.test_result
from tests.results.tables.test_result import mark_of, result
from gpusim.errors import ResultError
two = ("jobs", "sites")  # the others are no different
gpusim.results.tables.record.TABLES = tests.results.tables.test_result.TABLES = two
folder = Path(sys.argv[1])
EVENTS = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree", "os.scandir"}

def child(act):
    pid = os.fork()
    if pid == 0:
        try:
            act()
        except BaseException as error:
            print(type(error).__name__, error, file=sys.stderr)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def crashing(n):
    seen = 0
    def hook(event, arguments):
        nonlocal seen
        if event in EVENTS and (event != "open" or ".run." in str(arguments[0])):
            seen += 1
            if seen == n:
                os._exit(9)
    sys.addaudithook(hook)
    result(2.0, rows=7).save(folder)

def look():
    try:
        found = mark_of(folder)
    except ResultError as error:
        found = "cut short" if "rename the earlier result" in str(error) else error
    print(found, flush=True)

n = 0
while True:
    n += 1
    assert child(lambda: result(1.0).save(folder)) == 0
    crashed = child(lambda: crashing(n))
    assert child(look) == 0
    if crashed == 0:
        break
    assert crashed == 9
"""


def test_killed_at_any_step_of_saving(tmp_path: Path) -> None:
    """The earlier result, or between two renames an error that says where it is, then the new one; nothing else."""
    done = subprocess.run(
        [sys.executable, "-c", CRASH, str(tmp_path / "run")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcomes = done.stdout.split("\n")[:-1]
    assert len(outcomes) > 15
    order = ["1.0", "cut short", "2.0"]
    assert list(dict.fromkeys(outcomes)) == order
    assert [order.index(outcome) for outcome in outcomes] == sorted(order.index(outcome) for outcome in outcomes)
    assert outcomes.count("cut short") == 1


SAVE_FOR_EVER = """
import sys
from tests.results.tables.test_result import result
results = [result(mark, rows=20_000) for mark in (1.0, 2.0)]
results[0].save(sys.argv[1])
print("saved", flush=True)
while True:
    for each in results:
        each.save(sys.argv[1])
"""


@pytest.mark.parametrize("delay_s", [0.01, 0.04])
def test_killed_at_some_moment(tmp_path: Path, delay_s: float) -> None:
    folder = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-c", SAVE_FOR_EVER, str(folder)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "saved\n"
    time.sleep(delay_s)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    try:
        assert mark_of(folder) in (1.0, 2.0)
    except ResultError as error:
        assert "rename the earlier result" in str(error)  # noqa: PT017
    result(3.0).save(folder)
    assert mark_of(folder) == 3.0
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
