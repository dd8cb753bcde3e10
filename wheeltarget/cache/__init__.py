"""Keep wheels, and the outcome of earlier runs, for the next run."""
