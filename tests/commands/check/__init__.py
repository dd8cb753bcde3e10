"""Tests of wheeltarget/commands/check."""
