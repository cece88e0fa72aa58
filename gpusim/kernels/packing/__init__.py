"""Pods on nodes that share GPUs: which node and which GPU, by what score."""
