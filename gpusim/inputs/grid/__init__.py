"""Electricity prices, carbon intensity and weather in their publishers' own formats, as signals in UTC."""

from gpusim.inputs.grid.file import FORMATS, Format, GridFile, read_grid, read_signal

__all__ = ["FORMATS", "Format", "GridFile", "read_grid", "read_signal"]
