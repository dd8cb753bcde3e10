"""Tests of wheeltarget/targets."""
