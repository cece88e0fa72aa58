"""What a site draws now, as the kernels reckon it (``kernels/ledger.py``)."""

from __future__ import annotations

import numpy as np


def facility_w(site: np.record) -> float:
    """Facility power [W] of a row of ``sites``: IT power with what conversion and cooling take, and the fixed part."""
    return float(site["it_w"] * (site["overhead"] + site["square_per_w"] * site["it_w"]) + site["fixed_w"])
