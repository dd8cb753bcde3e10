"""Target environments: tags, platforms, markers, and the catalog of named targets."""
