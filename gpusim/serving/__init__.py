"""Serving of language models by requests: what arrives, on what it runs, when each token comes."""
