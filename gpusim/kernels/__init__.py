"""Compiled kernels: numba only, on the record arrays of gpusim.state."""
