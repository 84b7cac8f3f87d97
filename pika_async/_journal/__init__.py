"""The journal of a batch: what is known of each request survives the end of the process."""
