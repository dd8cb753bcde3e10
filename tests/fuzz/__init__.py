"""Fuzzing: every reader of files from outside, with damaged input."""
