"""What the workflows of campaigns and their workers tell each other. Values."""
