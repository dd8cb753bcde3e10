"""A module for each verb: what it can be called with, and what it shows."""
