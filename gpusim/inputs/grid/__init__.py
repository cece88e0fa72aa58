"""Electricity prices, carbon intensity and weather in their publishers' own formats, as signals in UTC."""

from gpusim.inputs.grid.file import GridFile, read_grid, read_signal
from gpusim.inputs.grid.formats import FORMATS, Format

__all__ = ["FORMATS", "Format", "GridFile", "read_grid", "read_signal"]
