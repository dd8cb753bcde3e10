"""Helpers that know nothing of packaging."""
