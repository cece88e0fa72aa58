"""The table of power made and stored on site in a result: a row for each source and interval."""

from __future__ import annotations

GRID = "grid"  # the source that every site has
COLUMNS = {
    "site": "str", "start_s": float, "end_s": float, "source": "str", "kind": "str", "given_j": float, "taken_j": float,
    "lost_j": float, "beyond_j": float, "stored_j": float, "usd": float, "fixed_usd": float, "carbon_kg": float,
    "unit_hours": float, "nox_kg": float,
}  # fmt: skip
