"""The build-out of a fleet: projects, supplies and shocks played through, without the jobs."""
