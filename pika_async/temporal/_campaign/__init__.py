"""A campaign: thousands to millions of prompts over any number of machines, in pages."""
