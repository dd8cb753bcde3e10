"""Tests of wheeltarget/commands/download."""
