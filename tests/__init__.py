"""Hold the tests of wheeltarget."""
