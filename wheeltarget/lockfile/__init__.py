"""Read, write and select from `pylock.toml` (PEP 751)."""
