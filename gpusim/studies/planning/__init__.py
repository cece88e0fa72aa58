"""The cheapest purchases that meet a goal, searched by simulation."""
