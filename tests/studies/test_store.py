"""Stores: whole or repaired whatever happens to their files, readable with other tools while they grow."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.dataset
import pytest

from gpusim.errors import StoreError
from gpusim.studies.run_file import to_bytes
from gpusim.studies.store import Store

KEYS = [f"{i:032x}" for i in range(4)]


def outcome(value: float, cause: bool = True) -> pd.DataFrame:
    rows = [("fleet", "", "", "goodput", value), ("site", "a b", "", "pue", 2.0)]
    rows += [("pool", "a/H100", "idle_power", "usd", 7.0)] if cause else []
    return pd.DataFrame(rows, columns=["kind", "name", "cause", "measure", "value"])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store of four runs: three are finished, the last has failed."""
    store = Store.create(tmp_path / "store", {"study": "sweep", "spec": {"b": 1, "a": 2}})
    store.set_design(
        pd.DataFrame({"run": KEYS, "point": [0, 0, 1, 1], "replication": [0, 1] * 2, "seed": [5, 6] * 2, "load": 0.5})
    )
    for i, key in enumerate(KEYS[:3]):
        store.put(key, to_bytes(key, outcome(float(i), cause=i != 1)))
    store.fail(KEYS[3], {"kind": "PolicyError", "message": "no"})
    return store


def runs(store: Store) -> list[Path]:
    return sorted((store.folder / "runs").iterdir())


# What is kept ----------------------------------------------------------------------------------------------------


def test_what_is_kept(store: Store) -> None:
    again = Store.open(store.folder)
    assert again.about == {"study": "sweep", "spec": {"b": 1, "a": 2}}
    assert list(again.about["spec"]) == ["b", "a"]  # the order of axes
    assert list(again.status()["status"]) == ["finished"] * 3 + ["failed"]
    long = again.outcomes()
    assert list(long) == ["run", "kind", "name", "cause", "measure", "value"]
    assert long.groupby("run", observed=True)["value"].sum().tolist() == [9.0, 3.0, 11.0]
    assert again.outcomes([KEYS[2], KEYS[3]])["run"].unique().tolist() == [KEYS[2]]


def test_a_row_per_run(store: Store) -> None:
    table = store.table()
    assert list(table) == ["run", "point", "replication", "seed", "load", "goodput", "site a b pue",
                           "pool a/H100 idle_power usd"]  # fmt: skip
    assert table["goodput"].tolist() == [0.0, 1.0, 2.0]
    assert table["pool a/H100 idle_power usd"].tolist() == [7.0, 0.0, 7.0]  # no row: it cost nothing
    assert len(Store.create(store.folder.parent / "empty", {}).outcomes()) == 0


def test_a_run_at_two_points(store: Store) -> None:
    design = store.design().assign(run=[KEYS[0], KEYS[1], KEYS[0], KEYS[1]])
    store.set_design(design)
    assert store.table()["goodput"].tolist() == [0.0, 1.0, 0.0, 1.0]


def test_failures_end_with_success_or_with_their_run(store: Store) -> None:
    assert store.failures() == {KEYS[3]: {"kind": "PolicyError", "message": "no"}}
    store.put(KEYS[3], to_bytes(KEYS[3], outcome(4.0)))
    assert store.failures() == {}
    store.fail(KEYS[3], {"kind": "PolicyError", "message": "no"})
    store.set_design(store.design().iloc[:3])
    assert store.failures() == {}


def test_the_warm_up_is_remembered(store: Store) -> None:
    assert store.recall_warm_up_s(["a", "b"]) is None
    store.remember_warm_up_s(["a", "b"], 3600.0)
    assert store.recall_warm_up_s(["a", "b"]) == 3600.0
    assert store.recall_warm_up_s(["a", "c"]) is None
    (store.folder / "warm_up.json").write_text("{")
    assert store.recall_warm_up_s(["a", "b"]) is None


# Damage ----------------------------------------------------------------------------------------------------------


def flip(content: bytes) -> bytes:
    return content[:100] + bytes([content[100] ^ 1]) + content[101:]


@pytest.mark.parametrize("damage", [flip, lambda content: content[:-1], lambda _content: b""])
def test_damaged_runs_are_named_and_discarded(store: Store, damage: Callable[[bytes], bytes]) -> None:
    whole, bad, other = runs(store)
    bad.write_bytes(damage(bad.read_bytes()))
    with pytest.raises(StoreError, match=f"damaged: {bad}; run the study again"):
        store.table()
    assert store.damaged() == [bad]
    assert store.discard_damaged([KEYS[0]]) == []
    assert store.discard_damaged(KEYS) == [bad]
    assert runs(store) == [whole, other]
    assert list(store.status()["status"]) == ["finished", "missing", "finished", "failed"]


def test_foreign_files_are_left_alone(store: Store) -> None:
    foreign = [store.folder / "runs" / "mine.parquet", store.folder / "runs" / "notes.txt"]
    for file in foreign:
        file.write_text("mine")
    (store.folder / "failures" / "sub").mkdir()
    assert store.foreign() == [store.folder / "failures" / "sub", *foreign]
    assert store.damaged() == store.discard_damaged() == []
    assert len(store.table()) == 3
    assert all(file.exists() for file in foreign)


