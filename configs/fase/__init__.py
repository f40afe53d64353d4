"""FASE: Tables 1 to 7 of the paper, the demo, and small models for a CPU."""
