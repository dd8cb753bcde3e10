"""`wheeltarget check` and `install-check`: check a wheelhouse for its targets."""
