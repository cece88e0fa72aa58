"""When it is delivered, with what probability: many replications of the build-out, without the jobs."""
