"""Tests of wheeltarget/commands/explain."""
