"""The workflows of a campaign: it opens pages, and they submit their lines."""
