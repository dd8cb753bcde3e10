"""Code that runs inside pip's process; no other package of wheeltarget imports it."""
