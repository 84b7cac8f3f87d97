"""A campaign as its owner sees it."""
