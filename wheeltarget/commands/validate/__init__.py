"""`wheeltarget validate`: check annotations without asking an index."""
