"""Annotated faces: landmark schemes, readers of annotations, crops, sources and their pipeline."""
