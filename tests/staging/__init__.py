"""Tests of wheeltarget/staging."""
