"""Pika's own API: its answers, what it accepts, and its account."""
