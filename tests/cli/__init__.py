"""Tests of wheeltarget/cli."""
