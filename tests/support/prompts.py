"""Prompts for Hypothesis."""

from __future__ import annotations

import unicodedata


def can_be_seen(prompt: str) -> bool:
    """Whether a prompt holds more than blanks, controls and marks that nobody sees."""
    return any(unicodedata.category(letter)[0] not in "CZ" for letter in prompt)
