"""What measurements are made with: services, clients, processes, rows, targets, plots."""
