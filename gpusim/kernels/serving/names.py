"""What stands for the blocks of a request's tokens: prompts with the same names begin alike.

Writes: nothing.
Reads: hashes, requests.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner


@inner
def name_of(s, request, i):
    """Hash of a block of a request: in ``hashes``, or a number that follows on from the first of its session."""
    return s.hashes[request.first_hash + i] if request.first_hash >= 0 else i - request.first_hash
