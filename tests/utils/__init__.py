"""Tests of wheeltarget/utils."""
