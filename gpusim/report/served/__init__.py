"""A folder in a browser: its page, its tables by ranges of their files, and all jobs of a window, from this machine."""
