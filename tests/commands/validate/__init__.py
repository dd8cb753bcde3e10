"""Tests of wheeltarget/commands/validate."""
