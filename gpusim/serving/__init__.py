"""Serving of language models by one replica: what a step takes and draws, from a model's shape and its hardware."""
