"""Fetch files by URL and hash without pip."""
