"""Compiled kernels: numba only, on the record arrays of gpusim.kernels.state."""
