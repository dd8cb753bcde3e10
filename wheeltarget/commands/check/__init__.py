"""`wheeltarget check`: check a wheelhouse for its targets."""
