"""Traces of requests to language models, in their publishers' formats."""
