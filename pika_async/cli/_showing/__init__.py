"""Showing what happens: plain, json and live are readers of the same values."""
