"""Inference services in the fleet: their demand, their replicas, what these served and how soon."""
