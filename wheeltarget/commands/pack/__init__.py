"""The command ``pack``: one folder or archive for machines without a network."""
