"""A name that no file can have is told in the same words by every command, wherever it takes a path."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import gpusim
from gpusim.cli import cli
from gpusim.cli.paths import NamedPath
from gpusim.errors import GpusimError
from gpusim.studies.store import Store

LONG = "n" * 5500
NAMES = ("simulator", "policy")  # arguments that are names of ours


def commands(group: click.Group = cli, name: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for word, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*name, word))
        else:
            yield (*name, word), command


def takes_a_path(parameter: click.Parameter) -> bool:
    if isinstance(parameter, click.Argument):
        return parameter.name not in NAMES
    return isinstance(parameter.type, click.Path)


def any_value(parameter: click.Parameter) -> str:
    """What an option can have that is not looked at."""
    return "1" if isinstance(parameter.type, click.types.FloatParamType) else "x"


PLACES = [
    pytest.param(name, command, parameter, id=f"{' '.join(name)} {parameter.name}")
    for name, command in commands()
    for parameter in command.params
    if takes_a_path(parameter)
]


@pytest.mark.parametrize(("name", "command", "parameter"), PLACES)
@pytest.mark.parametrize("path", [LONG, f"new/{LONG}", "new/" + "n" * 300])
def test_a_name_too_long(name, command, parameter, path, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert isinstance(parameter.type, NamedPath)
    words = [*name]
    for other in command.params:
        if isinstance(other, click.Argument):
            words.append(path if other is parameter else "x")
        elif other is parameter or other.required:
            words += [other.opts[0], path if other is parameter else any_value(other)]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr == f"gpusim: {path[:60]}...{path[-19:]}: File name too long\n"
    assert list(tmp_path.iterdir()) == []


def test_no_path_is_left_out() -> None:
    assert len(PLACES) >= 20
    assert {"--out", "--figure", "--jobs"} <= {option for place in PLACES for option in place.values[2].opts}


@pytest.mark.parametrize("read", [gpusim.Result.load, gpusim.Relief.load, gpusim.Sweep.load, Store.open])
def test_what_cannot_be_opened_is_not_called_damaged(read, tmp_path: Path) -> None:
    with pytest.raises(GpusimError, match=r"cannot be read \(File name too long\)$"):
        read(LONG)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(GpusimError, match=r"cannot be read \(Too many levels of symbolic links\)$"):
        read(tmp_path / "loop")
