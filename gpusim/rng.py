"""One seed feeds named, independent random streams.

A stream depends on the seed and on its own name only, never on the order in which streams are asked for: two
runs that differ in one thing share all other randomness.
"""

from __future__ import annotations

import hashlib

import numpy as np


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """Random generator of the stream called ``names`` (say ``"arrivals", "tenant-a"``) under ``seed``."""
    digest = hashlib.sha256("\x1f".join(str(name) for name in names).encode()).digest()
    words = np.frombuffer(digest, dtype="<u4").tolist()
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([int(seed), *words])))
