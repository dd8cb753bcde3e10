"""Show results as text, JSON, GitHub commands or JUnit."""
