"""Pods on shared GPUs, without a fleet around them: who fits where under six policies, and what is left over."""
