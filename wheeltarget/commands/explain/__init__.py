"""`wheeltarget explain`: show what each target can have of a requirement."""
