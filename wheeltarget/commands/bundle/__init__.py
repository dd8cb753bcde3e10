"""`wheeltarget bundle`: make a deployable folder or archive from locked wheels."""
