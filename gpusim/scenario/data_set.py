"""Data sets: what many jobs read, and the regions where it lies."""

from __future__ import annotations

from pydantic import Field

from gpusim.scenario.base import Model
from gpusim.units import BYTES_PER_TB


class DataSet(Model):
    """Data that jobs of a class read (``data_set`` of the class). In the regions that store it such a job waits for
    GPUs only; to another a copy moves over the links first. Sites keep copies within ``storage.copies_tb``, for all
    sites of their region. Without any link, data are available everywhere at once.
    """

    tb: float = Field(gt=0)
    """[TB] Its size, and that of each copy."""
    regions: list[str] = Field(min_length=1)
    """Regions that store it throughout, whether they have sites or not."""

    @property
    def size_bytes(self) -> float:
        """[bytes] Its size."""
        return self.tb * BYTES_PER_TB
