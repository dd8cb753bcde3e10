"""`wheeltarget download`: download the wheels of each target."""
