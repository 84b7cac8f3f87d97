"""Requests from what people write: options, and files of prompts."""