def test_a_damaged_design(store: Store) -> None:
    """Cut or flipped anywhere: an error, or nothing changed."""
    path = store.folder / "design.parquet"
    content, design, random_ = path.read_bytes(), store.design(), random.Random(0)
    flips = [(at, bit) for at in random_.sample(range(len(content)), 150) for bit in (1, 128)]
    damaged = [content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :] for at, bit in flips]
    damaged += [content[:at] for at in random_.sample(range(len(content)), 50)]
    errors = []
    for bad in damaged:
        path.write_bytes(bad)
        try:
            found = store.design()
        except StoreError as error:
            errors.append(str(error))
        else:
            pd.testing.assert_frame_equal(found, design)
    assert len(errors) > 100
    assert all(error.startswith(f"{path}: damaged") for error in errors)
    path.unlink()
    with pytest.raises(StoreError, match="missing; run the study again, its finished runs are kept"):
        store.status()


@pytest.mark.parametrize("text", ["", "{", '{"format": 1', "[]", "\x00", '{"format": 2}'])
def test_a_damaged_description(store: Store, text: str) -> None:
    about = store.folder / "sweep.json"
    about.write_text(text)
    for use in (Store.open, lambda folder: Store.create(folder, {"study": "sweep"})):
        with pytest.raises(StoreError, match="run the study again"):
            use(store.folder)
    about.unlink()  # as the message says
    assert len(Store.create(store.folder, {"study": "sweep"}).table()) == 3


@pytest.mark.parametrize("text", ['{"kind": "Pol', "", "[]", '{"kind": "X"}', "\x00"])
def test_a_damaged_failure(store: Store, text: str) -> None:
    (store.folder / "failures" / f"{KEYS[3]}.json").write_text(text)
    assert list(store.status()["status"]) == ["finished"] * 3 + ["failed"]
    assert "damaged; run the study again" in store.failures()[KEYS[3]]["message"]


def test_what_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    for folder, message in (("absent", "no such folder"), ("other", "holds no study"), ("file", "holds no study")):
        with pytest.raises(StoreError, match=message):
            Store.open(tmp_path / folder)
    with pytest.raises(StoreError, match="holds no study"):
        Store.create(tmp_path / "other", {})
    with pytest.raises(StoreError, match="is a file; choose another name"):
        Store.create(tmp_path / "file", {})
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StoreError, match="is a file; choose another name"):
        Store.create(tmp_path / "pipe", {})
    with pytest.raises(StoreError, match="cannot be written"):
        Store.create(tmp_path / "file" / "below", {})
    assert [file.name for file in (tmp_path / "other").iterdir()] == ["thesis.tex"]


def test_a_store_that_was_killed_before_it_said_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "store" / "runs").mkdir(parents=True)
    Store.create(tmp_path / "store", {"study": "sweep"})
    assert Store.open(tmp_path / "store").about == {"study": "sweep"}


def test_half_written_files_of_others_are_left_to_them(store: Store) -> None:
    fresh = store.folder / "runs" / ".a.parquet.1-x.partial"
    old = store.folder / "runs" / ".b.parquet.1-x.partial"
    for file in (fresh, old):
        file.touch()
    os.utime(old, (time.time() - 7200.0,) * 2)
    Store.create(store.folder, {"study": "sweep"})
    assert fresh.exists()
    assert not old.exists()
    assert len(store.table()) == 3
    assert store.foreign() == []


def test_a_full_disk_is_an_error_of_the_store(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_path: Path, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StoreError, match="cannot be written .No space left on device."):
        store.put(KEYS[3], b"")
    assert len(runs(store)) == 3


# Other tools -----------------------------------------------------------------------------------------------------


def test_other_tools_read_it(store: Store) -> None:
    """Also while a run is being written, half of which is there under a hidden name."""
    folder = store.folder
    (folder / "runs" / f".{KEYS[3]}.0.parquet.1-x.partial").write_bytes(b"PAR1")
    ours = store.outcomes()
    asked = duckdb.sql(
        f"select load, avg(value) as mean from '{folder}/runs/*.parquet' join '{folder}/design.parquet' using (run)"
        " where measure = 'goodput' group by load"
    ).fetchall()
    assert asked == [(0.5, 1.0)]
    arrow = pyarrow.dataset.dataset(folder / "runs").to_table().to_pandas()
    assert arrow["value"].tolist() == ours["value"].tolist()
    files = pd.concat(pd.read_parquet(file) for file in (folder / "runs").glob("[!.]*.parquet"))
    assert sorted(files["value"]) == sorted(ours["value"])
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "design.parquet"), store.design())


def test_names_are_plain_text(store: Store) -> None:
    """A file of a run is the same whatever holds the names in memory."""
    table = outcome(1.0)
    names = ["kind", "name", "cause", "measure"]
    assert to_bytes("k", table) == to_bytes("k", table.astype(dict.fromkeys(names, "category")))
    assert json.loads((store.folder / "sweep.json").read_text())["format"] == 1
