"""Tests of wheeltarget/commands/lock."""
