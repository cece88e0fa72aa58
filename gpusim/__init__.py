"""gpusim: discrete-event simulation of GPU datacenter fleets."""

__version__ = "0.1.0"
