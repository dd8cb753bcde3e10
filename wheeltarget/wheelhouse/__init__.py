"""Wheels as files, what they need, and how they are merged."""
