"""Turn lines into jobs, let pip resolve them, and explain what failed."""
