"""Fetch pages, metadata and wheels ahead of pip."""
