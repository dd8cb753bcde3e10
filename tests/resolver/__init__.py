"""Tests of wheeltarget/resolver."""
