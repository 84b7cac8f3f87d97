"""The gateway: its answers, and what it accepts."""
