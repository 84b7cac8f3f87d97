"""Many requests through one client: taken lazily, bounded, each with a result of its own."""
