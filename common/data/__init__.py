"""What lies between files and batches: decoding, tables, sources of faces and of images, prepared and drawn data."""
