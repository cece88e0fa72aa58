"""Paths that commands take, and whether the outcome of one has a place there: found before anything is simulated."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpusim.errors import ResultError

if TYPE_CHECKING:
    from gpusim.scenario.scenario import Scenario


# Paths that commands take: whatever a command does with one, a name too long is told in the same words.


class NamedPath(click.Path):
    """A path, ``OSError`` if no file can be called so."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = super().convert(value, param, ctx)
        for part in (path, *path.parts):  # by itself too: below a folder that is not there a path is not looked at
            try:
                os.lstat(part)
            except OSError as error:
                if error.errno == errno.ENAMETOOLONG:
                    raise OSError(error.errno, error.strerror, str(path)) from None
            except ValueError:  # a zero byte, which who opens it tells
                pass
        return path


PATH = NamedPath(path_type=Path)


# Whether the outcome of a command has a place: found before anything is simulated.

MADE_OF = ("gpusim_version", "seed", "inputs_sha256", "gpus", "scenario")  # of a run: the same ones, the same bytes
MOST_KEYS = 4  # that are told

force_option = click.option("--force", is_flag=True, help="Overwrite what another run or study left in the folder.")
replace_option = click.option("--force", is_flag=True, help="Overwrite an existing file.")


def check_run(folder: Path, scenario: Scenario, seed: int, force: bool) -> None:
    """``ResultError`` if a run cannot be written to a folder, or another one is there that it would replace."""
    from gpusim.engine.manifest import manifest_of
    from gpusim.results.tables.folder import check_target, check_writable, manifest_in

    check_target(folder)
    check_writable(folder)
    earlier = manifest_in(folder)
    if earlier and not force:
        now = _plain(manifest_of(scenario, seed, 0.0, 0.0))
        found = (key for name in MADE_OF for key in _differing(earlier.get(name), now[name], name))
        _refuse_other(folder, "run", list(found))


def check_output(out: Path, force: bool, source: Path | None = None) -> None:
    """``ResultError`` if a file that the user names cannot be written, or stands there and is not to be replaced.

    Parameters
    ----------
    source : Path, optional
        What it is made from, which force does not replace either: a file, or a folder with all that is in it.
    """
    from gpusim.results.tables.folder import check_file

    if out.is_file():  # not so a device
        check_no_input(out, source)
        if not force:
            raise ResultError(f"{out}: exists already; choose another name, or replace it with --force")
    check_file(out)


def check_no_input(out: Path, source: Path | None) -> None:
    """``ResultError`` if writing a file would replace what it is made from."""
    if source is None or not out.exists() or not source.exists():
        return
    if out.samefile(source) or out.resolve().is_relative_to(source.resolve()):
        raise ResultError(f"{out}: is an input of this command; choose another name")


def check_study(folder: Path, store: Path, kind: str, told: dict[str, object], force: bool) -> None:
    """``ResultError`` if a study cannot be written to a folder, or another one is there that it would replace.

    Parameters
    ----------
    store : Path
        Where its runs are: the folder itself, or one in it.
    told : dict
        What tells it from others of its kind: values by their dotted keys in what the store says of its study.
    """
    from gpusim.results.tables.folder import check_writable
    from gpusim.studies.store import Store

    if folder.exists() and not folder.is_dir():  # a device too
        raise ResultError(f"{folder}: is a file; choose another name")
    check_writable(folder)
    if not (store / "sweep.json").is_file():
        if folder.is_dir() and any(folder.iterdir()) and not store.is_dir():
            raise ResultError(f"{folder}: holds no study of kind {kind!r}; choose another folder")
        return
    earlier = Store.open(store).about
    if earlier.get("study") != kind:
        found = f"holds a study of kind {earlier.get('study')!r}, not {kind!r}"
        raise ResultError(f"{folder}: {found}; choose another folder")
    if not force:
        pairs = ((key, _at(earlier, key), _plain(value)) for key, value in told.items())
        _refuse_other(folder, kind, [key for name, was, now in pairs for key in _differing(was, now, name)])


def _at(table: object, key: str) -> object:
    for part in key.split("."):
        table = table.get(part) if isinstance(table, dict) else None
    return table


def _plain(value: object) -> object:
    """A value as it comes back from JSON."""
    return json.loads(json.dumps(value, default=str))


def _refuse_other(folder: Path, kind: str, differing: list[str]) -> None:
    if differing:
        more = ", ..." if len(differing) > MOST_KEYS else ""
        raise ResultError(
            f"{folder}: holds another {kind} (different: {', '.join(differing[:MOST_KEYS])}{more}); choose another"
            " folder with --out, or replace it with --force"
        )


def _differing(a: object, b: object, key: str) -> list[str]:
    """Dotted keys whose values differ."""
    if isinstance(a, dict) and isinstance(b, dict):
        prefix = "" if key == "scenario" else f"{key}."
        names = dict.fromkeys([*a, *b])
        return [found for name in names for found in _differing(a.get(name), b.get(name), f"{prefix}{name}")]
    return [key] if a != b else []
