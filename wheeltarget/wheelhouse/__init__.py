"""Wheels as files: their contents, their dependencies, and merging them into one folder."""
