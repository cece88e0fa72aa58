"""What rules and tariffs mean for sites: scopes, peaks, charges, compliance, residency, limits of building."""
