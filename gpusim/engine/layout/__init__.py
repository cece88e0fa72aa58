"""The record arrays that kernels work on, laid out from plain descriptions."""
