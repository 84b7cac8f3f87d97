"""Running a command: signals, exit codes, clients, jobs and batches."""
