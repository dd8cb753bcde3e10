"""Tests of wheeltarget/commands."""
