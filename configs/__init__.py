"""Configuration files: one per table of the documents, its rows by name, and small ones for a CPU."""
