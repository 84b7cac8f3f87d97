"""``pika-async campaign``: prompts by the thousand, over any number of machines."""
