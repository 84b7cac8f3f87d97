"""Async client for Pika video generation."""
