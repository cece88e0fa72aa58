"""What numba has on disk is of these sources: its caches look at a kernel's own file, not at what it calls."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpusim.kernels.fleet_type import digest, fleet_type

KERNELS = Path(__file__).parents[2] / "gpusim" / "kernels"


def test_a_change_of_any_source_is_another_type(monkeypatch: pytest.MonkeyPatch) -> None:
    before, read = digest(), Path.read_bytes
    assert before in fleet_type.name
    for changed in (*KERNELS.glob("*.py"), KERNELS.parent / "state.py"):
        monkeypatch.setattr(Path, "read_bytes", lambda file, it=changed: read(file) + b"#" * file.samefile(it))
        assert digest() != before, changed
    monkeypatch.setattr(Path, "read_bytes", read)
    assert digest() == before
