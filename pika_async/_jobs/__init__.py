"""The jobs of one client: submitted once, waited for, never lost."""
