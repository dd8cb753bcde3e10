"""Keep wheels, metadata of others, and the outcome of earlier runs, for the next run."""
