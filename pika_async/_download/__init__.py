"""Saving what was paid for: streamed beside the target, resumed, checked, moved into place."""
