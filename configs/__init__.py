"""Configuration files: one per table of the documents, with its rows by name, and small configurations for a CPU."""
