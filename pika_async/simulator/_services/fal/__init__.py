"""fal's queue: its answers, and what its endpoints take."""
