"""Replicas that serve requests of language models, step by step as an engine's scheduler takes them."""
