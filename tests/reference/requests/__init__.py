"""A plain engine that serves requests: every step, every token and every block of KV cache, one by one.

It follows the rules of vLLM V1's scheduler and nothing of the compiled kernels.
"""
