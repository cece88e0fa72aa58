"""Kernels of inference services."""
