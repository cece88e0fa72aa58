"""Electricity prices, carbon intensity and weather in their publishers' own formats, as signals in UTC."""

from gpusim.inputs.grid.file import FORMATS, GridFile, read_grid, read_signal

__all__ = ["FORMATS", "GridFile", "read_grid", "read_signal"]
