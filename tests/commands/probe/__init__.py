"""Tests of wheeltarget/commands/probe."""
