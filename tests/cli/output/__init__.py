"""Tests of wheeltarget/cli/output."""
