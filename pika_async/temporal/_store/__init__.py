"""Where pages, results and videos lie: a folder or an object store. What is there never changes."""
