"""`wheeltarget probe`: describe a Python as a target."""
