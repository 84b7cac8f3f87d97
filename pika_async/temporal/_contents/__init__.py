"""What lies in the store of a campaign: pages, outcomes, videos, and whose they are."""
