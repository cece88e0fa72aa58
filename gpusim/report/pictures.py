"""Pictures as a page holds them: small PNG files."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

COLOURS = 256


def in_few_colours(picture: bytes) -> bytes:
    """A PNG file in its most frequent colours: areas keep theirs, edges of lines and text get the nearest."""
    image = Image.open(BytesIO(picture)).convert("RGB")
    counts = sorted(image.getcolors(image.width * image.height), key=lambda found: (-found[0], found[1]))
    colours = np.array([colour for _count, colour in counts])
    palette = colours[:COLOURS]
    nearest = np.concatenate([_nearest(part, palette) for part in np.array_split(colours, len(colours) // 1000 + 1)])
    places = np.empty(1 << 24, np.uint8)  # by colour; only those of the picture are written and read
    places[_codes(colours)] = nearest
    small = Image.fromarray(places[_codes(np.asarray(image))])
    small.putpalette(palette.astype(np.uint8).tobytes())
    file = BytesIO()
    small.save(file, "png")
    return file.getvalue()


def _codes(colours: np.ndarray) -> np.ndarray:
    """Colours (..., 3), of 8 bits each, as numbers of 24."""
    return colours.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)


def _nearest(colours: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Places of the nearest colours of a palette; of a colour that it holds its own."""
    return ((colours[:, None] - palette[None]) ** 2).sum(axis=2).argmin(axis=1)
