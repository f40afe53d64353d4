"""Way from files to batches: decoding, tables, sources of faces and images, prepared and drawn data sets."""
