"""The code that runs inside pip's process; nothing else of wheeltarget imports it."""
