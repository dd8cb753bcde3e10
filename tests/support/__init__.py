"""Hold what several test modules need."""
