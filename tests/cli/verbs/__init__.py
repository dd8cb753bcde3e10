"""Tests of wheeltarget/cli/verbs."""
