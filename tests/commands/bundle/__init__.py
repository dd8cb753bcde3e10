"""Tests of wheeltarget/commands/bundle."""
