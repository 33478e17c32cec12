"""What each role of `mulligan serve` runs; loaded only where it runs, because imports take time."""
