"""A page that needs nothing but itself: a template of this folder with its tables and pictures filled in."""

from __future__ import annotations

import base64
from importlib.resources import files
from pathlib import Path

import pandas as pd
from jinja2 import Environment, PackageLoader

from gpusim.analysis.wording import duration, quantity, share
from gpusim.errors import printable
from gpusim.report.tables import Column, cells
from gpusim.units import number_of


def write(path: Path, template: str, pictures: list[Path], **values: object) -> Path:
    """Fill a template and write it to ``path``.

    Parameters
    ----------
    template : str
        A file of this folder.
    pictures : list of Path
        PNG files, which the page holds by their name without ending.
    **values
        What else the template asks for.
    """
    style = (files("gpusim.report") / "report.css").read_text(encoding="utf-8")
    embedded = {picture.stem: _data_uri(picture) for picture in pictures}
    page = render(template, style=style, pictures=embedded, **values)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    return path


def render(template: str, **values: object) -> str:
    """A template of this folder, filled in."""
    environment = Environment(
        loader=PackageLoader("gpusim", "report"), autoescape=True, trim_blocks=True, lstrip_blocks=True, finalize=_shown
    )
    environment.filters |= {"quantity": quantity, "share": share, "duration": duration, "number_of": number_of}
    return environment.get_template(template).render(**values)


def table(values: pd.DataFrame, columns: tuple[Column, ...]) -> dict[str, list]:
    """Headings and cells of a table, as the macro of that name takes them."""
    return {
        "headings": [(column.heading, column.text) for column in columns],
        "rows": cells(values, columns),
        "text": [column.text for column in columns],
    }


def _shown(value: object) -> object:
    """What a template fills in: control characters of names, also those that turn its direction, are escaped."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return "\n".join(map(printable, value.split("\n")))


def _data_uri(picture: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode()
