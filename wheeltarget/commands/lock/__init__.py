"""`wheeltarget lock`: write a lock for each target."""
