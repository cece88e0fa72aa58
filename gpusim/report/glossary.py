"""Terms and what they mean, from the glossary of the guides, as tooltips of the pages."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

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
