"""pip's options and configuration files."""
