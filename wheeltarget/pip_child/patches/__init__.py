"""Patches of pip, each with a proof that pip uses it."""
