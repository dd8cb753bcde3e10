"""Tests of wheeltarget/lockfile."""
