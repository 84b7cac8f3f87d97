"""Measurements as ratios taken in one run; each module runs alone: python -m benchmarks.NAME."""
