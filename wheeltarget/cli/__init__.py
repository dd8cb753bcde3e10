"""The command line: options, text and exit codes."""
