"""Tests of wheeltarget/cache."""
