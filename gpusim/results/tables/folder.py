"""The folder of a saved result: whether it can be written, what it holds, and how it is kept."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from gpusim.errors import ResultError, reason

# Whether a folder or file can be written, found before the work whose outcome it is to take.

ROOM = 1 << 20  # bytes that have to be free


def check_writable(target: Path) -> None:
    """``ResultError`` if ``target`` cannot be made or written: tried out beside it, and nothing is left behind."""
    try:
        real = Path(os.path.realpath(target))  # where a link leads
        place = next(folder for folder in real.parents if os.path.lexists(folder))
        with TemporaryDirectory(dir=place, prefix=".gpusim-") as probe:
            # As long as the longest name that is written there, see ``gpusim.results.tables.folder``.
            below = real.relative_to(place)
            tried = Path(probe) / below.with_name(f".{below.name}.earlier")
            tried.mkdir(parents=True)
            (tried / "room").write_bytes(bytes(ROOM))
        if target.is_dir():
            with TemporaryDirectory(dir=target, prefix=".gpusim-"):
                pass
        elif target.exists() and not os.access(target, os.W_OK):
            raise PermissionError("a file that is not to be written")
    except OSError as error:
        raise ResultError(f"{target}: cannot be written ({reason(error)}); choose another place") from None


def check_file(target: Path) -> None:
    """``ResultError`` if a file cannot be written; then there is a folder for it."""
    if target.is_dir():
        raise ResultError(f"{target}: is a folder; give the name of a file")
    check_writable(target)
    target.absolute().parent.mkdir(parents=True, exist_ok=True)


def folder_name(name: str) -> str:
    """Name of a folder for what a file calls itself, which is any text: one name, never a path."""
    return re.sub(r"[^\w .()+-]+", "-", name).strip(" .-")[:200] or "study"


# What a folder holds that gpusim wrote, and the command that shows it: for who gave it to another one.

SWEEP = "sweep.json"  # of a store of runs
RELIEF, PLAN = "relief", "plan.toml"


def contents_of(folder: Path) -> str:
    """A sentence on a folder that is no run: what it is, and what shows it; empty if it is nothing that is known."""
    if (folder / RELIEF / "manifest.json").is_file():
        return (
            f"is a relief study, not a run; `gpusim report {folder}` draws its page, and {folder / 'base'} is the run"
            " of its scenario as it is"
        )
    if (folder / PLAN).is_file() and (folder / "runs" / SWEEP).is_file():
        return (
            f"is a plan, not a run; its page is {folder / 'report.html'}, and `gpusim run {folder / PLAN}` runs"
            " what it buys"
        )
    study = study_of(folder)
    if study == "sweep":
        return (
            f"is a sweep, not a run; `gpusim report {folder}` draws its page, and `gpusim sweep status {folder}` says"
            " how far it is"
        )
    return f"holds the runs of a {study} study, not a run; its page is {folder.parent / 'report.html'}" if study else ""


def study_of(folder: Path) -> str:
    """Kind of the study whose store a folder is: sweep, plan, relief; empty if it is none."""
    try:
        about = json.loads((folder / SWEEP).read_text(encoding="utf-8"))
        return str(about["study"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""


# The folder of a saved result: one Parquet file per table, and a manifest with the sum of each and of itself.
#
# Beside them stands what is drawn from them. Files of others in the folder stay when a result replaces an earlier one.

FORMAT = 5  # of the folder; any other number is refused
MANIFEST = "manifest.json"
PARTS = ("deliveries", "competition", "assumptions")  # folders in it that are of its kind
DRAWN_BY = b"drawn by gpusim"  # in every figure


def save(folder: Path, manifest: dict, tables: dict[str, pd.DataFrame]) -> Path:
    """Write a folder in place of an earlier result there; ``ResultError`` if that cannot be done.

    Everything goes to a hidden folder beside the target first. The earlier result is renamed to another hidden name,
    the new one to the target, and only then is the earlier one removed: at no moment are both lost. What gpusim did
    not write moves to the new folder.
    """
    target = Path(os.path.realpath(folder))  # where a link leads: the link stays
    partial, earlier = _beside(target, "partial"), _beside(target, "earlier")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _recover(target, earlier)
        check_target(folder)
        shutil.rmtree(partial, ignore_errors=True)
        try:
            _write(partial, manifest, tables)
            _swap(target, partial, earlier)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise ResultError(f"{folder}: cannot be written ({reason(error)}); choose another folder") from None
    return folder


def check_target(folder: Path) -> None:
    """``ResultError`` if a folder holds anything that is not a result: saving would replace it."""
    if folder.exists() and not folder.is_dir():  # a device too
        raise ResultError(f"{folder}: is a file; choose another name")
    if folder.is_dir() and not _is_result(folder) and any(folder.iterdir()):
        raise ResultError(f"{folder}: holds no gpusim result; choose another folder")


def manifest_in(folder: Path) -> dict | None:
    """Manifest of the result in a folder, damaged tables or not; None if there is none."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return manifest if isinstance(manifest, dict) and isinstance(manifest.get("sha256"), dict) else None


