"""Lines that are settled by the word of their owner."""
