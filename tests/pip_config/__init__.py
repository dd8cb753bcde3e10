"""Tests of wheeltarget/pip_config."""
