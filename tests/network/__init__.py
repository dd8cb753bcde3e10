"""Tests of wheeltarget/network."""
