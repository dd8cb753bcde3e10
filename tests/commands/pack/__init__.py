"""Tests of the command ``pack``."""
