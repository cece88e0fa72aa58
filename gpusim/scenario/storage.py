"""Storage of a site: what jobs write their checkpoints to, and where copies of data sets are kept."""

from __future__ import annotations

from pydantic import Field

from gpusim.scenario.base import Model


class Storage(Model):
    """Storage shared by all jobs of a site: bandwidth for checkpoints of classes with `parameters_b`
    (docs/failures.md), and room for copies of data sets (docs/network.md)."""

    write_gb_s: float | None = Field(None, gt=0, le=1e9)
    """[GB/s] Write bandwidth, shared by all jobs. Meta's for Llama 3: 2,000 sustained, 7,000 at peak. Required with
    `parameters_b`."""
    read_gb_s: float | None = Field(None, gt=0, le=1e9)
    """[GB/s] Read bandwidth when a job starts or restarts. Absent: ``write_gb_s``."""
    shared: bool = False
    """Whether jobs that read at the same time share ``read_gb_s`` at each moment, as all do after a failure of the
    whole site, and jobs that write share ``write_gb_s``. The same at all sites. false: each reads as if alone, and
    writes as long as in the mean of writes that come at random."""
    copies_tb: float | None = Field(None, ge=0)
    """[TB] Room for copies of data sets. For a new copy, those that no job needs are dropped, least recently used
    first; if that is not enough, it is not kept. Absent: all are kept."""
