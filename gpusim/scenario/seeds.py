"""The scenarios and sweeps that come with gpusim, which commands and ``from_toml`` take by their names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

Kind = Literal["scenario", "sweep"]
_PACKAGE = Path(__file__).parents[1]
_PLACE = {"scenario": "*.toml", "sweep": "sweeps/*.toml"}
_SENTENCE = re.compile(r".+?[.?](?=\s|$)")


def folder() -> Path:
    """Where they are: inside the package as it is installed, in a checkout beside it."""
    inside = _PACKAGE / "seeds"
    return inside if inside.is_dir() else _PACKAGE.parent / "seeds"


def seeds(kind: Kind = "scenario") -> dict[str, Path]:
    """Files by name, in the order of names."""
    return {path.stem: path for path in sorted(folder().glob(_PLACE[kind]))}


def located(path: str | Path, kind: Kind = "scenario") -> Path:
    """The file that a path or a name stands for: a file of the user's own goes first."""
    path = Path(path)
    if path.is_file() or path.name != str(path):
        return path
    return seeds(kind).get(path.name, path)


def about(path: Path) -> str:
    """What a seed is: the first sentence of the comment on its top."""
    lines = path.read_text(encoding="utf-8").splitlines()
    end = next(i for i, line in enumerate(lines) if not line.startswith("# "))
    comment = " ".join(line.removeprefix("# ") for line in lines[:end])
    sentence = _SENTENCE.match(comment)
    return sentence[0] if sentence else comment
