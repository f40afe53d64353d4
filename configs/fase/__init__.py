"""FASE: Tables 1 to 7, the demo, and small models for a CPU."""
