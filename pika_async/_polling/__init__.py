"""When to look at a job again: policies, and what the adaptive one learns. Pure."""
