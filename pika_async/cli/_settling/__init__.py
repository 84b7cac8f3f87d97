"""What a person decides about uncertain submits: looked up, looked for, and told."""
