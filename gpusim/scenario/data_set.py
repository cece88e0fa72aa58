"""Data sets: what many jobs read, and the regions where it lies."""

from __future__ import annotations

from pydantic import Field

from gpusim.scenario.base import Model
from gpusim.units import BYTES_PER_TB


class DataSet(Model):
    """Data that jobs of a class read (``data_set`` of the class). Where it lies such a job waits for GPUs only; to
    another region a copy moves over the links first. Sites keep copies as far as their ``storage.copies_tb`` goes;
    jobs find them in all of the site's region. Without any link, data are available everywhere at once.
    """

    tb: float = Field(gt=0)
    """[TB] Its size; a copy is of all of it."""
    regions: list[str] = Field(min_length=1)
    """Regions where it lies from the start to the end, whether sites are there or not."""

    @property
    def size_bytes(self) -> float:
        """[bytes] Its size."""
        return self.tb * BYTES_PER_TB
