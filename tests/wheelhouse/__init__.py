"""Tests of wheeltarget/wheelhouse."""
