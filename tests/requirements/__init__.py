"""Tests of wheeltarget/requirements."""
