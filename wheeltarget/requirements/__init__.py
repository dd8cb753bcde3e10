"""Requirements and constraints files, and their annotations."""
