"""The recipes of docs/deploy, each run by the tool that it is for."""
