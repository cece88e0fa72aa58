"""Imported by the process from which workers are forked: it loads the kernels once for all of them."""

from __future__ import annotations

import os
import signal

from gpusim.studies.sweeps.worker import load_kernels

# Ctrl-C, blocked when this process was started, ends it while kernels compile, which may take a minute. Then it is
# blocked again: the forks inherit that, and are their parent's to end.
signal.signal(signal.SIGINT, lambda *_: os._exit(130))
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
try:
    load_kernels()
except Exception:  # the runs, which meet it again, tell of it
    pass
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