def _is_result(folder: Path) -> bool:
    return manifest_in(folder) is not None


def load(folder: Path, names: Iterable[str], optional: Iterable[str] = ()) -> tuple[dict, dict[str, pd.DataFrame]]:
    """Manifest and tables, the optional ones as far as they were saved.

    One ``ResultError`` with all that is missing or damaged.
    """
    manifest, sums = _read_manifest(folder)
    tables, faults = {}, []
    if sums.get(MANIFEST, _sum_of(manifest)) != _sum_of(manifest):  # none of what an earlier version saved
        faults.append(f"{MANIFEST} is not what was saved")
    for name in [*names, *(name for name in optional if f"{name}.parquet" in sums)]:
        file = folder / f"{name}.parquet"
        try:
            content = file.read_bytes()
            if hashlib.sha256(content).hexdigest() != sums.get(file.name):
                faults.append(f"{file.name} is not what was saved")
            else:
                tables[name] = pd.read_parquet(BytesIO(content))
        except FileNotFoundError:
            faults.append(f"{file.name} is missing")
        except (OSError, ValueError) as error:
            faults.append(f"{file.name} cannot be read ({reason(error)})")
    if faults:
        raise ResultError(f"{folder}: {'; '.join(faults)}; run the scenario again")
    return manifest, tables


def _write(folder: Path, manifest: dict, tables: dict[str, pd.DataFrame]) -> None:
    folder.mkdir()
    sums = {MANIFEST: _sum_of(json.loads(json.dumps(manifest, default=str)))}
    for name, table in tables.items():
        file = folder / f"{name}.parquet"
        table.to_parquet(file, index=False)
        sums[file.name] = hashlib.sha256(file.read_bytes()).hexdigest()
    text = json.dumps({**manifest, "format": FORMAT, "sha256": sums}, indent=1, sort_keys=True, default=str)
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def _sum_of(manifest: dict) -> str:
    """Of what a manifest says of a result; the wall time, which differs between equal runs, apart."""
    said = {key: value for key, value in manifest.items() if key != "wall_s"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _beside(target: Path, role: str) -> Path:
    return target.parent / f".{target.name}.{role}"


def _recover(target: Path, earlier: Path) -> None:
    """Bring back, or clear away, an earlier result that a killed save left aside."""
    if earlier.exists() and not target.exists():
        earlier.rename(target)
    _clear_away(earlier, target)


def _clear_away(earlier: Path, target: Path) -> None:
    """Remove an earlier result; what others put into its folder is in the new one then."""
    if _is_result(earlier):
        for file in list(_foreign(earlier)):
            place = target / file.relative_to(earlier)
            if not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                file.rename(place)
        (earlier / MANIFEST).unlink()  # first: without it nothing is left there that is another's
    shutil.rmtree(earlier, ignore_errors=True)


def _foreign(folder: Path) -> Iterator[Path]:
    """Files and folders of a result's folder that gpusim did not write."""
    for part in ("", *PARTS):
        tables = (manifest_in(folder / part) or {}).get("sha256", {})
        ours = {*tables, MANIFEST, *(() if part else ("report.html", "figures", *PARTS))}
        yield from (file for file in sorted((folder / part).glob("*")) if file.name not in ours)
    for picture in sorted((folder / "figures").glob("*")):
        if not picture.is_file() or DRAWN_BY not in picture.read_bytes()[:1000]:
            yield picture


def _swap(target: Path, partial: Path, earlier: Path) -> None:
    """Put the new folder in the earlier one's place."""
    if target.exists():
        target.rename(earlier)
    try:
        partial.rename(target)
    except OSError:
        _recover(target, earlier)
        raise
    _clear_away(earlier, target)


def _read_manifest(folder: Path) -> tuple[dict, dict]:
    """Manifest, and the sums of the tables."""
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ResultError(f"{folder}: {_why_none(folder)}") from None
    except NotADirectoryError:
        raise ResultError(f"{folder}: is a file; give the folder of a result") from None
    except OSError as error:
        raise ResultError(f"{folder}: cannot be read ({reason(error)})") from None
    except (ValueError, RecursionError) as error:
        raise ResultError(f"{path}: damaged ({error}); run the scenario again") from None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("sha256"), dict):
        raise ResultError(f"{path}: is not the manifest of a result; give the folder of a result")
    if manifest.get("format") != FORMAT:
        raise ResultError(
            f"{path}: has format {manifest.get('format')!r}, this version of gpusim reads {FORMAT} only;"
            f" run the scenario again (it was written by gpusim {manifest.get('gpusim_version', 'unknown')})"
        )
    return {key: value for key, value in manifest.items() if key not in ("format", "sha256")}, manifest["sha256"]


def _why_none(folder: Path) -> str:
    earlier = _beside(folder.absolute(), "earlier")
    if folder.exists():
        return contents_of(folder) or "no manifest.json, so no complete result; give a folder of a finished run"
    if earlier.exists():
        return f"saving was cut short; rename the earlier result, {earlier}, to {folder}, or run the scenario again"
    return "no such folder; `gpusim run` writes one"
