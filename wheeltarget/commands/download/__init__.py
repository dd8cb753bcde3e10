"""`wheeltarget download`: fetch the wheels of each target."""
