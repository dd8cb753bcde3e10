"""Files that appear whole or not at all: atomic files, stages, journals and recovery."""
