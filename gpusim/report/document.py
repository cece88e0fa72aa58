"""A page that needs nothing but itself: a template of this folder with its tables and pictures filled in."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

import pandas as pd
from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from gpusim.errors import printable
from gpusim.report.pictures import in_few_colours
from gpusim.report.tables import Column, cells, numbers
from gpusim.results.wording import duration, quantity, share
from gpusim.units import number_of

# Terms and what they mean, from the glossary of the guides, as tooltips of the pages.

_HERE = Path(__file__).parent
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


def file() -> Path:
    """The glossary: inside the package as it is installed, in a checkout among the guides."""
    inside = _HERE / "glossary.md"
    return inside if inside.is_file() else _HERE.parents[1] / "docs" / "glossary.md"


@cache
def glossary() -> dict[str, str]:
    """Definitions as plain text by term, in the order of the guide; terms of one definition apart."""
    found = {}
    for entry in file().read_text(encoding="utf-8").split("\n\n"):
        head, is_entry, text = entry.strip().partition("\n: ")
        plain = " ".join(_LINK.sub(r"\1", text).replace("`", "").split())
        if is_entry:
            found |= dict.fromkeys(head.split(", "), plain)
    return found


LONG = 24  # characters of text from which a column keeps a width
STYLES = ("libraries/dataTables.dataTables.min.css", "report.css")


def write(path: Path, template: str, pictures: list[Path], narrow: Mapping[str, bytes], **values: object) -> Path:
    """Fill a template and write it to ``path``.

    Parameters
    ----------
    template : str
        A file of this folder.
    pictures : list of Path
        PNG files, which the page holds by their name without ending.
    narrow : mapping
        The same pictures as a phone shows them, by name.
    **values
        What else the template asks for.
    """
    wide = {picture.stem: picture.read_bytes() for picture in pictures}
    forms = {
        form: {name: _data_uri(data) for name, data in found.items()}
        for form, found in (("pictures", wide), ("narrow", narrow))
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(template, **forms, **values), encoding="utf-8")
    return path


def page(template: str, **values: object) -> str:
    """A template of this folder that is a whole page, filled in, with its style."""
    return render(template, glossary=glossary(), style="\n".join(_text(name) for name in STYLES), **values)


def render(template: str, **values: object) -> str:
    """A template of this folder, filled in."""
    environment = Environment(
        loader=PackageLoader("gpusim", "report"), autoescape=True, trim_blocks=True, lstrip_blocks=True, finalize=_shown
    )
    environment.filters |= {"quantity": quantity, "share": share, "duration": duration, "number_of": number_of}
    environment.filters["packed"] = packed
    environment.globals["inline"] = _inline
    return environment.get_template(template).render(**values)


def table(values: pd.DataFrame, columns: tuple[Column, ...]) -> dict[str, list]:
    """Headings and cells of a table, and the numbers by which they are sorted, as the macro of that name takes them."""
    rows = cells(values, columns)
    return {
        "headings": [(two_lines(column.heading), column.text) for column in columns],
        "rows": rows,
        "text": [column.text for column in columns],
        "long": [max(map(len, cells_of), default=0) > LONG for cells_of in zip(*rows)],
        "order": numbers(values, columns),
    }


def two_lines(heading: str) -> tuple[str, ...]:
    """A heading in the one or two lines in which it stands, cut at the best of its spaces."""
    words = heading.split()
    cuts = [(" ".join(words[:i]), " ".join(words[i:])) for i in range(1, len(words))]
    return min([(heading,), *cuts], key=lambda lines: max(map(len, lines)))


def packed(value: object) -> str:
    """JSON of a value, compressed (zlib) and as text (base64), as ``explore/charts.js`` unpacks it."""
    text = json.dumps(value, separators=(",", ":")).encode()
    return base64.b64encode(zlib.compress(text, level=9)).decode()


def _shown(value: object) -> object:
    """What a template fills in: control characters of names, also those that turn its direction, are escaped."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return "\n".join(map(printable, value.split("\n")))


def _inline(name: str, kind: str = "text/javascript") -> Markup:
    """A script of this folder, or a text of another kind that a page does not show, as an element of the page."""
    script = _text(name).replace("</script", "<\\/script")  # which would end the element
    return Markup(f'<script type="{kind}">\n{script}</script>')


@cache
def _text(name: str) -> str:
    return (files("gpusim.report") / name).read_text(encoding="utf-8")


def _data_uri(picture: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(in_few_colours(picture)).decode()
