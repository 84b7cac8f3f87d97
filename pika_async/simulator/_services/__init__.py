"""The services that can be simulated, a folder each."""
