"""Measure wheeltarget; the benchmarks themselves are not tests."""
