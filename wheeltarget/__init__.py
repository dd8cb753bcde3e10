"""wheeltarget: ``pip download``, with the target environment said per requirement."""

__version__ = "0.1.0"
