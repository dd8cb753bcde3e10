"""Tests of wheeltarget/pip_child."""
