"""The places in pip that are changed, each with the proof that the change took."""
