"""What may be in flight, and what may be spent. Pure."""
