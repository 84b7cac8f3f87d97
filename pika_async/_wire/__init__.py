"""The wire: requests that leave, and answers that come back."""
